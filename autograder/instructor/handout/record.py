"""Record what a handout's key needs: the reference's answers to one seed's questions, and the marks of known mistakes.

The checks are run as they are: the reference on itself for the right answers, each mutant for its own. What is written
is what autograder.grading.recorded reads.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest import mock

import msgspec
import numpy as np
import torch
from safetensors.numpy import save

from autograder.grading import check_vocabulary
from autograder.grading import checks as grading
from autograder.grading.catalog import Exercise
from autograder.grading.fingerprints import COLUMNS, marks, question
from autograder.grading.recorded import NAME, WRONG, Answers, Right, Stored
from autograder.grading.subjects import Subject
from autograder.grading.traces import Marked
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import misconceptions
from autograder.instructor.quality.judging import judge
from autograder.results import CheckResult, Verdict

Arrays = dict[str, np.ndarray]

FEW = 60  # mistakes in checks: more of them are tried by other processes, where there are any
LARGE = 1000  # numbers, from which on ones and zeros are stored as bits


class RecordError(Exception):
    """The reference does not pass its own checks: there is nothing right to record."""


def record(exercise: Exercise, seed: int, many: Callable[..., Iterable[Any]] = map) -> dict[str, bytes]:
    """The two files of an exercise, by name.

    Args:
        exercise: which.
        seed: of the run whose questions are answered.
        many: maps a function over many mistakes, as other processes do; see concurrent.futures.Executor.map.

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
    wrong = list(_wrong(exercise, seed, many))
    stored[WRONG] = np.concatenate([np.zeros((0, COLUMNS)), *(marked.marks for marked in wrong)]).astype(np.float32)
    answers = Answers(
        seed, list(right.found.values()), [found.trace for found in wrong], [len(found.marks) for found in wrong]
    )
    return {f"{NAME}.json": msgspec.json.encode(answers), f"{NAME}.safetensors": save(stored)}


def _wrong(exercise: Exercise, seed: int, many: Callable[..., Iterable[Any]]) -> Iterator[Marked]:
    """The traces that known mistakes leave in the checks."""
    judged = {function.__name__: function for function in grading.checks(exercise) if not grading.trains(function)}
    asked = [(check, suspect) for check in judged for suspect in misconceptions.suspects(exercise, check)]
    leave = functools.partial(_traces, exercise, seed)
    every = many if len(asked) > FEW else map
    for (check, _), found in zip(asked, every(leave, asked), strict=True):
        yield from (left for left in found if left.trace.raised or not hasattr(judged[check], "tells"))


def _traces(exercise: Exercise, seed: int, asked: tuple[str, misconceptions.Suspect]) -> tuple[Marked, ...]:
    check, suspect = asked
    torch.set_num_threads(1)
    return misconceptions.traces(exercise, suspect, check, seed)


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


def _run(exercise: Exercise, student: Subject, seed: int, key: Live, checks: list[str]) -> list[CheckResult]:
    return judge({exercise: student}, seed, key, lambda check: check.__name__ in checks)


def _both(attempt: Callable[[bool], None]) -> None:
    """In the place of check_vocabulary._either: whichever a student's solution takes, its answers are there."""
    attempt(True)
    attempt(False)


def _short(array: np.ndarray) -> np.ndarray:
    """Single precision: no check asks for more of the reference."""
    return array.astype(np.float32) if array.dtype == np.float64 else np.ascontiguousarray(array)
