"""Which mistake it is: the student's failure held against those of the mutants, in the same check on the same inputs.

A check says that an answer is wrong. Where a mutant makes it fail by the same assertion with the same numbers, and the
reference gives others, the mistake has a name. Where several do, all are named. Where none does, two mistakes at once
are tried, of those that are common. A mutant that raises has to raise the same, in the same words, when it is asked the
same.
"""

import contextlib
import difflib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import msgspec
import numpy as np

from autograder.grading import check_vocabulary, evidence, named_mistakes
from autograder.grading import traces as known
from autograder.grading.catalog import Exercise
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.grading.evidence import Arrays, Evidence, Failure
from autograder.grading.fingerprints import COLUMNS
from autograder.grading.named_mistakes import Fit, together
from autograder.grading.traces import PAIRS, Marked, Trace
from autograder.instructor.in_process import Inside
from autograder.instructor.quality import first_look, mutants, patches
from autograder.instructor.quality.mutants import Mutant
from autograder.instructor.references import Reference, Remembering
from autograder.results import StudentError, Verdict
from autograder.worker.expressions import Writing

APART = 1e-3  # share of the largest number by which what is not the same differs
ENOUGH = 3  # coarse numbers that a name takes, such as accuracies
PARTS = 200  # a share of so many things or fewer is coarse
COARSE = 2e-7  # by which it may be rounded
REMEMBERED = 4096  # traces of suspects in checks, for the next student of a class
EITHER = "assert_either"

Answers = list[Arrays]


class Suspect(NamedTuple):
    """A mistake, or two at once, that may be behind a failure.

    Attributes:
        says: what comes out if it is made, in words.
        changes: what is done to solution.py.
        tier: in which turn it is tried.
        fails: the checks that must fail by it; none are known of what is tried alone.
        alone: whether only the second attempts of checks are made: who writes all in one function makes these fail by
            mistakes that no check of that function is about.
    """

    says: str
    changes: tuple[patches.Change, ...]
    tier: int
    fails: tuple[str, ...] = ()
    alone: bool = False


def fitting(exercise: Exercise, failure: Failure) -> list[Fit]:
    """Return the mistakes that may be behind a failure; none where none is known."""
    tiers = (
        (trace for suspect in tier for trace in traces(exercise, suspect, failure.check, failure.seed))
        for _, tier in itertools.groupby(_likely(exercise, failure), key=lambda suspect: suspect.tier)
    )
    return known.fitting(failure, tiers)


def _likely(exercise: Exercise, failure: Failure) -> Iterator[Suspect]:
    """What may be behind a failure, at a first look."""
    failed = first_look.attempts(failure)
    for suspect in suspects(exercise, failure.check):
        comparable = [attempt for attempt in failed if attempt.again or not suspect.alone]
        if first_look.may_be(exercise, suspect.changes, comparable):
            yield suspect


def suspects(exercise: Exercise, check: str) -> Iterator[Suspect]:
    """List what may be behind a failure of a check, in the order in which it is to be tried."""
    bank = [mutant for mutant in mutants.load(exercise) if mutant.says]
    function: Any = getattr(exercise.load("checks"), check)
    if hasattr(function, "tells"):  # of random episodes: only exceptions are compared, and these leave nothing to judge
        bank = [mutant for mutant in bank if mutant.unjudged]
    for mutant in bank:
        if check in mutant.fails:
            yield Suspect(mutant.says, mutant.changes, 0, mutant.fails)
    tries_twice = EITHER in inspect.getsource(function)
    if tries_twice:
        for mutant in bank:
            if check not in mutant.fails:
                yield Suspect(mutant.says, mutant.changes, 1, alone=True)
    for pair, changes in _pairs(exercise, tuple(mutant for mutant in bank if mutant.common)):
        if any(check in mutant.fails for mutant in pair):
            says = together(mutant.says for mutant in pair)
            yield Suspect(says, changes, PAIRS, tuple(dict.fromkeys(name for mutant in pair for name in mutant.fails)))


@functools.lru_cache(maxsize=8)
def _pairs(exercise: Exercise, common: tuple[Mutant, ...]) -> list[tuple[tuple[Mutant, Mutant], Any]]:
    """Two mistakes at once, where both can be made and it makes no difference which of them first."""
    solution = first_look.solution(exercise)
    found = []
    for first, second in itertools.combinations(common, 2):
        changes = (*first.changes, *second.changes)
        with contextlib.suppress(patches.PatchError):
            both = patches.apply(changes, solution)
            if both == patches.apply((*second.changes, *first.changes), solution) and first.says != second.says:
                found.append(((first, second), changes))
    return found


@functools.lru_cache(maxsize=REMEMBERED)
def traces(exercise: Exercise, suspect: Suspect, check: str, seed: int) -> tuple[Marked, ...]:
    """What a mistake leaves in a check: nothing where it passes, or comes to what is right too."""
    student = first_look.mistaken(exercise, suspect.changes)
    reference = _reference(exercise)
    with mock.patch.object(check_vocabulary, "_either", _second) if suspect.alone else contextlib.nullcontext():
        raised = _run(exercise, check, seed, student, reference)
    if raised is None:
        return ()
    seen = str(raised) if named_mistakes.GOT.match(str(raised)) else ""
    base = Trace(check, suspect.says, suspect.tier, suspect.fails, seen=seen)
    if isinstance(raised, StudentError) and raised.verdict is Verdict.CRASH:
        assert student.asked
        done = _done(student.failed, _changed(exercise, suspect.changes))
        line, asked = first_look.line(str(raised)), student.asked.question
        crash = msgspec.structs.replace(base, raised=line, asked=asked, done=done)
        return (Marked(crash, np.zeros((0, COLUMNS))),)
    pieces = evidence.of(student.calls)
    student.calls.clear()  # it is remembered, and its answers need not be
    told = evidence.told_of(pieces)
    found = []
    for number, piece in enumerate(pieces):
        of_this = {} if number == told else {"seen": "", "told": False}
        found.append(_trace(msgspec.structs.replace(base, **of_this), piece, reference))
    return tuple(trace for trace in found if trace is not None)


def _run(
    exercise: Exercise, check: str, seed: int, student: Inside, reference: Reference
) -> AssertionError | StudentError | None:
    """Run a check as the referee does; what it raised against the student."""
    function: Any = getattr(exercise.load("checks"), check)
    name, drawings = f"{exercise.name} {check}", Drawings(None)
    student.seed = Draw(seed, f"{name} student", drawings).seed()
    reference.seed = Draw(seed, name, drawings).seed()
    student.calls.clear()
    reference.calls.clear()
    fixtures = {"student": student, "reference": reference, "draw": Draw(seed, name, drawings)}
    evidence.begin()
    try:
        function(**{name: fixtures[name] for name in inspect.signature(function).parameters})
    except (AssertionError, StudentError) as error:
        return error
    return None


def _second(attempt: Callable[[bool], None]) -> None:
    """In the place of check_vocabulary._either: as if the first attempt failed."""
    held = evidence.now().held
    with evidence.second_attempt(held):
        attempt(False)
    evidence.attempted(held)


def _done(failed: list[list[Writing]], changed: frozenset[int]) -> list[list[str]]:
    """What the expressions compute by which a mistake's exception came, from the last one on that has a changed line.

    Of that one the writings that do not go back as far as the mistake are left out: many a line is raised in that has
    nothing wrong in it. Where none goes as far, all are kept of the raising one.
    """
    for number in range(1, len(failed) + 1):
        first, *others = failed[-number:]
        if reaching := [writing.digest for writing in first if writing.lines & changed]:
            return [reaching, *([writing.digest for writing in other] for other in others)]
    return [[writing.digest for writing in found] for found in failed[-1:]]


@functools.lru_cache(maxsize=256)
def _changed(exercise: Exercise, changes: tuple[patches.Change, ...]) -> frozenset[int]:
    """The lines of a mistaken solution that are not in the right one."""
    right = first_look.solution(exercise)
    wrong = patches.apply(changes, right)
    matcher = difflib.SequenceMatcher(None, right.splitlines(), wrong.splitlines(), autojunk=False)
    return frozenset(
        line + 1 for kind, _, _, first, end in matcher.get_opcodes() if kind != "equal" for line in range(first, end)
    )


def _trace(base: Trace, piece: Evidence, reference: Reference) -> Marked | None:
    """A trace of a piece of evidence; None where it is what the reference leaves, or next to it."""
    right = []
    for call, judged in zip(piece.calls, piece.arrays, strict=True):
        reference.seed = call.seed
        answer = reference.answer(call.function, call.arguments, call.arrays)
        right.append({name: answer[name] for name in judged if name in answer})
    if _agree(piece.arrays, right, APART) or _is_little(piece.arrays, right):
        return None
    trace = msgspec.structs.replace(base, again=piece.again, held=piece.held, calls=known.given(piece))
    return Marked(trace, known.marked(piece))


def _is_little(wrong: Answers, right: Answers) -> bool:
    """Whether what differs is too little for a name: a few coarse numbers, which many mistakes have in common."""
    differ: list[float] = []
    for arrays, others in zip(wrong, right, strict=True):
        if arrays.keys() != others.keys():
            return False
        for name, array in arrays.items():
            if array.shape != others[name].shape:
                return False
            numbers, known_right = array.astype(np.float64), others[name].astype(np.float64)
            differ.extend(numbers[np.abs(numbers - known_right) > COARSE])
    return len(differ) < ENOUGH and all(_is_coarse(number) for number in differ)


def _is_coarse(number: float) -> bool:
    """Whether it is a count, or a share of some hundred things."""
    products = number * np.arange(1, PARTS + 1)
    return bool(np.any(np.abs(products - np.round(products)) <= COARSE * np.arange(1, PARTS + 1)))


def _agree(first: Answers, second: Answers, tolerance: float) -> bool:
    """Whether all numbers of all answers are the same, but for rounding."""
    return all(a.keys() == b.keys() and _same(a, b, tolerance) for a, b in zip(first, second, strict=True))


def _same(a: Arrays, b: Arrays, tolerance: float) -> bool:
    for name, array in a.items():
        other = b[name]
        if array.shape != other.shape:
            return False
        scale = max(float(np.abs(other).max(initial=0.0)), 1e-12)
        if bool(np.any(np.abs(array.astype(np.float64) - other) > tolerance * scale)):
            return False
    return True


@functools.cache
def _reference(exercise: Exercise) -> Remembering:
    """A reference for the suspects' sake alone, who are asked the same: the run's own is in use."""
    return Remembering(exercise)
