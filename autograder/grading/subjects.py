"""One probe, two subjects: the student's code in a worker, and a reference. Both answer the functions of probe.py.

    student.inner_loop(task, steps=2).parameters

Every answer has the fields that the probe's function declares, as arrays or dicts of arrays. The first field has a
gradient with respect to what is given by name:

    student.logits.gradient(weights, features, prototypes=prototypes).prototypes
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder import fault
from autograder.fault import AGAIN, GraderError
from autograder.grading import evidence, questions
from autograder.grading.catalog import Exercise
from autograder.grading.given import called, given_lines
from autograder.isolation.levels import Isolation
from autograder.results import StudentError, Verdict
from autograder.untrusted import clean
from autograder.worker import packing, wire
from autograder.worker.client import Worker
from autograder.worker.failure import About, Files, blame_import, notices

START = 60.0  # seconds of its time (see isolation.clock) in which Python, torch and the student's module are imported
CALL = 10.0 if hasattr(os, "fork") else 30.0  # seconds that a check may take; processes start slowly on Windows
TOLD = 1  # messages of an exercise with numbers that the student reads where inputs are hidden
DEATHS = 3  # workers of one exercise that may die before the rest is not run


class QuestionError(GraderError):
    """A check that asks for what its probe does not answer."""


class UnknownQuestionError(QuestionError, AttributeError):
    """A question of a name that the probe does not have."""


class Watched(SimpleNamespace):
    """An answer by field, that notes when fields are read."""

    def __init__(self, fields: SimpleNamespace, read: dict[str, evidence.Moment]):
        super().__init__(**vars(fields), _read=read)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if not name.startswith("_"):
            super().__getattribute__("_read")[name] = evidence.now()
        return value


class Subject:
    """Answers the functions of a probe.

    Args:
        exercise: whose probe.

    Attributes:
        seed: of the next call.
        calls: what was asked and answered since they were last forgotten.
        asked: what is asked now, or was last, without an answer.
        seconds: what is left of the current check's time, as isolation.clock counts it.
        spent: seconds of the current check's time that are gone.
        most: bytes that the arrays of the next answer may have.
        flags: what a human may want to look at in the file.
        ended: whether it has ended or blocked Python in any check.
    """

    def __init__(self, exercise: Exercise):
        self._exercise = exercise
        self.seed = 0
        self.calls: list[evidence.Call] = []
        self.asked: evidence.Call | None = None
        self.seconds, self.spent = CALL, 0.0
        self.most = wire.MAX_PAYLOAD
        self.flags: list[str] = []
        self.ended = False

    def open(self) -> None:
        """Make ready, where there is anything to do."""

    def close(self) -> None:
        """Leave nothing behind."""

    def forget(self) -> None:
        """Answer from now on as if nothing had been asked before."""

    def printed(self) -> str:
        """What the solution printed since the last call, where it is caught."""
        return ""

    def __getattr__(self, name: str) -> "Asking":
        if name.startswith("__"):  # what Python itself looks for
            raise AttributeError(name)
        if name not in self._exercise.questions:
            raise UnknownQuestionError(f"The probe of {self._exercise.name} has no function {name}.")
        return Asking(self, name, self._exercise.questions[name])

    def ask(self, call: str, question: questions.Question, request: Any, arguments: Mapping[str, Any]) -> Watched:
        """Answer a question, and keep it among the calls.

        Args:
            call: its name; that of a gradient ends on packing.GRADIENT.
            question: what is declared of the answer.
            request: what travels, not yet packed.
            arguments: by which sizes are declared.
        """
        arrays: dict[str, np.ndarray] = {}
        packed = packing.pack(request, arrays)
        self.most = question.most(arguments, wire.MAX_PAYLOAD)
        self.asked = evidence.Call(call, packed, arrays, self.seed, {}, {}, evidence.is_again())
        answer = self.answer(call, packed, arrays)
        try:
            held = question.answer(arguments, answer)
        except questions.FieldsError:
            raise self._misfit(sorted(answer), sorted(question.fields)) from None
        read: dict[str, evidence.Moment] = {}
        self.calls.append(self.asked._replace(answer=answer, read=read))
        return Watched(held, read)

    def _misfit(self, got: list[str], expected: list[str]) -> Exception:
        """What an answer is that has other fields than the question."""
        return GraderError(f"The right answers of {self._exercise.name} are damaged ({got}, not {expected}): {AGAIN}.")

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer, as they travel; see worker.client."""
        raise NotImplementedError


class Asking:
    """A question to a subject: called it is answered, and its answer has a gradient."""

    def __init__(self, subject: Subject, name: str, question: questions.Question):
        self._subject, self._name, self._question = subject, name, question

    def __call__(self, *args: Any, **kwargs: Any) -> Watched:
        """Ask.

        Returns:
            An answer with the fields that the probe's function declares.
        """
        arguments = self.arguments(*args, **kwargs)
        return self._subject.ask(self._name, self._question, arguments, arguments)

    @property
    def fields(self) -> list[str]:
        """Names of the answer's fields."""
        return list(self._question.fields)

    @property
    def field(self) -> str:
        """The name of the first, which has a gradient."""
        return self.fields[0]

    def arguments(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the arguments of a call by name.

        Raises:
            QuestionError: the question takes others.
        """
        try:
            return self._question.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise QuestionError(f"The probe's {self._name}{self._question.signature}: {error}.") from None

    def gradient(self, weights: Any, /, *args: Any, **kwargs: Any) -> Watched:
        """Ask for the gradient of sum(weights * the answer's first field), a loss where weights is 1.

        Args:
            weights: as the field: a number, an array or a dict of arrays.
            args, kwargs: as for the question itself. The gradient is with respect to the arrays of floats, and dicts of
                such, that are given by name.

        Returns:
            An answer with a field for each of these, zero where no graph leads to it.
        """
        arguments = self.arguments(*args, **kwargs)
        smooth = {name: arguments[name] for name in kwargs if _is_smooth(arguments[name])}
        if not smooth:
            raise QuestionError(f"The gradient of {self._name}: no array of floats is given by name.")
        request = {"weights": weights, "names": list(smooth), "arguments": arguments}
        return self._subject.ask(self._name + packing.GRADIENT, self._question.gradient(smooth), request, arguments)


def _is_smooth(value: Any) -> bool:
    """Whether it is an array of floats, or a dict of such."""
    if isinstance(value, Mapping):
        return bool(value) and all(map(_is_smooth, value.values()))
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


class Student(Subject):
    """The student's solution, in a worker that is started again after it died."""

    def __init__(self, exercise: Exercise, isolation: Isolation, box: Path, threads: int, files: Files):
        super().__init__(exercise)
        self._start: Callable[[], Worker] = lambda: Worker(isolation, box, exercise.module, threads, files)
        self._worker: Worker | None = None
        with contextlib.suppress(Exception):  # open() tries again, and says why
            self._worker = self._start()  # imports torch while the grader does other things
        self._imported = False
        self._asked = False  # whether it has been given any input
        self._deaths = 0
        self._box, self._file, self._files = box, exercise.file, files
        self._runs = np.zeros(0, dtype=np.int64)  # lines that run on import
        self._origins: dict[int, list[int]] = {}  # lines where the values of a line are made
        self._told = 0  # messages with numbers

    def open(self) -> None:
        """Import the student's module.

        Raises:
            StudentError: it cannot be imported.
            WorkerError: not even the worker starts, whatever the student wrote.
        """
        with self._in_the_box():
            self._open()

    def _open(self) -> None:
        if self._worker is None or not self._worker.alive:
            self.close()
            self._worker = self._start()
            self._imported = False
        if not self._imported:
            try:
                self._worker.ask("hello", {}, {}, 0, START)
            except StudentError as error:
                raise fault.of_worker(str(error), self.printed()) from None
            if not self._deaths:
                source = np.frombuffer(self._files[self._file], dtype=np.uint8)
                noticed = self._worker.ask("look", {}, {"source": source}, 0, START)
                self.flags = notices(noticed, self._file, self._files)
                self._runs = noticed["runs"]
                self._origins = {}
                for line, origin in noticed["origins"].tolist():
                    self._origins.setdefault(line, []).append(origin)
            try:
                self._worker.ask("import", {}, {}, 0, START)
            except StudentError as error:
                blamed = blame_import(error, self._runs, self._file, self._files)
                if self._asked:  # what it says now may come from inputs that it kept
                    blamed.plain = "Your file could be imported before, and not again."
                raise blamed from None
            self._imported = True

    @contextlib.contextmanager
    def _in_the_box(self) -> Iterator[None]:
        """Blame nobody for what goes wrong in the grader, nor where the box is no more: solutions import from it."""
        try:
            yield
        except (StudentError, fault.WorkerError) as error:
            if not (self._box / self._file).exists():
                raise fault.WorkerError(
                    f"{self._box} was removed while the grader ran: run it again, and let nothing clean that folder."
                ) from error
            raise
        except (GraderError, OSError, MemoryError):
            raise
        except Exception as error:  # no answer has been read: it has no part in this
            raise fault.WorkerError(fault.sentence(error)) from error

    def forget(self) -> None:
        """Start a new worker: whatever the code kept of earlier questions is gone."""
        self.close()

    def close(self) -> None:
        """Kill the worker."""
        if self._worker:
            self._worker.stop()

    def printed(self) -> str:
        """What the student's code printed since the last call."""
        return self._worker.printed() if self._worker else ""

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer.

        Raises:
            StudentError: there is none.
        """
        if self._deaths >= DEATHS:
            raise StudentError(Verdict.NOT_RUN, f"Not run: your code has ended or blocked Python {DEATHS} times.")
        with self._in_the_box():
            self._open()
            assert self._worker
            self._asked = True
            try:
                seconds = max(self.seconds, 0.1)
                return self._worker.ask(call, arguments, arrays, self.seed, seconds, self.most, self._about(call))
            except StudentError as error:
                self._told += error.numbers
                if error.verdict is not Verdict.TIMEOUT:
                    raise
                earlier = f" Earlier answers in this check took {self.spent:.0f} seconds." if self.spent >= 1 else ""
                raise StudentError(Verdict.TIMEOUT, f"{error}{earlier}") from None
            finally:
                self.seconds -= self._worker.spent
                self.spent += self._worker.spent
                self._deaths += not self._worker.alive
                self.ended = self._deaths > 0

    def _about(self, call: str) -> About:
        """What can be said of an answer that does not come."""
        given = given_lines(self._file, self._files[self._file])
        returned = called(self._exercise, call.removesuffix(packing.GRADIENT))
        return About(given, self._origins, returned, self._told < TOLD)

    def _misfit(self, got: list[str], expected: list[str]) -> Exception:
        return StudentError(
            Verdict.PROTOCOL,
            f"The answer has the fields {clean(str(got), 500)}, expected {expected}.",
            plain="What came back is not an answer.",
        )
