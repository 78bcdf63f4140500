"""How to drive a MetaSGD: the questions of its shape, with a rate for each number, and what it makes of the rates."""

import contextlib
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from autograder.shapes.gradient.learned_parts import predict, train
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


class Rates(NamedTuple):
    """Alpha as the constructor makes it."""

    inner_lrs: Arrays


class Stepped(NamedTuple):
    """How far a step of the object's own optimizer moved alpha."""

    moves: Annotated[Arrays, "slopes"]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct a MetaSGD.

    Args:
        module: the solution.
        way: N.
        steps: Meta-SGD takes one, however many are asked for.
        inner_lr: what the rates begin with.
        learn: whether the rates are given afterwards. Then those of the solution, which are judged elsewhere, are not
            made: one number for each parameter keeps their place.
    """

    def places(method: Any, inner_lr: float) -> dict[str, torch.Tensor]:
        return {name: torch.tensor(inner_lr, requires_grad=True) for name in method._meta_parameters}

    given = mock.patch.object(module.MetaSGD, "_initial_rates", places, create=True)
    with given if learn else contextlib.nullcontext():
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


def rates(build: Build, way: int, inner_lr: float) -> Rates:
    """Alpha of a new object."""
    return Rates(build(way, STEPS, inner_lr)._inner_lrs)


def stepped(build: Build, inner_lr: float, way: int, slopes: Arrays) -> Stepped:
    """How far the optimizer of a new object moves alpha in one step.

    Args:
        build: makes the student's object.
        inner_lr: what alpha is before.
        way: N.
        slopes: the gradient of a loss with respect to alpha.
    """
    method = build(way, STEPS, inner_lr)
    alpha = {name: rate.detach().clone() for name, rate in method._inner_lrs.items()}
    loss = sum(
        (method._inner_lrs[name] * torch.tensor(slope, dtype=torch.float32)).sum() for name, slope in slopes.items()
    )
    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        method._optimizer.zero_grad()
        loss.backward()
        method._optimizer.step()
    return Stepped({name: method._inner_lrs[name].detach() - alpha[name] for name in slopes})
