"""A solution of ours in the place of a student's: a mutant, say. It runs in this process, without a worker."""

import itertools
import traceback
import types
import warnings
from typing import Any

import numpy as np

from autograder.grading.catalog import Exercise
from autograder.instructor.references import Reference
from autograder.results import StudentError, Verdict
from autograder.worker import expressions, wire


class Inside(Reference):
    """Answers the functions of a probe, and fails, as a student's solution would.

    Args:
        exercise: whose.
        source: the text of the solution.

    Attributes:
        failed: the expressions by which the last exception came, the raising one last; see worker/expressions.py.
    """

    def __init__(self, exercise: Exercise, source: str | bytes):
        super().__init__(exercise)
        from autograder.worker import warmup

        warmup.skip_the_compiler()
        self._source = source
        self.failed: list[list[expressions.Writing]] = []
        self._solution = types.ModuleType(exercise.module)
        exec(compile(source, exercise.file, "exec"), self._solution.__dict__)

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer.

        Raises:
            StudentError: there is none, as a worker would say.
        """
        from autograder.worker import values

        try:
            return self.attempt(call, arguments, arrays)
        except values.FormatError as error:
            raise StudentError(Verdict.FORMAT, str(error)) from error
        except Exception as error:
            self.failed = self._expressions(error)
            done = [[writing.digest for writing in found] for found in self.failed]
            raise StudentError(Verdict.CRASH, f"{type(error).__name__}: {error}", done=done) from error

    def attempt(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer; what the solution raises is raised as it is."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of a wrong solution nobody reads
            return super().answer(call, arguments, arrays)

    def _expressions(self, error: Exception) -> list[list[expressions.Writing]]:
        """The writings of the expressions by which an exception came, and of the statements: not every Python has the
        columns of the former."""
        found = []
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self._exercise.file]
        for span in expressions.spans(frames)[-wire.SPANS :]:
            whole = expressions.Span(span.line, span.end)
            written = [expressions.writings(self._source, one) for one in dict.fromkeys((span, whole))]
            found.append(list(itertools.chain(*written)))
        return found
