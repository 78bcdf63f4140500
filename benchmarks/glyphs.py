"""How hard drawn handwriting is, beside Omniglot: python -m benchmarks.glyphs --omniglot data/omniglot_resized.

5-way 1-shot with 5 queries a character, on the meta-test characters of data.split, after as many glyphs as Omniglot has
characters. Nearest neighbour compares raw pixels; the ProtoNet is the reference solution of homework 2, trained on the
meta-train characters.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from autograder.exercises.protonet.solution import ProtoNet
from data import glyphs, images, split

WAY, QUERIES = 5, 5
TASKS = 120  # to judge a ProtoNet by, each time
MARKS = (0, 20, 100)  # batches of training
BATCH = 4  # tasks


def task(characters, rng):
    """Support (5, 28, 28) and query (5, 5, 28, 28) of different characters, from (characters, drawings, 28, 28)."""
    chosen = characters[rng.choice(len(characters), WAY, replace=False)]
    drawings = np.stack([character[rng.permutation(len(character))[: 1 + QUERIES]] for character in chosen])
    return drawings[:, 0], drawings[:, 1:]


def nearest_neighbour(characters, seed):
    """Accuracy of the Euclidean distance between pixels."""
    rng = np.random.default_rng(seed)
    accuracies = []
    for _ in range(10 * TASKS):
        support, query = task(characters, rng)
        support, query = support.reshape(WAY, -1).astype(np.float32), query.reshape(WAY * QUERIES, -1)
        distances = (support**2).sum(axis=1) - 2 * query @ support.T  # squared, less what all of a row share
        accuracies.append((distances.argmin(axis=1) == np.repeat(np.arange(WAY), QUERIES)).mean())
    return float(np.mean(accuracies))


def protonet(train, test, seed):
    """Accuracy of a ProtoNet after each of MARKS batches."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = ProtoNet(learning_rate=1e-3, log_dir=None)

    def tensors(characters):
        support, query = task(characters, rng)
        labels = torch.arange(WAY)
        support, query = (torch.from_numpy(part.reshape(-1, 1, 28, 28)).float() for part in (support, query))
        return support, labels, query, labels.repeat_interleave(QUERIES)

    accuracies = []
    for batch in range(MARKS[-1] + 1):
        if batch in MARKS:
            with torch.no_grad():
                accuracies.append(net._step([tensors(test) for _ in range(TASKS)])[2])
        loss, _, _ = net._step([tensors(train) for _ in range(BATCH)])
        net._optimizer.zero_grad()
        loss.backward()
        net._optimizer.step()
    return accuracies


def seconds_to_draw():
    start = time.perf_counter()
    glyphs.draw(100, 20)
    return time.perf_counter() - start


def interval(values):
    """Mean and its 95% confidence interval over the seeds, by Student's t."""
    values = np.asarray(values)
    if len(values) < 2:
        return f"{values.mean():.3f}"
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36}.get(len(values), 2.26)
    return f"{values.mean():.3f} ± {t * values.std(ddof=1) / math.sqrt(len(values)):.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--omniglot", type=Path, default=Path("data/omniglot_resized"))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()

    omniglot = images.load(arguments.omniglot)
    drawn = glyphs.draw(len(omniglot))
    sets = {"Omniglot": omniglot, "glyphs": {f"{index:05}": drawings for index, drawings in enumerate(drawn)}}
    columns = []
    for characters in sets.values():
        parts = split.split(characters)
        train, test = (np.stack([characters[name] for name in parts[part]]) for part in ("train", "test"))
        column = [interval([nearest_neighbour(test, seed) for seed in range(arguments.seeds)])]
        curves = np.array([protonet(train, test, seed) for seed in range(arguments.seeds)])
        column += [interval(curve) for curve in curves.T]
        columns.append(column)

    table = Table(title=f"5-way 1-shot, {len(omniglot)} characters, {arguments.seeds} seeds")
    for heading in ("", *sets):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = ["raw pixels, nearest neighbour", *(f"ProtoNet, {mark} batches of {BATCH}" for mark in MARKS)]
    for row, *accuracies in zip(rows, *columns, strict=True):
        table.add_row(row, *accuracies)
    table.add_row("seconds to draw 100 x 20", "", f"{min(seconds_to_draw() for _ in range(3)):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
