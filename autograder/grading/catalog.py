"""Which homeworks and exercises there are, read off the tree.

A homework is a list, `hw2/homework.toml`; an exercise is a folder, `autograder/exercises/maml/`, and the student's file
of its name in the homework's folder.
"""

import ast
import functools
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import msgspec

from autograder.fault import GraderError
from autograder.paths import COURSE, EXERCISES

if TYPE_CHECKING:
    from autograder.grading.questions import Question

LIST = "homework.toml"
PAGE = "exercise.toml"
PACKAGE = "autograder.exercises"


class CatalogError(GraderError):
    """A homework's list or an exercise's page that cannot be read; the message says which line of it, and why."""


class Homework(msgspec.Struct, forbid_unknown_fields=True):
    """What a homework.toml says.

    Attributes:
        title: as "Prototypical networks and MAML".
        required: points of the exercises that make up the score, in their order.
        optional: points of exercises that are graded and reported, outside the sum; in their order.
        term, due: for people, as "Autumn 2026" and "2026-12-01 23:59 -08:00".
    """

    title: str
    required: dict[str, float]
    optional: dict[str, float] = {}
    term: str = ""
    due: str = ""


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """What an exercise.toml says.

    Attributes:
        title: as "Prototypical networks".
        paper: the source, for people.
        shape: which pieces it shares with others: the module of autograder.shapes.
        homework: where it belongs unless a homework.toml says otherwise.
    """

    title: str
    paper: str
    shape: str
    homework: str


Kind = TypeVar("Kind", Homework, Page)


@dataclass(frozen=True)
class Exercise:
    """One exercise of a homework.

    Attributes:
        homework: "hw2".
        name: of its folder and of the student's file.
        number: its place in the homework, from 1.
        worth: points that its checks come to.
        required: whether these count in the homework's sum.
    """

    homework: str
    name: str
    number: int = 1
    worth: float = 0.0
    required: bool = True

    @property
    def folder(self) -> Path:
        """The folder that holds everything of this exercise."""
        return EXERCISES / self.name

    @property
    def place(self) -> str:
        """The folder relative to the course's, with forward slashes."""
        return f"autograder/exercises/{self.name}"

    @property
    def file(self) -> str:
        """The student's file, relative to the course folder, with forward slashes."""
        return f"{self.homework}/{self.name}.py"

    @property
    def module(self) -> str:
        """The student's module."""
        return f"{self.homework}.{self.name}"

    @functools.cached_property
    def page(self) -> Page:
        """What its exercise.toml says."""
        return _read(self.folder / PAGE, Page)

    @property
    def title(self) -> str:
        """As 'Problem 1. Prototypical networks'."""
        return f"Problem {self.number}. {self.page.title}"

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
        from autograder.grading import questions  # and with it NumPy: not for --help

        return questions.read(ast.parse((self.folder / "probe.py").read_text(encoding="utf-8")).body)

    @property
    def driver(self) -> list[str]:
        """The files that drive a solution: probe.py, and what it imports of this folder."""
        names = ["probe.py"]
        for node in ast.parse((self.folder / "probe.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(self.package + "."):
                names.append((node.module or "").removeprefix(self.package + ".") + ".py")
        return names

    @property
    def package(self) -> str:
        """Its folder as a package."""
        return f"{PACKAGE}.{self.name}"

    def load(self, part: str) -> ModuleType:
        """Import solution, probe, checks or mutants of this exercise."""
        return importlib.import_module(f"{self.package}.{part}")


def homeworks() -> list[str]:
    """Names of the homeworks: hw10 after hw9."""
    return sorted((path.parent.name for path in COURSE.glob(f"hw*/{LIST}")), key=_natural)


@functools.cache
def homework(name: str) -> Homework:
    """What a homework's list says.

    Raises:
        CatalogError: it cannot be read.
    """
    return _read(COURSE / name / LIST, Homework)


@functools.cache
def exercises(name: str) -> list[Exercise]:
    """The exercises of a homework in their order, the optional ones last.

    Raises:
        CatalogError: its list cannot be read, or names an exercise that is not there.
    """
    listed = homework(name)
    worths = [(exercise, worth, True) for exercise, worth in listed.required.items()]
    worths += [(exercise, worth, False) for exercise, worth in listed.optional.items()]
    found = [Exercise(name, exercise, i, worth, needed) for i, (exercise, worth, needed) in enumerate(worths, 1)]
    for exercise in found:
        if not exercise.folder.is_dir():
            raise CatalogError(
                f"{name}/{LIST} lists {exercise.name}, and there is no folder {_short(exercise.folder)}."
            )
    return found


def _natural(name: str) -> tuple[str, int, str]:
    """hw9 before hw10."""
    letters, digits, rest = re.fullmatch(r"(\D*)(\d*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    return letters, int(digits or 0), rest


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise CatalogError(f"{_short(path)} is missing.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise CatalogError(f"{_short(path)} cannot be read: {error}.") from None


def _short(path: Path) -> str:
    return path.relative_to(COURSE).as_posix()
