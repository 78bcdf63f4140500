"""A question of a probe, or the gradient of its answer, put to a solution."""

import functools
import inspect
import random
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch

from autograder.worker import packing, values


def reseed(seed: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch, as is done before each question."""
    random.seed(seed)
    np.random.seed(seed)
    # Not torch.manual_seed: for each kind of accelerator that is not there it formats a stack trace, in milliseconds.
    torch.default_generator.manual_seed(seed)


def ask(probe: ModuleType, module: Any, call: str, arguments: dict[str, Any]) -> dict[str, np.ndarray]:
    """Answer a question.

    Args:
        probe: the exercise's.
        module: the solution.
        call: name of a function of the probe, or that of a gradient, which ends on packing.GRADIENT.
        arguments: the function's after the first; for a gradient weights, names and arguments.

    Returns:
        The arrays of the answer, by field; for a gradient by the names of the arguments.
    """
    function = _put(probe, module, call.removesuffix(packing.GRADIENT))
    if not call.endswith(packing.GRADIENT):
        return values.flatten(function(**arguments))
    in_double = hasattr(getattr(probe, call.removesuffix(packing.GRADIENT)), values.DOUBLE)
    return (values.in_double(_gradient) if in_double else _gradient)(function, **arguments)


def _put(probe: ModuleType, module: Any, name: str) -> Callable[..., Any]:
    """A function of the probe with its first argument: the solution, or the probe's build for the solution."""
    function = getattr(probe, name)
    built = _first_argument(function) == "build"
    return functools.partial(function, functools.partial(probe.build, module) if built else module)


@functools.cache
def _first_argument(function: Callable[..., Any]) -> str:
    return next(iter(inspect.signature(function).parameters))


def _gradient(
    function: Callable[..., Any], weights: Any, names: list[str], arguments: dict[str, Any]
) -> dict[str, np.ndarray]:
    """The gradient of sum(weights * first field of the answer) with respect to the named arguments."""
    arrays = {
        (f"{name}/{key}" if key else name): array
        for name in names
        for key, array in (arguments[name].items() if isinstance(arguments[name], Mapping) else [("", arguments[name])])
    }
    with values.leaves(arrays) as leaves:
        answer = function(**arguments)
    unused = [name for name in arrays if not leaves[name]]
    if unused:
        raise LookupError(f"the probe makes no tensor of {unused[0]} by values.as_tensor, or names none by values.leaf")
    tensors = [leaf for name in arrays for leaf in leaves[name]]
    value = _weighted(answer._fields[0], answer[0], weights)
    found: tuple[torch.Tensor | None, ...] = (None,) * len(tensors)
    if value is not None and value.requires_grad:
        found = torch.autograd.grad(value, tensors, allow_unused=True)
    parts = dict(zip(map(id, tensors), found, strict=True))
    return {name: values.to_array(_sum(arrays[name], leaves[name], parts), f"gradient of {name}") for name in arrays}


def _sum(array: np.ndarray, leaves: list[torch.Tensor], parts: Mapping[int, torch.Tensor | None]) -> torch.Tensor:
    total = torch.zeros(array.shape, dtype=torch.float64)
    for leaf in leaves:
        part = parts[id(leaf)]
        if part is not None:
            total = total + part.detach().reshape(array.shape)
    return total


def _weighted(name: str, field: Any, weights: Any) -> torch.Tensor | None:
    """The sum of a field times weights; None for a plain number, which has no graph.

    Raises:
        FormatError: it is neither a tensor nor a number.
    """
    if isinstance(weights, Mapping):
        parts = [_weighted(f"{name} {key}", field[key], weights[key]) for key in weights]
        return sum((part for part in parts if part is not None), torch.zeros(()))
    if isinstance(field, bool | int | float | np.generic):
        return None
    return (values.tensor(field, name) * torch.as_tensor(weights)).sum()
