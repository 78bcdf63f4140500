"""Record what a handout's key needs: the reference's answers to one seed's questions, and the marks of known mistakes.

The checks are run as they are: the reference on itself for the right answers, each mutant for its own. What is written
is what autograder.recorded reads.
"""

from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec
import numpy as np
from safetensors.numpy import save

from autograder.catalog import Exercise
from autograder.instructor import mutants
from autograder.instructor.inside import Inside, judge
from autograder.instructor.live import Live, Reference
from autograder.instructor.misconceptions import apart, farthest
from autograder.marks import form, marks, question
from autograder.recorded import NAME, Answers, Given, Right, Wrong
from autograder.results import CheckResult, Verdict
from autograder.subjects import Call

Arrays = dict[str, np.ndarray]


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
    with mock.patch.object(exercise.load("checks"), "assert_either", _both, create=True):
        trains = exercise.outline()
        results = _run(exercise, solution, seed, right, [check for check in trains if not trains[check]])
    for check in results:
        if check.verdict is not Verdict.PASS:
            raise RecordError(f"The reference does not pass {check.name} of {exercise.name}: {check.message}")
    wrong = _Wrong(stored)
    for mutant in mutants.load(exercise):
        checks = [check for check in mutant.fails if not trains[check]]
        if mutant.says and checks:
            wrong.mutant = mutant
            _run(exercise, mutant.apply(solution), seed, wrong, checks)
    answers = Answers(seed, list(right.found.values()), wrong.found)
    return {f"{NAME}.json": msgspec.json.encode(answers), f"{NAME}.safetensors": save(stored)}


class _Right(Live):
    """Keeps what the reference answers."""

    def __init__(self, stored: Arrays):
        super().__init__()
        self.found: dict[tuple[str, str], Right] = {}
        self._stored = stored

    def reference(self, exercise: Exercise) -> Reference:
        """The reference, overheard."""
        return self._references.setdefault(exercise.name, _Overheard(exercise, self._keep))

    def _keep(self, asked: str, where: np.ndarray, answer: Arrays) -> None:
        place = (asked, str(where.tolist()))
        if place not in self.found:
            names = {name: f"{len(self.found)}/{name}" for name in answer}
            self._stored |= {key: _short(answer[name]) for name, key in names.items()}
            self.found[place] = Right(asked, where.tolist(), names)


class _Overheard(Reference):
    def __init__(self, exercise: Exercise, keep: Callable[[str, np.ndarray, Arrays], None]):
        super().__init__(exercise)
        self._keep = keep

    def answer(self, call: str, arguments: dict[str, Any], arrays: Arrays) -> Arrays:
        answer = super().answer(call, arguments, arrays)
        self._keep(question(self.seed, call, arguments, arrays), marks(arrays), answer)
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
        given = [call.answer for call in calls]
        if calls and apart(given, right):
            name = f"wrong/{len(self.found)}"
            place = farthest(given, right)
            asked = [Given(question(c.seed, c.function, c.arguments, c.arrays), form(c.answer)) for c in calls]
            value = float(right[place[0]][place[1]].ravel()[place[2]]) if place else 0.0
            self._stored[name] = np.concatenate([marks(answer) for answer in given]).astype(np.float32)
            self.found.append(Wrong(check, self.mutant.says, asked, name, place, value))
        return ""

    def _right(self, exercise: Exercise, call: Call) -> Arrays:
        reference = self.reference(exercise)
        reference.seed = call.seed
        return reference.answer(call.function, call.arguments, call.arrays)


def _run(exercise: Exercise, source: str, seed: int, key: Live, checks: list[str]) -> list[CheckResult]:
    return judge({exercise: Inside(exercise, source)}, seed, key, lambda check: check.__name__ in checks)


def _both(attempt: Callable[[bool], None]) -> None:
    """In the place of words.assert_either: whichever a student's solution takes, its answers are there."""
    attempt(True)
    attempt(False)


def _short(array: np.ndarray) -> np.ndarray:
    """Single precision: no check asks for more of the reference."""
    return array.astype(np.float32) if array.dtype == np.float64 else np.ascontiguousarray(array)
