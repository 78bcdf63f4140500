"""A solution of ours in the place of a student's: a mutant, say. It runs in this process, without a worker."""

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder import grade
from autograder.catalog import Exercise
from autograder.drawings import Drawings
from autograder.instructor.live import Reference
from autograder.key import Key
from autograder.referee import Observer, Referee
from autograder.results import CheckResult, StudentError, Verdict
from autograder.subjects import Subject


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
            return super().answer(call, arguments, arrays)
        except values.FormatError as error:
            raise StudentError(Verdict.FORMAT, str(error)) from error
        except Exception as error:
            raise StudentError(Verdict.CRASH, f"{type(error).__name__}: {error}") from error


def judge(
    subjects: Mapping[Exercise, Subject],
    seed: int,
    key: Key,
    chosen: Callable[[Any], bool],
    observe: Observer = lambda exercise, check, judged: None,
) -> list[CheckResult]:
    """Hold the checks against subjects of this process, on drawn handwriting.

    Args:
        subjects: what answers, by exercise.
        seed: of the inputs.
        key: what answers are held against.
        chosen: which checks are run.
        observe: is told when a check begins and when it is judged.
    """
    exercises = list(subjects)
    referee = Referee(
        exercises,
        subjects.__getitem__,
        problems={},
        seed=seed,
        drawings=Drawings(None),
        chosen=chosen,
        observe=observe,
        key=key,
    )
    grade.run_pytest(exercises, referee)
    return [check for exercise in exercises for check in referee.results[exercise.name].values()]
