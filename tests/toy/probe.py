"""How to drive a Toy."""

from types import ModuleType
from typing import Annotated, NamedTuple

import numpy as np

Array = np.ndarray


class Number(NamedTuple):
    """One number."""

    value: Annotated[Array, ""]


def centre(module: ModuleType, values: Array) -> Number:
    """The centre of values (n,)."""
    return Number(np.array(module.Toy().centre(values)))


def spread(module: ModuleType, values: Array) -> Number:
    """The spread of values (n,)."""
    return Number(np.array(module.Toy().spread(values)))
