"""Rules about correct solutions in other words."""

import ast
import contextlib
import io
from collections import Counter
from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.grading.checks import trains
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import alternatives, patches, processes
from autograder.instructor.quality.alternatives import FILE, Alternative
from autograder.instructor.quality.judging import judge

ENOUGH = 5  # of each function that students write


def fit(exercise: Exercise) -> Iterator[str]:
    """Look whether there are enough, and whether they fit the solution."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    counts = Counter({name: 0 for names, _ in patches.regions_by_function(solution) for name in names})
    for alternative in alternatives.load(exercise):
        try:
            ast.parse(alternative.apply(solution))
            counts.update(alternatives.functions(alternative, solution))
        except patches.PatchError as error:
            yield str(error)
        except SyntaxError as error:
            yield f"{alternative.place}: What comes out is not Python ({error.msg})."
    for name, count in counts.items():
        if count < ENOUGH:
            yield f"{exercise.place}/{FILE}: Write {name} correctly in other words, {ENOUGH - count} times more."


def pass_all(exercise: Exercise) -> Iterator[str]:
    """Hold the checks that do not train against all alternatives, in parallel."""
    known = alternatives.load(exercise)
    asked = [(exercise, alternative) for alternative in known]
    found = {alternative.name: sentences for (_, alternative), sentences in processes.each(rejected, asked)}
    for alternative in known:  # in their order, whichever was done first
        yield from found[alternative.name]


def rejected(exercise: Exercise, alternative: Alternative) -> list[str]:
    """Say which checks reject a correct solution, and which mistakes it is taken for."""
    found = []
    subject = Inside(exercise, alternative.apply((exercise.folder / "solution.py").read_text(encoding="utf-8")))
    with contextlib.redirect_stdout(io.StringIO()):  # a correct solution may print
        judged = judge({exercise: subject}, 1, Live(), lambda check: not trains(check))
    for check in judged:
        if not check.earned:
            found.append(f"{alternative.place}: {check.name} rejects it ({check.verdict.value}: {check.message}).")
        if check.likely:
            found.append(f"{alternative.place}: In {check.name} it is taken for a mistake: {check.likely}")
    return found
