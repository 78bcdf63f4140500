"""Rules about wrong solutions."""

import ast
from collections.abc import Iterator

from rich.table import Table

from autograder.grading.catalog import Exercise
from autograder.grading.checks import checks, described
from autograder.instructor.quality import kill_matrix, kill_table, mutants
from autograder.instructor.quality.mutants import COMMON, FILE, UNJUDGED, WITHOUT_IDEA, Mutant
from autograder.instructor.quality.patches import PatchError

ENOUGH = 30
TOGETHER = 10  # mistakes that are looked for in pairs: each more costs a report that names none as many tries more
MOST = 1 / 3 + 1e-9  # of an exercise's points, for one mistake
IDEA = 1 / 2  # of them, at least, for a method without its idea
SEED = 1


def fit(exercise: Exercise) -> Iterator[str]:
    """Look whether there are enough, and whether they fit the solution."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    known = mutants.load(exercise)
    for mutant in known:
        try:
            text = mutant.apply(solution)
            ast.parse(text)
            if text == solution:
                yield f"{mutant.place}: '{mutant.name}' changes nothing."
        except PatchError as error:
            yield str(error)
        except SyntaxError as error:
            yield f"{mutant.place}: What comes out is not Python ({error.msg})."
    if len(common := [mutant for mutant in known if mutant.common]) > TOGETHER:
        yield f"{common[TOGETHER].place}: `({COMMON})` stands with more than {TOGETHER} mistakes: take it from others."
    for mutant in common:
        if not mutant.says:
            yield f"{mutant.place}: '{mutant.name}' is `({COMMON})` and has no name: say what it computes."
    if len(known) < ENOUGH:
        yield (
            f"{exercise.place}/{FILE}: Write {ENOUGH - len(known)} more wrong solutions that students really write, "
            f"{ENOUGH} in all."
        )


def no_check_is_dead(exercise: Exercise) -> Iterator[str]:
    """Look for checks that no mutant fails alone. Of those that train only calibration shows what they tell apart."""
    alone = {mutant.fails[0] for mutant in mutants.load(exercise) if len(mutant.fails) == 1}
    for name, trains in exercise.outline().items():
        if not trains and name not in alone:
            yield f"{exercise.place}/{FILE}: Write a mutant that {name} alone finds, or leave the check out."


def points(exercise: Exercise) -> Iterator[str]:
    """Look at what each mistake costs, with the checks that wait for those that fail."""
    for mutant in mutants.load(exercise):
        lost = cost(exercise, mutant)
        if mutant.without_idea:
            if lost < IDEA:
                yield (
                    f"{mutant.place}: '{mutant.name}' is `({WITHOUT_IDEA})` and loses {lost:.0%} of the points: let "
                    "more checks wait for one that it fails."
                )
        elif lost > MOST and not mutant.unjudged:
            yield (
                f"{mutant.place}: '{mutant.name}' loses {lost:.0%} of the points, more than a third: let fewer checks "
                f"see it, or mark it `({WITHOUT_IDEA})` or `({UNJUDGED})`."
            )
        elif lost <= MOST and mutant.unjudged:
            yield f"{mutant.place}: '{mutant.name}' loses {lost:.0%} of the points: take `({UNJUDGED})` away."


def cost(exercise: Exercise, mutant: Mutant) -> float:
    """Return the share of the points that a mutant loses, of the checks that do not train or, if need be, of all."""
    down, above, lost, total = set(mutant.fails), set[str](), 0.0, 0.0
    trains = exercise.outline()
    needs_training = all(trains[name] for name in mutant.fails)
    for check, told in zip(checks(exercise), described(exercise), strict=True):
        if any(awaited.__name__ in down & above for awaited in getattr(check, "after", ())):
            down.add(told.name)
        above.add(told.name)
        if needs_training or not told.training:
            total += told.points
            lost += told.points * (told.name in down)
    return lost / total


def exact(exercise: Exercise) -> Iterator[str | Table]:
    """Hold the checks against all mutants, and show what they cost."""
    order = [mutant.name for mutant in mutants.load(exercise)]
    deaths = sorted(kill_matrix.kill([exercise], SEED), key=lambda death: order.index(death.mutant))
    yield kill_table.costs(deaths)
    for death in deaths:
        yield from death.misfits()
