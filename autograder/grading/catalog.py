"""Which homeworks and exercises there are, read off the tree.

A homework is a list, `hw2/homework.toml`; an exercise is a folder, `autograder/exercises/maml/`, and the student's file
of its name in the homework's folder.
"""

import ast
import contextlib
import functools
import importlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import msgspec

from autograder.fault import GraderError
from autograder.grading import definitions
from autograder.paths import COURSE, EXERCISES
from autograder.results import Hints, number

if TYPE_CHECKING:
    from autograder.grading.questions import Question

LIST = "homework.toml"
PAGE = "exercise.toml"
PACKAGE = "autograder.exercises"
DUE = "2026-12-01 23:59 -08:00"
GITHUB = re.compile(r"([A-Za-z\d][A-Za-z\d-]*/[\w.-]+)(?:@([\w][\w./-]*))?")
HINTS: tuple[Hints, ...] = get_args(Hints)
SECOND_FAILURE: Hints = "second failure"


class CatalogError(GraderError):
    """A homework's list or an exercise's page that cannot be used; the message says what is wrong in which file."""


class SelectionError(Exception):
    """A choice of exercises that a homework cannot give; the message says why."""


class Homework(msgspec.Struct):
    """What a homework.toml says.

    Attributes:
        title: as "Prototypical networks and MAML".
        required: points of the exercises that make up the score, in their order.
        optional: points of exercises that are graded and reported, outside the sum; in their order.
        term: for people, as "Autumn 2026"; empty if it is not known yet.
        due: as "2026-12-01 23:59 -08:00"; empty if it is not known yet.
        repository: where the handout is published on GitHub, as "OWNER/NAME", or "OWNER/NAME@BRANCH" unless it is main;
            empty if it is not.
        hints: when a report says how to mend a mistake: when it is asked for, also at the second failure of the same
            check, or always.
    """

    title: str
    required: dict[str, float]
    optional: dict[str, float] = {}
    term: str = ""
    due: str = ""
    repository: str = ""
    hints: Hints = SECOND_FAILURE

    @property
    def points(self) -> float:
        """What the score is out of: the points of the required exercises."""
        return round(math.fsum(self.required.values()), 2)

    @property
    def published(self) -> tuple[str, str]:
        """Repository and branch on GitHub; both are empty where it is not published."""
        found = GITHUB.fullmatch(self.repository)
        return (found[1], found[2] or "main") if found else ("", "")

    @property
    def deadline(self) -> datetime | None:
        """When it is due."""
        return deadline(self.due) if self.due else None


class Page(msgspec.Struct):
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
        worth: the points that its checks share; 0 where no list says it: then each check has its own points.
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
        """As 'Problem 1. Prototypical networks'; an optional one says so."""
        return f"Problem {self.number}{'' if self.required else ' (optional)'}. {self.page.title}"

    @functools.cached_property
    def _outline(self) -> dict[str, bool]:
        """Read once: they are described anew for each check that is run."""
        return {
            name: any(ast.unparse(decorator).startswith("training") for decorator in found.node.decorator_list)
            for name, found in definitions.Module(self.folder / "checks.py").names.items()
            if name.startswith("test_") and found and isinstance(found.node, ast.FunctionDef)
        }

    def outline(self) -> dict[str, bool]:
        """Names of the checks and whether each trains, read off the text: importing them takes seconds."""
        return dict(self._outline)

    @functools.cached_property
    def questions(self) -> "dict[str, Question]":
        """What can be asked of a solution: the functions that its probe has and imports.

        Raises:
            DefinitionError: one is written in a way that cannot be read.
        """
        from autograder.grading import questions  # and with it NumPy: not for --help

        return questions.read(definitions.Module(self.folder / "probe.py"))

    @functools.cached_property
    def driver(self) -> list[str]:
        """The files that drive a solution: probe.py, and what it imports of this folder and of the shapes."""
        return [path.relative_to(COURSE).as_posix() for path in definitions.Module(self.folder / "probe.py").files()]

    @property
    def package(self) -> str:
        """Its folder as a package."""
        return f"{PACKAGE}.{self.name}"

    def load(self, part: str) -> ModuleType:
        """Import solution, probe or checks of this exercise."""
        return importlib.import_module(f"{self.package}.{part}")


_replaced: dict[str, Homework] = {}  # lists that stand in the place of those in the files


def homeworks() -> list[str]:
    """Names of the homeworks, hw10 after hw9: folders with a list, or with a package that lacks one."""
    found = {path.parent.name for name in (LIST, "__init__.py") for path in COURSE.glob(f"hw*/{name}")}
    return sorted(found, key=natural)


def homework(name: str) -> Homework:
    """What a homework's list says.

    Raises:
        CatalogError: it cannot be used.
    """
    return _replaced.get(name) or _homework(name)


def exercises(name: str) -> list[Exercise]:
    """The exercises of a homework in their order, the optional ones last.

    Raises:
        CatalogError: its list cannot be used, or an exercise that it lists has no folder, or no page.
    """
    listed = homework(name)
    worths = [(exercise, worth, True) for exercise, worth in listed.required.items()]
    worths += [(exercise, worth, False) for exercise, worth in listed.optional.items()]
    return [_exercise(name, exercise, i, worth, needed) for i, (exercise, worth, needed) in enumerate(worths, 1)]


@contextlib.contextmanager
def replaced(name: str, listed: Homework) -> Iterator[None]:
    """Let a homework be another list than its file says, as for a handout with a part of it."""
    before = dict(_replaced)
    _replaced[name] = listed
    try:
        yield
    finally:
        _replaced.clear()
        _replaced.update(before)


def select(name: str, counted: Iterable[str] = (), dropped: Iterable[str] = ()) -> Homework:
    """Return a homework's list with some optional exercises required, and without some exercises.

    Raises:
        CatalogError: its list cannot be used.
        SelectionError: an exercise is not in it, or none is left.
    """
    listed = homework(name)
    required, optional = dict(listed.required), dict(listed.optional)
    for exercise in (*counted, *dropped):
        if exercise not in required | optional:
            there = ", ".join(required | optional)
            raise SelectionError(f"{name}/{LIST} does not list {exercise}, but {there or 'no exercise'}.")
    for exercise in counted:
        if exercise in dropped:
            raise SelectionError(f"{exercise} cannot be required and left out.")
        if exercise in optional:
            required[exercise] = optional.pop(exercise)
    for exercise in dropped:
        required.pop(exercise, None)
        optional.pop(exercise, None)
    if not required | optional:
        raise SelectionError(f"No exercise of {name} would be left.")
    return msgspec.structs.replace(listed, required=required, optional=optional)


def write(listed: Homework) -> str:
    """Return the text of a homework.toml."""
    lines = [f"title = {_quoted(listed.title)}", f"required = {_table(listed.required)}"]
    if listed.optional:
        lines.append(f"optional = {_table(listed.optional)}")
    said = (("term", listed.term), ("due", listed.due), ("repository", listed.repository))
    lines += [f"{key} = {_quoted(text)}" for key, text in said if text]
    if listed.hints != SECOND_FAILURE:
        lines.append(f"hints = {_quoted(listed.hints)}")
    return "\n".join(lines) + "\n"


def deadline(due: str) -> datetime:
    """Read a due date, as "2026-12-01 23:59 -08:00".

    Raises:
        ValueError: it is none; the message says how one is written.
    """
    try:
        return datetime.strptime(due, "%Y-%m-%d %H:%M %z")
    except ValueError:
        raise ValueError(f'{due!r} is no time with its zone, as "{DUE}"') from None


def not_on_github(repository: str) -> str:
    """Say that this is no repository on GitHub, and how one is written."""
    return f'{repository!r} is no repository on GitHub, as "OWNER/NAME" or "OWNER/NAME@BRANCH"'


def natural(name: str) -> tuple[str, int, str]:
    """Return what names are sorted by, so that hw9 comes before hw10."""
    letters, digits, rest = re.fullmatch(r"(\D*)(\d*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    return letters, int(digits or 0), rest


@functools.cache
def _homework(name: str) -> Homework:
    path = COURSE / name / LIST
    values = _values(path, Homework)
    if "hints" in values and values["hints"] not in HINTS:
        allowed = ", ".join(_quoted(policy) for policy in HINTS)
        raise CatalogError(f"{_short(path)}: hints = {values['hints']!r} is none of {allowed}.")
    for key in ("required", "optional"):
        for exercise, points in values.get(key, {}).items() if isinstance(values.get(key, {}), dict) else ():
            if not is_worth(points):
                raise CatalogError(
                    f"{_short(path)} gives {exercise} {points!r} points: a positive number with at most two decimals."
                )
    listed = _converted(path, values, Homework)
    if twice := [exercise for exercise in listed.required if exercise in listed.optional]:
        raise CatalogError(f"{_short(path)} lists {twice[0]} twice, as required and as optional.")
    if listed.repository and not GITHUB.fullmatch(listed.repository):
        raise CatalogError(f"{_short(path)}: repository = {not_on_github(listed.repository)}.")
    try:
        deadline(listed.due or DUE)
    except ValueError as error:
        raise CatalogError(f"{_short(path)}: due = {error}.") from None
    return listed


def is_worth(points: object) -> bool:
    """Tell whether it is a number of points that an exercise can have."""
    if isinstance(points, bool) or not isinstance(points, int | float) or not math.isfinite(points):
        return False
    return points > 0 and math.isclose(points, round(points, 2))


@functools.cache
def _exercise(homework: str, name: str, number: int, worth: float, required: bool) -> Exercise:
    exercise = Exercise(homework, name, number, worth, required)
    if not name.isidentifier() or not exercise.folder.is_dir():
        there = ", ".join(sorted(path.parent.name for path in EXERCISES.glob(f"*/{PAGE}")))
        raise CatalogError(
            f"{homework}/{LIST} lists {name}, and there is no folder {exercise.place}; there are {there or 'none'}."
        )
    _ = exercise.page
    return exercise


def _read(path: Path, kind: type[Kind]) -> Kind:
    return _converted(path, _values(path, kind), kind)


def _values(path: Path, kind: type[Kind]) -> dict[str, Any]:
    """What a TOML file says, held against the keys that it may have and those that it must have."""
    try:
        values: dict[str, Any] = msgspec.toml.decode(path.read_bytes())
    except FileNotFoundError:
        raise CatalogError(f"{_short(path)} is missing: put it back as it was.") from None
    except OSError as error:
        raise CatalogError(f"{_short(path)} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # DecodeError and UnicodeDecodeError are such
        raise CatalogError(f"{_short(path)} is not TOML: {error}.") from None
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
    for key in values:
        if key not in fields:
            raise CatalogError(f"{_short(path)} has a key {key} that nothing reads; it may have {', '.join(fields)}.")
    for key, needed in fields.items():
        if needed and key not in values:
            raise CatalogError(f"{_short(path)} has no {key}.")
    return values


def _converted(path: Path, values: dict[str, Any], kind: type[Kind]) -> Kind:
    for key, value in values.items():
        if not isinstance(value, dict if key in ("required", "optional") else str):
            wanted = "a table, as { NAME = POINTS }" if key in ("required", "optional") else "a text in quotes"
            raise CatalogError(f"{_short(path)}: {key} is {wanted}.")
    return msgspec.convert(values, kind)


def _quoted(text: str) -> str:
    """A text as TOML writes it: what JSON writes is such a text."""
    return msgspec.json.encode(text).decode()


def _table(points: dict[str, float]) -> str:
    listed = ", ".join(f"{name} = {number(worth)}" for name, worth in points.items())
    return f"{{ {listed} }}" if listed else "{}"


def _short(path: Path) -> str:
    return path.relative_to(COURSE).as_posix()
