"""A new exercise: its folder from templates, and what is still to be written of it."""

import keyword
import re
from pathlib import Path

import click
import jinja2

from autograder import commands
from autograder.exit_status import FULL_MARKS
from autograder.grading.catalog import Exercise, exercises, homeworks
from autograder.instructor import generated, regions
from autograder.instructor.quality import mutants
from autograder.instructor.texts.source import SourceError
from autograder.paths import COURSE

TEMPLATES = Path(__file__).parent / "scaffold"
WRITE = re.compile(r"\bWRITE: (.+?)(?:\"\)|\"\"\")?$")  # stands in a template where an author is to write something
MUTANTS = 30  # that an exercise has at least


def begin(name: str) -> int:
    """Make the folder and the stub of an exercise, and say what is to be done; returns the exit status.

    Args:
        name: as hw2/reptile.

    Raises:
        click.UsageError: there can be no such exercise, or there is something in its place.
    """
    exercise = _named(name)
    settings = {
        "homework": exercise.homework,
        "title": exercise.name.replace("_", " ").capitalize(),
        "kind": exercise.name.title().replace("_", ""),
    }
    loader = jinja2.FileSystemLoader(TEMPLATES)
    templates = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    files = {
        exercise.folder / template.removesuffix(".j2"): templates.get_template(template).render(settings)
        for template in templates.list_templates(["j2"])
    }
    files[COURSE / exercise.file] = regions.stub(files[exercise.folder / "solution.py"], exercise.file)
    exercise.folder.mkdir()
    for path, text in files.items():
        commands.write_whole(path, text.encode())
        click.echo(f"written: {path.relative_to(COURSE).as_posix()}")
    click.echo("\nStill to be written:")
    for sentence in unwritten(exercise):
        click.echo(f"  {sentence}")
    click.echo(
        f"\nCONTRIBUTING.md walks through it; `python -m pytest tests/test_exercises.py -k {exercise.name}` says what "
        "is left."
    )
    return FULL_MARKS


def unwritten(exercise: Exercise) -> list[str]:
    """What is still to be written of an exercise: a sentence each, with its place."""
    found = []
    for path in sorted(exercise.folder.glob("*.py"), key=_order):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := WRITE.search(line):
                found.append(f"{path.relative_to(COURSE).as_posix()}:{number}: Write {match[1].rstrip('.')}.")
    if len(mutants.load(exercise)) < MUTANTS:
        found.append(f"{_place(exercise)}/mutants.py: Write {MUTANTS} wrong solutions that students really write.")
    if any(exercise.outline().values()) and not (exercise.folder / "thresholds.json").exists():
        found.append(f"{_place(exercise)}/thresholds.json: Run `python -m autograder calibrate {exercise.homework}`.")
    try:
        stale = generated.stale(exercise.homework)
    except SourceError as error:
        return [*found, str(error)]
    return found + [f"{name}: It is out of date; run `{generated.COMMAND}`." for name in stale]


def _named(name: str) -> Exercise:
    homework, slash, own = name.partition("/")
    if not slash or not re.fullmatch(r"[a-z][a-z0-9_]*", own) or keyword.iskeyword(own):
        raise click.UsageError(f"An exercise is named by its homework and a Python name, as hw2/reptile, not {name}.")
    if homework not in homeworks():
        raise click.UsageError(f"There is no homework {homework}; there are {', '.join(homeworks())}.")
    exercise = Exercise(homework, own)
    taken = [COURSE / other.file for each in homeworks() for other in exercises(each) if other.name == own]
    for path in (exercise.folder, COURSE / exercise.file, *taken):
        if path.exists():
            raise click.UsageError(f"{path.relative_to(COURSE).as_posix()} is there already; nothing was written.")
    return exercise


def _place(exercise: Exercise) -> str:
    return exercise.folder.relative_to(COURSE).as_posix()


def _order(path: Path) -> int:
    """The files in the order in which an author writes them."""
    names = ("__init__", "solution", "probe", "checks", "mutants")
    return names.index(path.stem) if path.stem in names else len(names)
