"""Accuracy thresholds: measured, not guessed.

`python -m autograder calibrate` writes an exercise's thresholds.json from the accuracies of the reference over many
seeds; the checks that train read it here.
"""

from pathlib import Path

import msgspec

from autograder.grading.catalog import Exercise


class Threshold(msgspec.Struct, kw_only=True):
    """A calibrated threshold.

    Attributes:
        accuracy: what a solution has to reach.
        false_fail: estimated probability that the reference does not reach it.
        mean, deviation, lowest: of the reference's accuracies.
        measured: these accuracies, one a seed.
        mutants: accuracies of wrong solutions that it should tell apart, by the mutant's name.
    """

    accuracy: float
    false_fail: float
    mean: float
    deviation: float
    lowest: float
    measured: list[float]
    mutants: dict[str, list[float]] = {}

    @property
    def margin(self) -> float | None:
        """How far the best of the mutants, on average, stays below the threshold; None where none was measured."""
        means = [sum(accuracies) / len(accuracies) for accuracies in self.mutants.values()]
        return self.accuracy - max(means) if means else None


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

    Attributes:
        measured: the accuracies that were held against it, with their sources.
    """

    def __init__(self, exercise: Exercise, check: str, source: str, *, judge: bool = True):
        self._exercise, self._check, self._source, self._judge = exercise, check, source, judge
        self.measured: list[tuple[str, float]] = []

    def reached_by(self, accuracy: float, *, made: bool = False) -> None:
        """Assert that an accuracy is high enough.

        Args:
            accuracy: on characters that were not trained on.
            made: whether it was measured on a made task, which does not depend on the source of the drawings.
        """
        source = "made" if made else self._source
        self.measured.append((source, accuracy))
        if self._judge:
            needed = load(self._exercise)[self._check][source].accuracy
            assert accuracy >= needed, f"accuracy {accuracy:.3f}, expected at least {needed:.3f}"
