"""The traces that known mistakes leave in the checks that they fail, and which of them a student's failure is.

A trace is what the failing assertion judged, as marks (see autograder.grading.fingerprints). In the instructor's copy
it is made when it is asked for; in a handout it is recorded.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from autograder.grading.evidence import Evidence, Failure, told_of
from autograder.grading.fingerprints import form, marks, same
from autograder.grading.named_mistakes import CLOSE, MOST, Fit, agree

PAIRS = 2  # the tier of two mistakes at once


class Given(msgspec.Struct, frozen=True):
    """A question in a check, and the form of what is judged of its answer."""

    question: str
    form: str


class Trace(msgspec.Struct, omit_defaults=True):
    """What a mistake leaves in a check: numbers, or an exception.

    Attributes:
        check: its name.
        says: the mistake, in words; two where both are there at once.
        tier: in which turn it is looked for.
        fails: the checks that it fails, wherever it is made; empty where that depends on the rest of a solution.
        again: whether it is of a check's second attempt.
        held: assertions that hold before.
        calls: the questions, in order.
        seen: what the check says of it, if that has a number that it got; empty of an attempt of which it says nothing.
        raised: the exception that comes, in a line; empty where numbers do.
        asked: the question by which it comes.
        done: what the expressions compute by which it comes, the raising one last, from that on in which the mistake
            is; of each the writings that have it (see worker/expressions.py).
        told: whether it is of the attempt of which the check says what it saw.
    """

    check: str
    says: str
    tier: int
    fails: tuple[str, ...] = ()
    again: bool = False
    held: int = 0
    calls: list[Given] = []
    seen: str = ""
    raised: str = ""
    asked: str = ""
    done: list[list[str]] = []
    told: bool = True


class Marked(NamedTuple):
    """A trace, and the marks of the arrays that were judged, one below the other: float64 (arrays, n)."""

    trace: Trace
    marks: np.ndarray


def given(evidence: Evidence) -> list[Given]:
    """Return the questions of a piece of evidence, with the form of what is judged of their answers."""
    return [Given(call.question, form(part)) for call, part in zip(evidence.calls, evidence.arrays, strict=True)]


def marked(evidence: Evidence) -> np.ndarray:
    """Return the marks of a piece of evidence."""
    return np.concatenate([marks(arrays) for arrays in evidence.arrays])


def fitting(failure: Failure, tiers: Iterable[Iterable[Marked]]) -> list[Fit]:
    """Return the mistakes that may be behind a failure; none where none is known.

    Args:
        failure: of a student's.
        tiers: traces of the same check that may be it. Where one of a tier fits, the later ones are not looked at.
            Where two mistakes at once fit, and two others do as well, none is named.

    Returns:
        Where more fit than can be named, all of them: another check may tell them apart.
    """
    pieces = [(piece, given(piece), marked(piece)) for piece in failure.pieces]
    told = told_of(failure.pieces)
    raised = (failure.raised, failure.asked.question) if failure.asked else None
    for tier in tiers:
        found: dict[Fit, set[int]] = {}
        for trace, left in tier:
            fit = Fit(trace.says, trace.fails, 1 if trace.tier == PAIRS else MOST)
            is_raised = raised is not None and raised == (trace.raised, trace.asked)
            if is_raised and compute_the_same(failure.done, trace.done):
                found.setdefault(fit, set())
            for number, (piece, calls, seen) in enumerate(pieces):
                is_here = (trace.again, trace.held, trace.calls) == (piece.again, piece.held, calls)
                if trace.told and number == told and not agree(failure.message, trace.seen):
                    continue
                if is_here and not trace.raised and same(seen, left, CLOSE):
                    found.setdefault(fit, set()).add(number)
        if found:
            most = max(map(len, found.values()))  # of two attempts that failed, both count
            return [fit for fit, fitted in found.items() if len(fitted) == most]
    return []


def compute_the_same(ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]]) -> bool:
    """Tell whether a student's error came by the same expressions as a mistake's.

    Args:
        ours: what the student's compute, the raising one last.
        theirs: what the mistake's do, from that on in which it is.
    """
    if len(ours) < len(theirs) or bool(ours) is not bool(theirs):
        return False
    return all(set(one) & set(other) for one, other in zip(reversed(ours), reversed(theirs), strict=False))
