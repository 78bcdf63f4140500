"""What a failing check goes by: of all that it was answered, the arrays that the failing assertion judges.

A check asks, and asserts, and asks again. What it has read since the last assertion that held is what it fails by; what
it read before was found to be all right, and says nothing of the mistake. Where it tries twice, with stand-ins for the
student's other functions and without (see check_vocabulary.assert_either), it fails twice, by two such pieces.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from autograder.grading import fingerprints
from autograder.results import CheckResult, Verdict

Function = TypeVar("Function", bound=Callable[..., Any])
Arrays = dict[str, np.ndarray]


class Moment(NamedTuple):
    """When a field of an answer was read.

    Attributes:
        time: a number that grows with each assertion that holds.
        held: how many assertions had held; a second attempt counts from where the first one began.
    """

    time: int
    held: int


class Call(NamedTuple):
    """A question to a solution, and its answer.

    Attributes:
        read: the fields of the answer at which the check has looked, and when it did last.
        again: whether it was asked in a second attempt.
    """

    function: str
    arguments: dict[str, Any]
    arrays: dict[str, np.ndarray]
    seed: int
    answer: dict[str, np.ndarray]
    read: dict[str, Moment]
    again: bool = False

    @property
    def question(self) -> str:
        """What was asked, but for the numbers."""
        return fingerprints.question(self.seed, self.function, self.arguments, self.arrays)

    def judged(self, moment: Moment) -> dict[str, np.ndarray]:
        """The arrays of the answer at which the check has looked last at this moment."""
        return {name: part for name, part in self.answer.items() if self.read.get(name.partition("/")[0]) == moment}


class Evidence(NamedTuple):
    """What an assertion judged.

    Attributes:
        again: whether in the second attempt of two.
        held: assertions that had held before.
        calls: of whose answers something was judged.
        arrays: what it was, for each call.
    """

    again: bool
    held: int
    calls: list[Call]
    arrays: list[Arrays]


class Failure(NamedTuple):
    """A check that failed, and by what.

    Attributes:
        check: its name.
        seed: of the run.
        pieces: what was judged; see of. None where the code raised an exception.
        raised: the exception that the code raised, in a line.
        asked: the question by which it came.
        message: what the report says was seen.
        done: what the expressions compute by which the exception came, the raising one last.
    """

    check: str
    seed: int
    pieces: list[Evidence]
    raised: str = ""
    asked: Call | None = None
    message: str = ""
    done: Sequence[Sequence[str]] = ()


class _Progress:
    """How far the check has come that is running."""

    time = held = depth = 0
    again = False


def begin() -> None:
    """Begin a check."""
    _Progress.time = _Progress.held = _Progress.depth = 0
    _Progress.again = False


def now() -> Moment:
    """Return the moment: the same until an assertion holds."""
    return Moment(_Progress.time, _Progress.held)


def is_again() -> bool:
    """Whether a second attempt is being made."""
    return _Progress.again


def assertion(function: Function) -> Function:
    """Mark a function that asserts something: once it returns, what was read before is judged."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        _Progress.depth += 1
        try:
            result = function(*args, **kwargs)
        finally:
            _Progress.depth -= 1
        if not _Progress.depth:
            _Progress.time += 1
            _Progress.held += 1
        return result

    return cast(Function, run)


@contextlib.contextmanager
def second_attempt(held: int) -> Iterator[None]:
    """Attempt once more, from where so many assertions had held."""
    _Progress.time, _Progress.held, _Progress.again = _Progress.time + 1, held, True
    try:
        yield
    finally:
        _Progress.again = False


def attempted(held: int) -> None:
    """Count what was attempted as one assertion that holds, after so many others."""
    _Progress.time, _Progress.held = _Progress.time + 1, held + 1


def of(calls: Sequence[Call]) -> list[Evidence]:
    """Return by what a check failed, given all that it asked: two pieces, the first attempt's first, or one."""
    asked = [call for call in calls if call.read]
    kinds = (False, True) if asked and asked[-1].again else (False,)
    pieces = [_newest([call for call in asked if call.again is again], again) for again in kinds]
    return [piece for piece in pieces if piece.calls]


def told_of(pieces: Sequence[Evidence]) -> int:
    """Return of which of these the check says what it saw: of that one which came further, of the last if none did."""
    return max(range(len(pieces)), key=lambda number: (pieces[number].held, number), default=0)


def failure(check: CheckResult, student: Any, seed: int, done: Sequence[Sequence[str]] = ()) -> Failure:
    """Return how a check failed that a subject has just been through, in a run of this seed."""
    crashed = check.verdict is Verdict.CRASH
    return Failure(
        check.name,
        seed,
        [] if crashed else of(student.calls),
        check.message.partition("\n")[0] if crashed else "",
        student.asked if crashed else None,
        check.message,
        done,
    )


def _newest(calls: list[Call], again: bool) -> Evidence:
    last = max((moment for call in calls for moment in call.read.values()), default=Moment(0, 0))
    judged = [(call, call.judged(last)) for call in calls if last in call.read.values()]
    return Evidence(again, last.held, [call for call, _ in judged], [arrays for _, arrays in judged])
