"""How to drive a MAMLPlusPlus: its schedules, its rates, its batch normalisation, its loops, and what it learns.

Questions about the loops put another network in the place of _forward, with batch normalisation of its own, and those
about _outer_step other functions in the places of _inner_loop and loss_weights, so that each part is judged by itself.
"""

import contextlib
import itertools
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F

from autograder.shapes import stand_ins
from autograder.shapes.gradient import learned_parts
from autograder.shapes.gradient.learned_rates import rates, rates_are_given, stepped
from autograder.shapes.gradient.probe import OUTER_LR, Build, Logits, constructed, installed, leaves
from autograder.shapes.training import Losses, TaskArrays, Weights, character_tasks, tensors
from autograder.worker.values import as_tensor, in_double, several

__all__ = [
    "build",
    "inner_loop",
    "loss_weights",
    "normalise",
    "outer_losses",
    "outer_rate",
    "outer_step",
    "passes",
    "predict",
    "rates",
    "stepped",
    "train",
]

Array = np.ndarray
Arrays = dict[str, Array]

LAYERS = 4
ITERATIONS = 30  # of a training, where nothing goes by it
FIRST_ORDER, MULTI_STEP = 6, 10  # iterations; the checks know the first
LATE = 100  # an iteration when all annealing is over


class StepWeights(NamedTuple):
    """What loss_weights returns."""

    weights: Annotated[Array, "steps"]


class Rate(NamedTuple):
    """What outer_rate returns."""

    rate: Annotated[Array, ""]


class Normalised(NamedTuple):
    """What _normalise returns, and the running statistics after it."""

    normalised: Annotated[Array, "*x"]
    statistics: Annotated[Arrays, "statistics"]


class Adapted(NamedTuple):
    """The parameters after the last inner step, theta afterwards; sums of the parameters after each step, and before.

    The sums are those of _sums, tensor after tensor.
    """

    parameters: Annotated[Arrays, "parameters"]
    path: Annotated[Array, "steps, S"]
    start: Annotated[Array, "S"]
    meta_parameters: Annotated[Arrays, "parameters"]


class Step(NamedTuple):
    """What _outer_step returns, and theta after it."""

    loss: Annotated[Array, ""]
    accuracies_query: Annotated[Array, "steps"]
    meta_parameters: Annotated[Arrays, "parameters"]


class Passes(NamedTuple):
    """What went into the network, by its _sums, and all that came out of it in one _outer_step."""

    parameters: Annotated[Array, "S"]
    logits: Annotated[Array, "L"]


def build(
    module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False, iterations: int = ITERATIONS
) -> Any:
    """Construct a MAMLPlusPlus.

    Args:
        module: the solution.
        way: N.
        steps: T.
        inner_lr: what the rates begin with.
        learn: whether the rates are given afterwards: see rates_are_given.
        iterations: of the training.
    """
    with rates_are_given(module.MAMLPlusPlus, (steps,), learn):
        method = constructed(module.MAMLPlusPlus, way, steps, inner_lr, OUTER_LR, iterations)
    method.probed_module = lambda: module  # an object with a module in it cannot be copied, as students may do
    method.probed_parts = {"theta": "_meta_parameters", "alpha": "_inner_lrs", "norms": "_norms"}
    return method


@in_double
def loss_weights(module: ModuleType, steps: int, progress: float) -> StepWeights:
    """How much the loss after each step counts: (T,)."""
    return StepWeights(module.loss_weights(steps, progress))


@in_double
def outer_rate(module: ModuleType, first: float, last: float, progress: float) -> Rate:
    """The outer learning rate."""
    return Rate(module.outer_rate(first, last, progress))


@in_double
def normalise(
    build: Build, x: Array, layer: int, step: int, norms: Arrays, statistics: Arrays, train: bool
) -> Normalised:
    """Batch normalisation of one layer in one step.

    Args:
        build: makes the student's object.
        x: (n, C, height, width).
        layer, step: which.
        norms: (T, C) each, by the names of _norms.
        statistics: (T, C) each, by the names of _statistics.
        train: as _normalise's.
    """
    method = build(2, len(norms["gain0"]), 0.1, learn=True)
    method._norms = leaves(norms, {}, torch.float64)
    method._statistics = {name: as_tensor(array).detach().clone() for name, array in statistics.items()}
    return Normalised(method._normalise(as_tensor(x), layer, step, train), method._statistics)


@in_double
def inner_loop(
    build: Build,
    images: Array,
    labels: Array,
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    train: bool,
    second_order: bool = True,
    norms: Arrays | None = None,
    earlier: Array | None = None,
) -> Adapted:
    """Adapt to a support in double precision.

    Args:
        build, images, labels, parameters, steps, train, earlier: as the shape's inner_loop.
        inner_lrs: by the names of parameters, (T,) each, or one number for all steps.
        second_order: as _inner_loop's.
        norms: gains and biases of the network that is put in, (T, C) each; None for one that is the same in each step.
    """
    method = _ready(build, parameters, inner_lrs, steps, norms)
    if earlier is not None:
        method._inner_loop(torch.tensor(earlier), torch.tensor(labels), train, second_order)
    answer = method._inner_loop(torch.tensor(images), torch.tensor(labels), train, second_order)
    path = several(answer, steps, "_inner_loop")
    start = _sums({name: torch.tensor(array) for name, array in parameters.items()})
    return Adapted(path[-1], torch.stack([_sums(phi) for phi in path]), start, method._meta_parameters)


@in_double
def outer_step(
    build: Build,
    tasks: list[TaskArrays],
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    train: bool,
    stand_in: bool,
    iteration: int = LATE,
    norms: Arrays | None = None,
) -> Step:
    """Loss and accuracies of a batch of tasks, in double precision.

    Args:
        build, parameters, inner_lrs, steps, train, norms: as inner_loop's.
        tasks: images (n, 1, height, width).
        stand_in: put other functions in the places of _inner_loop and loss_weights.
        iteration: how many outer steps there were.
    """
    with _alone(_ready(build, parameters, inner_lrs, steps, norms, iteration), stand_in) as method:
        loss, accuracies_query = several(method._outer_step(tensors(tasks), train), 2, "_outer_step")
        return Step(loss, accuracies_query, method._meta_parameters)


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one object, with its own _inner_loop; see outer_step."""
    method = _ready(build, parameters, inner_lrs, steps)
    return Losses([several(method._outer_step(tensors(tasks), train), 2, "_outer_step")[0] for tasks in batches])


@in_double
def passes(
    build: Build, tasks: list[TaskArrays], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Passes:
    """What the network is given and what it says while an object takes an outer step, with its own _inner_loop."""
    method = _ready(build, parameters, inner_lrs, steps)
    forward, given, said = method._forward, [], []

    def watched(images: torch.Tensor, parameters: dict[str, torch.Tensor], step: int, train: bool) -> torch.Tensor:
        logits = forward(images, parameters, step, train)
        given.append(_sums(parameters).detach())
        said.append(logits.detach().flatten())
        return logits

    stand_ins.replace(method, "_forward", watched)
    method._outer_step(tensors(tasks), train)
    return Passes(*(torch.cat(parts) if parts else torch.zeros(0) for parts in (given, said)))


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
    """Train on tasks of drawings (characters, drawings, height, width), by its own annealings. See the shape's train.

    Returns:
        Weights by part and name, as "norms.gain0".
    """
    torch.manual_seed(seed)
    method = build(way, steps, inner_lr, iterations=batches)
    method._outer_lr = outer_lr
    stream = itertools.islice(character_tasks(drawings, way, shot, query, tasks, seed), batches)
    for iteration, batch in enumerate(stream):
        method._begin(iteration)
        loss = method._outer_step(batch, True)[0]
        method._optimizer.zero_grad()
        loss.backward()
        method._optimizer.step()
    parts = ((part, getattr(method, attribute)) for part, attribute in method.probed_parts.items())
    return Weights({f"{part}.{name}": tensor for part, tensors in parts for name, tensor in tensors.items()})


def predict(build: Build, weights: Arrays, supports: list[list[Array]], queries: list[Array]) -> Logits:
    """Logits (tasks * Q, N) of query images after adaptation; no query label is needed.

    Args:
        build: makes the student's object.
        weights: what train returned.
        supports: for each task images (N * K, 1, height, width) and labels (N * K,).
        queries: for each task images (Q, 1, height, width).
    """
    steps = len(weights["norms.gain0"])

    def last_step(*arguments: Any, **named: Any) -> Any:
        """The student's object; its loops are called as the shape calls them, in testing."""
        method = build(*arguments, **named)
        network, path = method._forward, method._inner_loop

        def forward(images: Any, parameters: Any, step: int = steps - 1, train: bool = False) -> Any:
            return network(images, parameters, step, train)

        method._forward, method._inner_loop = forward, lambda images, labels: path(images, labels, False, False)[-1]
        return method

    return learned_parts.predict(last_step, weights, supports, queries, steps)


def _sums(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """Four weighted sums of each tensor, in the order of the names: all numbers of all steps are too many to answer."""
    numbers = [parameters[name].flatten() for name in sorted(parameters)]
    frequencies = torch.arange(1.0, 5.0)[:, None]
    return torch.cat([(frequencies * torch.arange(len(each))).cos().to(each.dtype) @ each for each in numbers])


def _ready(
    build: Build,
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    norms: Arrays | None = None,
    iteration: int = LATE,
) -> Any:
    """The shape's installed, with a network whose batch normalisation is given, and a rate for each step."""
    method = installed(build, parameters, inner_lrs, steps)
    method._inner_lrs = {
        name: rate if rate.shape == (steps,) else rate.expand(steps).clone() for name, rate in method._inner_lrs.items()
    }
    drawn = {} if norms is None else leaves(norms, {}, torch.float64)

    def forward(images: torch.Tensor, parameters: dict[str, torch.Tensor], step: int, train: bool) -> torch.Tensor:
        """The shape's network; what is told of step and train shows in the numbers where norms are given."""
        x = images
        for i in range(LAYERS):
            x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=1)
            x = F.batch_norm(x, None, None, training=True)
            if drawn:
                gain, bias = (drawn[f"{name}{i}"][step][:, None, None] for name in ("gain", "bias"))
                x = (1.0 if train else 0.8) * (gain * x + bias)
            x = torch.tanh(x)
        return F.linear(x.mean(dim=(2, 3)), parameters["w4"], parameters["b4"])

    stand_ins.replace(method, "_forward", forward)
    method._iteration, method._num_first_order, method._num_multi_step = iteration, FIRST_ORDER, MULTI_STEP
    return method


@contextlib.contextmanager
def _alone(method: Any, stand_in: bool) -> Iterator[Any]:
    """Other functions in the places of _inner_loop and loss_weights, if asked for."""
    if not stand_in:
        yield method
        return
    stand_ins.replace(method, "_inner_loop", _another_loop(method))
    with mock.patch.object(method.probed_module(), "loss_weights", _other_weights, create=True):
        yield method


def _another_loop(method: Any) -> Any:
    """A function in the place of _inner_loop: theta upside down, times numbers that depend on all that it is given.

    The parameters of each step begin with others of theta's, so that the steps differ in accuracy, too. Every pixel,
    every label and their places count. With train=False it leaves no way back to theta.
    """

    def inner_loop(images: torch.Tensor, labels: torch.Tensor, train: bool, second_order: bool) -> Any:
        drawn = (images.flatten() * torch.cos(torch.arange(images.numel()))).mean()
        told = ((1 + labels) * torch.cos(torch.arange(len(labels)))).mean()
        order = 0.05 * (bool(train) and bool(second_order)) + 0.02 * bool(train)
        theta = {name: tensor if train else tensor.detach() for name, tensor in method._meta_parameters.items()}
        factors = [1 + 0.2 * torch.tanh(3 * drawn + 0.5 * told + 0.4 * j) for j in range(method._num_inner_steps)]
        return [
            {name: (factor + order) * tensor.flip(0).roll(step, 0) for name, tensor in theta.items()}
            for step, factor in enumerate(factors)
        ]

    return inner_loop


def _other_weights(num_steps: int, progress: float) -> torch.Tensor:
    """A function in the place of loss_weights, which also ends on the last step."""
    late = min(float(progress), 1.0) ** 2
    weights = (1 - late) * torch.arange(1.0, num_steps + 1) / (num_steps * (num_steps + 1) / 2)
    weights[-1] += late
    return weights
