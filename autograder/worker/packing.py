"""The arguments of a request: JSON, in which {"array": name} stands for an array that travels beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

GRADIENT = ".gradient"  # after the name of a question whose answer's gradient is asked for


def unpack(argument: Any, arrays: dict[str, np.ndarray]) -> Any:
    """An argument of a request, its arrays put back where their names stand."""
    if isinstance(argument, dict):
        if argument.keys() == {"array"}:
            return arrays[argument["array"]]
        return {key: unpack(part, arrays) for key, part in argument.items()}
    if isinstance(argument, list):
        return [unpack(part, arrays) for part in argument]
    return argument


def pack(argument: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The opposite of unpack: JSON for an argument, its arrays added to arrays.

    A dict's arrays are numbered by name, so that a question is the same one in whatever order an answer came that is
    asked on with.
    """
    if isinstance(argument, np.ndarray):
        name = str(len(arrays))
        arrays[name] = argument
        return {"array": name}
    if isinstance(argument, Mapping):
        packed = {key: pack(argument[key], arrays) for key in sorted(argument)}
        return {key: packed[key] for key in argument}
    if isinstance(argument, list | tuple):
        return [pack(part, arrays) for part in argument]
    if isinstance(argument, np.generic):
        return argument.item()
    return argument
