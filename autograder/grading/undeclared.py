"""Arrays of another shape than declared: a check may look at them, and compute what is no larger than they are.

What NumPy asks nobody about is an array's own method that is given one of these, as `plain.dot(undeclared)`, and an
array of which one is the index: there the size of a reply is the only limit, see questions.Question.most.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from autograder.results import StudentError, Verdict

NUMBERS = 1_000_000  # that may come out, where no more than go in is not to be told
Function = Callable[..., Any]

NO_LARGER = {  # functions whose answer has no more numbers than they are given, whatever the shapes
    *(np.shape, np.ndim, np.size, np.array_repr, np.array_str, np.array2string, np.array_equal, np.iscomplexobj),
    *(np.sum, np.prod, np.mean, np.var, np.std, np.median, np.min, np.max, np.ptp, np.all, np.any, np.count_nonzero),
    *(np.quantile, np.percentile, np.argmin, np.argmax, np.sort, np.argsort, np.unique, np.cumsum, np.diff, np.round),
    *(np.copy, np.ravel, np.reshape, np.transpose, np.squeeze, np.expand_dims, np.flip, np.roll, np.moveaxis),
    *(np.swapaxes, np.concatenate, np.stack, np.vstack, np.hstack, np.split, np.array_split, np.flatnonzero, np.trace),
    *(np.diagonal, np.real, np.imag, np.nan_to_num, np.linalg.norm, np.histogram, np.zeros_like, np.ones_like),
    *(np.packbits, np.nonzero),
}
BROADCAST = {np.where, np.isclose, np.allclose, np.clip, np.copyto, np.take_along_axis}


class Undeclared(np.ndarray):
    """An array of a shape that is not the declared one: to be looked at, but never spread over more numbers.

    Attributes:
        expected: what to say where it would be; empty where no shape is declared.
    """

    expected: str

    def __array_finalize__(self, source: Any) -> None:
        self.expected = getattr(source, "expected", "")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(part) for part in inputs]
        if len(plain) > 1:
            self._check(_size(ufunc, method, plain), plain)
        if "out" in options:
            options["out"] = tuple(None if part is None else np.asarray(part) for part in options["out"])
        result = getattr(ufunc, method)(*plain, **options)
        return self._of(result) if isinstance(result, np.ndarray) else result

    def __array_function__(
        self, function: Function, types: Iterable[type], arguments: Any, options: Mapping[str, Any]
    ) -> Any:
        arrays = list(_arrays((arguments, options)))
        if function not in NO_LARGER:
            self._check(_most(function, arrays), arrays)
        return super().__array_function__(function, tuple(types), arguments, dict(options))

    def dot(self, *others: Any, **options: Any) -> Any:
        """Return np.dot of this array and another: NumPy's own method would not ask how large that is."""
        return np.dot(self, *others, **options)

    def _check(self, size: int, arrays: list[np.ndarray]) -> None:
        """Check how many numbers would come out.

        Raises:
            StudentError: too many.
        """
        if size > max(NUMBERS, *(part.size for part in arrays)):
            shapes = " and ".join(str(part.shape) for part in arrays[:2])
            raise StudentError(Verdict.WRONG, self.expected or f"The shapes {shapes} do not belong together.")

    def _of(self, result: np.ndarray) -> np.ndarray:
        marked = result.view(Undeclared)
        marked.expected = self.expected
        return marked


def _size(ufunc: np.ufunc, method: str, plain: list[np.ndarray]) -> int:
    """How many numbers would come out; more than there may be where it cannot be told.

    A size of 0 counts as 1 here and below: NumPy loops over the others whether there are numbers or not.
    """
    if method == "outer" or (ufunc.signature is not None and ufunc is not np.matmul):
        return math.prod(_spread(part.shape) for part in plain)
    if ufunc is np.matmul:
        return _matrix_product_size(*plain)
    return _spread(*(part.shape for part in plain))


def _most(function: Function, arrays: list[np.ndarray]) -> int:
    """How many numbers a function of arrays may return.

    Of a function that is not known that is each number of one array with each of the others, or of the array itself:
    np.outer, np.einsum, np.cov, np.diag.
    """
    if function in BROADCAST:
        return _spread(*(array.shape for array in arrays))
    if function is np.dot and len(arrays) == 2 and all(array.ndim <= 2 for array in arrays):
        return _matrix_product_size(*arrays)
    sizes = [_spread(array.shape) for array in arrays]
    return max(math.prod(sizes), max(sizes) ** 2)


def _matrix_product_size(first: np.ndarray, second: np.ndarray) -> int:
    rows = first.shape[-2] if first.ndim > 1 else 1
    columns = second.shape[-1] if second.ndim > 1 else 1
    return _spread(first.shape[:-2], second.shape[:-2]) * max(1, rows) * max(1, columns)


def _spread(*shapes: tuple[int, ...]) -> int:
    try:
        return math.prod(max(1, size) for size in np.broadcast_shapes(*shapes))
    except ValueError:  # NumPy says so better
        return 0


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """All arrays among the arguments of a function, in lists and dicts too."""
    if isinstance(value, np.ndarray):
        yield np.asarray(value)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))
