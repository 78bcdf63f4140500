"""What stands in the line that raised an error: shapes and kinds of the values under its names, and no value itself.

It is read in the worker, from the variables of the function that failed, and goes only where people grade their own
work, or into the words for the instructor (see failure.py).
"""

import re
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from autograder.worker import wire

NAMES = re.compile(r"(?<![\w.\"'])(self\.)?([A-Za-z_]\w*)(?!\w*\s*[=(][^=])")
COUNTED = (list, tuple, dict, set, str)
PLAIN = ("bool", "int", "float", "str")  # not told beside arrays
FEW = 20  # entries of a list that are looked at
INSIDE = ("dict", "list", "tuple", "str", "int", "float", "bool")  # kinds of entries that are told, and None
SINGLE = (bool, int, float, type(None))


def of(frame: FrameType, lines: str) -> list[wire.Operand]:
    """Return what stands in lines of a function, in the order of the names; empty where nothing of interest does.

    Nothing does in a line that raises an error of its own: it says itself what is wrong.
    """
    if lines.lstrip().startswith("raise"):
        return []
    found = [wire.Operand(name[: wire.NAME], *_described(value)) for name, value in _values(frame, lines)]
    arrays = [operand for operand in found if _is_array(operand)]
    rest = [operand for operand in found if operand not in arrays and not (arrays and operand.kind in PLAIN)]
    return [*arrays, *rest][: wire.OPERANDS]


def sentence(operands: list[wire.Operand]) -> str:
    """Say what stands in a line: "There, r has shape (64,), x (3, 1)."; kinds of numbers where these differ."""
    if not operands:
        return ""
    arrays = [operand for operand in operands if _is_array(operand)]
    parts = []
    if len({operand.kind for operand in arrays}) == 1 and len(arrays) > 1:
        (first, *rest), operands = arrays, [operand for operand in operands if operand not in arrays]
        parts = [f"{first.name} has shape {_sizes(first)}", *(f"{other.name} {_sizes(other)}" for other in rest)]
    return f"There, {', '.join([*parts, *map(_told, operands)])}."


def _values(frame: FrameType, lines: str) -> Iterator[tuple[str, Any]]:
    """Names of a line, and their values, where those are of a known kind."""
    known = frame.f_locals
    for whole in dict.fromkeys(found.group() for found in NAMES.finditer(lines)):
        owner, _, name = whole.rpartition(".")
        names: Mapping[str, Any] = getattr(known.get("self"), "__dict__", {}) if owner else known
        if name in names and (_noun(names[name]) or isinstance(names[name], (*COUNTED, *SINGLE))):
            yield whole, names[name]


def _is_array(operand: wire.Operand) -> bool:
    return operand.kind.endswith((" tensor", " array"))


def _described(value: Any) -> tuple[str, list[int] | None]:
    if noun := _noun(value):
        return f"{str(value.dtype).removeprefix('torch.')} {noun}", list(value.shape)[: wire.AXES]
    if isinstance(value, COUNTED):
        return f"{type(value).__name__}{_inside(value)}", [len(value)]
    return type(value).__name__, None


def _inside(value: Any) -> str:
    """Of what a list or tuple is: " of dicts", " of float64 tensors"; empty where that is not one known kind."""
    if not isinstance(value, list | tuple):
        return ""
    kinds = {_described(one)[0] if _noun(one) else type(one).__name__ for one in value[:FEW]}
    kind = kinds.pop() if len(kinds) == 1 else ""
    if kind == "NoneType":
        return " of None"
    return f" of {kind}s" if kind.endswith((" tensor", " array")) or kind in INSIDE else ""


def _noun(value: Any) -> str:
    """What a tensor or an array is called; empty for all else. The grader, which imports this too, has no torch."""
    if not (hasattr(value, "dtype") and hasattr(value, "ndim")):
        return ""
    return {"torch": "tensor", "numpy": "array"}.get(type(value).__module__.partition(".")[0], "")


def _told(operand: wire.Operand) -> str:
    if _is_array(operand):
        return f"{operand.name} is {_with_article(operand.kind)} of shape {_sizes(operand)}"
    if operand.shape is not None:
        length = operand.shape[0] if operand.shape else 0
        kind, _, inside = operand.kind.partition(" of ")
        of = f"{length} {inside.removesuffix('s') if length == 1 else inside}" if inside else f"length {length}"
        return f"{operand.name} is {_with_article(kind)} of {of}"
    if operand.kind == "NoneType":
        return f"{operand.name} is None"
    return f"{operand.name} is {_with_article(operand.kind)}"


def _with_article(kind: str) -> str:
    """A kind with a or an before it: a uint8 tensor, an int64 tensor."""
    return f"{'an' if kind[:1].lower() in 'aeio' else 'a'} {kind}"


def _sizes(operand: wire.Operand) -> str:
    sizes = operand.shape or []
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
