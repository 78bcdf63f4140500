"""Checks as tests of pytest, in the terminal and in the test explorers of VS Code and PyCharm.

A handout's pyproject.toml names this plugin and the folder of the checks. An exercise is graded once a run, as by
`python -m autograder`, in a worker that is kept apart as ever; each of its tests then tells one verdict.
`-m "not trains"` leaves out the checks that train your code.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import answer_key
from autograder.grading import catalog, grade
from autograder.grading.catalog import Exercise
from autograder.grading.checks import checks
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.intake import submission
from autograder.paths import COURSE
from autograder.report.terminal import OUR_FAULT
from autograder.results import CheckResult, ExerciseResult, Verdict
from autograder.student import history

TRAINS = "trains"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark of checks that train known."""
    config.addinivalue_line("markers", f"{TRAINS}: trains your code; tens of seconds rather than one")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Take the checks of an exercise for tests of one verdict each."""
    listed = (exercise for name in catalog.homeworks() for exercise in catalog.exercises(name))
    found = {exercise.folder / "checks.py": exercise for exercise in listed}
    exercise = found.get(module_path)
    return Checks.from_parent(parent, path=module_path, exercise=exercise) if exercise else None


class Checks(pytest.Module):
    """The checks of one exercise, which are graded together."""

    def __init__(self, *, exercise: Exercise, **options: Any):
        super().__init__(**options)
        self.exercise = exercise

    def collect(self) -> Iterator[pytest.Item]:
        """Make a test of each check, in the order in which they stand."""
        for check in checks(self.exercise):
            test = Check.from_parent(self, name=check.__name__, callobj=_telling(self, check))
            if self.exercise.outline()[check.__name__]:
                test.add_marker(TRAINS)
            yield test

    @functools.cached_property
    def graded(self) -> ExerciseResult:
        """What the grader says of the exercise; without the checks that train where none is asked for."""
        asked = [item for item in self.session.items if item.parent is self]
        fast = not any(item.get_closest_marker(TRAINS) for item in asked)
        report = grade.grade(
            self.exercise.homework,
            submission.collect(COURSE, self.exercise.homework),
            Settings(answer_key.seed_of(None), Drawings.find(), answer_key.find()),
            subject=self.exercise.file,
            only=self.exercise.name,
            fast=fast,
        )
        return history.staged(report, own=True, asked=False).exercises[0]

    def verdict(self, name: str) -> None:
        """Pass, fail or skip as a check was judged."""
        __tracebackhide__ = True
        if not self.exercise.required and not (COURSE / self.exercise.file).is_file():
            pytest.skip(f"{self.exercise.file} is optional, and not there.")
        try:
            result = self.graded
        except submission.SubmissionError as error:
            pytest.fail(str(error), pytrace=False)
        check = next(check for check in result.checks if check.name == name)
        if check.waits_for:
            pytest.skip(f"It waits for: {'; '.join(check.waits_for)}")
        if check.verdict is not Verdict.PASS:
            pytest.fail(words(check), pytrace=False)


class Check(pytest.Function):
    """One check as a test."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where the check stands."""
        assert isinstance(self.parent, Checks)
        check = getattr(self.parent.exercise.load("checks"), self.name)
        return self.path, check.__code__.co_firstlineno - 1, self.name


def words(check: CheckResult) -> str:
    """What a student reads of a check that did not pass."""
    before, after = check.seen
    lines = [f"{check.verdict.value}: {check.title}", before]
    lines += [OUR_FAULT] if check.verdict is Verdict.GRADER_ERROR else []
    lines += [check.likely, after, *(f"{word}: {text}" for word, text in check.advice)]
    lines += [f"printed meanwhile: {' | '.join(check.last_printed)}" if check.last_printed else ""]
    return "\n".join(line.rstrip() for line in lines if line)


def _telling(parent: Checks, check: Any) -> Callable[[], None]:
    def test() -> None:
        __tracebackhide__ = True
        parent.verdict(check.__name__)

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test
