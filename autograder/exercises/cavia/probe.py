"""How to drive CAVIA: its FiLM layer, its inner loop and outer step on images and on points, a short training.

Questions about the loops put this file's networks, which have a FiLM layer, in the place of the student's, so that each
part is judged by itself. Their theta comes as an argument: with "conv0" it is that of images, else that of points.
"""

import itertools
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from autograder.shapes import stand_ins
from autograder.shapes.gradient.probe import Build, leaves
from autograder.shapes.regression.probe import Predicted
from autograder.shapes.regression.tasks import sinusoid_batches
from autograder.shapes.training import Losses, TaskArrays, Weights, minimise, tensors
from autograder.worker.values import as_tensor, in_double, tensor

__all__ = ["build", "film", "inner_loop", "outer_losses", "outer_step", "predict", "train"]

Array = np.ndarray
Arrays = dict[str, Array]

NUM_CONTEXT, INNER_LR, OUTER_LR = 2, 1.0, 1e-3  # of the constructor, where a question has none of its own


class Modulated(NamedTuple):
    """What FiLM returns, in the shape of the features."""

    modulated: Annotated[Array, "features"]


class Adapted(NamedTuple):
    """The context that _inner_loop returns, and theta after it.

    Attributes:
        strayed: how far from theta the network's parameters were.
        linked: whether the context has a graph, and whether all parameters had one to theta that the network was given.
    """

    context: Annotated[Array, "num_context"]
    meta_parameters: Annotated[Arrays, "parameters"]
    strayed: Annotated[Array, ""]
    linked: Annotated[Array, "2"]


class Pass(NamedTuple):
    """A pass through the network: how far its parameters are from theta, and whether all have a graph to it."""

    strayed: float
    linked: bool


class Step(NamedTuple):
    """The outer loss, and theta after it."""

    loss: Annotated[Array, ""]
    meta_parameters: Annotated[Arrays, "parameters"]


def build(
    module: ModuleType,
    way: int,
    steps: int,
    inner_lr: float,
    learn: bool = False,
    num_context: int = NUM_CONTEXT,
) -> Any:
    """Construct the classifier of so many classes or, for none, the regressor."""
    sizes = (num_context, steps, inner_lr, OUTER_LR, "/tmp/logs")
    return module.CAVIAClassifier(way, *sizes) if way else module.CAVIARegressor(*sizes)


@in_double
def film(module: ModuleType, features: Array, context: Array, weight: Array, bias: Array) -> Modulated:
    """Features (n, C, ...) that a context (num_context,) has scaled and shifted."""
    return Modulated(module.film(*map(as_tensor, (features, context, weight, bias))))


@in_double
def inner_loop(
    build: Build,
    inputs: Array,
    targets: Array,
    parameters: Arrays,
    num_context: int,
    inner_lr: float,
    steps: int,
    train: bool,
    earlier: Array | None = None,
) -> Adapted:
    """Adapt a context to a support in double precision.

    Args:
        build: makes the student's object.
        inputs, targets: images (n, 1, height, width) and labels (n,), or points (n, 1) and (n, 1).
        parameters: theta, by the names of _meta_parameters.
        num_context, inner_lr, steps: of the constructor.
        train: as _inner_loop's.
        earlier: inputs of a task to which it adapts before, and which should leave no trace.
    """
    method, passes = _installed(build, parameters, inner_lr, steps, num_context)
    if earlier is not None:
        method._inner_loop(torch.tensor(earlier), torch.tensor(targets), train)
    context = tensor(method._inner_loop(torch.tensor(inputs), torch.tensor(targets), train), "_inner_loop")
    strayed = max((one.strayed for one in passes), default=0.0)
    linked = torch.tensor([context.grad_fn is not None, all(one.linked for one in passes)], dtype=torch.float64)
    return Adapted(context, method._meta_parameters, strayed, linked)


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
    """The outer loss of a batch of tasks, in double precision.

    Args:
        build, parameters, steps, train: as inner_loop's.
        tasks: their inputs and targets are as inner_loop's.
        inner_lrs: by name, all alike: CAVIA has one rate.
        stand_in: put another function, which has nothing to do with gradients, in the place of _inner_loop.
    """
    method, _ = _installed(build, parameters, _rate(inner_lrs), steps)
    if stand_in:
        stand_ins.replace(method, "_inner_loop", _stand_in(method))
    loss = method._outer_step(tensors(tasks), train)
    return Step(loss, {name: method._meta_parameters[name] for name in parameters})


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one object, with its own _inner_loop; see outer_step."""
    method, _ = _installed(build, parameters, _rate(inner_lrs), steps)
    return Losses([method._outer_step(tensors(tasks), train) for tasks in batches])


def train(build: Build, tasks: int, most: int, query: int, steps: int, rate: float, seed: int) -> Weights:
    """Train the regressor, with its own network, on sinusoids, by one inner step.

    Args:
        build: makes the student's object.
        tasks, most, query: in a batch, support points of each, and query points.
        steps, rate: of Adam.
        seed: of the initialisation and the tasks.
    """
    torch.manual_seed(seed)
    method = build(0, 1, INNER_LR)
    stream = itertools.islice(sinusoid_batches(tasks, most, query, seed, least=most), steps)
    given = ([tuple(torch.tensor(part, dtype=torch.float32) for part in task) for task in batch] for batch in stream)
    minimise(method._meta_parameters.values(), given, lambda batch: method._outer_step(batch, True), rate)
    return Weights(method._meta_parameters)


def predict(build: Build, weights: Arrays, x: Array, y: Array, queries: Array) -> Predicted:
    """Predictions at queries (T, Q, 1) after one inner step on supports (T, K, 1), by the student's own network."""
    method = build(0, 1, INNER_LR)
    method._meta_parameters = leaves(weights, method._meta_parameters, torch.float32)
    answers = []
    for task in zip(x, y, queries, strict=True):
        known, values, asked = (torch.tensor(part, dtype=torch.float32) for part in task)
        context = method._inner_loop(known, values, False)
        answers.append(method._forward(asked, context, method._meta_parameters).detach())
    return Predicted(answers, [torch.zeros_like(answer) for answer in answers])


def _installed(
    build: Build, parameters: Arrays, inner_lr: float, steps: int, num_context: int = NUM_CONTEXT
) -> tuple[Any, list[Pass]]:
    """The student's object with the given theta in double precision, this file's network, and the network's loss.

    Returns:
        It, and a list that grows with each pass through the network.
    """
    given = _with_film(parameters, num_context)
    method = build(len(given["b4"]) if "b4" in given else 0, steps, inner_lr, num_context=num_context)
    method._meta_parameters = leaves(given, method._meta_parameters, torch.float64)
    method._optimizer = torch.optim.Adam(method._meta_parameters.values(), lr=OUTER_LR)  # a step of it would show
    theta = {name: torch.tensor(array) for name, array in given.items()}
    passes: list[Pass] = []

    def forward(inputs: torch.Tensor, context: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        strayed = max(float((parameters[name].detach() - theta[name]).abs().max()) for name in theta)
        linked = all(
            parameters[name] is method._meta_parameters[name] or parameters[name].grad_fn is not None for name in theta
        )
        passes.append(Pass(strayed, linked))
        return (_of_images if "conv0" in theta else _of_points)(inputs, context, parameters)

    stand_ins.replace(method, "_forward", forward)
    loss = F.cross_entropy if "conv0" in theta else F.mse_loss
    stand_ins.replace(method, "_loss", lambda outputs, targets: loss(outputs, targets))  # named as the student's are
    return method, passes


def _with_film(parameters: Arrays, num_context: int) -> Arrays:
    """Theta with a FiLM layer, where it has none."""
    if "film_w" in parameters:
        return parameters
    channels = len(parameters["b3"])
    weight = 0.5 * np.cos(np.arange(2 * channels * num_context)).reshape(2 * channels, num_context)
    return {**parameters, "film_w": weight, "film_b": np.repeat([1.0, 0.0], channels)}


def _rate(inner_lrs: Arrays) -> float:
    """The rate; leaves are made of all, as a gradient with respect to them may be asked for, which is zero."""
    return next(iter(leaves(inner_lrs, {}, torch.float64).values())).item()


def _scaled(x: torch.Tensor, context: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """FiLM in other words than the exercise's; a context of its own for each of the n inputs is taken, too."""
    numbers = F.linear(context, parameters["film_w"], parameters["film_b"]).reshape(-1, 2, x.shape[1])
    places = (slice(None), slice(None), *[None] * (x.dim() - 2))
    return x * numbers[:, 0][places] + numbers[:, 1][places]


def _of_images(images: torch.Tensor, context: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """Class logits (n, N): smooth, with tanh for ReLU, so that finite differences can judge gradients."""
    x = images
    for i in range(4):
        x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=1)
        x = F.batch_norm(x, None, None, training=True)
        x = torch.tanh(_scaled(x, context, parameters) if i == 2 else x)
    return F.linear(x.mean(dim=(2, 3)), parameters["w4"], parameters["b4"])


def _of_points(points: torch.Tensor, context: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """Predictions (n, 1): smooth, too."""
    x = F.linear(points, parameters["w0"], parameters["b0"])
    x = torch.tanh(_scaled(x, context, parameters))
    x = torch.tanh(F.linear(x, parameters["w1"], parameters["b1"]))
    return F.linear(x, parameters["w2"], parameters["b2"])


def _stand_in(method: Any) -> Any:
    """A function in the place of _inner_loop: numbers that depend on all of theta, and on all that it is given.

    Every number of the support and its place count. With train=False it leaves no way back to theta.
    """

    def inner_loop(inputs: torch.Tensor, targets: torch.Tensor, train: bool) -> torch.Tensor:
        told = 1 + 0.2 * torch.tanh(3 * _waves(inputs) + 0.5 * _waves(1 + targets)) + 0.02 * bool(train)
        theta = sum(map(_waves, method._meta_parameters.values()), start=torch.zeros(()))
        num_context = method._meta_parameters["film_w"].shape[1]
        context = told * torch.cos(3 * theta + torch.arange(num_context))
        return context if train else context.detach()

    return inner_loop


def _waves(numbers: torch.Tensor) -> torch.Tensor:
    """A mean of numbers to which each one's place counts."""
    return (numbers.flatten() * torch.cos(torch.arange(numbers.numel()))).mean()
