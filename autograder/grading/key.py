"""What answers are held against: the solutions in the instructor's copy, recorded answers in a handout."""

from collections.abc import Callable
from typing import Any, Protocol

from autograder.grading.catalog import Exercise
from autograder.grading.evidence import Failure
from autograder.grading.named_mistakes import Fit
from autograder.grading.subjects import Subject
from autograder.intake.submission import Submission
from autograder.results import CheckResult


class Key(Protocol):
    """Right answers, and what can be told from wrong ones."""

    @property
    def seed(self) -> int | None:
        """The only run's seed for which there are answers; None where any will do."""

    def prepare(self) -> None:
        """Do what takes time, while the first workers start."""

    def reference(self, exercise: Exercise) -> Subject:
        """Answers the functions of an exercise's probe, rightly; the same one each time."""

    def fitting(self, exercise: Exercise, failure: Failure) -> list[Fit]:
        """Which known mistakes make a check fail just like this; none if none does."""

    def patience(self, exercise: Exercise, check: str, run: Callable[..., Any]) -> float:
        """Return by how much to multiply the time of a check that ran out of it; 0 where another try is of no use."""

    def confirm(
        self, exercise: Exercise, handed_in: Submission, results: dict[str, CheckResult], run: Callable[..., Any]
    ) -> None:
        """Confirm the verdicts of one exercise, or change them; run is grade.run, but for its first arguments."""
