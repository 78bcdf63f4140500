"""Thresholds of scores: measured, not guessed.

`python -m autograder calibrate` writes an exercise's thresholds.json from the scores of the reference over many seeds;
the checks that train read it here.
"""

from pathlib import Path

import msgspec

from autograder.fault import AGAIN, GraderError
from autograder.grading import scores
from autograder.grading.catalog import Exercise
from autograder.grading.scores import Score
from autograder.paths import GRADER

MADE = "made"  # the source of tasks that are made, and do not depend on drawings


class Threshold(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A calibrated threshold.

    Attributes:
        bound: what a solution has to reach.
        false_fail: estimated probability that the reference does not reach it.
        mean, deviation, worst: of the reference's scores.
        measured: these scores, one a seed.
        mutants: scores of wrong solutions that it should tell apart, by the mutant's name.
        score: its name, one of scores.SCORES.
    """

    bound: float
    false_fail: float
    mean: float
    deviation: float
    worst: float
    measured: list[float]
    mutants: dict[str, list[float]] = {}
    score: str = scores.ACCURACY.name

    @property
    def words(self) -> str:
        """As "accuracy at least 0.741"."""
        kind = scores.SCORES[self.score]
        return f"{kind.name} at {kind.end} {self.bound:.3f}"

    @property
    def margin(self) -> float | None:
        """How far the best of the mutants, on average, stays from the threshold; None where none was measured."""
        kind = scores.SCORES[self.score]
        means = [sum(values) / len(values) for values in self.mutants.values()]
        return min(kind.distance(self.bound, mean) for mean in means) if means else None


Table = dict[str, dict[str, Threshold]]  # by check, by source of the drawings


def path(exercise: Exercise) -> Path:
    """Where an exercise's thresholds are kept."""
    return exercise.folder / "thresholds.json"


def load(exercise: Exercise) -> Table:
    """All thresholds of an exercise; none if it has never been calibrated."""
    file = path(exercise)
    return msgspec.json.decode(file.read_bytes(), type=Table) if file.exists() else {}


def save(exercise: Exercise, table: Table) -> None:
    """Write them, sorted, for people to read."""
    path(exercise).write_bytes(msgspec.json.format(msgspec.json.encode(table, order="sorted"), indent=2) + b"\n")


class Bar:
    """The threshold of one check, as its fixture `threshold`.

    Args:
        exercise, check: which.
        source: of the drawings, "omniglot" or "glyphs".
        score: what is measured.

    Attributes:
        measured: the scores that were held against it, with their sources.
        score: as given.
    """

    def __init__(
        self, exercise: Exercise, check: str, source: str, *, judge: bool = True, score: Score = scores.ACCURACY
    ):
        self._exercise, self._check, self._source, self._judge = exercise, check, source, judge
        self.score = score
        self.measured: list[tuple[str, float]] = []

    def reached_by(self, value: float, *, made: bool = False) -> None:
        """Assert that a score is good enough.

        Args:
            value: on characters, or tasks, that were not trained on.
            made: whether it was measured on a made task, which does not depend on the source of the drawings.
        """
        source = MADE if made else self._source
        self.measured.append((source, value))
        if self._judge:
            needed = self._threshold(source).bound
            assert self.score.reaches(value, needed), (
                f"{self.score.name} {value:.3f}, expected at {self.score.end} {needed:.3f}"
            )

    def _threshold(self, source: str) -> Threshold:
        try:
            return load(self._exercise)[self._check][source]
        except KeyError:
            measured = f"`python -m autograder calibrate {self._exercise.homework}/{self._exercise.name}` measures it"
            place = f"{self._exercise.place}/thresholds.json"
            way_out = measured if (GRADER / "instructor").is_dir() else AGAIN  # a handout has no such command
            raise GraderError(f"{place} has no threshold of {self._check} ({source}): {way_out}.") from None
