"""The key of a handout: what the reference answered, once, to the questions of one seed. No solution is near.

Each exercise's folder holds answers.json and answers.safetensors, which instructor/handout/record.py writes: right
answers, whole, and of known mistakes the marks of theirs (see autograder.grading.fingerprints).
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load_file

from autograder.fault import GraderError
from autograder.grading.catalog import Exercise, exercises, homeworks
from autograder.grading.evidence import Failure
from autograder.grading.fingerprints import marks, question, same
from autograder.grading.named_mistakes import Fit
from autograder.grading.subjects import Subject
from autograder.grading.traces import Marked, Trace, fitting
from autograder.intake.submission import Submission
from autograder.results import UNREADABLE, CheckResult, Verdict

NAME = "answers"  # of the two files
WRONG = "wrong"  # the array of the marks of known mistakes
ASKED = 1e-6  # share of the largest number by which inputs may differ from machine to machine


PATIENCE = 3.0  # times a check's time, for what ran out of it: there is no reference to measure the machine by


class NotRecordedError(GraderError):
    """A check asked what was not asked when the right answers were recorded."""


class DamagedError(GraderError):
    """A record that cannot be read."""


class Stored(msgspec.Struct, omit_defaults=True):
    """Where an array of a right answer is.

    Attributes:
        array: its name in answers.safetensors; empty where it is one of the question's own, unchanged.
        argument: name of that one.
        bits: its shape, where it is ones and zeros that are stored as bits.
        whole: whether these are integers.
    """

    array: str = ""
    argument: str = ""
    bits: list[int] | None = None
    whole: bool = False


class Right(msgspec.Struct):
    """A question, of the reference or of a student, and the right answer to it.

    Attributes:
        question: see fingerprints.question.
        asked: marks of its arrays.
        answer: where the arrays are, by their names in the answer.
    """

    question: str
    asked: list[list[float]]
    answer: dict[str, Stored]


class Answers(msgspec.Struct):
    """What is recorded of an exercise, for one seed of a run.

    Attributes:
        wrong: traces of known mistakes, in the order of their tiers.
        rows: how many marks each has, of those that are one below the other in answers.safetensors under WRONG.
    """

    seed: int
    right: list[Right]
    wrong: list[Trace]
    rows: list[int]


@functools.cache
def load(exercise: Exercise) -> tuple[Answers, dict[str, np.ndarray]]:
    """What is recorded of an exercise, and its arrays."""
    path = exercise.folder / NAME
    try:
        answers = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Answers)
        return answers, load_file(path.with_suffix(".safetensors"))
    except MemoryError:
        raise
    except Exception as error:  # whatever a decoder raises
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise
        raise DamagedError(
            f"The recorded answers in {exercise.place}/ are missing or damaged "
            f"({type(error).__name__}): unpack the handout again, and take your work over with `python -m autograder "
            "upgrade`."
        ) from error


class Reference(Subject):
    """Answers from the record, what a check asks of the reference and what it asks of a student."""

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer; whatever goes wrong is our fault."""
        answers, stored = load(self._exercise)
        asked, where = question(self.seed, call, arguments, arrays), marks(arrays)
        for right in answers.right:
            if right.question == asked and same(np.reshape(right.asked, where.shape), where, ASKED):
                return {name: _array(place, stored, arrays) for name, place in right.answer.items()}
        raise NotRecordedError(
            f"No right answer to {call} of {self._exercise.name} is recorded for these inputs: is the handout as it "
            "was given? Unpack it again; if it stays, tell the course staff."
        )


def _array(place: Stored, stored: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> np.ndarray:
    if not place.array:
        return np.array(arrays[place.argument])
    found: np.ndarray = stored[place.array]
    if place.bits is not None:
        found = np.unpackbits(found, count=math.prod(place.bits)).reshape(place.bits)
        found = found.astype(np.int64 if place.whole else np.float32)
    return np.array(found)  # a check may write into it


class Recorded:
    """See key.Key."""

    @functools.cached_property
    def seed(self) -> int:
        """The seed of the record."""
        return load(exercises(homeworks()[0])[0])[0].seed

    def prepare(self) -> None:
        """There is nothing to do."""

    def reference(self, exercise: Exercise) -> Reference:
        """Its answers."""
        return Reference(exercise)

    def fitting(self, exercise: Exercise, failure: Failure) -> list[Fit]:
        """Which known mistakes are recorded with just this failure."""
        answers, stored = load(exercise)
        ends = np.cumsum(answers.rows)
        found = [
            Marked(trace, stored[WRONG][end - rows : end].astype(np.float64))
            for trace, rows, end in zip(answers.wrong, answers.rows, ends, strict=True)
            if trace.check == failure.check
        ]
        return fitting(failure, (tier for _, tier in itertools.groupby(found, key=lambda marked: marked.trace.tier)))

    def patience(self, exercise: Exercise, check: str, run: Callable[..., Any]) -> float:
        """Always the same."""
        return PATIENCE

    def confirm(
        self, exercise: Exercise, handed_in: Submission, results: dict[str, CheckResult], run: Callable[..., Any]
    ) -> None:
        """Where a check failed other than by an assertion, let it judge the right answers: if they pass, an answer of
        the student's has a form that it cannot read."""
        unclear = {name for name, result in results.items() if result.unclear}
        if not unclear:
            return
        right = run([exercise], handed_in, wanted=lambda check: check.name in unclear, start=Reference)
        for name, result in right.results[exercise.name].items():
            if result.verdict is Verdict.PASS:
                results[name].verdict, results[name].message = Verdict.WRONG, UNREADABLE
