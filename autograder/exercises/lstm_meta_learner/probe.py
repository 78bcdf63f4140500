"""How to drive an LSTMMetaLearner: the questions of its shape, its preprocessing, its gates, and what it learns.

Questions about the loops put another function in the place of the student's gate, and those about the gate another one
in the place of preprocess, so that each part is judged by itself. The gates' weights come as an argument; where none
are given, they are such that the forget gate is 1 and the input gate is the inner rate.
"""

import contextlib
import math
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from autograder.shapes.gradient.learned_parts import predict, train
from autograder.shapes.gradient.probe import OUTER_LR, Adapted, Build, Step, adapt, constructed, installed, leaves
from autograder.shapes.training import Losses, TaskArrays, tensors
from autograder.worker.values import as_tensor, in_double, several

__all__ = ["build", "gate", "inner_loop", "outer_losses", "outer_step", "predict", "preprocess", "train"]

Array = np.ndarray
Arrays = dict[str, Array]

GATE_INPUTS = 6
KEEPS_ALL = 40.0  # a bias: the sigmoid of it is 1 in double precision


class Preprocessed(NamedTuple):
    """What preprocess returns."""

    preprocessed: Annotated[Array, "*values, 2"]


class Gate(NamedTuple):
    """What gate returns, in the shape of theta."""

    gate: Annotated[Array, "theta"]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct an LSTMMetaLearner."""
    method = constructed(module.LSTMMetaLearner, way, steps, inner_lr, OUTER_LR)
    method.probed_module = lambda: module  # an object with a module in it cannot be copied, as students may do
    method.probed_parts = {"cell": "_meta_parameters", "gates": "_gates"}
    return method


@in_double
def preprocess(module: ModuleType, values: Array) -> Preprocessed:
    """Values (...) as two numbers each: (..., 2)."""
    return Preprocessed(module.preprocess(as_tensor(values)))


@in_double
def gate(
    module: ModuleType,
    gradient: Array,
    loss: Array,
    theta: Array,
    last: Array,
    weight: Array,
    bias: Array,
    stand_in: bool,
) -> Gate:
    """A gate for each number of theta.

    Args:
        module: the solution.
        gradient, theta, last: all of one shape.
        loss, bias: a number each.
        weight: (6,).
        stand_in: put another function in the place of preprocess.
    """
    given = map(as_tensor, (gradient, loss, theta, last, weight, bias))
    with _replaced(module, "preprocess", _waves if stand_in else None):
        return Gate(module.gate(*given))


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
    gates: Arrays | None = None,
    stand_in: bool = True,
) -> Adapted:
    """Adapt to a support in double precision. See the shape's inner_loop.

    Args:
        build, images, labels, steps, train, earlier: as there.
        parameters: c_0, by the names of _meta_parameters.
        inner_lrs: by name, all alike: what the input gate is where gates are not given.
        gates: by the names of _gates.
        stand_in: put another function in the place of gate.
    """
    with _ready(build, parameters, inner_lrs, steps, gates, stand_in) as method:
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
    with _ready(build, parameters, inner_lrs, steps, loop=stand_in) as method:
        loss, accuracies_support, accuracy_query = several(method._outer_step(tensors(tasks), train), 3, "_outer_step")
        return Step(loss, accuracies_support, accuracy_query, method._meta_parameters)


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one object, with its own _inner_loop; see outer_step."""
    with _ready(build, parameters, inner_lrs, steps) as method:
        return Losses([several(method._outer_step(tensors(tasks), train), 3, "_outer_step")[0] for tasks in batches])


@contextlib.contextmanager
def _ready(
    build: Build,
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    gates: Arrays | None = None,
    stand_in: bool = True,
    loop: bool = False,
) -> Iterator[Any]:
    """The shape's installed, with the gates' weights, and stand-ins for gate and, if asked for, for _inner_loop."""
    method = installed(build, parameters, inner_lrs, steps, loop)
    rates = leaves(inner_lrs, {}, torch.float64)  # of all, as a gradient with respect to them may be asked for
    given = _descent(next(iter(rates.values())).item()) if gates is None else gates
    method._gates = leaves(given, method._gates, torch.float64)
    with _replaced(method.probed_module(), "gate", _another_gate if stand_in else None):
        yield method


def _replaced(module: ModuleType, name: str, other: Any) -> contextlib.AbstractContextManager[Any]:
    """Another function in the place of one of the student's, while this is entered; None leaves it as it is."""
    return contextlib.nullcontext() if other is None else mock.patch.object(module, name, other, create=True)


def _descent(rate: float) -> Arrays:
    """Weights of gates that make a step one of gradient descent, whatever they are given."""
    weights = {name: np.zeros(GATE_INPUTS) for name in ("w_i", "w_f")}
    return {**weights, "b_i": np.array(math.log(rate / (1 - rate))), "b_f": np.array(KEEPS_ALL)}


def _another_gate(
    gradient: torch.Tensor, loss: Any, theta: torch.Tensor, last: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """A function in the place of gate, of all that it is given; without weights it is as gate is."""
    for name, given in {"gradient": gradient, "theta": theta, "last": last, "weight": weight}.items():
        if not isinstance(given, torch.Tensor):
            raise TypeError(f"gate is given a {type(given).__name__} for {name}, expected a tensor")
    gradient, loss = 9 * torch.as_tensor(gradient), torch.as_tensor(loss)
    told = (gradient.tanh(), gradient.cos(), loss.tanh(), loss.cos(), theta.sin(), last.square())
    return (bias + sum(map(torch.mul, told, weight))).sigmoid()


def _waves(values: torch.Tensor) -> torch.Tensor:
    """A function in the place of preprocess."""
    return torch.stack([values.sin(), values.cos()], dim=values.dim())
