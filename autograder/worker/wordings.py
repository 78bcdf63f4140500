"""Wordings: fixed texts of torch, NumPy and Python with places for small parts, and how one is recognised.

    The size of tensor a ({n}) must match the size of tensor b ({n}) at non-singleton dimension {axis}

What such a text says may be shown to a student even where inputs are hidden, for it is written anew: the words are the
wording's own, and of the message come only the parts, each one of a few possible ones. Everything else is left out.
"""

import functools
import math
import re
from typing import NamedTuple

LARGEST = 999  # number that is shown
MOST = 4  # numbers that a text shows
LONGEST = 1500  # characters of a text that is looked at
LEFT_OUT = "..."
AXES = range(-9, 10)
TYPES = (
    *("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Byte", "Char", "Bool"),
    *("float", "double", "unsigned char", "long int", "long", "int", "bool", "c10::Half", "c10::BFloat16"),
    *("torch.float32", "torch.float64", "torch.int64", "torch.int32", "torch.uint8", "torch.bool"),
)
KINDS = (
    *("NoneType", "Tensor", "Parameter", "float", "int", "bool", "str", "list", "tuple", "dict", "set", "range", "zip"),
    *("map", "generator", "dict_values", "dict_keys", "dict_items", "ndarray", "numpy.ndarray", "numpy.float64"),
    *("numpy.float32", "numpy.int64", "function", "method", "builtin_function_or_method", "type", "torch.Size"),
)
PARTS = {
    "n": r"[0-9]{1,18}",
    "axis": r"-?[0-9]{1,18}",
    "type": "|".join(map(re.escape, sorted(TYPES, key=len, reverse=True))),
    "kind": "|".join(map(re.escape, sorted(KINDS, key=len, reverse=True))),
    "*": r".*",  # anything; never shown
}
# How many parts of a name there are that can be shown.
SIZES = {"n": LARGEST + 1, "axis": len(AXES), "type": len(TYPES), "kind": len(KINDS), "*": 1}
PLACE = re.compile(r"\{(\*|n|axis|type|kind)\}")


class Shown(NamedTuple):
    """A text as its wording has it.

    Attributes:
        text: with its parts, where they are small.
        bare: without any.
    """

    text: str
    bare: str


def recognised(wording: str, text: str) -> Shown | None:
    """Return what can be shown of a text, or None if all of it is not worded so."""
    found = _pattern(wording).fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    places = list(zip(names(wording), found.groups(), strict=True))
    numbers = [int(part) for name, part in places if name in ("n", "axis")]
    small = len(numbers) <= MOST and all(_is_small(name, part) for name, part in places)
    texts = []
    for told in (small, False):
        shown = iter(_shown(name, part, told) for name, part in places)
        texts.append(PLACE.sub(lambda _, shown=shown: next(shown), wording))  # type: ignore[misc]
    return Shown(*texts)


def names(wording: str) -> list[str]:
    """List the names of a wording's parts, in order."""
    return PLACE.findall(wording)


def count(wording: str) -> int:
    """Count the texts that a wording can be shown as, but for the one without parts."""
    named = names(wording)
    if not set(named) - {"*"} or sum(name in ("n", "axis") for name in named) > MOST:
        return 0
    return math.prod(SIZES[name] for name in named)


def _shown(name: str, part: str, told: bool) -> str:
    if not told or name == "*":
        return LEFT_OUT
    return str(int(part)) if name in ("n", "axis") else part


def _is_small(name: str, part: str) -> bool:
    if name == "axis":
        return int(part) in AXES
    return name != "n" or int(part) <= LARGEST


@functools.cache
def _pattern(wording: str) -> re.Pattern[str]:
    pieces = PLACE.split(wording)  # words, then a name, then words
    return re.compile(
        "".join(f"({PARTS[piece]})" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)), re.DOTALL
    )
