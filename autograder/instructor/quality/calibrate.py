"""Measure thresholds: the reference's accuracies over many seeds, and how far below them a threshold is safe."""

import math
import statistics
from collections.abc import Callable, Iterator

import numpy as np

from autograder.grading import grade, thresholds
from autograder.grading.catalog import Exercise
from autograder.grading.checks import score_of
from autograder.grading.drawings import Drawings
from autograder.grading.scores import ACCURACY, Score
from autograder.grading.settings import Settings
from autograder.instructor.live_key import Live
from autograder.instructor.quality import measurements, mutants, processes
from autograder.instructor.quality.measurements import Accuracies, Run
from autograder.instructor.references import solutions
from autograder.intake.submission import Submission

ENOUGH = 5  # accuracies that say anything
PATIENCE = 10.0  # times the time limits: an accuracy does not depend on how busy the machine is
DEVIATIONS = 5.0  # how far below the mean a threshold lies


def calibrate(
    exercise: Exercise,
    sources: list[Drawings],
    seeds: int,
    mutant_seeds: int,
    jobs: int = 1,
    observe: Callable[[thresholds.Table, int, int], None] = lambda table, done, total: None,
) -> thresholds.Table:
    """Run the training checks of the reference and of its learning mutants under many seeds.

    What follows is written into thresholds.json as it comes, and each run is kept: a calibration that was interrupted
    goes on where it was, unless what is measured is another program by then. A run in which the reference did not get
    to a score, as where a worker died, is not kept.

    Args:
        exercise: which.
        sources: where to take drawings from, in turn; accuracies of sources of one name are taken together.
        seeds: runs of the reference with each source; with none its thresholds stay as they are.
        mutant_seeds: runs of each mutant with each source.
        jobs: processes, each for a seed; how many makes no difference to what is measured.
        observe: is told after each run what follows so far, how many are done, and how many there are.

    Returns:
        The thresholds of the exercise.
    """
    places = [(seed, source) for seed in range(seeds) for source in range(len(sources))]
    runs = [Run("", seed, source, sources[source].source) for seed, source in places]
    places = [(seed, source) for seed in range(mutant_seeds) for source in range(len(sources))]
    for mutant in learning(exercise):
        runs += [Run(mutant.name, seed, source, sources[source].source) for seed, source in places]
    versions = measurements.versions(exercise)
    known = measurements.load(exercise, versions)
    found = {run: known[run] for run in runs if run in known}
    _save(exercise, found, bool(mutant_seeds))
    for run, accuracies in _measured([run for run in runs if run not in known], exercise, sources, jobs):
        found[run] = accuracies
        if run.mutant or all(accuracies.values()):  # the reference that did not get to its score is tried once more
            measurements.add(exercise, versions[run.mutant], run, accuracies)
        observe(_save(exercise, found, bool(mutant_seeds)), len(found), len(runs))
    return thresholds.load(exercise)


def needs_drawings(exercise: Exercise, drawings: Drawings) -> bool:
    """Tell whether a check trains on drawings, and not only on made tasks: the first run of the reference shows it.

    Args:
        exercise: which.
        drawings: the first source of the calibration to come, which does not measure this run again.
    """
    versions, run = measurements.versions(exercise), Run("", 0, 0, drawings.source)
    reached = measurements.load(exercise, versions).get(run)
    if reached is None:
        reached = measure(exercise, run, drawings)
        if all(reached.values()):
            measurements.add(exercise, versions[""], run, reached)
    return any(source != thresholds.MADE for by_source in reached.values() for source in by_source)


def learning(exercise: Exercise) -> dict[mutants.Mutant, tuple[str, ...]]:
    """Return the mutants that an accuracy should tell from the reference, and the checks whose accuracy that is."""
    return {mutant: mutant.measured for mutant in mutants.load(exercise) if mutant.measured}


def _measured(
    runs: list[Run], exercise: Exercise, sources: list[Drawings], jobs: int
) -> Iterator[tuple[Run, Accuracies]]:
    """The runs and what they measure, as they are done."""
    if jobs == 1:
        yield from ((run, measure(exercise, run, sources[run.place])) for run in runs)
        return
    asked = [(exercise, run, sources[run.place]) for run in runs]
    yield from ((run, accuracies) for (_, run, _), accuracies in processes.each(measure, asked, jobs))


def measure(exercise: Exercise, run: Run, drawings: Drawings) -> Accuracies:
    """Run the checks that train, or those that should tell a mutant, and return the accuracies by check and source."""
    handed_in, wanted = solutions(exercise.homework), None
    if run.mutant:
        mutant = next(mutant for mutant in mutants.load(exercise) if mutant.name == run.mutant)
        handed_in = Submission({exercise.file: mutant.apply(handed_in.files[exercise.file].decode()).encode()})
        wanted = mutant.measured
    referee = grade.run(
        [exercise],
        handed_in,
        Settings(run.seed, drawings, Live(), judge=False, patience=PATIENCE),
        wanted=lambda check: check.training if wanted is None else check.name in wanted,
    )
    return {check: dict(reached) for check, reached in referee.measured[exercise.name].items()}


def _save(exercise: Exercise, found: dict[Run, Accuracies], of_mutants: bool) -> thresholds.Table:
    """Write the thresholds that follow, and return those that were measured."""
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    for run in sorted(found, key=lambda run: (run.seed, run.place)):  # by the seed, whichever was done first
        for check, reached in found[run].items():
            for source, accuracy in reached.items():
                values.setdefault((check, source, run.mutant), {})[run.seed] = accuracy
    table = thresholds.load(exercise)
    measured: thresholds.Table = {}
    for by_source in table.values() if of_mutants else ():
        for threshold in by_source.values():
            threshold.mutants = {}
    for check, source, mutant in sorted(values):  # the reference, whose name is empty, before its mutants
        accuracies = list(values[check, source, mutant].values())
        before = table.get(check, {}).get(source)
        if not mutant and len(accuracies) >= ENOUGH:
            table.setdefault(check, {})[source] = fit(accuracies, score_of(exercise, check))
            table[check][source].mutants = before.mutants if before else {}
            measured.setdefault(check, {})[source] = table[check][source]
        elif mutant and before:
            before.mutants[mutant] = [round(value, 4) for value in accuracies]
    thresholds.save(exercise, table)
    return measured


def fit(values: list[float], score: Score = ACCURACY) -> thresholds.Threshold:
    """Fit a threshold to the scores of a correct solution.

    On the score's stretched scale they are taken to be normal, with a mean and deviation known from these runs alone: a
    further run then follows Student's t distribution.
    """
    n = len(values)
    stretched = [score.stretched(value) for value in values]
    return thresholds.Threshold(
        bound=score.threshold(statistics.mean(stretched), statistics.stdev(stretched), DEVIATIONS),
        false_fail=float(f"{_student_tail(DEVIATIONS / math.sqrt(1 + 1 / n), n - 1):.1e}"),
        mean=round(statistics.mean(values), 4),
        deviation=round(statistics.stdev(values), 4),
        worst=round(min(values) if score.best == "high" else max(values), 4),
        measured=[round(value, 4) for value in values],
        score=score.name,
    )


def _student_tail(t: float, freedom: int) -> float:
    """Probability that Student's t with so many degrees of freedom exceeds t."""
    x = np.geomspace(t, 1e4 * t, 200_001)
    log_norm = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(log_norm - (freedom + 1) / 2 * np.log1p(x**2 / freedom))
    return float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(x)))
