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

from autograder.grading import check_vocabulary, evidence, fingerprints, named_mistakes
from autograder.grading import traces as known
from autograder.grading.catalog import Exercise
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.grading.evidence import Arrays, Call, Evidence, Failure
from autograder.grading.fingerprints import COLUMNS, marks, same
from autograder.grading.named_mistakes import CLOSE, Fit, together
from autograder.grading.traces import PAIRS, Marked, Trace
from autograder.instructor.in_process import Inside
from autograder.instructor.quality import mutants, patches
from autograder.instructor.quality.mutants import Mutant
from autograder.instructor.references import Reference, Remembering
from autograder.results import StudentError, Verdict
from autograder.worker.expressions import Writing

APART = 1e-3  # share of the largest number by which what is not the same differs
ENOUGH = 3  # coarse numbers that a name takes, such as accuracies
PARTS = 200  # a share of so many things or fewer is coarse
COARSE = 2e-7  # by which it may be rounded
ALIKE = 10 * CLOSE  # of numbers that may come of other ones that were the same but for rounding
REMEMBERED = 4096  # traces of suspects in checks, for the next student of a class
ANSWERS = 256  # of a suspect that are remembered, too
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
    again = any(piece.again for piece in failure.pieces)
    found = (suspect for suspect in suspects(exercise, failure.check) if again or not suspect.alone)
    seen = _seen(failure)
    tiers = (
        (
            trace
            for suspect in tier
            if _may_be(exercise, suspect, seen)
            for trace in traces(exercise, suspect, failure.check, failure.seed)
        )
        for _, tier in itertools.groupby(found, key=lambda suspect: suspect.tier)
    )
    return known.fitting(failure, tiers)


class _Answer(NamedTuple):
    """What was answered to a question, as far as it is judged.

    Attributes:
        call: the question.
        asked: the same with its numbers: a digest.
        names: of the fields that are judged.
        left: their marks, or what was raised, in a line.
    """

    call: Call
    asked: str
    names: tuple[str, ...]
    left: np.ndarray | str


def _seen(failure: Failure) -> list[tuple[bool, list[_Answer]]]:
    """What a failure left: for each attempt whether it is the second, and the answers."""
    if failure.asked:
        return [(True, [_Answer(failure.asked, _exactly(failure.asked), (), failure.raised)])]
    return [
        (
            piece.again,
            [
                _Answer(call, _exactly(call), tuple(sorted(judged)), marks(judged))
                for call, judged in zip(piece.calls, piece.arrays, strict=True)
            ],
        )
        for piece in failure.pieces
    ]


def _exactly(call: Call) -> str:
    return fingerprints.exactly(call.seed, call.function, call.arguments, call.arrays)


def _may_be(exercise: Exercise, suspect: Suspect, seen: list[tuple[bool, list[_Answer]]]) -> bool:
    """Whether a mistake may be behind a failure: asked the same, it answers alike, or raises the same.

    It takes a moment; the whole check is run only of those that may be.
    """
    return any(
        all(_is_alike(answer.left, _left(exercise, suspect.changes, answer)) for answer in answers)
        for again, answers in seen
        if again or not suspect.alone
    )


def _is_alike(ours: np.ndarray | str, theirs: np.ndarray | str) -> bool:
    if isinstance(ours, str) or isinstance(theirs, str):
        return isinstance(ours, str) and isinstance(theirs, str) and ours == theirs
    return same(ours, theirs, ALIKE)


def _left(exercise: Exercise, changes: tuple[patches.Change, ...], answer: _Answer) -> np.ndarray | str:
    """What a mistaken solution leaves that is asked the same."""
    left, key = _known_left(exercise, changes), (answer.asked, answer.names)
    if key not in left:
        if len(left) >= ANSWERS:
            left.clear()
        left[key] = _attempted(_subject(exercise, changes), answer)
    return left[key]


def _attempted(student: Inside, answer: _Answer) -> np.ndarray | str:
    student.seed = answer.call.seed
    try:
        answered = student.attempt(answer.call.function, answer.call.arguments, answer.call.arrays)
        return marks({name: answered[name] for name in answer.names})
    except Exception as error:
        return _line(f"{type(error).__name__}: {error}")


@functools.lru_cache(maxsize=REMEMBERED)
def _known_left(
    exercise: Exercise, changes: tuple[patches.Change, ...]
) -> dict[tuple[str, tuple[str, ...]], np.ndarray | str]:
    """What a mistaken solution is known to leave, by question and fields."""
    return {}


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
    solution = _solution(exercise)
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
    student = _subject(exercise, suspect.changes)
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
        crash = msgspec.structs.replace(base, raised=_line(str(raised)), asked=student.asked.question, done=done)
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
    right, wrong = _solution(exercise), patches.apply(changes, _solution(exercise))
    matcher = difflib.SequenceMatcher(None, right.splitlines(), wrong.splitlines(), autojunk=False)
    return frozenset(
        line + 1 for kind, _, _, first, end in matcher.get_opcodes() if kind != "equal" for line in range(first, end)
    )


def _line(error: str) -> str:
    return error.partition("\n")[0]


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
def _solution(exercise: Exercise) -> str:
    return (exercise.folder / "solution.py").read_text(encoding="utf-8")


@functools.lru_cache(maxsize=256)
def _subject(exercise: Exercise, changes: tuple[patches.Change, ...]) -> Inside:
    return Inside(exercise, patches.apply(changes, _solution(exercise)))


@functools.cache
def _reference(exercise: Exercise) -> Remembering:
    """A reference for the suspects' sake alone, who are asked the same: the run's own is in use."""
    return Remembering(exercise)
