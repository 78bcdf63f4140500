"""How one exercise of a homework is chosen on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from autograder.grading.catalog import exercises


def only_option(said: str) -> Callable[[Any], Any]:
    """Return the option --only, which takes one exercise: a second would go unnoticed."""
    return click.option("--only", metavar="EXERCISE", multiple=True, callback=_one, help=said)


def _one(_context: click.Context, _option: click.Parameter, names: tuple[str, ...]) -> str | None:
    if len(set(names)) > 1:
        raise click.UsageError(
            f"--only takes one exercise, and {' and '.join(names)} are {len(names)}: run it for each."
        )
    return names[0] if names else None


def refuse_exercise(homework: str, words: list[str]) -> None:
    """Refuse words that belong to no option, with the way to grade one exercise if one of them names it.

    Raises:
        click.UsageError: there are any.
    """
    if not words:
        return
    named = [exercise.name for exercise in exercises(homework) for word in words if Path(word).stem == exercise.name]
    if named:
        raise click.UsageError(
            f"An exercise is graded alone by --only: `python -m autograder {homework} --only {named[0]}`."
        )
    raise click.UsageError(
        f"{words[0]} is no option: `python -m autograder {homework}` grades the work in this folder."
    )
