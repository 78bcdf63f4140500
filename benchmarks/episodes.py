"""How fast episodes are drawn: python -m benchmarks.episodes [--data omniglot] [--json docs/runs/episodes.json]

Ways to draw, by turns in one process on one thread, and the best of several rounds of each. Seconds are of
processor time, so that other work on the machine counts for little:

- tasks (hw2), 5-way 1-shot with 15 queries: the loader of the handouts (a PNG for each image, Python loops), with
  imageio as there, and with the faster Pillow; hw2/omniglot.py in batches of 16; and as the limit a copy of as many
  bytes from one place in memory to another;
- episodes (hw1), 5-way 1-shot: the generator of the handouts without and with its cache, and the reference
  DataGenerator with its cache.

And how much of a training step of the reference solutions is spent on drawing its batch, or on waiting for it where
another process draws.
"""

import json
import math
import random
import time
from pathlib import Path

import click
import numpy as np
import torch
from imageio import v2 as imageio
from PIL import Image
from rich.console import Console
from rich.table import Table

from autograder.exercises.black_box.learner import BlackBoxLearner
from autograder.exercises.black_box.solution import MANN
from autograder.exercises.data_generator.solution import DataGenerator
from autograder.exercises.maml.solution import MAML
from autograder.exercises.protonet.solution import ProtoNet
from benchmarks.batched import BatchedMAML, BatchedNetwork
from data import images, split
from hw1.episodes import Episodes
from hw2.omniglot import Tasks
from trainer import folder
from trainer.machine import machine

WAY, SHOT, QUERY, BATCH = 5, 1, 15, 16
SECONDS = 0.2  # of a round, at least
TARGETS = {  # times which of the naive ones; the first of them that was measured
    "hw2 loader": (300, ("naive loader, imageio", "naive loader, Pillow")),
    "DataGenerator": (3, ("naive generator, cached",)),
}
SHARE = 0.02  # of a training step


def by_pillow(path):
    with Image.open(path) as image:
        return np.array(image.convert("L"))


class NaiveTasks:
    """The loader that CS330's second homework hands out, in its manner: files are opened when they are drawn."""

    def __init__(self, data, characters, pixels):
        self.folders = [data / name for name in characters]
        self.pixels = pixels

    def sample(self):
        """One task: support and query, images and labels."""
        support, query, labels_support, labels_query = [], [], [], []
        for label, place in enumerate(np.random.choice(len(self.folders), WAY, replace=False)):
            paths = sorted(self.folders[place].glob("*.png"))
            chosen = np.random.choice(len(paths), SHOT + QUERY, replace=False)
            drawings = [self.read(paths[i]) for i in chosen]
            support += drawings[:SHOT]
            query += drawings[SHOT:]
            labels_support += [label] * SHOT
            labels_query += [label] * QUERY
        return torch.stack(support), torch.tensor(labels_support), torch.stack(query), torch.tensor(labels_query)

    def read(self, path):
        """One drawing, ink 1."""
        return 1 - torch.tensor(self.pixels(path), dtype=torch.float32).reshape(1, 28, 28) / 255


class NaiveGenerator:
    """The generator that CS330's first homework hands out, in its manner, with its solution in plain loops."""

    def __init__(self, data, characters, cache):
        self.folders = [str(data / name) for name in characters]
        self.cache, self.stored = cache, {}

    def read(self, path):
        """One drawing, ink 1."""
        if self.cache and path in self.stored:
            return self.stored[path]
        pixels = 1.0 - by_pillow(path).reshape(784).astype(np.float32) / 255
        if self.cache:
            self.stored[path] = pixels
        return pixels

    def sample(self):
        """One episode: images (K+1, N, 784) and labels (K+1, N, N)."""
        pairs = []
        for label, place in zip(np.eye(WAY), random.sample(self.folders, WAY), strict=True):
            names = sorted(path.name for path in Path(place).iterdir())
            pairs.append([(label, f"{place}/{name}") for name in random.sample(names, SHOT + 1)])
        rows = [[drawings[k] for drawings in pairs] for k in range(SHOT + 1)]
        random.shuffle(rows[-1])
        drawn = np.array([[self.read(path) for _, path in row] for row in rows])
        return drawn, np.array([[label for label, _ in row] for row in rows])


def rate(draw, count=1):
    """Draws a second, over a round: `draw` makes `count` of them."""
    done, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < SECONDS or not done:
        draw()
        done += count
    return done / spent


def seconds(step):
    """Seconds that one call takes."""
    return 1 / rate(step)


def ways_to_draw(data):
    """Name -> (draw, how many it draws)."""
    characters = split.split(split.characters(data))["train"]
    drawings = images.load(data, characters)
    tasks = Tasks(drawings, WAY, SHOT, QUERY)
    rng = np.random.default_rng(0)
    source = torch.cat([torch.cat([part.flatten() for part in task[::2]]) for task in tasks.sample(rng, BATCH)])
    target = torch.empty_like(source)
    generator = DataGenerator(WAY, SHOT, "train", {"data_folder": str(data)})
    for place in generator.folders:  # the cache is full after a while; here from the start
        for path in sorted(Path(place).glob("*.png")):
            generator.image_file_to_array(str(path), 784)
    cached = NaiveGenerator(data, characters, cache=True)
    cached.stored = generator.stored_images
    naive = {"naive loader, imageio": imageio.imread, "naive loader, Pillow": by_pillow}
    return {
        **{name: (NaiveTasks(data, characters, pixels).sample, 1) for name, pixels in naive.items()},
        "hw2 loader": (lambda: tasks.sample(rng, BATCH), BATCH),
        "memory copy": (lambda: target.copy_(source), BATCH),
        "naive generator": (NaiveGenerator(data, characters, cache=False).sample, 1),
        "naive generator, cached": (cached.sample, 1),
        "DataGenerator": (generator._sample, 1),
    }


def shares(data, rounds):
    """Method -> (seconds to draw a batch, seconds of a whole step, drawing included), at the trainers' own sizes."""
    drawings = images.load(data, split.split(split.characters(data))["train"])
    rng = np.random.default_rng(0)
    maml_tasks, protonet_tasks = Tasks(drawings, 5, 1, 15), Tasks(drawings, 5, 5, 15)
    maml, protonet = MAML(5, 1, 0.4, False, 1e-3, None), ProtoNet(1e-3, None)
    maml_step, protonet_step = BatchedMAML(maml).outer_step, BatchedNetwork(protonet).step
    episodes = Episodes(DataGenerator(2, 1, "train", {"data_folder": str(data)}), seed=0)
    black_box = BlackBoxLearner(MANN(2, 1, 128), 1e-3, "cpu")
    for i in range(10_000):  # fills the generator's cache
        episodes[i]

    def update(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    methods = {
        "MAML 5-way 1-shot, 16 tasks": (
            lambda: maml_tasks.sample(rng, 16),
            lambda batch: update(maml._optimizer, maml_step(batch, True)[0]),
        ),
        "ProtoNet 5-way 5-shot, 4 tasks": (
            lambda: protonet_tasks.sample(rng, 4),
            lambda batch: update(protonet._optimizer, protonet_step(batch)[0]),
        ),
        "black box 2-way 1-shot, 128 episodes, --num-workers 0": (
            lambda: next(episodes.batches(128, range(128))),
            lambda batch: update(black_box.optimizer, black_box.measure(batch, True)[0]),
        ),
    }
    result = {}
    for name, (draw, step) in methods.items():
        batch = draw()
        drawing = min(seconds(draw) for _ in range(rounds))
        result[name] = (drawing, drawing + min(seconds(lambda: step(batch)) for _ in range(rounds)))  # noqa: B023
    result[name.replace("workers 0", "workers 1")] = ahead(episodes, 128, step, rounds)
    return result


def ahead(episodes, size, step, rounds, steps=80):
    """The same where another process draws: seconds on the clock for a batch to arrive, and for a whole step.

    Means over the best round. The first round, in which the other process starts, does not count.
    """
    batches = episodes.batches(size, range((1 + rounds) * steps * size), num_workers=1)
    results = []
    for _ in range(1 + rounds):
        waited, begun = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - asked
            step(batch)
        results.append(((time.perf_counter() - begun) / steps, waited / steps))
    whole, waited = min(results[1:])
    return waited, whole


@click.command(help=__doc__)
@click.option("--data", default="omniglot", show_default=True, help="omniglot, glyphs or a folder.")
@click.option("--rounds", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures too.")
def main(data, rounds, file):
    torch.set_num_threads(1)
    place = folder(data)
    ways = ways_to_draw(place)
    best = dict.fromkeys(ways, -math.inf)
    for _ in range(rounds):  # by turns: what else the machine does falls on all of them
        for name, (draw, count) in ways.items():
            best[name] = max(best[name], rate(draw, count))
    targets = {
        name: (goal, next(other for other in others if other in best)) for name, (goal, others) in TARGETS.items()
    }
    table = Table("", "a second of processor time", "times", "target")
    for name, figure in best.items():
        times, target = "", ""
        if name in targets:
            goal, other = targets[name]
            times, target = f"{figure / best[other]:.1f}", f"{goal} x {other}"
        table.add_row(name, f"{figure:,.0f}", times, target)
    parts = shares(place, rounds)
    sampling = Table("training step", "drawing, ms", "step, ms", "share", "target")
    for name, (drawing, step) in parts.items():
        sampling.add_row(name, f"{1e3 * drawing:.2f}", f"{1e3 * step:.1f}", f"{drawing / step:.1%}", f"{SHARE:.0%}")
    console = Console(width=100)
    console.print(table, sampling)
    if file:
        facts = {
            "benchmark": "episodes",
            "command": "python -m benchmarks.episodes",
            "machine": machine("cpu", 1),
            "per_processor_second": best,
            "targets": {name: {"times": goal, "of": other} for name, (goal, other) in targets.items()},
            "drawing": {name: {"seconds": drawing, "of_step": step} for name, (drawing, step) in parts.items()},
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
