"""How to drive a Reptile: the inner loop of its shape, minibatches by what they lead to, and where theta goes."""

from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch

from autograder.shapes.gradient.probe import Build, constructed, inner_loop, installed, leaves, linear, predict
from autograder.shapes.training import TaskArrays, Weights, character_tasks, tensors
from autograder.worker.values import in_double

__all__ = ["build", "inner_loop", "minibatches", "outer_step", "predict", "train"]

Array = np.ndarray
Arrays = dict[str, Array]

BATCH_SIZE, OUTER_LR = 10, 0.4  # of the constructor
TRAINING_LR = 0.5  # of its training: epsilon at first


class Moved(NamedTuple):
    """Theta after an outer step."""

    meta_parameters: Annotated[Arrays, "parameters"]


class Ends(NamedTuple):
    """Where inner loops end: a linear layer's weights, for each of the runs."""

    weights: Annotated[Array, "runs, N, D"]


def build(
    module: ModuleType,
    way: int,
    steps: int,
    inner_lr: float,
    learn: bool = False,
    size: int = BATCH_SIZE,
    outer_lr: float = OUTER_LR,
) -> Any:
    """Construct a Reptile."""
    return constructed(module.Reptile, way, steps, inner_lr, size, outer_lr)


@in_double
def minibatches(
    build: Build,
    images: Array,
    labels: Array,
    w4: Annotated[Array, "N, D"],
    b4: Array,
    size: int,
    steps: int,
    runs: int,
) -> Ends:
    """Adapt a linear layer to drawings (n, 1, 1, D), so many runs, each from the same start.

    Args:
        build: makes the student's object.
        images, labels: of one task.
        w4, b4: the layer.
        size: of a minibatch.
        steps, runs: of the inner loop.
    """
    torch.manual_seed(0)
    ends = []
    for _ in range(runs):
        method = linear(build(len(b4), steps, 1.0, size=size), w4, b4)
        ends.append(method._inner_loop(torch.tensor(images), torch.tensor(labels))["w4"])
    return Ends(ends)


@in_double
def outer_step(
    build: Build,
    tasks: list[TaskArrays],
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    done: float,
    stand_in: bool,
    earlier: float | None = None,
) -> Moved:
    """Take one outer step; with a stand-in for _inner_loop, or with the student's own. See the shape's outer_step.

    Where earlier is given, another one is taken before, when so much of the training is over, and theta is put back.
    """
    method = installed(build, parameters, inner_lrs, steps, stand_in)
    if earlier is not None:
        method._outer_step(tensors(tasks), earlier)
        method._meta_parameters = leaves(parameters, method._meta_parameters, torch.float64)
    method._outer_step(tensors(tasks), done)
    return Moved(method._meta_parameters)


def train(
    build: Build, drawings: Array, way: int, shot: int, query: int, tasks: int, batches: int, inner_lr: float, seed: int
) -> Weights:
    """Train by its own outer step, five inner steps, on tasks of drawings (characters, drawings, height, width)."""
    torch.manual_seed(seed)
    method = build(way, 5, inner_lr, outer_lr=TRAINING_LR)
    stream = character_tasks(drawings, way, shot, query, tasks, seed)
    for step, batch in zip(range(batches), stream, strict=False):
        method._outer_step(batch, step / batches)
    return Weights(method._meta_parameters)
