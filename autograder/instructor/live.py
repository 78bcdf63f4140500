"""The key of the instructor's copy: the reference solutions, run on whatever is asked."""

import functools
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from autograder.catalog import Exercise, exercises
from autograder.results import CheckResult
from autograder.subjects import Call, Subject
from autograder.submission import Submission
from autograder.worker import packing


def solutions(homework: str) -> Submission:
    """The reference solutions, as a submission."""
    return Submission({e.file: (e.folder / "solution.py").read_bytes() for e in exercises(homework)})


class Reference(Subject):
    """The reference solution, in this process."""

    @functools.cached_property
    def _probe(self) -> ModuleType:
        import torch

        torch.set_num_threads(1)  # as in a worker: on tensors so small more are slower, on a busy machine far slower
        return self._exercise.load("probe")

    @functools.cached_property
    def _solution(self) -> ModuleType:
        return self._exercise.load("solution")

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer; whatever goes wrong is our fault."""
        import torch

        from autograder.worker import values, warmup

        warmup.skip_the_compiler()
        random.seed(self.seed)
        np.random.seed(self.seed)
        torch.manual_seed(self.seed)
        copies = {name: array.copy() for name, array in arrays.items()}
        function = getattr(self._probe, call)
        return values.flatten(function(self._solution, **packing.unpack(arguments, copies)))


class Live:
    """See key.Key. One serves gradings that share a seed, for it remembers what the reference has passed."""

    seed = None

    def __init__(self) -> None:
        self._references: dict[str, Reference] = {}
        self._passed: dict[str, dict[str, CheckResult]] = {}

    def prepare(self) -> None:
        """Import torch, as the workers do at the same time."""
        from autograder.worker import warmup  # noqa: F401

    def reference(self, exercise: Exercise) -> Reference:
        """The reference solution."""
        return self._references.setdefault(exercise.name, Reference(exercise))

    def explain(self, exercise: Exercise, check: str, calls: list[Call]) -> str:
        """See instructor.misconceptions."""
        from autograder.instructor import misconceptions

        return misconceptions.explain(exercise, check, calls, self.reference(exercise))

    def patience(self, exercise: Exercise, check: str, run: Callable[..., Any]) -> float:
        """See instructor.confirm."""
        from autograder.instructor import confirm

        return confirm.patience(exercise, check, run, self._passed.setdefault(exercise.name, {}))

    def confirm(
        self, exercise: Exercise, handed_in: Submission, results: dict[str, CheckResult], run: Callable[..., Any]
    ) -> None:
        """See instructor.confirm."""
        from autograder.instructor import confirm

        confirm.confirm(exercise, results, run, self._passed.setdefault(exercise.name, {}))
