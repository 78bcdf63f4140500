"""How to drive a CNP: its two halves on given numbers; the questions of all that learns functions from points."""

from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np

from autograder.shapes.regression.probe import Regressor, loss, losses, predict, train
from autograder.shapes.training import load
from autograder.worker.values import as_tensor, in_double, several

__all__ = ["build", "decode", "loss", "losses", "predict", "represent", "train"]

Array = np.ndarray

HIDDEN = 64


class Representation(NamedTuple):
    """A representation (D,), and the points (K, 1) after it."""

    representation: Annotated[Array, "64"]
    x: Annotated[Array, "x"]
    y: Annotated[Array, "y"]


class Decoded(NamedTuple):
    """Means and deviations (Q, 1)."""

    mean: Annotated[Array, "queries"]
    deviation: Annotated[Array, "queries"]


def build(module: ModuleType) -> Regressor:
    """Make the student's object."""
    cnp = module.CNP(HIDDEN)
    return Regressor(cnp, cnp.step, cnp.predict)


@in_double
def represent(module: ModuleType, weights: dict[str, Array], x: Array, y: Array) -> Representation:
    """The representation of points (K, 1), by given weights."""
    given = as_tensor(x), as_tensor(y)
    return Representation(_cnp(module, weights).represent(*given), *given)


@in_double
def decode(module: ModuleType, weights: dict[str, Array], r: Array, queries: Array) -> Decoded:
    """Means and deviations at queries (Q, 1), of a representation (D,); without weights, by those of the beginning."""
    return Decoded(*several(_cnp(module, weights).decode(as_tensor(r), as_tensor(queries)), 2, "decode"))


def _cnp(module: ModuleType, weights: dict[str, Array]) -> Any:
    cnp = module.CNP(HIDDEN)
    return load(cnp, weights) if weights else cnp
