"""How to drive a MetaSGD: the questions of its shape, with a rate for each number, and what it makes of the rates."""

from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np

from autograder.shapes.gradient.learned_parts import predict, train
from autograder.shapes.gradient.learned_rates import rates, rates_are_given, stepped
from autograder.shapes.gradient.probe import OUTER_LR, Build, adapt, constructed, installed
from autograder.shapes.training import Losses, TaskArrays, tensors
from autograder.worker.values import in_double, several

__all__ = ["build", "inner_loop", "outer_losses", "outer_step", "predict", "rates", "stepped", "train"]

Array = np.ndarray
Arrays = dict[str, Array]

STEPS = 1  # of the inner loop, whatever number a check of the shape asks for


class Adapted(NamedTuple):
    """What _inner_loop returns, and theta after it."""

    parameters: Annotated[Arrays, "parameters"]
    accuracies: Annotated[Array, "2"]
    meta_parameters: Annotated[Arrays, "parameters"]


class Step(NamedTuple):
    """What _outer_step returns, and theta after it."""

    loss: Annotated[Array, ""]
    accuracies_support: Annotated[Array, "2"]
    accuracy_query: Annotated[Array, ""]
    meta_parameters: Annotated[Arrays, "parameters"]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct a MetaSGD.

    Args:
        module: the solution.
        way: N.
        steps: Meta-SGD takes one, however many are asked for.
        inner_lr: what the rates begin with.
        learn: whether the rates are given afterwards: see rates_are_given.
    """
    with rates_are_given(module.MetaSGD, (), learn):
        method = constructed(module.MetaSGD, way, inner_lr, OUTER_LR)
    method.probed_parts = {"theta": "_meta_parameters", "alpha": "_inner_lrs"}
    return method


def _installed(build: Build, parameters: Arrays, inner_lrs: Arrays, stand_in: bool = False) -> Any:
    """The shape's installed, with a rate for each number of a parameter where one is given for all of them."""
    method = installed(build, parameters, inner_lrs, STEPS, stand_in)
    theta = method._meta_parameters
    method._inner_lrs = {
        name: rate if rate.shape == theta[name].shape else rate.expand(theta[name].shape).clone()
        for name, rate in method._inner_lrs.items()
    }
    return method


@in_double
def inner_loop(
    build: Build,
    images: Array,
    labels: Array,
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    train: bool,
    earlier: Array | None = None,
) -> Adapted:
    """Adapt to a support in double precision, by one step. See the shape's inner_loop.

    Args:
        build, images, labels, parameters, train, earlier: as there.
        inner_lrs: by the names of parameters, each of its shape, or one number for all of it.
        steps: see build.
    """
    method = _installed(build, parameters, inner_lrs)
    if earlier is not None:
        adapt(method, earlier, labels, train)
    return Adapted(*adapt(method, images, labels, train), method._meta_parameters)


@in_double
def outer_step(
    build: Build,
    tasks: list[TaskArrays],
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    train: bool,
    stand_in: bool,
) -> Step:
    """Loss and accuracies of a batch of tasks, in double precision. See inner_loop, and the shape's outer_step."""
    method = _installed(build, parameters, inner_lrs, stand_in)
    loss, accuracies_support, accuracy_query = several(method._outer_step(tensors(tasks), train), 3, "_outer_step")
    return Step(loss, accuracies_support, accuracy_query, method._meta_parameters)


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one object, with its own _inner_loop; see outer_step."""
    method = _installed(build, parameters, inner_lrs)
    return Losses([several(method._outer_step(tensors(tasks), train), 3, "_outer_step")[0] for tasks in batches])
