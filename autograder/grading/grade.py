"""Grade one submission of one homework: the whole main job, from files to a report."""

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autograder import __version__
from autograder.grading import author_mistakes, box
from autograder.grading.catalog import Exercise, exercises
from autograder.grading.checks import checks, count_left_out, described, exercise_result
from autograder.grading.definitions import DefinitionError
from autograder.grading.referee import Referee, blame_ourselves
from autograder.grading.second_try import try_again
from autograder.grading.settings import Settings, unobserved
from autograder.grading.subjects import Student, Subject
from autograder.intake.submission import Submission
from autograder.isolation import levels
from autograder.paths import GRADER
from autograder.results import CheckResult, ExerciseResult, Report

# Plugins of pytest that checks have no use for, and that take half a second of ten exercises; those that look for
# exceptions in threads and finalizers collect garbage for 0.2 s a run.
LEFT_OUT = (
    *("terminal", "cacheprovider", "faulthandler", "warnings", "unraisableexception", "threadexception"),
    *("logging", "doctest", "junitxml", "pastebin", "stepwise", "legacypath", "setuponly", "setupplan"),
)
FEW = 2  # exercises whose workers import torch sooner by themselves


def grade(
    homework: str,
    handed_in: Submission,
    settings: Settings,
    *,
    subject: str,
    only: str | None = None,
    fast: bool = False,
    confirm: bool = True,
    start: Callable[[Exercise], Subject] | None = None,
) -> Report:
    """Grade a submission.

    Args:
        homework: "hw1" or "hw2".
        handed_in: the student's files.
        settings: of the run.
        subject: what to call it in the report.
        only: name of one exercise to grade.
        fast: leave the checks out that train.
        confirm: try once more what may have been the machine's fault, and hold every verdict against the student up to
            the reference, where the key can.
        start: whose subjects answer first; workers that are started now, if left out. Second tries have new workers.

    Raises:
        KeyboardInterrupt: as it is; no worker is left behind.
    """
    begun = time.monotonic()
    chosen = [exercise for exercise in exercises(homework) if only in (None, exercise.name)]
    there = [exercise for exercise in chosen if not handed_in.lacks(exercise)]
    if len(there) > FEW:
        levels.expect_many()
    judged = _judged(there, handed_in, settings, fast, confirm, start) if there else {}
    report = Report(
        homework=homework,
        subject=subject,
        seed=settings.seed,
        data=str(settings.drawings),
        isolation=levels.find().level,
        exercises=[judged.get(exercise.name) or absent(exercise) for exercise in chosen],
        seconds=round(time.monotonic() - begun, 2),
        version=__version__,
        notes=handed_in.notes,
        handout=handed_in.handout,
    )
    count_left_out(report, fast)
    return report


def _judged(
    chosen: list[Exercise],
    handed_in: Submission,
    settings: Settings,
    fast: bool,
    confirm: bool,
    start: Callable[[Exercise], Subject] | None,
) -> dict[str, ExerciseResult]:
    """The results of some exercises by their names; see grade."""
    referee = run(chosen, handed_in, settings, wanted=lambda check: not (fast and check.training), start=start)
    if confirm:
        quiet = dataclasses.replace(settings, observe=unobserved)

        def run_again(chosen: list[Exercise], handed_in: Submission, patience: float = 1.0, **options: Any) -> Referee:
            return run(chosen, handed_in, dataclasses.replace(quiet, patience=patience), **options)

        for exercise in (exercise for exercise in chosen if exercise.file in handed_in.files):
            try_again(referee, exercise, handed_in, run_again, settings.key)
            if exercise.name not in referee.problems:
                settings.key.confirm(exercise, handed_in, referee.results[exercise.name], run_again)
    return {exercise.name: _result(exercise, referee, fast) for exercise in chosen}


def run(
    chosen: list[Exercise],
    handed_in: Submission,
    settings: Settings,
    *,
    wanted: Callable[[CheckResult], bool] = lambda check: True,
    start: Callable[[Exercise], Subject] | None = None,
) -> Referee:
    """Run the checks of some exercises that are wanted; see grade and Referee. No worker is left.

    Where start is given, its subjects answer in the place of the student's code, and no worker is started.
    """
    problems = {e.name: handed_in.problem(e) for e in chosen if e.file not in handed_in.files}
    results = {f: result for e in chosen for f, result in zip(checks(e), described(e), strict=True)}
    with contextlib.ExitStack() as stack:
        if start is None:
            folder = stack.enter_context(box.filled(chosen, handed_in.files))
            start = functools.partial(
                Student, isolation=levels.find(), box=folder, threads=settings.threads, files=handed_in.files
            )
        referee = Referee(chosen, start, settings, problems, chosen=lambda function: wanted(results[function]))
        run_pytest(chosen, referee)
    return referee


def run_pytest(chosen: list[Exercise], referee: Referee) -> None:
    """Let a referee judge all checks of some exercises.

    Raises:
        KeyboardInterrupt: as it is.
    """
    try:
        with _own_pytest():
            status = pytest.main(_arguments(chosen), plugins=[referee])
    finally:
        referee.close()
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt


def _arguments(chosen: list[Exercise]) -> list[str]:
    options = [
        "-c",
        str(GRADER / "grading" / "checks.ini"),
        "--rootdir",
        str(GRADER),
        "--noconftest",
        "--assert=plain",
        "--capture=no",
    ]
    left_out = [word for plugin in LEFT_OUT for word in ("-p", f"no:{plugin}")]
    return [*options, *left_out, *(str(exercise.folder / "checks.py") for exercise in chosen)]


@contextlib.contextmanager
def _own_pytest() -> Iterator[None]:
    """pytest without what the environment would add to it."""
    names = {"PYTEST_ADDOPTS": None, "PYTEST_PLUGINS": None, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    before = {name: os.environ.get(name) for name in names}
    _set(names)
    try:
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def absent(exercise: Exercise) -> ExerciseResult:
    """Return the result of an optional exercise that was not handed in."""
    return exercise_result(exercise, [], handed_in=False)


def _result(exercise: Exercise, referee: Referee, fast: bool) -> ExerciseResult:
    """An exercise's verdicts, held against the list of the checks there are: none may get lost."""
    results = []
    for expected in described(exercise):
        if fast and expected.training:
            continue
        results.append(referee.results[exercise.name].get(expected.name) or _lost(expected, exercise, referee))
    return exercise_result(
        exercise,
        results,
        problem=referee.problems.get(exercise.name, ""),
        flags=referee.flags.get(exercise.name, []),
    )


def _lost(check: CheckResult, exercise: Exercise, referee: Referee) -> CheckResult:
    mistakes = author_mistakes.in_check(exercise, check.name)
    kept: BaseException | None = DefinitionError(mistakes[0]) if mistakes else None
    kept = kept or referee.errors.get(check.name) or referee.errors.get(exercise.name)
    blame_ourselves(check, kept or RuntimeError("the check was not run, and pytest does not say why"))
    return check
