"""How pretrained.safetensors was made: the reference, trained on drawn handwriting, 5-way 1-shot, in float32.

    python -m autograder.hw2.maml.pretrain

It is the initialisation from which test_adapts_a_trained_initialisation adapts. Its characters are drawn ones, which
nobody is tested on.
"""

import sys
from pathlib import Path

from rich.progress import track
from safetensors.numpy import save_file

from autograder.hw2.maml import probe, solution
from autograder.worker import values
from data import glyphs

TARGET = Path(__file__).with_name("pretrained.safetensors")
CHARACTERS = 800
ROUNDS = 20
BATCHES = 250  # of 4 tasks, in each round
ALPHA = 0.4


def main() -> None:
    """Train and write the file."""
    drawings = glyphs.draw(CHARACTERS, seed=7)
    weights: dict = {}
    for seed in track(range(ROUNDS), console=None, disable=not sys.stderr.isatty()):
        trained = probe.train(solution, drawings, 5, 1, 5, 4, BATCHES, ALPHA, seed, weights)
        weights = {name.partition("/")[2]: array for name, array in values.flatten(trained).items()}
    save_file(weights, TARGET)


if __name__ == "__main__":
    main()
