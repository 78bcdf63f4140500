"""Questions about inner rates that the object makes by its _initial_rates and its optimizer learns."""

import contextlib
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from autograder.shapes.gradient.probe import Build

Array = np.ndarray
Arrays = dict[str, Array]


class Rates(NamedTuple):
    """Alpha as the constructor makes it."""

    inner_lrs: Arrays


class Stepped(NamedTuple):
    """How far a step of the object's own optimizer moved alpha."""

    moves: Annotated[Arrays, "slopes"]


def rates_are_given(
    kind: Callable[..., Any], shape: tuple[int, ...], learn: bool
) -> contextlib.AbstractContextManager[Any]:
    """While this is entered, objects do not make the rates that they will be given: others keep their place.

    Args:
        kind: the student's class. Its _initial_rates is judged elsewhere.
        shape: of the rates of one parameter.
        learn: whether rates will be given at all, as build is told.
    """

    def places(method: Any, inner_lr: float) -> dict[str, torch.Tensor]:
        return {name: torch.full(shape, inner_lr, requires_grad=True) for name in method._meta_parameters}

    return mock.patch.object(kind, "_initial_rates", places, create=True) if learn else contextlib.nullcontext()


def rates(build: Build, way: int, inner_lr: float, steps: int = 1) -> Rates:
    """Alpha of a new object."""
    return Rates(build(way, steps, inner_lr)._inner_lrs)


def stepped(build: Build, inner_lr: float, way: int, slopes: Arrays, steps: int = 1) -> Stepped:
    """How far the optimizer of a new object moves alpha in one step.

    Args:
        build: makes the student's object.
        inner_lr: what alpha is before.
        way, steps: N and T.
        slopes: the gradient of a loss with respect to alpha.
    """
    method = build(way, steps, inner_lr)
    alpha = {name: rate.detach().clone() for name, rate in method._inner_lrs.items()}
    loss = sum(
        (method._inner_lrs[name] * torch.tensor(slope, dtype=torch.float32)).sum() for name, slope in slopes.items()
    )
    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        method._optimizer.zero_grad()
        loss.backward()
        method._optimizer.step()
    return Stepped({name: method._inner_lrs[name].detach() - alpha[name] for name in slopes})
