"""The score by which a training is judged: an accuracy, or another number whose best end is high or low."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """What a run's best checkpoint has the best of, and its test reports.

    Attributes:
        name: among what a learner measures, and in the log: "query_accuracy".
        words: "accuracy".
        chance: what guessing gets, if that is known.
        best: "high" or "low".
        percent: whether it lies from 0 to 1 and is shown in percent.
    """

    name: str
    words: str
    chance: float | None = None
    best: str = "high"
    percent: bool = False

    @property
    def key(self) -> str:
        """Under what the result of a test has it: "accuracy"."""
        return self.words.replace(" ", "_")

    @property
    def worst(self) -> float:
        """What any value is better than."""
        return -math.inf if self.best == "high" else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether a value is better than another."""
        return value > than if self.best == "high" else value < than

    def text(self, value: float, decimals: int = 1) -> str:
        """Write a value: 87.3%, with so many decimals, or as a plain number with two more."""
        return f"{value:.{decimals}%}" if self.percent else f"{value:.{decimals + 2}f}"


def accuracy(way: int) -> Score:
    """Make the score of a method that tells N classes apart: the share of queries that it classifies right."""
    return Score("query_accuracy", "accuracy", chance=1 / way, percent=True)
