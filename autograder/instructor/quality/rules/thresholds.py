"""Rules about thresholds: measured, far below what is right and above what is wrong."""

import math
from collections.abc import Iterator

from autograder.grading import thresholds
from autograder.grading.catalog import Exercise
from autograder.grading.scores import SCORES
from autograder.instructor.quality import calibrate, mutants
from autograder.instructor.quality.mutants import MEASURED

ENOUGH = 30  # seeds
FALSE_FAIL = 1e-4
MARGIN = 0.05  # above the mean accuracy of the best mutant
SOURCES = ({thresholds.MADE}, {"omniglot", "glyphs"})


def measured(exercise: Exercise) -> Iterator[str]:
    """Look whether all has been measured that must be."""
    again = f"Run `python -m autograder calibrate {exercise.homework}/{exercise.name}`."
    table = thresholds.load(exercise)
    trains = [check for check, training in exercise.outline().items() if training]
    for check in trains:
        names = {mutant.name for mutant in mutants.load(exercise) if check in mutant.measured}
        if not names:
            yield (
                f"{exercise.place}/{mutants.FILE}: No mutant is `({MEASURED} {check.removeprefix('test_')})`: mark "
                "those that its accuracy should tell."
            )
        if check not in table:
            yield f"{exercise.place}/thresholds.json: {check} has no threshold. {again}"
            continue
        if set(table[check]) not in SOURCES:
            yield f"{exercise.place}/thresholds.json: {check} was measured with {', '.join(table[check])} only. {again}"
        for source, told in table[check].items():
            place = f"{exercise.place}/thresholds.json: {check}, {source}"
            if len(told.measured) < ENOUGH:
                yield f"{place}: {len(told.measured)} seeds were measured of {ENOUGH}. {again}"
            if set(told.mutants) != names:
                yield f"{place}: It was held against {len(told.mutants)} mutants that are not those marked. {again}"
    for check in sorted(table.keys() - set(trains)):
        yield f"{exercise.place}/thresholds.json: {check} trains nothing. {again}"
    for mutant in mutants.load(exercise):
        for check in (check for check in mutant.measured if check not in trains):
            yield f"{mutant.place}: {check} measures no accuracy: only a check with @training does."
    if trains and not (exercise.folder / "thresholds.png").exists():
        yield f"{exercise.place}/thresholds.png is missing. {again}"


def margins(exercise: Exercise) -> Iterator[str]:
    """Look at where thresholds lie."""
    for check, by_source in thresholds.load(exercise).items():
        for source, told in by_source.items():
            place = f"{exercise.place}/thresholds.json: {check}, {source}"
            again = calibrate.fit(told.measured, SCORES[told.score]) if len(told.measured) > 1 else None
            if not again or not math.isclose(again.bound, told.bound, abs_tol=0.002):  # rounded in the file
                yield f"{place}: {told.bound} is not what the measured accuracies give: calibrate anew."
                continue
            if told.false_fail >= FALSE_FAIL:
                yield f"{place}: It fails what is right {told.false_fail:.0e} of the time: measure more seeds."
            kind = SCORES[told.score]
            if told.worst not in told.measured or kind.distance(told.worst, told.bound) <= 0:
                yield f"{place}: {told.bound} is not beyond the reference's worst {told.score}, {told.worst}."
            values = [value for values in told.mutants.values() for value in values]
            reached = [value for value in values if kind.reaches(value, told.bound)]
            if reached:
                yield f"{place}: A mutant reached {reached[0]:.3f}, beyond {told.bound}: train longer, or let it go."
            elif told.margin is not None and told.margin <= MARGIN:
                yield (
                    f"{place}: The best mutant is {told.margin:.3f} below it, and {MARGIN} is asked for: train longer, "
                    "or let it go."
                )
