"""Check an exercise whenever its file is saved: python -m autograder hw2 --watch.

The worker that will run the file is started beforehand and has imported torch, so that an answer takes no longer than
the checks. Files are looked at ten times a second: this works on network folders too, and with editors that write
another file and rename it.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from autograder.grading import catalog, grade
from autograder.grading.catalog import Exercise
from autograder.grading.settings import Settings
from autograder.grading.spare import Spare
from autograder.intake import submission
from autograder.paths import COURSE
from autograder.report import stages, terminal, timeline
from autograder.results import CheckResult, Report, Verdict
from autograder.student import history, keys
from data import copies

LOOK = 0.1  # seconds from one look at the files to the next
SETTLED = 0.05  # seconds in which a file that is still being written would change
READY = 2  # workers that wait, for the files that were saved last: each has 300 MB
KEYS = "Save the file to have it checked again. Keys: h how to mend it, n next failure, t train as well, a all, q quit"
SAVE = "Save the file to have it checked again; Ctrl-C ends this."


class File:
    """A file that is watched, by what is written in it."""

    def __init__(self, path: Path):
        self._path = path
        self._stamp, self._content = self._look(), self._read()

    def changed(self) -> bool:
        """Whether something else is written in it than when this was last asked; only once it is written whole."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        time.sleep(SETTLED)
        content = self._read()
        if content is None or self._look() != stamp:  # it is being written, or another one will take its place
            return False
        before = self._content
        self._stamp, self._content = stamp, content
        return content != before

    def _look(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:
            return None


class Watch:
    """The screen of a student who works on a homework.

    Args:
        chosen: the exercises that are watched.
        settings: makes the settings of the next run.
        to: the terminal.
    """

    def __init__(self, chosen: list[Exercise], settings: Callable[[], Settings], to: Console):
        self._chosen, self._settings, self._to = chosen, settings, to
        self._homework = chosen[0].homework
        self._files = {exercise.name: File(COURSE / exercise.file) for exercise in chosen}
        self._spares: dict[str, Spare] = {}  # by exercise, the one that was saved last at the end
        self._current = chosen[0]
        self._report: Report | None = None  # all that is known of the current one
        self._failed_before: set[history.Place] = set()
        self._first = 0  # the failure that is shown in full
        self._keys = False

    def run(self) -> None:
        """Check what is there, then every file that is saved, until the student quits."""
        with keys.reading() as pressed, contextlib.closing(self):
            self._keys = pressed is not keys.none
            self._begin()
            while (key := pressed(LOOK).lower()) != "q":
                self._obey(key)
                for exercise in self._chosen:
                    if self._files[exercise.name].changed():
                        self._check(exercise)

    def close(self) -> None:
        """End the workers that wait."""
        while self._spares:
            self._spares.popitem()[1].close()

    def _begin(self) -> None:
        """Check one exercise after the other, up to the first in which something is to do."""
        for exercise in self._chosen:
            self._check(exercise)
            if self._report and not self._report.complete:
                break

    def _obey(self, key: str) -> None:
        if key == "h":
            self._show(asked=True)
        elif key == "n":
            self._first += 1
            self._show()
        elif key == "t":
            self._check(self._current, fast=False)
        elif key == "a":
            self._check(None)

    def _check(self, exercise: Exercise | None, *, fast: bool = True) -> None:
        """Check one exercise, or all that are watched, and show the report."""
        self._current, self._first = exercise or self._current, 0
        self._clear()
        try:
            handed_in = submission.collect(COURSE, self._homework)
        except submission.SubmissionError as error:
            self._report = None
            self._to.print(Text(str(error)))
            return
        with contextlib.ExitStack() as stack:
            start = None
            if exercise and exercise.name in self._spares:
                spare = stack.enter_context(contextlib.closing(self._spares.pop(exercise.name)))
                start = lambda _: spare.take(handed_in.files)  # noqa: E731
            self._report = grade.grade(
                self._homework,
                handed_in,
                dataclasses.replace(self._settings(), observe=self._mark),
                subject=exercise.file if exercise else f"the work in {copies.short(COURSE)}",
                only=exercise.name if exercise else None,
                fast=fast,
                start=start,
            )
        self._failed_before = history.failed(history.read())
        history.remember(self._report)
        self._show()
        if exercise and exercise.file in handed_in.files:
            self._make_ready(exercise, handed_in.files)

    def _make_ready(self, exercise: Exercise, files: dict[str, bytes]) -> None:
        """Start a worker for the next time that the file is saved."""
        self._spares[exercise.name] = Spare(exercise, files)
        while len(self._spares) > READY:
            self._spares.pop(next(iter(self._spares))).close()

    # What is on the screen

    def _clear(self) -> None:
        if self._to.is_terminal:
            self._to.clear()
        self._to.print(Text(f"{time.strftime('%H:%M:%S')}  {self._current.file}  ", "dim"), end="")

    def _mark(self, exercise: Exercise, check: CheckResult, judged: bool) -> None:
        """Show each verdict as it comes."""
        if judged:
            mark, style = timeline.MARKS.get(check.verdict, timeline.FAILED)
            self._to.print(Text(mark, style), end="")
            self._to.file.flush()

    def _show(self, *, asked: bool = False) -> None:
        """Show the report, with another failure in full where that was asked for."""
        if self._report is None:
            return
        self._clear()
        self._to.print()
        policy = catalog.homework(self._homework).hints
        way = f"{'h' if self._keys else '--hint'} says how to mend it."
        report = stages.staged(self._report, policy, asked=asked, before=self._failed_before, way=way)
        terminal.show(_turned(report, self._first), self._to)
        self._to.print(Text(KEYS if self._keys else SAVE, "dim"))


def _turned(report: Report, steps: int) -> Report:
    """The report with another failure of each exercise before the others."""
    exercises = []
    for exercise in report.exercises:
        failed = [check for check in exercise.checks if check.verdict not in (Verdict.PASS, Verdict.NOT_RUN)]
        others = [check for check in exercise.checks if check not in failed]
        at = steps % len(failed) if failed else 0
        checks = [*failed[at:], *failed[:at], *others] if at else exercise.checks
        exercises.append(msgspec.structs.replace(exercise, checks=checks))
    return msgspec.structs.replace(report, exercises=exercises)
