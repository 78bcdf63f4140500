"""The kill matrix: what the checks make of each mutant. A grader is an instrument, and this measures it."""

import concurrent.futures
import os
from collections.abc import Iterator
from multiprocessing import get_context
from typing import NamedTuple

from autograder.grading.catalog import Exercise
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.instructor.quality.judging import judge
from autograder.instructor.quality.mutants import Mutant
from autograder.results import CheckResult, Verdict


class Death(NamedTuple):
    """What became of a mutant.

    Attributes:
        mutant: its name.
        intended: the check that must name it.
        failed: the checks that failed, in their order.
        named: whether its mistake was named; None if it has no name.
        faults: checks that failed through our own fault.
        lost: the share of the points of the checks that were run which it does not get.
        without_idea: whether it lacks the method's idea.
    """

    exercise: str
    mutant: str
    intended: str
    failed: tuple[str, ...]
    named: bool | None
    faults: tuple[str, ...]
    lost: float
    without_idea: bool = False

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
    """
    cores = jobs or os.cpu_count() or 1
    with concurrent.futures.ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        pairs = [(e, m) for e in exercises for m in mutants.load(e) if chosen is None or m in chosen]
        waiting = [pool.submit(try_one, exercise, mutant, seed) for exercise, mutant in pairs]
        try:
            for done in concurrent.futures.as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def try_one(exercise: Exercise, mutant: Mutant, seed: int) -> Death:
    """Run the checks on one mutant: the fast ones, and those that train if only they can find it."""
    source = mutant.apply((exercise.folder / "solution.py").read_text(encoding="utf-8"))
    trains = exercise.outline()
    needs_training = all(trains[name] for name in mutant.fails)
    results = judge(
        {exercise: Inside(exercise, source)},
        seed,
        Live(),
        lambda function: needs_training or not trains[function.__name__],
    )
    failed = [check for check in results if check.verdict is not Verdict.PASS and not check.waits_for]
    named = any(mutant.says in check.likely for check in failed) if mutant.says else None
    faults = tuple(check.name for check in results if check.verdict is Verdict.GRADER_ERROR)
    lost = 1 - sum(check.earned for check in results) / sum(check.points for check in results)
    return Death(exercise.name, mutant.name, mutant.fails[0], _names(failed), named, faults, lost, mutant.without_idea)


def _names(checks: list[CheckResult]) -> tuple[str, ...]:
    return tuple(check.name for check in checks)
