"""Packages that are not here: what is imported at the top of a file and never used costs nothing.

An import of the student's that fails gives a stand-in. Whoever uses it gets the ModuleNotFoundError then, at the line
that does. An import that stands where its failure is provided for fails as ever.
"""

import ast
import builtins
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

PROVIDED = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
Span = tuple[int, int]  # first and last line


class Absent:
    """A stand-in for a package that is not here, and for whatever is taken from it."""

    def __init__(self, package: str):
        self.__dict__["_package"] = package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":  # who asks so only looks around, as inspect does
            raise AttributeError(name)
        return self

    def __bool__(self) -> bool:
        return False

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __or__(self, other: object) -> "Absent":  # in annotations, as "Writer | None"
        return self

    __ror__ = __or__

    def _refuse(self, *arguments: Any, **named: Any) -> Any:
        package = self.__dict__["_package"]
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)


USES = "call iter next getitem setitem delitem enter exit len int float index contains mro_entries array"
USES += " add radd sub rsub mul rmul truediv rtruediv matmul rmatmul pow rpow neg lt le gt ge subclasscheck"
for _use in USES.split():
    setattr(Absent, f"__{_use}__", Absent._refuse)


def stand_in(folder: str) -> None:
    """Give stand-ins from now on for what the files of a folder import in vain."""
    files = [entry.path for entry in os.scandir(folder) if entry.name.endswith(".py")]
    spans = {file: list(_unprovided(_text(file))) for file in files}
    real = builtins.__import__

    def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        frame = sys._getframe(1)
        lines = spans.get(frame.f_code.co_filename, ())
        if level or not any(first <= frame.f_lineno <= last for first, last in lines):
            return real(name, globals, locals, fromlist, level)
        try:
            return real(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as error:
            return _instead(real, name, fromlist or (), error)

    builtins.__import__ = imported


def _text(file: str) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()


def _instead(real: Any, name: str, fromlist: Any, error: ModuleNotFoundError) -> Any:
    """What an import that fails gives: stand-ins for as much of it as is not there."""
    absent = Absent(str(error.name or name))
    there = name
    while there:
        try:
            module = importlib.import_module(there)
            break
        except ModuleNotFoundError:
            there = there.rpartition(".")[0]
    else:
        return absent
    if there != name:  # as torch.utils.tensorboard, where there is no tensorboard
        inside = module
        setattr(inside, name.removeprefix(f"{there}.").partition(".")[0], absent)
        return absent if fromlist else real(there)
    for part in fromlist:  # as from torch.utils import data, tensorboard
        try:
            real(name, None, None, (part,))
        except ModuleNotFoundError:
            setattr(module, part, absent)
    return module


def _unprovided(source: bytes) -> Iterator[Span]:
    """Lines of the imports whose failure nothing in the file provides for.

    Within a function, whoever calls it may: there only a file counts that provides for no such failure at all.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    inside: list[Span] = []
    provides = False
    todo: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while todo:
        node, provided, in_function = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom) and not provided:
            span = (node.lineno, node.end_lineno or node.lineno)
            if in_function:
                inside.append(span)
            else:
                yield span
        caught = node.body if isinstance(node, ast.Try | ast.With) and _provides(node) else []
        provides = provides or bool(caught)
        function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        covered = set(map(id, caught))
        todo += [(child, provided or id(child) in covered, function) for child in ast.iter_child_nodes(node)]
    if not provides:
        yield from inside


def _provides(node: ast.Try | ast.With) -> bool:
    """Whether an import that fails in the body of a statement is caught there."""
    if isinstance(node, ast.With):
        return any("suppress" in ast.dump(item.context_expr) for item in node.items)
    return any(handler.type is None or PROVIDED & _names(handler.type) for handler in node.handlers)


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
