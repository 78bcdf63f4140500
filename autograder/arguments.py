"""What the arguments of several commands name, checked before anything is done."""

from pathlib import Path

import click

from autograder.grading.catalog import Exercise, exercises, homeworks
from autograder.grading.drawings import Drawings
from autograder.paths import COURSE
from data import copies


def chosen(homework: str, only: str | None) -> list[Exercise]:
    """Return the exercises that are graded: all of a homework, or the one of --only.

    Raises:
        click.UsageError: there is none.
    """
    listed = exercises(homework)
    names = [exercise.name for exercise in listed]
    if not names:
        raise click.UsageError(f"{homework} has no exercise yet; `python -m autograder new` begins one.")
    if only is not None and only not in names:
        raise click.UsageError(f"{homework} has no exercise {only}; it has {', '.join(names)}.")
    return [exercise for exercise in listed if only in (None, exercise.name)]


def check_copy() -> None:
    """Check that the user does not stand in another copy of the course than the one that would be graded.

    Raises:
        click.UsageError: that is so.
    """
    files = [exercise.file for homework in homeworks() for exercise in exercises(homework)]
    if standing := copies.other(files, COURSE):
        raise click.UsageError(f"{copies.warning(standing, COURSE)} --submission {copies.short(standing)} grades it.")


def find_drawings(source: str | None) -> Drawings:
    """Return the characters that --data names.

    Raises:
        click.UsageError: there are none, or they cannot be used.
    """
    drawings = Drawings.named(source)
    if source and drawings.folder:
        try:
            drawings.check()
        except FileNotFoundError:
            raise click.UsageError(
                f"There are no drawings in {drawings.folder}; `python -m data.download` fetches Omniglot."
            ) from None
        except ValueError as error:
            raise click.UsageError(f"--data {source}: {error}.") from None
    return drawings


def check_writable(option: str, path: Path) -> None:
    """Check that a file can be written.

    Raises:
        click.UsageError: its folder is not there, or it is one itself.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise click.UsageError(f"{option} cannot write {path}: its folder is not there, or it is one itself.")
