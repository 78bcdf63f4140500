"""The two stages of help: a first report says what is wrong and where to look, a later one how to mend it."""

from collections.abc import Container

import msgspec

from autograder.results import Hints, Report


def in_the_handout(homework: str) -> str:
    """How a student reads it whose report comes from elsewhere, where nobody remembers what failed before."""
    return f"`python -m autograder {homework} --hint` says in your handout how to mend a mistake."


def staged(
    report: Report,
    policy: Hints,
    *,
    asked: bool = False,
    before: Container[tuple[str, str]] = (),
    way: str = "--hint says how to mend it.",
) -> Report:
    """Return the report with how to mend a mistake where it is due, and without where it is not yet.

    Args:
        report: what to show.
        policy: what the homework allows.
        asked: whether the student has asked for it.
        before: exercise and name of the checks that failed in an earlier run too.
        way: how the student gets to read what is held back.
    """
    exercises, held_back = [], ""
    for exercise in report.exercises:
        checks = []
        for check in exercise.checks:
            failed = bool(check.mend_shown)
            again = policy == "second failure" and (exercise.name, check.name) in before
            shown = failed and (asked or policy == "always" or again)
            held_back = way if failed and not shown else held_back
            checks.append(check if shown else msgspec.structs.replace(check, mend="", held_back=failed))
        exercises.append(msgspec.structs.replace(exercise, checks=checks))
    return msgspec.structs.replace(report, exercises=exercises, held_back=held_back)
