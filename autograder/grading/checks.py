"""The checks of an exercise, and the points that each is worth.

The points that a check is given are its share of the exercise: how many it is worth follows from the homework's list.
"""

import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from autograder.grading.catalog import Exercise, exercises, homework
from autograder.grading.scores import ACCURACY, Score
from autograder.results import CheckResult, ExerciseResult, Report, Verdict, total

Check = Callable[..., None]


def checks(exercise: Exercise) -> list[Check]:
    """The checks of an exercise, in the order in which they stand."""
    module = exercise.load("checks")
    return [getattr(module, name) for name in exercise.outline()]


def describe(exercise: Exercise, check: Check) -> CheckResult:
    """A check as it stands before it is run, with the points that it is worth in this exercise."""
    return next(result for result in described(exercise) if result.name == check.__name__)


def described(exercise: Exercise) -> list[CheckResult]:
    """All checks of an exercise as they stand before they are run: their points add up to what it is worth."""
    found = checks(exercise)
    points = shares([getattr(check, "points", 0) for check in found], exercise.worth)
    return [_described(check, worth) for check, worth in zip(found, points, strict=True)]


def refreshed(report: Report) -> Report:
    """Return a report with the points, titles and hints of today: verdicts are kept for longer than these.

    An exercise or a check that the homework has no more stays as it was.
    """
    listed = {exercise.name: exercise for exercise in exercises(report.homework)}
    results = [_refreshed(listed[one.name], one) if one.name in listed else one for one in report.exercises]
    now = msgspec.structs.replace(report, exercises=results)
    count_left_out(now, bool(report.untrained))
    return now


@functools.cache
def _as_listed(exercise: Exercise) -> dict[str, CheckResult]:
    """The checks of an exercise by name, to be read: a class has the same ones for each of its students."""
    return {result.name: result for result in described(exercise)}


def _refreshed(exercise: Exercise, judged: ExerciseResult) -> ExerciseResult:
    known = _as_listed(exercise)
    renamed = {check.title: known[check.name].title for check in judged.checks if check.name in known}
    results = []
    for check in judged.checks:
        now = known.get(check.name, check)
        waits_for = [renamed.get(title, title) for title in check.waits_for]
        fields = {name: getattr(now, name) for name in ("title", "points", "hint", "mend")}
        results.append(msgspec.structs.replace(check, waits_for=waits_for, **fields))
    named = {"title": exercise.title, "required": exercise.required}
    return msgspec.structs.replace(judged, checks=results, **named)


def exercise_result(exercise: Exercise, results: list[CheckResult], **fields: Any) -> ExerciseResult:
    """Return the result of an exercise, from those of its checks."""
    return ExerciseResult(
        name=exercise.name,
        title=exercise.title,
        file=exercise.file,
        required=exercise.required,
        checks=results,
        **fields,
    )


def count_left_out(report: Report, fast: bool) -> None:
    """Note in a report how many points of required checks it left out, and how many because they train."""
    report.left_out = round(homework(report.homework).points - report.points, 2)
    if fast:
        report.untrained = _untrained(report, [each for each in report.exercises if each.required])
        report.optional_untrained = _untrained(report, [each for each in report.optional if each.handed_in])


def _untrained(report: Report, graded: list[ExerciseResult]) -> float:
    """Points of the checks that train, of some exercises of a report."""
    there = {exercise.name for exercise in graded}
    return total(
        check.points
        for exercise in exercises(report.homework)
        if exercise.name in there
        for check in described(exercise)
        if check.training
    )


def shares(weights: Sequence[float], worth: float) -> list[float]:
    """Divide points by weights into whole hundredths that add up to all of them.

    Args:
        weights: of each part.
        worth: all points; 0 to leave the weights as they are.
    """
    whole = sum(map(Fraction, weights))
    if not worth or not whole:
        return [float(weight) for weight in weights]
    exact = [Fraction(weight) * round(100 * worth) / whole for weight in weights]
    hundredths = [math.floor(part) for part in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: hundredths[i] - exact[i])  # who lost most by rounding is first
    for i in by_rest[: round(100 * worth) - sum(hundredths)]:
        hundredths[i] += 1
    return [part / 100 for part in hundredths]


def trains(check: Check) -> bool:
    """Whether a check trains the student's solution."""
    return hasattr(check, "training_seconds")


def score_of(exercise: Exercise, name: str) -> Score:
    """Return what a check that trains measures."""
    (found,) = (check for check in checks(exercise) if check.__name__ == name)
    return measures(found)


def measures(check: Check) -> Score:
    """Return what a check that trains measures, an accuracy if it does not say."""
    score: Score = getattr(check, "score", ACCURACY)
    return score


def _described(check: Any, points: float) -> CheckResult:
    return CheckResult(
        name=check.__name__,
        title=" ".join((check.__doc__ or check.__name__.removeprefix("test_").replace("_", " ")).split()),
        points=points,
        hint=getattr(check, "hint", ""),
        mend=getattr(check, "mend", ""),
        training=trains(check),
        verdict=Verdict.NOT_RUN,
    )
