"""How to drive an IMAML: conjugate gradient, the inner loop of its shape, implicit gradients, the memory of the steps.

What has to be exact is asked about a linear layer with a few numbers, in the place of the network: there the Hessian is
known in closed form, and the linear system can be solved without conjugate gradient.
"""

import contextlib
import inspect
import itertools
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from autograder.shapes.gradient.probe import OUTER_LR, Build, inner_loop, installed, predict
from autograder.shapes.memory import TensorMemory
from autograder.shapes.training import Losses, TaskArrays, Weights, character_tasks, tensors
from autograder.worker.values import in_double, several

__all__ = [
    "build",
    "conjugate_gradient",
    "implicit_gradient",
    "inner_loop",
    "inner_memory",
    "layer_inner_loop",
    "layer_outer_gradient",
    "outer_gradient",
    "outer_losses",
    "outer_step",
    "predict",
    "train",
]

Array = np.ndarray
Arrays = dict[str, Array]
Tensors = dict[str, torch.Tensor]

REGULARIZATION, CG_STEPS = 2.0, 3  # of the constructor, where a question has none of its own


class Solution(NamedTuple):
    """What conjugate_gradient returns."""

    x: Annotated[Array, "n"]


class Layer(NamedTuple):
    """Numbers of a linear layer: its parameters, or a gradient with respect to them."""

    w4: Annotated[Array, "N, D"]
    b4: Annotated[Array, "N"]


class Gradient(NamedTuple):
    """What _outer_gradient returns, and theta after it."""

    gradient: Annotated[Arrays, "parameters"]
    loss: Annotated[Array, ""]
    accuracy_query: Annotated[Array, ""]
    meta_parameters: Annotated[Arrays, "parameters"]


class Step(NamedTuple):
    """The outer loss and the query accuracy."""

    loss: Annotated[Array, ""]
    accuracy_query: Annotated[Array, ""]


class Memory(NamedTuple):
    """The most bytes of tensors that were held at once."""

    peak: Annotated[Array, ""]


def build(
    module: ModuleType,
    way: int,
    steps: int,
    inner_lr: float,
    learn: bool = False,
    regularization: float = REGULARIZATION,
    cg_steps: int = CG_STEPS,
) -> Any:
    """Construct an IMAML; the device is told to those alone who ask for it."""
    device = {"device": "cpu"} if "device" in inspect.signature(module.IMAML).parameters else {}
    method = module.IMAML(way, steps, inner_lr, regularization, cg_steps, OUTER_LR, "/tmp/logs", **device)
    method.probed_module = module
    return method


@in_double
def conjugate_gradient(module: ModuleType, matrix: Annotated[Array, "n, n"], b: Array, steps: int) -> Solution:
    """Solve a system whose matrix is known.

    Args:
        module: the solution.
        matrix: symmetric and positive definite.
        b: (n,).
        steps: at most so many.
    """
    known = torch.tensor(matrix)
    return Solution(module.conjugate_gradient(lambda v: known @ v, torch.tensor(b), steps))


def _layer(
    build: Build, w4: Array, b4: Array, steps: int = 1, inner_lr: float = 0.1, regularization: float = REGULARIZATION
) -> Any:
    """The student's object with a linear layer in the place of its network, and conjugate gradient of as many steps as
    the layer has numbers.
    """
    method = build(len(b4), steps, inner_lr, regularization=regularization, cg_steps=w4.size + b4.size)
    theta = {"w4": torch.tensor(w4), "b4": torch.tensor(b4)}
    method._meta_parameters = {name: part.requires_grad_() for name, part in theta.items()}
    method._forward = lambda x, parameters: x.flatten(1) @ parameters["w4"].T + parameters["b4"]
    return method


def _dense(product: Callable[[torch.Tensor], torch.Tensor], b: torch.Tensor, num_steps: int) -> torch.Tensor:
    """In the place of conjugate_gradient: the exact solution, times the share of the steps that were asked for."""
    matrix = torch.stack([product(unit).detach() for unit in torch.eye(len(b), dtype=b.dtype)], dim=1)
    return torch.linalg.solve(matrix, b.detach()) * num_steps / len(b)


def _solving(method: Any, stand_in: bool) -> Any:
    """While it is entered, the exact solution stands in the place of the student's conjugate_gradient, if wanted."""
    return (
        mock.patch.object(method.probed_module, "conjugate_gradient", _dense) if stand_in else contextlib.nullcontext()
    )


@in_double
def layer_inner_loop(
    build: Build,
    images: Array,
    labels: Array,
    w4: Annotated[Array, "N, D"],
    b4: Array,
    inner_lr: float,
    steps: int,
    regularization: float,
) -> Layer:
    """Adapt a linear layer to drawings (n, 1, 1, D).

    Args:
        build: makes the student's object.
        images, labels: the support.
        w4, b4: theta.
        inner_lr, steps, regularization: of the constructor.
    """
    method = _layer(build, w4, b4, steps, inner_lr, regularization)
    phi = method._inner_loop(torch.tensor(images), torch.tensor(labels))
    return Layer(phi["w4"], phi["b4"])


@in_double
def implicit_gradient(
    build: Build,
    images: Array,
    labels: Array,
    w4: Annotated[Array, "N, D"],
    b4: Array,
    adapted_w4: Array,
    adapted_b4: Array,
    slope_w4: Array,
    slope_b4: Array,
    regularization: float,
    stand_in: bool,
) -> Layer:
    """Bring a gradient back to theta of a linear layer.

    Args:
        build: makes the student's object.
        images, labels: the support, drawings (n, 1, 1, D).
        w4, b4: theta.
        adapted_w4, adapted_b4: phi.
        slope_w4, slope_b4: the gradient with respect to phi.
        regularization: of the constructor.
        stand_in: solve the system exactly, in the place of conjugate_gradient.
    """
    method = _layer(build, w4, b4, regularization=regularization)
    phi = {"w4": torch.tensor(adapted_w4).requires_grad_(), "b4": torch.tensor(adapted_b4).requires_grad_()}
    slope = {"w4": torch.tensor(slope_w4), "b4": torch.tensor(slope_b4)}
    with _solving(method, stand_in):
        x = method._implicit_gradient(torch.tensor(images), torch.tensor(labels), phi, slope)
    return Layer(x["w4"], x["b4"])


@in_double
def layer_outer_gradient(
    build: Build,
    tasks: list[TaskArrays],
    w4: Annotated[Array, "N, D"],
    b4: Array,
    inner_lr: float,
    steps: int,
    regularization: float,
    stand_in: bool,
) -> Layer:
    """Outer gradient of a batch of tasks for a linear layer. See layer_inner_loop and implicit_gradient."""
    method = _layer(build, w4, b4, steps, inner_lr, regularization)
    with _solving(method, stand_in):
        gradient = _outer(method, tasks)[0]
    return Layer(gradient["w4"], gradient["b4"])


def _ready(build: Build, parameters: Arrays, inner_lrs: Arrays, steps: int, stand_in: bool = False) -> Any:
    """The shape's installed, with stand-ins for _inner_loop, which returns leaf tensors, and _implicit_gradient."""
    method = installed(build, parameters, inner_lrs, steps, stand_in)
    if stand_in:
        adapted = method._inner_loop
        method._inner_loop = lambda images, labels: {
            name: tensor.detach().clone().requires_grad_() for name, tensor in adapted(images, labels).items()
        }
        method._implicit_gradient = _no_solution
    return method


def _no_solution(images: torch.Tensor, labels: torch.Tensor, phi: Tensors, gradient: Tensors) -> Tensors:
    """In the place of _implicit_gradient: what depends on each number that it is given."""
    drawn = (images.flatten() * torch.cos(torch.arange(images.numel()))).mean()
    told = ((1 + labels) * torch.cos(torch.arange(len(labels)))).mean()
    factor = 2 + torch.tanh(3 * drawn + 0.5 * told)
    return {name: (factor * gradient[name].flip(0) + 0.01 * phi[name]).detach() for name in phi}


def _outer(method: Any, tasks: list[TaskArrays]) -> tuple[Any, ...]:
    return several(method._outer_gradient(tensors(tasks)), 3, "_outer_gradient")


@in_double
def outer_gradient(
    build: Build,
    tasks: list[TaskArrays],
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    stand_in: bool,
    times: int = 1,
) -> Gradient:
    """Outer gradient of a batch of tasks, in double precision.

    Args:
        build, tasks, parameters, inner_lrs, steps, stand_in: see the shape's outer_step.
        times: how often it is asked of one object; the last answer counts.
    """
    method = _ready(build, parameters, inner_lrs, steps, stand_in)
    for _ in range(times - 1):
        _outer(method, tasks)
    return Gradient(*_outer(method, tasks), method._meta_parameters)


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
    """Outer loss of a batch of tasks, as checks of the shape ask for it; train is told to nobody."""
    return Step(*_outer(_ready(build, parameters, inner_lrs, steps, stand_in), tasks)[1:])


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one object, with its own _inner_loop; see outer_step.

    The implicit gradient, which the losses do not depend on, is not computed.
    """
    method = _ready(build, parameters, inner_lrs, steps)
    method._implicit_gradient = _no_solution
    return Losses([_outer(method, tasks)[1] for tasks in batches])


@in_double
def inner_memory(
    build: Build, images: Array, labels: Array, parameters: Arrays, inner_lrs: Arrays, steps: int
) -> Memory:
    """Memory that _inner_loop takes; see the shape's inner_loop."""
    method = _ready(build, parameters, inner_lrs, steps)
    support = torch.tensor(images), torch.tensor(labels)
    with TensorMemory() as memory:
        method._inner_loop(*support)
    return Memory(memory.peak)


def train(
    build: Build,
    drawings: Array,
    way: int,
    shot: int,
    query: int,
    tasks: int,
    batches: int,
    steps: int,
    inner_lr: float,
    outer_lr: float,
    seed: int,
) -> Weights:
    """Train on tasks of drawings (characters, drawings, height, width). See the shape's train."""
    torch.manual_seed(seed)
    method = build(way, steps, inner_lr)
    optimizer = torch.optim.Adam(method._meta_parameters.values(), lr=outer_lr)
    stream = character_tasks(drawings, way, shot, query, tasks, seed)
    for batch in itertools.islice(stream, batches):
        gradient = several(method._outer_gradient(batch), 3, "_outer_gradient")[0]
        for name, theta in method._meta_parameters.items():
            theta.grad = torch.as_tensor(gradient[name], dtype=theta.dtype).detach().reshape(theta.shape).clone()
        optimizer.step()
    return Weights(method._meta_parameters)
