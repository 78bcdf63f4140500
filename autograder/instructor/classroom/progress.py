"""How far a class is: a line that stays in a terminal, and a line now and then in a log."""

import time
from collections.abc import Callable

from rich.progress import BarColumn, TextColumn

from autograder.report import terminal
from autograder.results import Report, Verdict

EVERY = 30.0  # seconds between two lines where nobody watches


class ClassProgress(terminal.Line):
    """Counts what is done, runs and fails.

    Args:
        total: exercises to grade.
        kept: of these, as many were graded by an earlier run.
    """

    def __init__(self, total: int, kept: int, clock: Callable[[], float] = time.monotonic):
        self._total, self._kept, self._clock = total, kept, clock
        self._done = self._running = self._failing = 0
        self._begun = self._said = clock()
        super().__init__(BarColumn(bar_width=20), TextColumn("{task.description}"))
        self._task = self._progress.add_task("", total=total, completed=kept)

    def running(self, count: int) -> None:
        """Observe how many are at work."""
        self._running = count
        self._show()

    def done(self, report: Report) -> None:
        """Observe one that is graded."""
        self._done += 1
        self._failing += sum(check.verdict not in (Verdict.PASS, Verdict.NOT_RUN) for check in report.checks)
        self._show()

    def line(self) -> str:
        """Where it stands, in one line."""
        finished = self._kept + self._done
        left = f", {_span((self._total - finished) * (self._clock() - self._begun) / self._done)}" if self._done else ""
        return (
            f"{finished} of {self._total} exercises done, {self._running} running, {self._failing} failing checks{left}"
        )

    def _show(self) -> None:
        self._progress.update(self._task, completed=self._kept + self._done, description=self.line())
        if not self._progress.console.is_terminal and self._clock() - self._said > EVERY:
            self._said = self._clock()
            self._progress.console.print(self.line())


def _span(seconds: float) -> str:
    minutes = int(seconds + 30) // 60
    if minutes < 1:
        return "less than a minute left"
    return f"{minutes // 60} h {minutes % 60} min left" if minutes >= 60 else f"{minutes} min left"


class ComparisonProgress(terminal.Line):
    """Counts comparisons of submissions with each other, a call at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._said = clock()
        super().__init__(BarColumn(bar_width=20), TextColumn("{task.description}"))
        self._task = self._progress.add_task("", total=1)

    def __call__(self, done: int, total: int) -> None:
        """Observe that so many are done."""
        words = f"{done} of {total} comparisons of submissions"
        self._progress.update(self._task, completed=done, total=total, description=words)
        if not self._progress.console.is_terminal and self._clock() - self._said > EVERY:
            self._said = self._clock()
            self._progress.console.print(words)
