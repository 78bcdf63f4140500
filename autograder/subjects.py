"""One probe, two subjects: the student's code in a worker, and a reference. Both answer the functions of probe.py.

    student.inner_loop(task, steps=2).parameters

Every answer has the fields that the probe's function declares, as arrays or dicts of arrays.
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from autograder.catalog import Exercise
from autograder.isolation import Isolation
from autograder.results import StudentError, Verdict
from autograder.untrusted import clean
from autograder.worker import packing
from autograder.worker.client import Worker
from autograder.worker.failure import Files, blame_import, notices

START = 60.0  # seconds in which Python, torch and the student's module must be imported
CALL = 10.0  # seconds that a check may take
DEATHS = 3  # workers of one exercise that may die before the rest is not run


class WorkerError(Exception):
    """A worker that fails before it has seen any student code: the grader's fault."""


class Call(NamedTuple):
    """A question to a solution, and its answer."""

    function: str
    arguments: dict[str, Any]
    arrays: dict[str, np.ndarray]
    seed: int
    answer: dict[str, np.ndarray]


class Subject:
    """Answers the functions of a probe.

    Args:
        exercise: whose probe.

    Attributes:
        seed: of the next call.
        calls: what was asked and answered since they were last forgotten.
        seconds: what is left of the current check's time.
        flags: what a human may want to look at in the file.
    """

    def __init__(self, exercise: Exercise):
        self._exercise = exercise
        self.seed = 0
        self.calls: list[Call] = []
        self.seconds = CALL
        self.flags: list[str] = []

    def open(self) -> None:
        """Make ready, where there is anything to do."""

    def close(self) -> None:
        """Leave nothing behind."""

    def forget(self) -> None:
        """Answer from now on as if nothing had been asked before."""

    def printed(self) -> str:
        """What the solution printed since the last call, where it is caught."""
        return ""

    def __getattr__(self, name: str) -> Callable[..., SimpleNamespace]:
        if name not in self._exercise.questions:
            raise AttributeError(f"probe.py of {self._exercise.name} has no function {name}")
        signature, fields = self._exercise.questions[name]

        def call(*args: Any, **kwargs: Any) -> SimpleNamespace:
            bound = signature.bind(*args, **kwargs)
            arrays: dict[str, np.ndarray] = {}
            packed = {key: packing.pack(value, arrays) for key, value in bound.arguments.items()}
            answer = self.answer(name, packed, arrays)
            self.calls.append(Call(name, packed, arrays, self.seed, answer))
            return _nest(answer, fields)

        return call

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer, as they travel; see worker.client."""
        raise NotImplementedError


class Student(Subject):
    """The student's solution, in a worker that is started again after it died."""

    def __init__(self, exercise: Exercise, isolation: Isolation, box: Path, threads: int, files: Files):
        super().__init__(exercise)
        self._start: Callable[[], Worker] = lambda: Worker(isolation, box, exercise.module, threads, files)
        self._worker = self._start()  # imports torch while the grader does other things
        self._imported = False
        self._deaths = 0
        self._file, self._files = exercise.file, files
        self._runs = np.zeros(0, dtype=np.int64)  # lines that run on import

    def open(self) -> None:
        """Import the student's module.

        Raises:
            StudentError: it cannot be imported.
            WorkerError: not even the worker starts, whatever the student wrote.
        """
        if not self._worker.alive:
            self._worker.stop()
            self._worker = self._start()
            self._imported = False
        if not self._imported:
            try:
                self._worker.ask("hello", {}, {}, 0, START)
            except StudentError as error:
                raise WorkerError(f"the worker does not start: {error}\n{self.printed()}") from None
            if not self._deaths:
                source = np.frombuffer(self._files[self._file], dtype=np.uint8)
                noticed = self._worker.ask("look", {}, {"source": source}, 0, START)
                self.flags = notices(noticed, self._file, self._files)
                self._runs = noticed["runs"]
            try:
                self._worker.ask("import", {}, {}, 0, START)
            except StudentError as error:
                raise blame_import(error, self._runs, self._file, self._files) from None
            self._imported = True

    def forget(self) -> None:
        """Start a new worker: whatever the code kept of earlier questions is gone."""
        self._worker.stop()

    def close(self) -> None:
        """Kill the worker."""
        self._worker.stop()

    def printed(self) -> str:
        """What the student's code printed since the last call."""
        return self._worker.printed()

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer.

        Raises:
            StudentError: there is none.
        """
        if self._deaths >= DEATHS:
            raise StudentError(Verdict.NOT_RUN, f"Not run: your code has ended or blocked Python {DEATHS} times.")
        self.open()
        started = time.monotonic()
        try:
            return self._worker.ask(call, arguments, arrays, self.seed, max(self.seconds, 0.1))
        finally:
            self.seconds -= time.monotonic() - started
            self._deaths += not self._worker.alive


def _nest(arrays: dict[str, np.ndarray], fields: tuple[str, ...]) -> SimpleNamespace:
    """An answer's arrays by field.

    Raises:
        StudentError: a field is missing, or there is one that was not asked for.
    """
    answer: dict[str, Any] = {}
    for name, array in arrays.items():
        field, slash, key = name.partition("/")
        if slash:
            answer.setdefault(field, {})[key] = array
        else:
            answer[field] = array
    if set(answer) != set(fields):
        got = clean(str(sorted(answer)), 500)
        raise StudentError(
            Verdict.PROTOCOL,
            f"The answer has the fields {got}, expected {sorted(fields)}.",
            plain="What came back is not an answer.",
        )
    return SimpleNamespace(**answer)
