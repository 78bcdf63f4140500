"""From what a solution returns to plain arrays.

Solutions return tensors or arrays, Python or NumPy numbers, lists of them, dicts of them: all are taken, what matters
is the value. float32, float64 and int64 cross as they are; smaller integers and booleans become int64.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_origin, get_type_hints
from unittest import mock

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as tree

from autograder.worker import wire

MAX_NUMBERS = 8_000_000  # in one array
for _name in ("_dtype_to_storage_type_map", "_storage_type_to_dtype_map"):  # torch.save asks once, and remembers:
    getattr(torch.storage, _name, dict)()  # before in_double gives torch.float32 another meaning
DOUBLE = "runs_in_double"  # the mark of a function that in_double made
MIXED = re.compile(r"dtype|scalar type|\bFloat\b|\bfloat\b")  # what torch says of two precisions that meet


class FormatError(TypeError):
    """A value that is not numbers of a readable kind."""


def to_array(value: Any, what: str) -> np.ndarray:
    """A number, tensor, array, or (nested) list of them as an array of float32, float64 or int64.

    Raises:
        FormatError: it is something else, too large, ragged, or holds NaN or infinity.
    """
    array = _array(value, what)
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise FormatError(f"{what}: {array.max()} is too large")
    if array.dtype.kind in "iub":
        array = array.astype(np.int64)
    if array.dtype not in (np.float32, np.float64, np.int64):
        raise FormatError(f"{what}: expected float32, float64 or integers, got {array.dtype}")
    if not wire.loops_end(array.shape):
        raise FormatError(f"{what}: expected numbers, got an empty array of the shape {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        place = [int(i) for i in np.argwhere(~finite)[0]]
        kind = "NaN" if np.isnan(array[tuple(place)]) else "infinity"
        raise FormatError(f"{what} contains {kind}, first at {place}" if place else f"{what} is {kind}")
    return np.array(array, order="C")


def _array(value: Any, what: str) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        if value.numel() > MAX_NUMBERS:
            raise FormatError(f"{what}: {value.numel()} numbers are too many")
        if value.dtype in (torch.bfloat16, torch.float16) or value.is_complex():
            raise FormatError(f"{what}: expected a float32 or float64 tensor, got {value.dtype}")
        try:
            plain: np.ndarray = value.detach().cpu().resolve_conj().resolve_neg().numpy()
            return plain
        except Exception:  # sparse, quantized, without storage, ...
            raise FormatError(f"{what}: expected an ordinary tensor, got one that NumPy cannot hold") from None
    if isinstance(value, np.ndarray | np.generic):
        if value.size > MAX_NUMBERS:
            raise FormatError(f"{what}: {value.size} numbers are too many")
        if value.dtype.kind not in "fiub" or value.dtype == np.float16:
            raise FormatError(f"{what}: expected float32, float64 or integers, got an array of {value.dtype}")
        return np.array(value, dtype=value.dtype.newbyteorder("="), subok=False)
    if isinstance(value, bool | int | float):
        return np.asarray(value)
    if isinstance(value, list | tuple):
        parts = [to_array(part, what) for part in value]
        if len({part.shape for part in parts}) > 1:
            raise FormatError(f"{what}: expected a tensor, got {_kind(value)} of different shapes")
        return np.stack(parts) if parts else np.zeros(0)
    raise FormatError(f"{what}: expected a tensor, got {_kind(value)}")


def flatten(answer: Any) -> dict[str, np.ndarray]:
    """The fields of a probe's answer, a NamedTuple, by name; "field/key" for the entries of a dict."""
    kinds = get_type_hints(type(answer))
    arrays = {}
    for field, value in answer._asdict().items():
        if get_origin(kinds[field]) is not dict:
            arrays[field] = to_array(value, field)
        elif isinstance(value, Mapping | torch.nn.ParameterDict) and len(value):
            arrays.update({f"{field}/{key}": to_array(part, f"{field} {key}") for key, part in value.items()})
        else:
            raise FormatError(f"{field}: expected a dict of tensors, got {_kind(value)}")
    return arrays


def several(answer: Any, count: int, what: str) -> tuple[Any, ...]:
    """The first so many of the values that a function returned.

    Raises:
        FormatError: it did not return a tuple or list of as many.
    """
    if not isinstance(answer, tuple | list) or len(answer) < count:
        raise FormatError(f"{what} returns {count} values, got {_kind(answer)}")
    return tuple(answer[:count])


def tensor(value: Any, what: str) -> torch.Tensor:
    """A tensor that must be one, since its graph is asked for.

    Raises:
        FormatError: it is something else.
    """
    if not isinstance(value, torch.Tensor):
        raise FormatError(f"{what}: expected a tensor, got {_kind(value)}")
    return value


def as_tensor(value: Any) -> torch.Tensor:
    """Make a tensor of an argument of a question, a copy: where its gradient is asked for, with a way back to it.

    Args:
        value: an array, or a number.
    """
    tensor = torch.tensor(value)
    if _names_of(value) and tensor.is_floating_point():
        return leaf(value, tensor.requires_grad_()).clone()  # what is written into it is no leaf
    return tensor


def leaf(array: np.ndarray, tensor: torch.Tensor) -> torch.Tensor:
    """Name the leaf tensor that holds an argument's numbers, a network's weight, say: its gradient is the argument's.

    Returns:
        The tensor.
    """
    for name in _names_of(array):
        _wanted[name][1].append(tensor)
    return tensor


@contextlib.contextmanager
def leaves(arrays: Mapping[str, np.ndarray]) -> Iterator[dict[str, list[torch.Tensor]]]:
    """Collect the leaf tensors that a question makes of these arrays, by name."""
    _wanted.update({name: (array, []) for name, array in arrays.items()})
    try:
        yield {name: found for name, (_, found) in _wanted.items()}
    finally:
        _wanted.clear()


_wanted: dict[str, tuple[np.ndarray, list[torch.Tensor]]] = {}  # arrays whose gradients are asked for, and their leaves


def _names_of(array: Any) -> list[str]:
    return [name for name, (wanted, _) in _wanted.items() if wanted is array]


def _kind(value: Any) -> str:
    if isinstance(value, tuple | list | Mapping):
        return f"a {type(value).__name__} of {len(value)}"
    return "nothing (no return?)" if value is None else type(value).__name__


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run a probe's function in double precision: numbers are compared, and gradients taken, in that.

    A solution need not know. Where it says .float() or torch.zeros(n), as most do, float64 is what it gets. Where it
    makes a float32 tensor all the same, as from a NumPy array, and multiplies it with what it was given, everything is
    computed once more, with the one turned into the precision of the other.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        begun = torch.get_rng_state()
        try:
            with _double():
                return function(*args, **kwargs)
        except RuntimeError as error:
            if not MIXED.search(str(error)):
                raise
        torch.set_rng_state(begun)
        with _double(), _OnePrecision():
            return function(*args, **kwargs)

    setattr(run, DOUBLE, True)
    return run


@contextlib.contextmanager
def _double() -> Iterator[None]:
    """Let torch's single precision be double."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    names: dict[str, Any] = {"float": torch.float64, "float32": torch.float64, "FloatTensor": torch.DoubleTensor}
    try:
        with mock.patch.multiple(torch, **names), mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
            yield
    finally:
        torch.set_default_dtype(default)


class _OnePrecision(TorchFunctionMode):
    """Let functions of torch take float32 and float64 tensors together, as sums and products of numbers do."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            return func(*args, **(kwargs or {}))
        except RuntimeError as error:
            if not MIXED.search(str(error)):
                raise
            in_place = func.__name__.endswith("_") and not func.__name__.endswith("__")
            kind = args[0].dtype if in_place else torch.float64

            def turned(value: Any) -> Any:
                is_float = isinstance(value, torch.Tensor) and value.is_floating_point()
                return value.to(kind) if is_float and value.dtype != kind else value

            return func(*tree.tree_map(turned, args), **tree.tree_map(turned, kwargs or {}))
