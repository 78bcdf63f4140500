"""Measure thresholds: the reference's accuracies over many seeds, and how far below them a threshold is safe."""

import math
import statistics

import numpy as np

from autograder.grading import grade, thresholds
from autograder.grading.catalog import Exercise
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Observer, Settings
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.instructor.quality.mutants import Mutant
from autograder.instructor.references import solutions
from autograder.intake.submission import Submission

Measured = dict[tuple[str, str], dict[int, float]]  # accuracies by check and source of the drawings, and by seed

ENOUGH = 5  # accuracies that say anything
PATIENCE = 10.0  # times the time limits: an accuracy does not depend on how busy the machine is
DEVIATIONS = 5.0  # how far below the mean a threshold lies


def calibrate(
    exercise: Exercise, sources: list[Drawings], seeds: int, mutant_seeds: int, observe: Observer, first: int = 0
) -> thresholds.Table:
    """Run the training checks of the reference and of its learning mutants under many seeds.

    What follows is written into thresholds.json, as it comes: a calibration that is interrupted has not been in vain.

    Args:
        exercise: which.
        sources: where to take drawings from, in turn; accuracies of sources of one name are taken together.
        seeds: runs of the reference with each source; with none its thresholds stay as they are.
        mutant_seeds: runs of each mutant with each source.
        observe: is told when a check begins and when it is judged.
        first: seed of the first run of the reference. Where it is not 0, what was measured with the seeds before it is
            kept: so a measurement goes on that was interrupted.

    Returns:
        The thresholds of the exercise.
    """
    measured = _measured_before(exercise, first)
    reference = solutions(exercise.homework)
    for seed, drawings in ((seed, drawings) for seed in range(first, first + seeds) for drawings in sources):
        _measure(exercise, reference, seed, drawings, measured, observe)
        table = thresholds.load(exercise)
        for (check, source), values in measured.items():
            if seed in values and len(values) >= ENOUGH:
                told = table.get(check, {}).get(source)
                table.setdefault(check, {})[source] = fit(list(values.values()))
                table[check][source].mutants = told.mutants if told else {}
        thresholds.save(exercise, table)
    if mutant_seeds:
        table = thresholds.load(exercise)
        for threshold in (threshold for by_source in table.values() for threshold in by_source.values()):
            threshold.mutants = {}
        thresholds.save(exercise, table)
    for mutant, wanted in learning(exercise).items() if mutant_seeds else ():
        wrong = Submission({exercise.file: mutant.apply(reference.files[exercise.file].decode()).encode()})
        accuracies: Measured = {}
        for seed, drawings in ((seed, drawings) for seed in range(mutant_seeds) for drawings in sources):
            _measure(exercise, wrong, seed, drawings, accuracies, observe, wanted)
        table = thresholds.load(exercise)
        for (check, name), values in accuracies.items():
            table[check][name].mutants[mutant.name] = [round(value, 4) for value in values.values()]
        thresholds.save(exercise, table)
    return thresholds.load(exercise)


def _measured_before(exercise: Exercise, first: int) -> Measured:
    """The accuracies of the reference under the seeds before the first."""
    return {
        (check, source): dict(enumerate(told.measured[:first]))
        for check, by_source in (thresholds.load(exercise) if first else {}).items()
        for source, told in by_source.items()
    }


def learning(exercise: Exercise) -> dict[Mutant, tuple[str, ...]]:
    """The mutants that an accuracy should tell from the reference, and the checks whose accuracy that is."""
    return {mutant: mutant.measured for mutant in mutants.load(exercise) if mutant.measured}


def _measure(
    exercise: Exercise,
    handed_in: Submission,
    seed: int,
    drawings: Drawings,
    into: Measured,
    observe: Observer,
    wanted: tuple[str, ...] | None = None,
) -> None:
    """Add the accuracies of one run, of all checks that train or of some."""
    referee = grade.run(
        [exercise],
        handed_in,
        Settings(seed, drawings, Live(), judge=False, patience=PATIENCE, observe=observe),
        wanted=lambda check: check.training if wanted is None else check.name in wanted,
    )
    for check, reached in referee.measured[exercise.name].items():
        for source, accuracy in reached:
            into.setdefault((check, source), {})[seed] = accuracy


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
