"""The key of the instructor's copy: the reference solutions, run on whatever is asked."""

from collections.abc import Callable
from typing import Any

from autograder.grading.catalog import Exercise
from autograder.grading.evidence import Failure
from autograder.grading.named_mistakes import Fit
from autograder.instructor import confirm
from autograder.instructor.quality import misconceptions
from autograder.instructor.references import Reference
from autograder.intake.submission import Submission
from autograder.results import CheckResult


class Live:
    """See key.Key. One serves gradings that share a seed, for it remembers what the reference has passed."""

    seed = None

    def __init__(self) -> None:
        self._references: dict[str, Reference] = {}
        self._passed: dict[str, dict[str, CheckResult]] = {}

    def prepare(self) -> None:
        """Import torch, as the workers do at the same time."""
        from autograder.worker import warmup  # noqa: F401

    def reference(self, exercise: Exercise) -> Reference:
        """The reference solution."""
        return self._references.setdefault(exercise.name, Reference(exercise))

    def fitting(self, exercise: Exercise, failure: Failure) -> list[Fit]:
        """See instructor.misconceptions."""
        return misconceptions.fitting(exercise, failure)

    def patience(self, exercise: Exercise, check: str, run: Callable[..., Any]) -> float:
        """See instructor.confirm."""
        return confirm.patience(exercise, check, run, self._passed.setdefault(exercise.name, {}))

    def confirm(
        self, exercise: Exercise, handed_in: Submission, results: dict[str, CheckResult], run: Callable[..., Any]
    ) -> None:
        """See instructor.confirm."""
        confirm.confirm(exercise, results, run, self._passed.setdefault(exercise.name, {}))
