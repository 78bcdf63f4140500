"""The unit of work: one exercise of one submission, on this machine or another one.

A process that grades a class keeps what all submissions have in common, for they share a seed: the modules of the
exercise, what the reference answers, and which checks it has passed. No student code runs in it. It sends back a report
as JSON and writes nothing.
"""

import contextlib
import functools
import re
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from autograder.grading import grade as grading
from autograder.grading.catalog import Exercise, exercises
from autograder.grading.checks import count_left_out, described, exercise_result
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import version
from autograder.instructor.live_key import Live
from autograder.instructor.references import Reference, Remembering
from autograder.intake.submission import Submission
from autograder.isolation import levels
from autograder.level_words import NONE, WORDS
from autograder.results import CheckResult, Report, Verdict

MOST = 5 * 2**28  # bytes that grading may take: four times what honest work was seen to need
_one_at_a_time = threading.Lock()  # pytest and torch's random numbers belong to the whole process


class RefusedError(Exception):
    """Nothing can be graded here; the message says why, and what to do."""


class Task(NamedTuple):
    """One exercise of one submission.

    Attributes:
        version: of the grader that sends it; another one refuses it.
        files: the student's, all of them: an exercise may import another.
        problem: why this exercise has no file; empty if it has one.
        data: where drawings come from, as on the command line, and what that is called where the task comes from.
        require: the level of isolation below which nothing is graded; None for no such level.
        fault: why it is not to be graded after all; the checks then fail through our fault.
        traceback: of that, for the staff.
    """

    homework: str
    exercise: str
    version: str
    files: dict[str, bytes]
    problem: str
    seed: int
    fast: bool
    data: str | None
    drawings: str
    allow_unsandboxed: bool
    require: str | None = None
    fault: str = ""
    traceback: str = ""


def grade(task: Task) -> bytes:
    """Grade an exercise: its report, as JSON.

    Raises:
        RefusedError: nothing can be graded by this process.
    """
    with _one_at_a_time, _bounded():
        levels.expect_many()
        exercise = next(e for e in exercises(task.homework) if e.name == task.exercise)
        return msgspec.json.encode(_failed(task, exercise) if task.fault else _grade(task, exercise))


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Let this process run out of memory before the machine does: neighbours grade on it too.

    The limit is a soft one, which a worker takes off again for itself (worker/shim.py): it has its own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [bound for bound in (_taken() + MOST, soft, hard) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _taken() -> int:
    """Bytes of data that this process has already, which are not the grading's."""
    with contextlib.suppress(OSError):
        found = re.search(r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0


def _grade(task: Task, exercise: Exercise) -> Report:
    _agree(task, exercise)
    drawings = Drawings.named(task.data)
    return grading.grade(
        task.homework,
        Submission(task.files, {exercise.name: task.problem} if task.problem else {}),
        Settings(task.seed, drawings, _key(task.seed, str(drawings))),
        subject="",
        only=exercise.name,
        fast=task.fast,
    )


def _agree(task: Task, exercise: Exercise) -> None:
    """Whether this process grades as the one would that sent the task."""
    if version.digest(exercise) != task.version:
        raise RefusedError(
            "The grader's files have been changed since this run began, or a worker of the cluster has another version "
            "of them, of Python, torch or NumPy. Install the same ones there, and start again; what is done is kept."
        )
    if str(Drawings.named(task.data)) != task.drawings:
        raise RefusedError(f"A worker of the cluster lacks the drawings that are here: {task.drawings}.")
    check_isolation(task.require, task.allow_unsandboxed)


def check_isolation(require: str | None, allow_unsandboxed: bool) -> None:
    """Whether others' code may be run here.

    Raises:
        RefusedError: it is kept apart worse than is demanded, or not at all.
    """
    found = levels.find()
    if shortfall := found.shortfall(require):
        raise RefusedError(shortfall)
    if found.level == NONE and not allow_unsandboxed:
        raise RefusedError(
            f"{WORDS[found.level]}\nWhy: {found.reason}.\nNothing was graded. --allow-unsandboxed grades it "
            "nevertheless."
        )


def _failed(task: Task, exercise: Exercise) -> Report:
    """All checks of an exercise, failed through our own fault."""
    graded = [check for check in described(exercise) if not (task.fast and check.training)]
    for check in graded:
        check.verdict, check.message, check.traceback = Verdict.GRADER_ERROR, task.fault, task.traceback
    report = Report(
        homework=task.homework,
        subject="",
        seed=task.seed,
        data=task.drawings,
        isolation=levels.find().level,
        exercises=[exercise_result(exercise, graded)],
    )
    count_left_out(report, task.fast)
    return report


@functools.lru_cache(maxsize=1)
def _key(seed: int, drawings: str) -> "Shared":
    return Shared()


class Shared(Live):
    """The key of a class: answers and confirmations of the reference, worked out once."""

    def reference(self, exercise: Exercise) -> Reference:
        """The reference solution, which remembers."""
        return self._references.setdefault(exercise.name, Remembering(exercise))

    def confirm(
        self, exercise: Exercise, handed_in: Submission, results: dict[str, CheckResult], run: Callable[..., Any]
    ) -> None:
        """See instructor.confirm. The first time the reference faces all the checks that do not train: one worker."""
        if any(result.verdict is not Verdict.PASS for result in results.values()):
            passed = self._passed.setdefault(exercise.name, {})
            if not passed:
                reference = Submission({exercise.file: (exercise.folder / "solution.py").read_bytes()})
                found = run([exercise], reference, wanted=lambda check: not check.training).results[exercise.name]
                passed |= {name: result for name, result in found.items() if result.verdict is Verdict.PASS}
        super().confirm(exercise, handed_in, results, run)
