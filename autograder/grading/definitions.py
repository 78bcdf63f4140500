"""What a probe or the checks of an exercise define and import, read off the text: to import a probe is to import torch.

Imports are followed within the exercise's own folder and into autograder.shapes, by `from ... import name`.
"""

import ast
import builtins
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autograder.fault import GraderError
from autograder.paths import COURSE

STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
SHAPES, OTHERS = "autograder.shapes.", "autograder.exercises."


class DefinitionError(GraderError):
    """A probe or a check that is written in a way which the grader cannot read; the message says where, and why."""


class Found(NamedTuple):
    """A statement that gives a name its meaning, and the module in which it stands."""

    node: ast.stmt
    module: "Module"

    @property
    def place(self) -> str:
        """Its file and line."""
        return self.module.place(self.node)


class Module:
    """The text of a module.

    Args:
        path: of its file.

    Raises:
        DefinitionError: it is missing or is not Python.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._text = path.read_text(encoding="utf-8")
            self.body = _parsed(self._text)
        except FileNotFoundError:
            raise DefinitionError(f"{_short(path)} is missing.") from None
        except (SyntaxError, ValueError) as error:
            where = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise DefinitionError(f"{_short(path)}{where} cannot be read: {error}.") from None

    @functools.cached_property
    def imports(self) -> "dict[str, Module]":
        """The modules of the exercise's and of the shapes' that it imports, by name.

        Raises:
            DefinitionError: one belongs to another exercise.
        """
        found = {}
        for name, line in imported(self._text).items():
            path = _file(name) if name.startswith((SHAPES, OTHERS)) else None
            if path and name.startswith(OTHERS) and path.parent.name != self.path.parent.name:
                raise DefinitionError(
                    f"{_short(self.path)}, line {line} imports {name}, which is another exercise's: what two of them "
                    "share belongs in autograder/shapes/."
                )
            if path:
                found[name] = self if path == self.path else Module(path)
        return found

    @functools.cached_property
    def names(self) -> dict[str, Found | None]:
        """What defines each name of the module, in order; None for what comes from a module that is not followed.

        Raises:
            DefinitionError: a name is imported from a followed module that does not have it.
        """
        found: dict[str, Found | None] = {}
        for node in self.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = Found(node, self)
            elif isinstance(node, ast.Assign):
                found.update({name: Found(each, self) for name, each in _assigned(node)})
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = Found(node, self)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found.update(self._brought(node))
        return found

    def _brought(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Found | None]]:
        source = self.imports.get(node.module or "") if isinstance(node, ast.ImportFrom) else None
        order = list(source.names) if source else []  # that of the file: imports are sorted by other rules
        for alias in sorted(node.names, key=lambda alias: order.index(alias.name) if alias.name in order else -1):
            name = alias.asname or alias.name.partition(".")[0]
            if source is None or f"{getattr(node, 'module', '')}.{alias.name}" in self.imports:
                yield name, None
            elif alias.name not in source.names:
                raise DefinitionError(f"{self.place(node)} imports {alias.name}, which {_short(source.path)} has not.")
            else:
                yield name, source.names[alias.name]

    def find(self, name: str) -> Found | None:
        """Return what defines a name; None where it comes from elsewhere or is Python's own.

        Raises:
            KeyError: it is neither defined nor imported.
        """
        if name not in self.names and hasattr(builtins, name):
            return None
        return self.names[name]

    def files(self) -> list[Path]:
        """List its file, those that it imports, and the __init__.py beside each."""
        found: dict[Path, None] = {}
        waiting = [self]
        while waiting:
            module = waiting.pop()
            if module.path not in found:
                found.update({module.path: None, module.path.with_name("__init__.py"): None})
                waiting += module.imports.values()
        return sorted(found)

    def place(self, node: ast.AST) -> str:
        """Say file and line of a piece of the text."""
        return f"{_short(self.path)}, line {getattr(node, 'lineno', 1)}"


def _assigned(node: ast.Assign) -> Iterator[tuple[str, ast.Assign]]:
    """Each name that is assigned to, with an assignment of its own: of each part of a tuple."""
    for target in node.targets:
        if isinstance(target, ast.Name):
            yield target.id, node
        elif isinstance(target, ast.Tuple):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value] * len(target.elts)
            for part, value in zip(target.elts, values, strict=False):
                yield from _assigned(ast.copy_location(ast.Assign([part], value), node))


@functools.cache
def imported(text: str) -> dict[str, int]:
    """Return dotted names of what may be the modules that a text imports, anywhere in it, with the line of each.

    Raises:
        SyntaxError, ValueError: it is not Python.
    """
    found: dict[str, int] = {}
    waiting: list[ast.AST] = list(_parsed(text))
    for node in waiting:  # statements, for imports are such, and those in them
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            found.setdefault(name, node.lineno)  # type: ignore[attr-defined]
        waiting += [part for part in ast.iter_child_nodes(node) if isinstance(part, STATEMENTS)]
    return found


@functools.lru_cache(maxsize=64)  # what exercises share is read for each of them
def _parsed(text: str) -> list[ast.stmt]:
    """The statements of a text."""
    return ast.parse(text).body


def _file(module: str) -> Path | None:
    path = COURSE.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _short(path: Path) -> str:
    return path.relative_to(COURSE).as_posix() if path.is_relative_to(COURSE) else path.name
