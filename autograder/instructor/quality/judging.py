"""The checks, held against solutions of ours without a worker."""

from collections.abc import Callable, Mapping
from typing import Any

from autograder.grading import grade
from autograder.grading.catalog import Exercise
from autograder.grading.drawings import Drawings
from autograder.grading.key import Key
from autograder.grading.referee import Referee
from autograder.grading.settings import Observer, Settings, unobserved
from autograder.grading.subjects import Subject
from autograder.results import CheckResult


def judge(
    subjects: Mapping[Exercise, Subject],
    seed: int,
    key: Key,
    chosen: Callable[[Any], bool],
    observe: Observer = unobserved,
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
    settings = Settings(seed, Drawings(None), key, observe=observe)
    referee = Referee(exercises, subjects.__getitem__, settings, problems={}, chosen=chosen)
    grade.run_pytest(exercises, referee)
    return [check for exercise in exercises for check in referee.results[exercise.name].values()]
