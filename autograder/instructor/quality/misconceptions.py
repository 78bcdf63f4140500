"""Which mistake it is: the student's answers held against those of the mutants, on the same inputs.

A check says that an answer is wrong. Where a mutant gives the same answers in all that the check looked at, and the
reference gives others, the mistake has a name: "This is what comes out if the logits are distances, not squared". Where
several mistakes give the same answers, all are named.
"""

import functools
from collections.abc import Iterable

import numpy as np

from autograder.grading.catalog import Exercise
from autograder.grading.named_mistakes import CLOSE, MOST, sentence
from autograder.grading.subjects import Call
from autograder.instructor.in_process import Inside
from autograder.instructor.quality import mutants
from autograder.instructor.quality.mutants import Mutant
from autograder.instructor.references import Reference
from autograder.results import StudentError

APART = 1e-3  # they are not

Answers = list[dict[str, np.ndarray]]


def explain(exercise: Exercise, check: str, calls: list[Call], reference: Reference) -> str:
    """Which known mistakes give the answers that the student gave in a check; empty if none does.

    Args:
        exercise: which.
        check: its name.
        calls: what the check asked, and the student's answers.
        reference: answers the same questions.
    """
    known = [mutant for mutant in mutants.load(exercise) if mutant.says and check in mutant.fails]
    if not calls or not known:
        return ""
    given = [call.judged for call in calls]
    right = _answers(reference, calls)
    if right is None or _agree(given, right, APART):
        return ""
    fitting: dict[str, None] = {}
    for mutant in known:
        answers = _answers(_subject(exercise, mutant), calls)
        if answers and _agree(given, answers, CLOSE) and not _agree(answers, right, APART):
            fitting[mutant.says] = None
    return sentence(list(fitting), _seen(given, right)) if 0 < len(fitting) <= MOST else ""


def _seen(given: Answers, right: Answers) -> tuple[str, float, float] | None:
    """The number that is farthest off, with its name and the right one."""
    place = farthest(given, right)
    if place is None:
        return None
    call, name, index = place
    return name, float(given[call][name].ravel()[index]), float(right[call][name].ravel()[index])


def farthest(given: Answers, right: Answers) -> tuple[int, str, int] | None:
    """Call, array and index of the number that is farthest off in the last answer that is wrong."""
    for call in reversed(range(len(given))):
        ours, theirs = given[call], right[call]
        worst, place = 0.0, None
        for name, want in theirs.items():
            got = ours.get(name)
            if got is None or got.shape != want.shape or not want.size:
                continue
            difference = np.abs(np.subtract(got, want, dtype=np.float64)).ravel()
            at = int(difference.argmax())
            if difference[at] > worst:
                worst, place = float(difference[at]), (call, name, at)
        if place and not (ours.keys() == theirs.keys() and _same(ours, theirs, APART)):
            return place
    return None


def apart(given: Answers, right: Answers) -> bool:
    """Whether these are not the same answers."""
    return not _agree(given, right, APART)


def judged(call: Call, answer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What of another answer to a question the check would have looked at."""
    return call._replace(answer=answer).judged


def _answers(subject: Reference, calls: Iterable[Call]) -> Answers | None:
    """What it answers; None where it answers nothing."""
    answers = []
    for call in calls:
        subject.seed = call.seed
        try:
            answer = subject.answer(call.function, call.arguments, call.arrays)
            answers.append(judged(call, answer))
        except StudentError:
            return None
    return answers


def _agree(first: Answers, second: Answers, tolerance: float) -> bool:
    """Whether all numbers of all answers are the same, but for rounding."""
    return all(a.keys() == b.keys() and _same(a, b, tolerance) for a, b in zip(first, second, strict=True))


def _same(a: dict[str, np.ndarray], b: dict[str, np.ndarray], tolerance: float) -> bool:
    for name, array in a.items():
        other = b[name]
        if array.shape != other.shape:
            return False
        scale = max(float(np.abs(other).max(initial=0.0)), 1e-12)
        if bool(np.any(np.abs(array.astype(np.float64) - other) > tolerance * scale)):
            return False
    return True


@functools.cache
def _subject(exercise: Exercise, mutant: Mutant) -> Inside:
    return Inside(exercise, mutant.apply((exercise.folder / "solution.py").read_text(encoding="utf-8")))
