"""Which homeworks and exercises there are: read off the tree, so that a new folder is a new exercise."""

import ast
import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.shapes import Question

GRADER = Path(__file__).resolve().parent
COURSE = GRADER.parent  # holds hw1/, hw2/ and data/


@dataclass(frozen=True)
class Exercise:
    """One exercise: the folder autograder/<homework>/<name>/ and the student's file <homework>/<name>.py."""

    homework: str
    name: str

    @property
    def folder(self) -> Path:
        """The folder that holds everything of this exercise."""
        return GRADER / self.homework / self.name

    @property
    def file(self) -> str:
        """The student's file, relative to the course folder, with forward slashes."""
        return f"{self.homework}/{self.name}.py"

    @property
    def module(self) -> str:
        """The student's module."""
        return f"{self.homework}.{self.name}"

    @property
    def title(self) -> str:
        """First line of the docstring of checks.py, as 'Problem 1. Prototypical networks'."""
        docstring = ast.get_docstring(ast.parse((self.folder / "checks.py").read_text(encoding="utf-8")))
        return (docstring or self.name).splitlines()[0].rstrip(".")

    def outline(self) -> dict[str, bool]:
        """Names of the checks and whether each trains, read off the text: importing them takes seconds."""
        tree = ast.parse((self.folder / "checks.py").read_text(encoding="utf-8"))
        return {
            node.name: any(ast.unparse(decorator).startswith("training") for decorator in node.decorator_list)
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        }

    @functools.cached_property
    def questions(self) -> "dict[str, Question]":
        """What can be asked of a solution: the probe's functions."""
        from autograder import shapes  # and with it NumPy: not for --help

        return shapes.read(ast.parse((self.folder / "probe.py").read_text(encoding="utf-8")).body)

    @property
    def driver(self) -> list[str]:
        """The files that drive a solution: probe.py, and what it imports of this folder."""
        names = ["probe.py"]
        for node in ast.parse((self.folder / "probe.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(self._package + "."):
                names.append((node.module or "").removeprefix(self._package + ".") + ".py")
        return names

    @property
    def _package(self) -> str:
        return f"autograder.{self.homework}.{self.name}"

    def load(self, part: str) -> ModuleType:
        """Import solution, probe, checks or mutants of this exercise."""
        return importlib.import_module(f"{self._package}.{part}")


def homeworks() -> list[str]:
    """Names of the homeworks, sorted."""
    return sorted(path.name for path in GRADER.glob("hw*") if path.is_dir())


def exercises(homework: str) -> list[Exercise]:
    """The exercises of a homework, in the order of their titles."""
    return sorted(_folders(homework), key=lambda exercise: exercise.title)


def _folders(homework: str) -> Iterator[Exercise]:
    for checks in (GRADER / homework).glob("*/checks.py"):
        yield Exercise(homework, checks.parent.name)
