"""Before a verdict goes against a student, the reference faces the same check with the same inputs, in a worker too.

Where the reference does not pass, the fault is ours. Its time tells what the machine can do at this moment: a check
that ran out of time is run once more with ten times the reference's time (see autograder.grading.second_try).

What the reference has passed is not asked again for the next student of a class, who faces the same inputs; but its
time is measured anew.
"""

import time
from collections.abc import Callable
from typing import Any

from autograder.grading import second_try
from autograder.grading.catalog import Exercise
from autograder.grading.referee import Referee, limit
from autograder.instructor import references
from autograder.results import UNREADABLE, CheckResult, Verdict

SLOWER = 10  # times the reference's time that a student's code may take
NOT_BLAMED = (Verdict.PASS, Verdict.NOT_RUN)

Results = dict[str, CheckResult]


def confirm(exercise: Exercise, results: Results, run: Callable[..., Referee], known: Results) -> None:
    """Confirm the verdicts of one exercise, or change them.

    Args:
        exercise: which.
        results: by check name; changed in place.
        run: grade.run, but for its first arguments.
        known: what the reference has passed on the same inputs, by check name; added to.
    """
    passed = _reference(exercise, _blamed(results), run, known)
    for name, right in passed.items():
        result = results[name]
        if right.verdict is not Verdict.PASS:
            result.verdict, result.traceback = Verdict.GRADER_ERROR, right.traceback
            result.message = f"The reference does not pass this check on the same inputs: {right.message}"
        elif result.verdict is Verdict.GRADER_ERROR:  # the reference passes: our check cannot read this answer
            result.verdict, result.message = Verdict.WRONG, UNREADABLE


def patience(exercise: Exercise, check: str, run: Callable[..., Referee], known: Results) -> float:
    """Return by how much to multiply a check's time, by that of the reference now; 0 where this does not pass."""
    known.pop(check, None)
    right = _reference(exercise, {check}, run, known)[check]
    function: Any = getattr(exercise.load("checks"), check)
    return max(1.0, SLOWER * right.seconds / limit(function)) if right.verdict is Verdict.PASS else 0.0


def _blamed(results: Results) -> set[str]:
    """Checks whose verdict goes against the student, or would if the reference passes."""
    return {
        name
        for name, result in results.items()
        if result.verdict not in NOT_BLAMED and (result.verdict is not Verdict.GRADER_ERROR or result.unclear)
    }


def _reference(exercise: Exercise, names: set[str], run: Callable[..., Referee], known: Results) -> Results:
    """What the reference makes of some checks; once more where something from outside was in its way."""
    results: Results = {}
    for attempt in range(2):
        unknown = names - known.keys()
        if unknown and (not attempt or any(result.again for result in results.values())):
            time.sleep(second_try.PAUSE * attempt)
            handed_in = references.solutions(exercise.homework)
            referee = run([exercise], handed_in, wanted=lambda check: check.name in unknown)  # noqa: B023
            results = referee.results[exercise.name]
            known |= {name: result for name, result in results.items() if result.verdict is Verdict.PASS}
    return results | {name: known[name] for name in names & known.keys()}
