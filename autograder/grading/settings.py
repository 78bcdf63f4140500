"""The settings of a run of the grader, as one value."""

from collections.abc import Callable
from dataclasses import dataclass

from autograder.grading.catalog import Exercise
from autograder.grading.drawings import Drawings
from autograder.grading.key import Key
from autograder.results import CheckResult

Observer = Callable[[Exercise, CheckResult, bool], None]  # exercise, check, whether it is judged (or begins)


def unobserved(exercise: Exercise, check: CheckResult, judged: bool) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Settings:
    """How the checks are run.

    Attributes:
        seed: the inputs of all checks are drawn from it.
        drawings: characters for the checks that train.
        key: what answers are held against.
        threads: for torch in the worker. One makes the verdict the same on every machine, and busy machines no slower
            than they are.
        workers: how many are alive at once: one that works, and others that import torch meanwhile. With one, all
            processes together take less memory, and a run takes longer.
        judge: whether thresholds are held against accuracies, or these only measured.
        patience: by how much all time limits are multiplied.
        pictures: whether failures are drawn: only for those who grade their own work, for pictures show inputs.
        observe: is told when a check begins and when it is judged.
    """

    seed: int
    drawings: Drawings
    key: Key
    threads: int = 1
    workers: int = 2
    judge: bool = True
    patience: float = 1.0
    pictures: bool = False
    observe: Observer = unobserved
