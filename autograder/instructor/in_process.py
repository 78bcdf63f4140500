"""A solution of ours in the place of a student's: a mutant, say. It runs in this process, without a worker."""

import types
import warnings
from typing import Any

import numpy as np

from autograder.grading.catalog import Exercise
from autograder.instructor.references import Reference
from autograder.results import StudentError, Verdict


class Inside(Reference):
    """Answers the functions of a probe, and fails, as a student's solution would.

    Args:
        exercise: whose.
        source: the text of the solution.
    """

    def __init__(self, exercise: Exercise, source: str | bytes):
        super().__init__(exercise)
        from autograder.worker import warmup

        warmup.skip_the_compiler()
        self._solution = types.ModuleType(exercise.module)
        exec(compile(source, exercise.file, "exec"), self._solution.__dict__)

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer.

        Raises:
            StudentError: there is none, as a worker would say.
        """
        from autograder.worker import values

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what torch says of a wrong solution nobody reads
                return super().answer(call, arguments, arrays)
        except values.FormatError as error:
            raise StudentError(Verdict.FORMAT, str(error)) from error
        except Exception as error:
            raise StudentError(Verdict.CRASH, f"{type(error).__name__}: {error}") from error
