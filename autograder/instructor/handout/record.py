"""Record what a handout's key needs: the reference's answers to one seed's questions, and the marks of known mistakes.

The checks are run as they are: the reference on itself for the right answers, each mutant for its own. What is written
is what autograder.grading.recorded reads.
"""

from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec
import numpy as np
from safetensors.numpy import save

from autograder.grading import check_vocabulary
from autograder.grading.catalog import Exercise
from autograder.grading.fingerprints import form, marks, question
from autograder.grading.recorded import NAME, Answers, Given, Right, Stored, Wrong
from autograder.grading.subjects import Call, Subject
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.instructor.quality.judging import judge
from autograder.instructor.quality.misconceptions import apart, farthest, judged
from autograder.results import CheckResult, Verdict

Arrays = dict[str, np.ndarray]

LARGE = 1000  # numbers, from which on ones and zeros are stored as bits


class RecordError(Exception):
    """The reference does not pass its own checks: there is nothing right to record."""


def record(exercise: Exercise, seed: int) -> dict[str, bytes]:
    """The two files of an exercise, by name.

    Args:
        exercise: which.
        seed: of the run whose questions are answered.

    Raises:
        RecordError: the reference fails a check.
    """
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    stored: Arrays = {}
    right = _Right(stored)
    with mock.patch.object(check_vocabulary, "_either", _both):
        trains = exercise.outline()
        student = _Overheard(exercise, Inside(exercise, solution), right.keep)
        results = _run(exercise, student, seed, right, [check for check in trains if not trains[check]])
    for check in results:
        if check.verdict is not Verdict.PASS:
            raise RecordError(f"The reference does not pass {check.name} of {exercise.name}: {check.message}")
    wrong = _Wrong(stored)
    for mutant in mutants.load(exercise):
        checks = [check for check in mutant.fails if not trains[check]]
        if mutant.says and checks:
            wrong.mutant = mutant
            _run(exercise, Inside(exercise, mutant.apply(solution)), seed, wrong, checks)
    answers = Answers(seed, list(right.found.values()), wrong.found)
    return {f"{NAME}.json": msgspec.json.encode(answers), f"{NAME}.safetensors": save(stored)}


class _Right(Live):
    """Keeps what the reference answers, in its own place and in a student's."""

    def __init__(self, stored: Arrays):
        super().__init__()
        self.found: dict[tuple[str, str], Right] = {}
        self._overheard: dict[str, _Overheard] = {}
        self._stored = stored

    def reference(self, exercise: Exercise) -> Subject:  # type: ignore[override]
        """The reference, overheard."""
        known = super().reference(exercise)
        return self._overheard.setdefault(exercise.name, _Overheard(exercise, known, self.keep))

    def keep(self, asked: str, arrays: Arrays, answer: Arrays) -> None:
        """Store the answer to a question, unless it is known."""
        where = marks(arrays)
        place = (asked, str(where.tolist()))
        if place not in self.found:
            kept = {name: self._store(f"{len(self.found)}/{name}", array, arrays) for name, array in answer.items()}
            self.found[place] = Right(asked, where.tolist(), kept)

    def _store(self, name: str, array: np.ndarray, arrays: Arrays) -> Stored:
        for argument, given in arrays.items():
            if given.dtype == array.dtype and np.array_equal(given, array):
                return Stored(argument=argument)
        if array.size > LARGE and ((array == 0) | (array == 1)).all():  # drawings, and labels that are one-hot
            self._stored[name] = np.packbits(array.astype(np.uint8))
            return Stored(array=name, bits=list(array.shape), whole=array.dtype.kind == "i")
        self._stored[name] = _short(array)
        return Stored(array=name)


class _Overheard(Subject):
    """A subject, and somebody who is told what it is asked and answers."""

    def __init__(self, exercise: Exercise, subject: Subject, keep: Callable[[str, Arrays, Arrays], None]):
        super().__init__(exercise)
        self._subject, self._keep = subject, keep

    def answer(self, call: str, arguments: dict[str, Any], arrays: Arrays) -> Arrays:
        self._subject.seed = self.seed
        answer = self._subject.answer(call, arguments, arrays)
        self._keep(question(self.seed, call, arguments, arrays), arrays, answer)
        return answer


class _Wrong(Live):
    """Keeps the marks of what a mutant answers in the checks that it fails."""

    def __init__(self, stored: Arrays):
        super().__init__()
        self.found: list[Wrong] = []
        self.mutant: mutants.Mutant
        self._stored = stored

    def explain(self, exercise: Exercise, check: str, calls: list[Call]) -> str:
        """Nothing is explained: it is written down."""
        right = [self._right(exercise, call) for call in calls]
        given = [call.judged for call in calls]
        if calls and apart(given, right):
            name = f"wrong/{len(self.found)}"
            place = farthest(given, right)
            asked = [Given(question(c.seed, c.function, c.arguments, c.arrays), form(c.judged)) for c in calls]
            value = float(right[place[0]][place[1]].ravel()[place[2]]) if place else 0.0
            self._stored[name] = np.concatenate([marks(answer) for answer in given]).astype(np.float32)
            self.found.append(Wrong(check, self.mutant.says, asked, name, place, value))
        return ""

    def _right(self, exercise: Exercise, call: Call) -> Arrays:
        reference = self.reference(exercise)
        reference.seed = call.seed
        return judged(call, reference.answer(call.function, call.arguments, call.arrays))


def _run(exercise: Exercise, student: Subject, seed: int, key: Live, checks: list[str]) -> list[CheckResult]:
    return judge({exercise: student}, seed, key, lambda check: check.__name__ in checks)


def _both(attempt: Callable[[bool], None]) -> None:
    """In the place of words.assert_either: whichever a student's solution takes, its answers are there."""
    attempt(True)
    attempt(False)


def _short(array: np.ndarray) -> np.ndarray:
    """Single precision: no check asks for more of the reference."""
    return array.astype(np.float32) if array.dtype == np.float64 else np.ascontiguousarray(array)
