"""A new homework, or a new exercise of one: its folder from templates, and what is still to be written of it."""

import importlib
import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jinja2
import msgspec

from autograder import writing
from autograder.exit_status import FULL_MARKS, GRADER_FAULT
from autograder.grading import catalog
from autograder.grading.catalog import LIST, Exercise, Homework, homeworks
from autograder.instructor import generated
from autograder.instructor.texts.source import SourceError
from autograder.paths import COURSE

TEMPLATES = Path(__file__).parent / "scaffold"
WRITE = re.compile(r"\bWRITE: (.+?)[\".)]*$")  # stands in a template where an author is to write something
ORDER = (
    "homework",
    "introduction",
    "exercise",
    "task",
    "cells",
    "solution",
    "probe",
    "checks",
    "mutants",
    "alternatives",
    "learner",
)  # in which an author writes the files
POINTS = 10.0  # of a new exercise
FUNCTIONS, CHARACTERS = "functions", ("episodic", "gradient")  # shapes: the usual one, those that need drawings
SHAPES = {  # what a student writes, the check that an example names, and the one that trains
    FUNCTIONS: (["step"], "step", ""),
    "episodic": (["_logits", "_step"], "loss", "learns_handwriting"),
    "gradient": (["_inner_loop", "_outer_step"], "adaptation_learns_from_the_support", "learns_handwriting"),
    "regression": (["predict", "step"], "loss", "learns_sinusoids"),
}


def begin(name: str, shape: str | None = None, points: float | None = None) -> int:
    """Begin a homework, as hw3, or an exercise, as hw3/my_method; returns the exit status.

    Args:
        name: of either.
        shape: of an exercise, one of SHAPES; "functions" if None.
        points: that an exercise is worth; 10 if None.

    Raises:
        click.UsageError: there can be none of this name, or something is in its place.
    """
    if "/" not in name and (shape or points):
        raise click.UsageError(f"--shape and --points are for an exercise, as {name}/my_method.")
    if points and not catalog.is_worth(points):
        raise click.UsageError(f"--points {points:g}: points have at most two decimals.")
    try:
        return _begin_exercise(name, shape or FUNCTIONS, points or POINTS) if "/" in name else _begin_homework(name)
    except SourceError as error:  # in another text of the homework
        click.echo(f"README and notebook were not written. {error}", err=True)
        return GRADER_FAULT


def unwritten(folder: Path) -> Iterator[str]:
    """Find what a folder's author has still to write: a sentence each, with its place."""
    for path in sorted(folder.glob("*.*"), key=_order):
        if path.suffix in (".py", ".md", ".toml") and path.name != "README.md":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if match := WRITE.search(line):
                    yield f"{_short(path)}:{number}: Write {match[1]}."


def _begin_homework(name: str) -> int:
    if not re.fullmatch(r"hw[1-9]\d*", name):
        raise click.UsageError(
            f"A homework is named by a number, as hw3, and an exercise as hw3/my_method; not {name}."
        )
    folder = COURSE / name
    files = _from_templates("homework", folder, {"homework": name, "number": name[2:]})
    if folder.exists() and not folder.is_dir():
        raise click.UsageError(f"{name} is no folder; nothing was written.")
    _check_free([*files, folder / "README.md", folder / f"{name}.ipynb"])
    _write(files)
    _write(_generated(name, catalog.homework(name)))
    _say_unwritten(folder)
    click.echo(f"\nNext: `python -m autograder new {name}/NAME` begins an exercise in it.")
    return FULL_MARKS


def _begin_exercise(name: str, shape: str, points: float) -> int:
    exercise = _named(name)
    homework = exercise.homework
    functions, check, trains = SHAPES[shape]
    tasks = (COURSE / homework / "training.py").is_file()  # by which a program trains on tasks of characters
    settings = {
        "homework": homework,
        "name": exercise.name,
        "title": exercise.name.replace("_", " ").capitalize(),
        "kind": exercise.name.title().replace("_", ""),
        "shape": shape,
        "functions": functions,
        "check": check,
        "trains": trains,
        "learner": bool(trains) and (tasks or shape not in CHARACTERS),
    }
    files = _from_templates("exercise", exercise.folder, settings)
    files |= _from_templates(shape, exercise.folder, settings)
    if not settings["learner"]:
        files.pop(exercise.folder / "learner.py", None)
    listed = catalog.homework(homework)
    path = COURSE / homework / LIST
    if exercise.name not in listed.required | listed.optional:
        listed = msgspec.structs.replace(listed, optional=listed.optional | {exercise.name: points})
        files[path] = _listing(path.read_text(encoding="utf-8"), listed, exercise.name)
    _write(files)
    importlib.invalidate_caches()
    _write(_generated(homework, listed))
    _say_unwritten(exercise.folder)
    if shape in CHARACTERS and not tasks:
        click.echo(
            f"\nIt has no learner.py: {homework}/training.py, by which a program trains on tasks of characters, is not "
            "there. Begin from the one of another homework."
        )
    click.echo(
        f"\nIts points stand in {homework}/{LIST}. Next: `python -m autograder check {name}` says, in the order of "
        "writing, what is left; docs/authors.md walks through it."
    )
    return FULL_MARKS


def _from_templates(kind: str, folder: Path, settings: dict[str, Any]) -> dict[Path, str]:
    """The files of a new folder, from the templates of its kind."""
    loader = jinja2.FileSystemLoader(TEMPLATES / kind)
    templates = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return {
        folder / template.removesuffix(".j2"): templates.get_template(template).render(settings)
        for template in templates.list_templates(["j2"])
    }


def _generated(homework: str, listed: Homework) -> dict[Path, str]:
    """What is generated of a homework and is not as it is to be."""
    with catalog.replaced(homework, listed):
        return {COURSE / name: content.decode() for name, content in generated.stale(homework).items()}


def _listing(text: str, wanted: Homework, added: str) -> str:
    """The text of a homework.toml with one more optional exercise: changed where it must be, else written anew."""
    worth = f"{added} = {wanted.optional[added]:g}"
    for changed in (
        re.sub(r"^(optional *= *\{[^}\n]*?),? *\}", rf"\1, {worth} }}", text, flags=re.MULTILINE),
        f"{text.rstrip()}\noptional = {{ {worth} }}\n",
    ):
        try:
            if msgspec.toml.decode(changed, type=Homework) == wanted:
                return changed
        except msgspec.DecodeError:  # there is one already, in other lines
            continue
    return catalog.write(wanted)


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        writing.write_whole(path, text.encode())
        click.echo(f"written: {_short(path)}")


def _say_unwritten(folder: Path) -> None:
    click.echo("\nStill to be written:")
    for sentence in unwritten(folder):
        click.echo(f"  {sentence}")


def _named(name: str) -> Exercise:
    homework, _, own = name.partition("/")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", own) or keyword.iskeyword(own):
        raise click.UsageError(f"An exercise is named by its homework and a Python name, as hw3/my_method, not {name}.")
    if homework not in homeworks():
        raise click.UsageError(
            f"There is no homework {homework}; there are {', '.join(homeworks())}. `python -m autograder new "
            f"{homework}` begins one."
        )
    exercise = Exercise(homework, own)
    if exercise.folder.exists():
        raise click.UsageError(
            f"{exercise.place} is there already; nothing was written. To have it in {homework}, add {own} to "
            f"{homework}/{LIST}."
        )
    _check_free([COURSE / exercise.file])
    return exercise


def _check_free(paths: list[Path]) -> None:
    for path in paths:
        if path.exists():
            raise click.UsageError(f"{_short(path)} is there already; nothing was written.")


def _short(path: Path) -> str:
    return path.relative_to(COURSE).as_posix()


def _order(path: Path) -> tuple[int, str]:
    return ORDER.index(path.stem) if path.stem in ORDER else len(ORDER), path.name
