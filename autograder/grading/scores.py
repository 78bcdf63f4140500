"""What is measured of a trained method: a score has a name, a best end, bounds, and what guessing gets."""

import math
from typing import NamedTuple

import numpy as np


class Score(NamedTuple):
    """A kind of score.

    Attributes:
        name: as in messages, "accuracy".
        best: "high" or "low".
        low, high: its bounds; infinite where there is none.
        chance: what guessing gets; None where that depends on the task.
    """

    name: str
    best: str = "high"
    low: float = -math.inf
    high: float = math.inf
    chance: float | None = None

    @property
    def end(self) -> str:
        """What a threshold is: "least" or "most"."""
        return "least" if self.best == "high" else "most"

    def reaches(self, value: float, threshold: float) -> bool:
        """Tell whether a value is at least as good as a threshold."""
        return value >= threshold if self.best == "high" else value <= threshold

    def distance(self, value: float, threshold: float) -> float:
        """Return how much better a value is than a threshold."""
        return value - threshold if self.best == "high" else threshold - value

    def stretched(self, value: float) -> float:
        """Return a value on a scale without bounds, on which measurements are taken to be normal.

        It is log(p / (1 - p)) for what lies between 0 and 1, a logarithm of the distance to a single bound, and the
        value itself where there is none.
        """
        margin = 1e-3
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = (value - self.low) / (self.high - self.low)
            share = min(max(share, margin), 1 - margin)
            return math.log(share / (1 - share))
        if math.isfinite(self.high):
            return -math.log(max(self.high - value, margin))
        if math.isfinite(self.low):
            return math.log(max(value - self.low, margin))
        return value

    def unstretched(self, value: float) -> float:
        """Return the opposite of stretched."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return self.low + (self.high - self.low) / (1 + math.exp(-value))
        if math.isfinite(self.high):
            return self.high - math.exp(-value)
        if math.isfinite(self.low):
            return self.low + math.exp(value)
        return value

    def threshold(self, mean: float, deviation: float, deviations: float) -> float:
        """Return the threshold that lies so many deviations beyond the mean, on the worse side, in three decimals.

        Args:
            mean, deviation: of stretched values.
            deviations: how many.
        """
        worse = -deviations * deviation if self.best == "high" else deviations * deviation
        rounded = math.floor if self.best == "high" else math.ceil
        return rounded(1000 * self.unstretched(mean + worse)) / 1000


ACCURACY = Score("accuracy", low=0.0, high=1.0)
EXPLAINED_VARIANCE = Score("explained variance", high=1.0, chance=0.0)
NEGATIVE_LOG_LIKELIHOOD = Score("negative log-likelihood", best="low")
MEAN_SQUARED_ERROR = Score("mean squared error", best="low", low=0.0)

SCORES = {score.name: score for score in (ACCURACY, EXPLAINED_VARIANCE, NEGATIVE_LOG_LIKELIHOOD, MEAN_SQUARED_ERROR)}


def explained_variance(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Return 1 - the mean squared error / the variance of the targets: 1 if all is right, 0 for their mean.

    Args:
        predicted, targets: of one shape.
    """
    assert predicted.shape == targets.shape, f"predictions: shape {predicted.shape}, expected {targets.shape}"
    errors = np.mean(np.square(np.asarray(predicted, dtype=np.float64) - targets))
    return float(1 - errors / np.var(targets))


def negative_log_likelihood(mean: np.ndarray, deviation: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean of -log N(target; mean, deviation^2), in nats.

    Args:
        mean, deviation, targets: of one shape; deviations above 0.
    """
    for name, array in (("means", mean), ("deviations", deviation)):
        assert array.shape == targets.shape, f"{name}: shape {array.shape}, expected {targets.shape}"
    mean, deviation = np.asarray(mean, dtype=np.float64), np.asarray(deviation, dtype=np.float64)
    assert bool(np.all(deviation > 0)), f"deviations: the smallest is {deviation.min():.3g}, expected above 0"
    return float(np.mean(0.5 * np.square((targets - mean) / deviation) + np.log(deviation) + 0.5 * np.log(2 * np.pi)))
