"""Tasks of sinusoids, as in Finn et al. (2017), section 5.1; for checks and, in a worker, for training."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Task(NamedTuple):
    """Points of one function.

    Attributes:
        x_support, y_support: (K, 1), float64.
        x_query, y_query: (Q, 1).
    """

    x_support: Array
    y_support: Array
    x_query: Array
    y_query: Array


def sinusoids(rng: np.random.Generator, count: int, shot: int, query: int) -> list[Task]:
    """Draw tasks of y = amplitude * sin(x - phase), from 0.1 to 5 and from 0 to pi, with x from -5 to 5.

    Args:
        rng: randomness.
        count: how many tasks.
        shot, query: K and Q.
    """
    tasks = []
    for _ in range(count):
        amplitude, phase = rng.uniform(0.1, 5), rng.uniform(0, np.pi)
        x = rng.uniform(-5, 5, (shot + query, 1))
        y = amplitude * np.sin(x - phase)
        tasks.append(Task(x[:shot], y[:shot], x[shot:], y[shot:]))
    return tasks


def sinusoid_batches(tasks: int, most: int, query: int, seed: int, least: int = 1) -> Iterator[list[Task]]:
    """Draw batches of tasks without end; K is from least to most, the same in all tasks of a batch."""
    rng = np.random.default_rng(seed)
    while True:
        yield sinusoids(rng, tasks, int(rng.integers(least, most + 1)), query)
