"""How to drive an IMAML: conjugate gradient, the inner loop of its shape, implicit gradients, the memory of the steps.

What has to be exact is asked about a linear layer with a few numbers, in the place of the network: there the Hessian is
known in closed form, and the linear system can be solved without conjugate gradient.
"""

import contextlib
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from autograder.shapes.gradient.outer_gradient import inner_memory, outer_gradient, outer_losses, outer_step, train
from autograder.shapes.gradient.probe import OUTER_LR, Build, constructed, inner_loop, linear, predict
from autograder.shapes.training import TaskArrays, tensors
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
Tensors = dict[str, torch.Tensor]

REGULARIZATION, CG_STEPS = 2.0, 3  # of the constructor, where a question has none of its own


class Solution(NamedTuple):
    """What conjugate_gradient returns."""

    x: Annotated[Array, "n"]


class Layer(NamedTuple):
    """Numbers of a linear layer: its parameters, or a gradient with respect to them."""

    w4: Annotated[Array, "N, D"]
    b4: Annotated[Array, "N"]


def build(
    module: ModuleType,
    way: int,
    steps: int,
    inner_lr: float,
    learn: bool = False,
    regularization: float = REGULARIZATION,
    cg_steps: int = CG_STEPS,
) -> Any:
    """Construct an IMAML."""
    method = constructed(module.IMAML, way, steps, inner_lr, regularization, cg_steps, OUTER_LR)
    method.probed_module = lambda: module  # an object with a module in it cannot be copied, as students may do
    method.probed_stand_ins = {"_implicit_gradient": _no_solution}
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
    return linear(method, w4, b4)


def _dense(product: Callable[[torch.Tensor], torch.Tensor], b: torch.Tensor, num_steps: int) -> torch.Tensor:
    """In the place of conjugate_gradient: the exact solution, times the share of the steps that were asked for."""
    matrix = torch.stack([product(unit).detach() for unit in torch.eye(len(b), dtype=b.dtype)], dim=1)
    return torch.linalg.solve(matrix, b.detach()) * num_steps / len(b)


def _solving(method: Any, stand_in: bool) -> Any:
    """While it is entered, the exact solution stands in the place of the student's conjugate_gradient, if wanted."""
    return (
        mock.patch.object(method.probed_module(), "conjugate_gradient", _dense)
        if stand_in
        else contextlib.nullcontext()
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
        gradient = several(method._outer_gradient(tensors(tasks)), 3, "_outer_gradient")[0]
    return Layer(gradient["w4"], gradient["b4"])


def _no_solution(images: torch.Tensor, labels: torch.Tensor, phi: Tensors, gradient: Tensors) -> Tensors:
    """In the place of _implicit_gradient: what depends on each number that it is given."""
    drawn = (images.flatten() * torch.cos(torch.arange(images.numel()))).mean()
    told = ((1 + labels) * torch.cos(torch.arange(len(labels)))).mean()
    factor = 2 + torch.tanh(3 * drawn + 0.5 * told)
    return {name: (factor * gradient[name].flip(0) + 0.01 * phi[name]).detach() for name in phi}
