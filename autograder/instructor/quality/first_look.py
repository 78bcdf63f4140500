"""Which mistakes may be behind a failure: asked what the student was asked, they answer alike, or raise the same.

Such a look takes a moment, and to run the whole check many times as long. So it is run only of what may be it.
"""

import functools
from typing import NamedTuple

import numpy as np

from autograder.grading import fingerprints
from autograder.grading.catalog import Exercise
from autograder.grading.evidence import Call, Failure
from autograder.grading.named_mistakes import CLOSE
from autograder.instructor.in_process import Inside
from autograder.instructor.quality import patches

ALIKE = 10 * CLOSE  # of numbers that may come of other ones that were the same but for rounding
MISTAKES = 4096  # whose answers are remembered, for the next student of a class
ANSWERS = 256  # of each of them

Changes = tuple[patches.Change, ...]
Left = np.ndarray | str  # the marks of an answer, or what was raised, in a line


class Answered(NamedTuple):
    """What was answered to a question, as far as it is judged.

    Attributes:
        call: the question.
        asked: the same with its numbers: a digest.
        names: of the fields that are judged.
        left: of these.
    """

    call: Call
    asked: str
    names: tuple[str, ...]
    left: Left


class Attempt(NamedTuple):
    """What was judged where a check failed.

    Attributes:
        again: whether it is the second attempt of two.
        answers: in order.
    """

    again: bool
    answers: list[Answered]


def attempts(failure: Failure) -> list[Attempt]:
    """Return what a failure left."""
    if failure.asked:
        return [Attempt(False, [Answered(failure.asked, _exactly(failure.asked), (), failure.raised)])]
    return [
        Attempt(
            piece.again,
            [
                Answered(call, _exactly(call), tuple(sorted(judged)), fingerprints.marks(judged))
                for call, judged in zip(piece.calls, piece.arrays, strict=True)
            ],
        )
        for piece in failure.pieces
    ]


def may_be(exercise: Exercise, changes: Changes, failed: list[Attempt]) -> bool:
    """Tell whether a mistake may be behind one of these."""
    return any(
        all(_are_alike(answer.left, _left(exercise, changes, answer)) for answer in attempt.answers)
        for attempt in failed
    )


@functools.lru_cache(maxsize=256)
def mistaken(exercise: Exercise, changes: Changes) -> Inside:
    """Return a solution with a mistake, which is kept for the next failure."""
    return Inside(exercise, patches.apply(changes, solution(exercise)))


@functools.cache
def solution(exercise: Exercise) -> str:
    """Return the text of the right one."""
    return (exercise.folder / "solution.py").read_text(encoding="utf-8")


def line(error: str) -> str:
    """Return the line of an exception that is compared."""
    return error.partition("\n")[0]


def _exactly(call: Call) -> str:
    return fingerprints.exactly(call.seed, call.function, call.arguments, call.arrays)


def _are_alike(ours: Left, theirs: Left) -> bool:
    if isinstance(ours, str) or isinstance(theirs, str):
        return isinstance(ours, str) and isinstance(theirs, str) and ours == theirs
    return fingerprints.same(ours, theirs, ALIKE)


def _left(exercise: Exercise, changes: Changes, answer: Answered) -> Left:
    known, key = _known(exercise, changes), (answer.asked, answer.names)
    if key not in known:
        if len(known) >= ANSWERS:
            known.clear()
        known[key] = _asked(mistaken(exercise, changes), answer)
    return known[key]


def _asked(student: Inside, answer: Answered) -> Left:
    student.seed = answer.call.seed
    try:
        given = student.attempt(answer.call.function, answer.call.arguments, answer.call.arrays)
        return fingerprints.marks({name: given[name] for name in answer.names})
    except Exception as error:
        return line(f"{type(error).__name__}: {error}")


@functools.lru_cache(maxsize=MISTAKES)
def _known(exercise: Exercise, changes: Changes) -> dict[tuple[str, tuple[str, ...]], Left]:
    """What a mistake is known to leave, by question and fields."""
    return {}
