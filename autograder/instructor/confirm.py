"""Before a verdict goes against a student, the reference faces the same check with the same inputs, in a worker too.

Where the reference does not pass, the fault is ours. Its time tells what the machine can do at this moment: a check
that ran out of time is run once more by itself, with ten times the reference's time.

What the reference has passed is not asked again for the next student of a class, who faces the same inputs; but its
time is measured anew.
"""

from collections.abc import Callable
from typing import Any

from autograder.catalog import Exercise
from autograder.instructor import live
from autograder.referee import Referee, limit
from autograder.results import CheckResult, Verdict
from autograder.submission import Submission
from autograder.untrusted import clean

SLOWER = 10  # times the reference's time that a student's code may take
NOT_BLAMED = (Verdict.PASS, Verdict.NOT_RUN)

Results = dict[str, CheckResult]


def confirm(
    exercise: Exercise, handed_in: Submission, results: Results, run: Callable[..., Referee], known: Results
) -> None:
    """Confirm the verdicts of one exercise, or change them.

    Args:
        exercise: which.
        handed_in: what was graded.
        results: by check name; changed in place.
        run: grade.run, but for its first arguments.
        known: what the reference has passed on the same inputs, by check name; added to.
    """
    if exercise.file not in handed_in.files:
        return
    late = [name for name, result in results.items() if result.verdict is Verdict.TIMEOUT][:1]
    for name in late:
        known.pop(name, None)
    passed = _reference(exercise, _blamed(results), run, known)
    if late and passed[late[0]].verdict is Verdict.PASS:
        _try_again(exercise, handed_in, results, run, late[0], passed[late[0]].seconds)
        passed |= _reference(exercise, _blamed(results) - passed.keys(), run, known)
    for name in _blamed(results):
        result = results[name]
        if passed[name].verdict is not Verdict.PASS:
            result.verdict = Verdict.GRADER_ERROR
            result.message = f"The reference does not pass this check on the same inputs: {passed[name].message}"
        elif result.verdict is Verdict.GRADER_ERROR:  # the reference passes: our check cannot read this answer
            result.verdict = Verdict.WRONG
            reason = result.message.rstrip().rpartition("\n")[2]
            result.message = f"The answer has a form that the check cannot read: {clean(reason, 300)}"


def _blamed(results: Results) -> set[str]:
    """Checks whose verdict goes against the student."""
    return {name for name, result in results.items() if result.verdict not in NOT_BLAMED}


def _reference(exercise: Exercise, names: set[str], run: Callable[..., Referee], known: Results) -> Results:
    """What the reference makes of some checks."""
    unknown = names - known.keys()
    results: Results = {}
    if unknown:
        reference = live.solutions(exercise.homework)
        results = run([exercise], reference, wanted=lambda check: check.name in unknown).results[exercise.name]
        known |= {name: result for name, result in results.items() if result.verdict is Verdict.PASS}
    return results | {name: known[name] for name in names & known.keys()}


def _try_again(
    exercise: Exercise, handed_in: Submission, results: Results, run: Callable[..., Referee], late: str, seconds: float
) -> None:
    """Run a check that ran out of time by itself; if it was the machine, all that was not judged for lack of time."""
    function: Any = getattr(exercise.load("checks"), late)
    patience = max(1.0, SLOWER * seconds / limit(function))
    alone = run([exercise], handed_in, wanted=lambda check: check.name == late, patience=patience)
    if alone.results[exercise.name][late].verdict is not Verdict.TIMEOUT:
        judged = set(results)
        again = run([exercise], handed_in, wanted=lambda check: check.name in judged, patience=patience)
        for name, result in again.results[exercise.name].items():
            if results[name].verdict in (Verdict.TIMEOUT, Verdict.NOT_RUN):  # what failed has failed: no second draw
                results[name] = result
