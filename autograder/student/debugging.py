"""Open Python's debugger in the student's own function, on the inputs of one check: the grader's --debug.

The student's code runs in this process, without a worker: this is for one's own work, never for that of others.
"""

import ast
import bdb
import functools
import importlib
import pdb
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from autograder.grading import grade
from autograder.grading.catalog import Exercise
from autograder.grading.checks import described
from autograder.grading.settings import Settings
from autograder.grading.subjects import Subject
from autograder.intake.submission import Submission
from autograder.paths import COURSE
from autograder.results import CheckResult, StudentError, Verdict
from autograder.student import history
from autograder.worker import asking, packing, warmup

PATIENCE = 1e6  # a person thinks
GO_ON = (
    "Stops at the first line of each function of {file} that the check calls. n next line, s into a call, p NAME shows "
    "a value, w where you are, c goes on, q quits."
)


class Debugged(Subject):
    """The student's solution in this process, under a debugger.

    Args:
        exercise: whose.
        debugger: stops in the student's functions.
    """

    def __init__(self, exercise: Exercise, debugger: pdb.Pdb):
        super().__init__(exercise)
        self._debugger = debugger

    @functools.cached_property
    def _solution(self) -> types.ModuleType:
        warmup.skip_the_compiler()
        if str(COURSE) not in sys.path:
            sys.path.insert(0, str(COURSE))
        return importlib.import_module(self._exercise.module)

    def answer(self, call: str, arguments: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of an answer.

        Raises:
            StudentError: the student's code raised an error.
        """
        probe, solution = self._exercise.load("probe"), self._solution
        asking.reseed(self.seed)
        try:
            unpacked = packing.unpack(arguments, arrays)
            found: dict[str, np.ndarray] = self._debugger.runcall(asking.ask, probe, solution, call, unpacked)  # type: ignore[assignment]
        except bdb.BdbQuit:
            raise KeyboardInterrupt from None  # no check goes on after that
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
            self._debugger.interaction(None, error.__traceback__)  # where it was raised
            raise StudentError(Verdict.CRASH, f"{type(error).__name__}: {error}") from None
        return found


def debug(exercise: Exercise, check: str, handed_in: Submission, settings: Settings) -> CheckResult | None:
    """Run one check on the work in the course folder, in the debugger.

    Args:
        exercise: whose check.
        check: its name.
        handed_in: the work.
        settings: of the run.

    Returns:
        What became of it; None where the student quit.
    """
    path = COURSE / exercise.file
    debugger = _Stopping(path, functions(path))
    print(GO_ON.format(file=exercise.file))
    try:
        referee = grade.run(
            [exercise],
            handed_in,
            settings,
            wanted=lambda result: result.name == check,
            start=lambda of: Debugged(of, debugger),
        )
    except KeyboardInterrupt:
        return None
    return referee.results[exercise.name].get(check)


def find(chosen: list[Exercise], words: str, failed: set[history.Place]) -> tuple[Exercise, CheckResult]:
    """Return the one check that is meant.

    Args:
        chosen: exercises of which one has it.
        words: its name or a part of its title, in any case; empty for the first one that failed.
        failed: exercises and names of the checks that failed when they were last judged.

    Raises:
        click.UsageError: none is meant, or several are.
    """
    every = [(exercise, check) for exercise in chosen for check in described(exercise)]
    found = [(e, check) for e, check in every if words.lower() in f"{check.name} {check.title}".lower()]
    exact = [(e, check) for e, check in found if check.name == words]
    failing = [(e, check) for e, check in found if (e.name, check.name) in failed]
    if len(exact) == 1 or len(found) == 1 or len(failing) == 1 or (failing and not words):
        return (exact or (found if len(found) == 1 else failing))[0]
    if not words:
        raise click.UsageError(
            "No check failed in the last run: --debug with a part of a check's title opens that one."
        )
    if not found:
        raise click.UsageError(f"No check has {words!r} in its name or title: --list shows all titles.")
    listed = "".join(f"\n  {check.title}" for _, check in found)
    raise click.UsageError(f"Several checks have {words!r} in name or title; name one of them in more words:{listed}\n")


def functions(path: Path) -> list[int]:
    """The lines on which the bodies of a file's functions begin."""
    tree = ast.parse(path.read_bytes())
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            lines.append(body[0].lineno)
    return lines


class _Stopping(pdb.Pdb):
    """A debugger that stops at the given lines of a file, and where breakpoint() stands."""

    def __init__(self, path: Path, lines: list[int]):
        super().__init__(nosigint=True)
        for line in lines:
            self.set_break(str(path), line)
        sys.breakpointhook = lambda *_, **__: self.set_next(sys._getframe(1))

    def runcall(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a function without a stop before its first line."""
        self.reset()
        self.botframe = sys._getframe()
        self.set_continue()
        sys.settrace(self.trace_dispatch)
        try:
            return func(*args, **kwargs)
        finally:
            sys.settrace(None)
