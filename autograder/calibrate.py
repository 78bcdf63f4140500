"""Measure thresholds: the reference's accuracies over many seeds, and how far below them a threshold can be safe."""

import math
import statistics

from rich.console import Console

from autograder import grade, submission, thresholds
from autograder.catalog import Exercise
from autograder.drawings import Drawings

DEVIATIONS = 6.0  # how far below the mean a threshold lies


def calibrate(exercise: Exercise, drawings: Drawings, seeds: int, console: Console) -> None:
    """Run the reference's training checks under many seeds and write what they reach into thresholds.json."""
    measured: dict[tuple[str, str], list[float]] = {}
    files = submission.reference(exercise.homework)
    for seed in range(seeds):
        referee = grade.run([exercise], files, seed=seed, drawings=drawings, only_training=True, judge=False)
        for check, reached in referee.measured[exercise.name].items():
            for source, accuracy in reached:
                measured.setdefault((check, source), []).append(accuracy)
    table = thresholds.load(exercise)
    for (check, source), values in measured.items():
        table.setdefault(check, {})[source] = fit(values)
        console.print(f"{exercise.name} {check} {source}: {table[check][source]}")
    thresholds.save(exercise, table)


def fit(values: list[float]) -> thresholds.Threshold:
    """A threshold from the accuracies of a correct solution.

    The logits log(p / (1 - p)) of the accuracies are taken to be normal, which keeps the bound off 1.
    """
    logits = [math.log(value / (1 - value)) for value in (min(max(value, 1e-3), 1 - 1e-3) for value in values)]
    mean, deviation = statistics.mean(logits), statistics.stdev(logits)
    bound = mean - DEVIATIONS * deviation
    return thresholds.Threshold(
        accuracy=math.floor(1000 / (1 + math.exp(-bound))) / 1000,
        false_fail=0.5 * math.erfc(DEVIATIONS / math.sqrt(2)),
        mean=round(statistics.mean(values), 4),
        deviation=round(statistics.stdev(values), 4),
        lowest=round(min(values), 4),
        seeds=len(values),
    )
