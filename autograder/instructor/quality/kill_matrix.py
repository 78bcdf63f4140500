"""The kill matrix: what the checks make of each mutant. A grader is an instrument, and this measures it."""

from collections.abc import Iterator
from typing import NamedTuple

from autograder.grading.catalog import Exercise
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants, processes
from autograder.instructor.quality.judging import judge
from autograder.instructor.quality.mutants import Mutant
from autograder.instructor.quality.patches import PatchError
from autograder.results import CheckResult, Verdict

OWN = (Verdict.WRONG, Verdict.FORMAT, Verdict.CRASH)  # a mistake of the solution's, and nothing else


class Death(NamedTuple):
    """What became of a mutant.

    Attributes:
        mutant: its name.
        place: file and line where it stands.
        fails: the checks that must fail, the one that explains the mistake first.
        failed: the checks that failed, in their order.
        named: whether its mistake was named; None if it has no name.
        faults: checks that failed through our own fault.
        lost: the share of the points of the checks that were run which it does not get.
        without_idea: whether it lacks the method's idea.
        notes: what else is wrong with how it failed.
    """

    exercise: str
    mutant: str
    place: str
    fails: tuple[str, ...]
    failed: tuple[str, ...]
    named: bool | None
    faults: tuple[str, ...]
    lost: float
    without_idea: bool = False
    notes: tuple[str, ...] = ()

    @property
    def intended(self) -> str:
        """The check that explains the mistake."""
        return self.fails[0]

    def misfits(self) -> list[str]:
        """Say in what it did not fail as its heading says."""
        place = f"{self.place}: '{self.mutant}'"
        found = [f"{place} {note}" for note in self.notes]
        if self.faults:
            found.append(f"{place} makes the grader fail, in {', '.join(self.faults)}.")
        if not self.failed:
            found.append(f"{place} lives: no check finds it.")
        elif {*self.failed} == {*self.fails} and self.failed[0] != self.intended:
            found.append(f"{place} fails {self.failed[0]} before {self.intended}, which explains it.")
        elif self.failed != self.fails:
            heading = ", ".join(name.removeprefix("test_") for name in self.fails)
            failed = ", ".join(name.removeprefix("test_") for name in self.failed)
            found.append(f"{place} fails {failed}, and its heading says {heading}; `mutants --record` writes it there.")
        if self.failed and self.named is False:
            found.append(f"{place} is never named: its numbers are not those of the mistake, or of several others too.")
        return found

    @property
    def how(self) -> str:
        """In one word."""
        if not self.failed:
            return "alive"
        if self.failed[0] == self.intended:
            return "intended check first"
        return "intended check too" if self.intended in self.failed else "another check"


def kill(
    exercises: list[Exercise], seed: int, *, jobs: int | None = None, chosen: list[Mutant] | None = None
) -> Iterator[Death]:
    """Hold the checks against all mutants of some exercises, in parallel.

    Args:
        exercises: whose.
        seed: of the inputs.
        jobs: processes; one for each core if left out.
        chosen: which mutants; all if left out.

    Yields:
        As they come.

    Raises:
        PatchError: a mutant does not fit the solution, or cannot be imported.
    """
    pairs = [(e, m) for e in exercises for m in mutants.load(e) if chosen is None or m in chosen]
    for exercise, mutant in pairs:
        mutant.apply((exercise.folder / "solution.py").read_text(encoding="utf-8"))
    asked = [(exercise, mutant, seed) for exercise, mutant in pairs]
    yield from (death for _, death in processes.each(try_one, asked, jobs))


def try_one(exercise: Exercise, mutant: Mutant, seed: int) -> Death:
    """Run the checks on one mutant: the fast ones, and those that train if only they can find it."""
    source = mutant.apply((exercise.folder / "solution.py").read_text(encoding="utf-8"))
    trains = exercise.outline()
    needs_training = all(trains[name] for name in mutant.fails)
    try:
        subject = Inside(exercise, source)
    except Exception as error:
        raise PatchError(
            f"{mutant.place}: What comes out cannot be imported ({type(error).__name__}: {error})."
        ) from None
    results = judge(
        {exercise: subject},
        seed,
        Live(),
        lambda function: needs_training or not trains[function.__name__],
    )
    failed = [check for check in results if check.verdict is not Verdict.PASS and not check.waits_for]
    named = any(mutant.says in check.likely for check in failed) if mutant.says else None
    faults = tuple(check.name for check in results if check.verdict is Verdict.GRADER_ERROR)
    lost = 1 - sum(check.earned for check in results) / sum(check.points for check in results)
    return Death(
        exercise.name,
        mutant.name,
        mutant.place,
        mutant.fails,
        tuple(check.name for check in failed),
        named,
        faults,
        lost,
        mutant.without_idea,
        tuple(_notes(failed, results)),
    )


def _notes(failed: list[CheckResult], results: list[CheckResult]) -> Iterator[str]:
    """What is wrong with how checks failed."""
    for check in failed:
        if check.verdict not in OWN and check.verdict is not Verdict.GRADER_ERROR:
            yield f"ends {check.name} with {check.verdict.value}, which is no verdict on a mistake."
        if not check.message or not check.hint:
            yield f"fails {check.name}, which does not say why."
    down = {check.title for check in failed} | {check.title for check in results if check.waits_for}
    for check in results:
        if not down.issuperset(check.waits_for):
            yield f"lets {check.name} wait for a check that passes."
