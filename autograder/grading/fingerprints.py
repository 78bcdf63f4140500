"""Marks of arrays: a few numbers by which answers are told apart without keeping them.

Of each array its largest absolute value and two random projections. Arrays that are the same but for rounding have the
same marks but for rounding; others have not, but by an improbable accident.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def question(seed: int, function: str, arguments: Any, arrays: Arrays) -> str:
    """What was asked, but for the numbers in the arrays: a digest."""
    asked = json.dumps([seed, function, arguments, _form(arrays)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def form(arrays: Arrays) -> str:
    """Names and shapes: a digest."""
    return hashlib.sha256(json.dumps(_form(arrays)).encode()).hexdigest()[:16]


def marks(arrays: Arrays) -> np.ndarray:
    """The marks: float64 (arrays, 3), in the order of the names; a scale and two projections."""
    rows = [_mark(np.asarray(arrays[name], dtype=np.float64).ravel()) for name in sorted(arrays)]
    return np.array(rows).reshape(len(rows), 3)


def same(first: np.ndarray, second: np.ndarray, tolerance: float) -> bool:
    """Whether these are marks of the same arrays, but for rounding.

    Args:
        first, second: marks.
        tolerance: of an array's numbers, as a share of its largest.
    """
    if first.shape != second.shape:
        return False
    scales = np.maximum(second[:, :1], 1e-12)
    return bool(np.all(np.abs(first - second) <= tolerance * scales))


def _form(arrays: Arrays) -> list[Any]:
    return [[name, list(arrays[name].shape)] for name in sorted(arrays)]


def _mark(values: np.ndarray) -> tuple[float, float, float]:
    if not values.size:
        return (0.0, 0.0, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        one, two = _directions(values.size) @ values
        return (float(np.abs(values).max()), float(one), float(two))


@functools.lru_cache(maxsize=64)
def _directions(size: int) -> np.ndarray:
    """Two random directions, of such a length that a projection is about as large as a number of the array."""
    signs: np.ndarray = np.random.default_rng(size).choice(np.array([-1.0, 1.0]), (2, size))
    signs /= np.sqrt(size)
    return signs
