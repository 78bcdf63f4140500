"""Measure thresholds: the reference's accuracies over many seeds, and how far below them a threshold is safe."""

import math
import statistics

import numpy as np

from autograder import grade, submission, thresholds
from autograder.catalog import Exercise
from autograder.drawings import Drawings
from autograder.referee import Observer

ENOUGH = 5  # accuracies that say anything
DEVIATIONS = 5.0  # how far below the mean a threshold lies


def calibrate(exercise: Exercise, sources: list[Drawings], seeds: int, observe: Observer) -> thresholds.Table:
    """Run the reference's training checks under many seeds, and write what follows into thresholds.json.

    Args:
        exercise: which.
        sources: where to take drawings from, in turn; accuracies of sources of one name are taken together.
        seeds: runs with each source.
        observe: is told when a check begins and when it is judged.

    Returns:
        The thresholds of the exercise.
    """
    measured: dict[tuple[str, str], list[float]] = {}
    reference = submission.reference(exercise.homework)
    for number in range(seeds * len(sources)):
        drawings = sources[number % len(sources)]
        referee = grade.run(
            [exercise],
            reference,
            seed=number,
            drawings=drawings,
            wanted=lambda check: check.training,
            judge=False,
            observe=observe,
        )
        for check, reached in referee.measured[exercise.name].items():
            for source, accuracy in reached:
                measured.setdefault((check, source), []).append(accuracy)
        table = thresholds.load(exercise)
        for (check, source), values in measured.items():
            if len(values) >= ENOUGH:  # kept as it comes: a calibration that is interrupted has not been in vain
                table.setdefault(check, {})[source] = fit(values)
        thresholds.save(exercise, table)
    return thresholds.load(exercise)


def fit(accuracies: list[float]) -> thresholds.Threshold:
    """A threshold from the accuracies of a correct solution.

    Their logits log(p / (1 - p)) are taken to be normal, with a mean and deviation known from these runs alone: a
    further run then follows Student's t distribution.
    """
    n = len(accuracies)
    logits = [math.log(p / (1 - p)) for p in (min(max(p, 1e-3), 1 - 1e-3) for p in accuracies)]
    bound = statistics.mean(logits) - DEVIATIONS * statistics.stdev(logits)
    return thresholds.Threshold(
        accuracy=math.floor(1000 / (1 + math.exp(-bound))) / 1000,
        false_fail=float(f"{_student_tail(DEVIATIONS / math.sqrt(1 + 1 / n), n - 1):.1e}"),
        mean=round(statistics.mean(accuracies), 4),
        deviation=round(statistics.stdev(accuracies), 4),
        lowest=round(min(accuracies), 4),
        measured=[round(p, 4) for p in accuracies],
    )


def _student_tail(t: float, freedom: int) -> float:
    """Probability that Student's t with so many degrees of freedom exceeds t."""
    x = np.geomspace(t, 1e4 * t, 200_001)
    log_norm = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(log_norm - (freedom + 1) / 2 * np.log1p(x**2 / freedom))
    return float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(x)))
