"""A second try, in every mode, for what may have come from outside: before a verdict goes against anybody.

A worker that does not start, a disk that was full, a process that a signal ended, a check that ran out of time: the
machine may have been at fault. What a solution does by itself it does again, so nobody gains by it: only what was not
judged is judged anew, with the same inputs.
"""

import time
from collections.abc import Callable
from typing import Any

from autograder.grading.catalog import Exercise
from autograder.grading.key import Key
from autograder.intake.submission import Submission
from autograder.results import CheckResult, Verdict

PAUSE = 2.0  # seconds in which what was in the way may pass


def try_again(referee: Any, exercise: Exercise, handed_in: Submission, run: Callable[..., Any], key: Key) -> None:
    """Judge an exercise once more, as far as something from outside may have kept it from a verdict.

    Args:
        referee: a Referee that has judged it; its results and problems are changed in place.
        exercise: which.
        handed_in: what is graded.
        run: grade.run, but for its first arguments.
        key: what answers are held against.
    """
    results: dict[str, CheckResult] = referee.results[exercise.name]
    late = next((name for name, result in results.items() if result.verdict is Verdict.TIMEOUT), None)
    outside = [name for name, result in results.items() if result.again and result.verdict is not Verdict.TIMEOUT]
    patience = key.patience(exercise, late, run) if late else 0.0
    if outside:
        time.sleep(PAUSE)
    elif not patience or not _is_in_time_alone(exercise, handed_in, run, str(late), patience):
        return
    failed = {name for name, result in results.items() if result.verdict is not Verdict.PASS}
    again = run([exercise], handed_in, wanted=lambda check: check.name in failed, patience=max(patience, 1.0))
    for name, result in again.results[exercise.name].items():
        if results[name].again or results[name].verdict is Verdict.NOT_RUN:  # what failed has failed: no second draw
            results[name] = result
    for before, now in ((referee.problems, again.problems), (referee.flags, again.flags)):
        before.pop(exercise.name, None)
        if exercise.name in now:
            before[exercise.name] = now[exercise.name]


def _is_in_time_alone(
    exercise: Exercise, handed_in: Submission, run: Callable[..., Any], late: str, patience: float
) -> bool:
    """Whether a check that ran out of time ends if it is run by itself."""
    alone = run([exercise], handed_in, wanted=lambda check: check.name == late, patience=patience)
    return all(result.verdict is not Verdict.TIMEOUT for result in alone.results[exercise.name].values())
