"""Questions about methods that learn functions from points: what they predict, their loss, a short training.

A probe that imports them has a function

    def build(module) -> Regressor: ...

Weights that are empty leave the network as it is constructed: within one check it is the same in every question.
"""

import itertools
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from autograder.shapes.regression.tasks import sinusoid_batches
from autograder.shapes.training import Losses, TaskArrays, Weights, load, minimise, tensors
from autograder.worker.values import in_double, leaf, several

Array = np.ndarray
Arrays = dict[str, Array]
Build = Callable[[], "Regressor"]


class Regressor(NamedTuple):
    """What questions need of a solution.

    Attributes:
        network: all that is learned.
        loss: of a batch, a list of tasks (x_support, y_support, x_query, y_query): a scalar tensor.
        predict: of (x_support, y_support, x_query): means and deviations (Q, 1), or means alone.
    """

    network: nn.Module
    loss: Callable[[list[Any]], torch.Tensor]
    predict: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Any]


class Predicted(NamedTuple):
    """Means and deviations for each of T tasks: (T, Q, 1); deviations are 0 where a method has none."""

    mean: Annotated[Array, "queries"]
    deviation: Annotated[Array, "queries"]


class Loss(NamedTuple):
    """A loss."""

    loss: Annotated[Array, ""]


@in_double
def predict(build: Build, weights: Arrays, x: Array, y: Array, queries: Array) -> Predicted:
    """Predictions for tasks, one after the other by one object, in double precision.

    Args:
        build: makes the student's object.
        weights: of the network; empty for those that it is constructed with.
        x, y: supports (T, K, 1).
        queries: (T, Q, 1).
    """
    method = _built(build, weights)
    with torch.no_grad():
        answers = [_both(method.predict(*map(torch.tensor, task))) for task in zip(x, y, queries, strict=True)]
    means, deviations = zip(*answers, strict=True)
    return Predicted(list(means), list(deviations))


@in_double
def loss(build: Build, weights: Arrays, tasks: list[TaskArrays]) -> Loss:
    """The loss of a batch of tasks, in double precision; its gradient may be with respect to the weights."""
    return Loss(_built(build, weights).loss(tensors(tasks)))


@in_double
def losses(build: Build, weights: Arrays, batches: list[list[TaskArrays]]) -> Losses:
    """The losses of batches, one after the other by one object."""
    method = _built(build, weights)
    return Losses([method.loss(tensors(tasks)) for tasks in batches])


def train(build: Build, tasks: int, most: int, query: int, steps: int, rate: float, seed: int) -> Weights:
    """Train on sinusoids by Adam.

    Args:
        build: makes the student's object.
        tasks, most, query: in a batch, support points of each at most, and query points.
        steps: of Adam.
        rate: of Adam.
        seed: of the initialisation and the tasks.
    """
    torch.manual_seed(seed)
    method = build()
    stream = itertools.islice(sinusoid_batches(tasks, most, query, seed), steps)
    given = ([tuple(torch.tensor(part, dtype=torch.float32) for part in task) for task in batch] for batch in stream)
    minimise(method.network.parameters(), given, method.loss, rate)
    return Weights(method.network.state_dict())


def _built(build: Build, weights: Arrays) -> Regressor:
    method = build()
    if weights:
        load(method.network, weights)
        for name, parameter in method.network.named_parameters():
            leaf(weights[name], parameter)
    return method


def _both(answer: Any) -> tuple[Any, ...]:
    """Means and deviations."""
    if isinstance(answer, torch.Tensor):
        return answer, torch.zeros_like(answer)
    return several(answer, 2, "the prediction")
