"""What a question declares of its answer, and an answer held against it before anything is computed with it.

A probe declares shapes where it declares an answer's fields, and names sizes where it takes its arguments:

    class Logits(NamedTuple):
        logits: Annotated[Array, "Q, N"]

    def logits(module, features: Annotated[Array, "Q, D"], prototypes: Annotated[Array, "N, D"]) -> Logits: ...

A number among the arguments is a size too ("steps + 1"), "" is a single number, and the name of an argument alone, of
an array or a dict of arrays, means its shape. A size that no argument has may be any. What a check says of a shape is
the check's to say: an array of another shape than declared reaches it, but cannot be computed with where NumPy would
spread it over more numbers than there are.
"""

import ast
import inspect
import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from autograder.grading.definitions import DefinitionError, Found, Module
from autograder.grading.undeclared import Undeclared

Shape = tuple[int | None, ...]  # None where a size may be any

SPARE = 4 * 2**20  # bytes that a reply may have beyond what is declared
TIMES = 8  # or so many times as much
FIRST = ("module", "build")  # names of a question's first argument


class FieldsError(Exception):
    """An answer whose fields are not those of the question."""


class Field(NamedTuple):
    """A field of an answer.

    Attributes:
        shape: as it is declared; None if it is not.
        many: whether it is a dict of arrays.
    """

    shape: str | None
    many: bool


class Question(NamedTuple):
    """A function of a probe.

    Attributes:
        signature: of its arguments after the module.
        arguments: their declared shapes, where there are any.
        fields: of the answer.
    """

    signature: inspect.Signature
    arguments: dict[str, str]
    fields: dict[str, Field]

    def sizes(self, arguments: Mapping[str, Any]) -> dict[str, int]:
        """Return what the declared names stand for, given the arguments of a call."""
        sizes = {name: int(value) for name, value in arguments.items() if isinstance(value, int | np.integer)}
        for name, declared in self.arguments.items():
            for dimension, size in zip(_parts(declared), np.shape(arguments.get(name, ())), strict=False):
                if isinstance(dimension, ast.Name):
                    sizes[dimension.id] = size
        return sizes

    def expected(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the declared shapes of the fields, None where none is declared, a dict of them for a dict."""
        sizes = self.sizes(arguments)
        return {name: _expected(field, arguments, sizes) for name, field in self.fields.items()}

    def most(self, arguments: Mapping[str, Any], most: int) -> int:
        """Return how many bytes the arrays of a reply may have: at most so many, and fewer where all is declared."""
        numbers = 0
        for expected in self.expected(arguments).values():
            for shape in expected.values() if isinstance(expected, dict) else [expected]:
                if shape is None or None in shape:
                    return most
                numbers += math.prod(shape)
        return min(most, SPARE + TIMES * 8 * numbers)

    def gradient(self, arguments: Mapping[str, Any]) -> "Question":
        """Return the question for the gradient of this one's first field with respect to these arguments."""
        return self._replace(fields={name: Field(name, isinstance(part, Mapping)) for name, part in arguments.items()})

    def answer(self, arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> SimpleNamespace:
        """Return an answer's arrays by field.

        Raises:
            FieldsError: a field is missing, is an array where a dict is asked for, or was not asked for.
        """
        found: dict[str, Any] = {name: {} for name, field in self.fields.items() if field.many}
        for name, array in arrays.items():
            field, slash, key = name.partition("/")
            if field not in self.fields or bool(slash) != self.fields[field].many:
                raise FieldsError
            if slash:
                found[field][key] = array
            else:
                found[field] = array
        if any(field not in found or (declared.many and not found[field]) for field, declared in self.fields.items()):
            raise FieldsError
        for field, shape in self.expected(arguments).items():
            if isinstance(found[field], dict):
                each = shape if isinstance(shape, dict) else {}
                found[field] = {key: _held(f"{field} {key}", part, each.get(key)) for key, part in found[field].items()}
            else:
                found[field] = _held(field, found[field], shape)
        return SimpleNamespace(**found)


def read(module: Module) -> dict[str, Question]:
    """Return the questions of a probe by name: its functions, and those that it imports, whose answer is a NamedTuple.

    Raises:
        DefinitionError: one is written in a way that cannot be read; the message says where.
    """
    questions = {}
    for name, found in module.names.items():
        if found is None or name.startswith("_") or not isinstance(found.node, ast.FunctionDef):
            continue
        if name == "build":  # makes of a solution what questions are put to, and is none itself
            continue
        answer = _answer(found.node, found.module)
        first = found.node.args.args[0].arg if found.node.args.args else "missing"
        if answer is not None and (first in FIRST or found.module is module):  # else it helps to write others
            _check_first(first, found, name)
            if first == "build" and "build" not in module.names:
                raise DefinitionError(f"{_short(module)} has no function build(module, ...), which {name} needs.")
            questions[name] = Question(_signature(found.node, found.module), _arguments(found.node), _fields(answer))
    return questions


def _short(module: Module) -> str:
    return module.place(module.body[0]).partition(",")[0]


def _answer(function: ast.FunctionDef, module: Module) -> Found | None:
    """The class of a function's answer; None where it is not a NamedTuple of the exercise's."""
    if not isinstance(function.returns, ast.Name):
        return None
    try:
        found = module.find(function.returns.id)
    except KeyError:
        raise DefinitionError(
            f"{module.place(function)}: {function.name} returns {function.returns.id}, which is neither defined nor "
            "imported there."
        ) from None
    if found is None or not isinstance(found.node, ast.ClassDef):
        return None
    return found if any(ast.unparse(base).endswith("NamedTuple") for base in found.node.bases) else None


def _check_first(first: str, found: Found, name: str) -> None:
    """Check the name of the first argument, which says what is put there: the solution, or what builds of it."""
    if first not in FIRST:
        raise DefinitionError(
            f"{found.place}: the first argument of {name} is {first}, expected module (the solution) or build "
            "(the probe's function of this name, bound to the solution)."
        )


def _fields(answer: Found) -> dict[str, Field]:
    assert isinstance(answer.node, ast.ClassDef)
    declared = [part for part in answer.node.body if isinstance(part, ast.AnnAssign)]
    return {ast.unparse(part.target): _field(part.annotation, answer.module) for part in declared}


def _signature(function: ast.FunctionDef, module: Module) -> inspect.Signature:
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        raise DefinitionError(
            f"{module.place(function)}: {function.name} takes *, ** or / arguments; a question names each of its "
            "arguments."
        )
    missing = len(arguments.args) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*[None] * missing, *arguments.defaults]
    listed = [
        *((part, value, inspect.Parameter.POSITIONAL_OR_KEYWORD) for part, value in _pairs(arguments.args, defaults)),
        *(
            (part, value, inspect.Parameter.KEYWORD_ONLY)
            for part, value in _pairs(arguments.kwonlyargs, arguments.kw_defaults)
        ),
    ]
    return inspect.Signature(
        [
            inspect.Parameter(
                part.arg, kind, default=inspect.Parameter.empty if value is None else _literal(value, module)
            )
            for part, value, kind in listed[1:]
        ]
    )


def _pairs(arguments: list[ast.arg], defaults: list[ast.expr | None]) -> list[tuple[ast.arg, ast.expr | None]]:
    return list(zip(arguments, defaults, strict=True))


def _literal(value: ast.expr, module: Module) -> Any:
    """A default: a literal, or the name of a constant that is one."""
    source, home = value, module
    try:
        while isinstance(source, ast.Name):
            found = home.find(source.id)
            assert found is not None and isinstance(found.node, ast.Assign)
            source, home = found.node.value, found.module
        return ast.literal_eval(source)
    except (KeyError, AssertionError, ValueError):
        raise DefinitionError(
            f"{module.place(value)}: the default {ast.unparse(value)} is neither a plain value nor the name of a "
            "constant that is one."
        ) from None


def _arguments(function: ast.FunctionDef) -> dict[str, str]:
    listed = (*function.args.args, *function.args.kwonlyargs)
    declared = {argument.arg: _annotated(argument.annotation)[1] for argument in listed}
    return {name: shape for name, shape in declared.items() if shape is not None}


def _field(annotation: ast.expr, module: Module) -> Field:
    kind, shape = _annotated(annotation)
    alias = module.names.get(kind)
    value = alias.node.value if alias and isinstance(alias.node, ast.Assign) else None
    return Field(shape, (ast.unparse(value) if value else kind).startswith("dict["))


def _annotated(annotation: ast.expr | None) -> tuple[str, str | None]:
    """A type, and the shape that is declared with it."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        return ast.unparse(annotation.slice.elts[0]), str(ast.literal_eval(annotation.slice.elts[1]))
    return ast.unparse(annotation) if annotation else "", None


def _parts(shape: str) -> list[ast.expr]:
    """The sizes of a declared shape."""
    parsed = ast.parse(f"({shape},)" if shape else "()", mode="eval").body
    assert isinstance(parsed, ast.Tuple)
    return parsed.elts


def _expected(field: Field, arguments: Mapping[str, Any], sizes: Mapping[str, int]) -> Any:
    if field.shape is None:
        return None
    like = arguments.get(field.shape)
    if isinstance(like, Mapping):
        return {name: np.shape(array) for name, array in like.items()}
    if isinstance(like, np.ndarray):
        return like.shape
    found: list[int | None] = []
    for part in _parts(field.shape):
        if isinstance(part, ast.Starred):  # all sizes of an argument: "*values, 2"
            found += np.shape(arguments.get(ast.unparse(part.value), ()))
        else:
            found.append(_value(part, sizes))
    return tuple(found)


def _value(part: ast.expr, sizes: Mapping[str, int]) -> int | None:
    """A size; None where it has a name that stands for nothing."""
    if isinstance(part, ast.BinOp):
        left, right = _value(part.left, sizes), _value(part.right, sizes)
        if left is None or right is None:
            return None
        return left * right if isinstance(part.op, ast.Mult) else left + right
    return sizes.get(part.id) if isinstance(part, ast.Name) else int(ast.literal_eval(part))


def _held(what: str, array: np.ndarray, shape: Shape | None) -> np.ndarray:
    """An array as it is if it has the declared shape, and marked if it has another one, or none is declared."""
    if shape is not None and array.shape == shape:
        return array
    fits = shape is None or (
        len(shape) == array.ndim and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    )
    marked = array.view(Undeclared)
    marked.expected = "" if fits else f"{what}: shape {_tuple(array.shape)}, expected {_tuple(shape or ())}"
    return marked


def _tuple(shape: Shape) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ("," * (len(shape) == 1)) + ")"
