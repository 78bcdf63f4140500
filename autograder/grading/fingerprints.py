"""Marks of arrays: a few numbers by which answers are told apart without keeping them.

Of each array its largest absolute value and three projections. Arrays that are the same but for rounding have the same
marks but for rounding; others have not, but by an improbable accident.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
PROJECTIONS = 3
COLUMNS = 1 + PROJECTIONS  # marks of an array


def question(seed: int, function: str, arguments: Any, arrays: Arrays) -> str:
    """What was asked, but for the numbers in the arrays: a digest."""
    asked = json.dumps([seed, function, arguments, _form(arrays)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def exactly(seed: int, function: str, arguments: Any, arrays: Arrays) -> str:
    """What was asked, with the numbers in the arrays: a digest."""
    hashed = hashlib.sha256(json.dumps([seed, function, arguments], sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        hashed.update(f"{name} {array.dtype.str} {array.shape}".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def form(arrays: Arrays) -> str:
    """Names and shapes: a digest."""
    return hashlib.sha256(json.dumps(_form(arrays)).encode()).hexdigest()[:16]


def marks(arrays: Arrays) -> np.ndarray:
    """The marks: float64 (arrays, COLUMNS), in the order of the names; a scale and the projections."""
    rows = [_mark(np.asarray(arrays[name], dtype=np.float64).ravel()) for name in sorted(arrays)]
    return np.array(rows).reshape(len(rows), COLUMNS)


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


def _mark(values: np.ndarray) -> tuple[float, ...]:
    if not values.size:
        return (0.0,) * COLUMNS
    with np.errstate(invalid="ignore", over="ignore"):
        return (float(np.abs(values).max()), *(_directions(values.size) @ values).tolist())


@functools.lru_cache(maxsize=64)
def _directions(size: int) -> np.ndarray:
    """Directions, of such a length that a projection is about as large as a number of the array.

    A weight is between 0.5 and 1.5, above or below 0, and no few weights add up to 0: with weights of +1 and -1 alone
    an array that holds one value twice would lose it. They come from a digest, so that a record is read by another
    version of NumPy than wrote it.
    """
    digest = hashlib.shake_256(str(size).encode()).digest(4 * PROJECTIONS * size)
    weights = np.frombuffer(digest, dtype="<u4").reshape(PROJECTIONS, size) / 2.0**31  # from 0 to 2
    weights += np.where(weights < 1, -1.5, -0.5)
    weights /= np.sqrt(size)
    return weights
