"""How to drive an LSTMMetaLearner: the questions of its shape, its preprocessing, its gates, and what it learns.

Questions about the loops put another function in the place of the student's gate, and those about the gate another one
in the place of preprocess, so that each part is judged by itself. The gates' weights come as an argument; where none
are given, they are such that the forget gate is 1 and the input gate is the inner rate.
"""

import contextlib
import inspect
import itertools
import math
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from autograder.shapes.gradient.probe import OUTER_LR, Build, Logits, adapt, installed, leaves
from autograder.shapes.training import Losses, TaskArrays, Weights, character_tasks, minimise, tensors
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


class Adapted(NamedTuple):
    """What _inner_loop returns, and c_0 after it."""

    parameters: Annotated[Arrays, "parameters"]
    accuracies: Annotated[Array, "steps + 1"]
    meta_parameters: Annotated[Arrays, "parameters"]


class Step(NamedTuple):
    """What _outer_step returns, and c_0 after it."""

    loss: Annotated[Array, ""]
    accuracies_support: Annotated[Array, "steps + 1"]
    accuracy_query: Annotated[Array, ""]
    meta_parameters: Annotated[Arrays, "parameters"]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct an LSTMMetaLearner; the device is told to those alone who ask for it."""
    device = {"device": "cpu"} if "device" in inspect.signature(module.LSTMMetaLearner).parameters else {}
    method = module.LSTMMetaLearner(way, steps, inner_lr, OUTER_LR, "/tmp/logs", **device)
    method.probed_module = module
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


def train(
    build: Build,
    drawings: Array,
    way: int,
    shot: int,
    query: int,
    tasks: int,
    batches: int,
    inner_lr: float,
    outer_lr: float,
    steps: int,
    seed: int,
) -> Weights:
    """Train c_0 and the gates on tasks of drawings (characters, drawings, height, width). See the shape's train.

    Returns:
        Weights by the names "cell.w4", "gates.w_i".
    """
    torch.manual_seed(seed)
    method = build(way, steps, inner_lr)
    learned = [*method._meta_parameters.values(), *method._gates.values()]
    stream = itertools.islice(character_tasks(drawings, way, shot, query, tasks, seed), batches)
    minimise(learned, stream, lambda batch: method._outer_step(batch, True)[0], outer_lr)
    cell = {f"cell.{name}": tensor for name, tensor in method._meta_parameters.items()}
    return Weights(cell | {f"gates.{name}": tensor for name, tensor in method._gates.items()})


def predict(build: Build, weights: Arrays, supports: list[list[Array]], queries: list[Array], steps: int) -> Logits:
    """Logits (tasks * Q, N) of query images after adaptation; no query label is needed.

    Args:
        build: makes the student's object.
        weights: what train returned.
        supports: for each task images (N * K, 1, height, width) and labels (N * K,).
        queries: for each task images (Q, 1, height, width).
        steps: of the inner loop.
    """
    method = build(len(weights["cell.b4"]), steps, 0.5)
    cell, gates = (
        {name.removeprefix(part): array for name, array in weights.items() if name.startswith(part)}
        for part in ("cell.", "gates.")
    )
    method._meta_parameters = leaves(cell, method._meta_parameters, torch.float32)
    method._gates = leaves(gates, method._gates, torch.float32)
    answers = []
    for (images, labels), asked in zip(supports, queries, strict=True):
        adapted = adapt(method, images, labels, train=False)[0]
        with torch.no_grad():
            answers.append(method._forward(torch.tensor(asked), adapted))
    return Logits(torch.cat(answers))


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
    with _replaced(method.probed_module, "gate", _another_gate if stand_in else None):
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
    gradient, loss = 9 * torch.as_tensor(gradient), torch.as_tensor(loss)
    told = (gradient.tanh(), gradient.cos(), loss.tanh(), loss.cos(), theta.sin(), last.square())
    return (bias + sum(part * number for part, number in zip(told, weight, strict=True))).sigmoid()


def _waves(values: torch.Tensor) -> torch.Tensor:
    """A function in the place of preprocess."""
    return torch.stack([values.sin(), values.cos()], dim=values.dim())
