"""How pretrained.safetensors was made: the reference, trained on drawn handwriting, 5-way 1-shot, in float32.

    python -m autograder.exercises.maml.pretrain

It is the initialisation from which test_adapts_a_trained_initialisation adapts. Its characters are drawn ones, which
nobody is tested on.
"""

import sys
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import save_file

from autograder.exercises.maml import solution
from data import glyphs
from hw2.omniglot import Tasks

TARGET = Path(__file__).with_name("pretrained.safetensors")
CHARACTERS = 800
BATCHES = 5000  # of 4 tasks
ALPHA = 0.4
OUTER_LR = 3e-3


def main() -> None:
    """Train and write the file."""
    torch.manual_seed(0)
    maml = solution.MAML(5, 1, ALPHA, False, OUTER_LR, log_dir="")
    tasks = Tasks(dict(enumerate(glyphs.draw(CHARACTERS, seed=7))), 5, 1, 5)
    batches = zip(range(BATCHES), tasks.batches(4, seed=0), strict=False)
    for _, batch in track(batches, total=BATCHES, disable=not sys.stderr.isatty()):
        loss = maml._outer_step(batch, train=True)[0]
        maml._optimizer.zero_grad()
        loss.backward()
        maml._optimizer.step()
    save_file({name: tensor.detach() for name, tensor in maml._meta_parameters.items()}, TARGET)


if __name__ == "__main__":
    main()
