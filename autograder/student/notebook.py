"""Check an exercise from a cell of a notebook.

The grader runs in a process of its own, as in the terminal: it starts pytest and workers, handles signals, and must
see the files as they are on disk, not what a notebook has imported of them.
"""

import html
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console

from autograder.grading.catalog import exercises, homeworks
from autograder.paths import COURSE
from autograder.report import files, terminal
from autograder.results import Report, number

WIDTH = 100


class Checked:
    """What a check found, as a notebook shows it: as a table, and as the terminal's report where there is no HTML.

    Attributes:
        report: all that the grader says; None where it could not grade.
        reason: why it could not.
    """

    def __init__(self, report: Report | None, reason: str = ""):
        self.report, self.reason = report, reason

    def __repr__(self) -> str:
        if self.report is None:
            return self.reason
        text = io.StringIO()
        terminal.show(self.report, Console(file=text, width=WIDTH, force_jupyter=False, highlight=False))
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).rstrip()

    def _repr_html_(self) -> str:
        if self.report is None:
            return f"<pre>{html.escape(self.reason)}</pre>"
        report = self.report
        left = report.untrained or report.optional_untrained
        more = f"; {number(left)} more are for checks that train (fast=False)" if left else ""
        score = f"{report.optional_scores or report.score}{more}"  # of one exercise
        run = f"{report.seconds:.0f} s, seed {report.seed}, drawings: {report.data}"
        return f"{files.html_of_exercises(report)}<p><b>{score}</b><br>{html.escape(run)}</p>"


def check(exercise: str, *, fast: bool = True, hint: bool = False, seed: int | None = None) -> Checked:
    """Check one exercise of the work in the course folder, as `python -m autograder` does.

    Args:
        exercise: its name, as "maml".
        fast: leave out the checks that train.
        hint: say how to mend what is wrong, not only where to look.
        seed: of the inputs, as a report names it; a new one if left out.

    Returns:
        The report, or why there is none.
    """
    found = {e.name: homework for homework in homeworks() for e in exercises(homework)}
    if exercise not in found:
        return Checked(None, f"There is no exercise {exercise!r}; there are {', '.join(found)}.")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "report.json")
        words = [found[exercise], "--only", exercise, "--json", str(result)]
        words += ["--fast"] * fast + ["--hint"] * hint + ([] if seed is None else ["--seed", str(seed)])
        reason = _run([sys.executable, "-m", "autograder", *words])
        if not result.exists():
            return Checked(None, reason or "The grader ended without a word. Please report it.")
        report = msgspec.json.decode(result.read_bytes(), type=Report)
        if report.held_back:
            report.held_back = f'check("{exercise}", hint=True) says how to mend it.'
        return Checked(report)


def _run(command: list[str]) -> str:
    """Run a command in the course folder; returns what it says on stderr. It ends when the notebook is interrupted."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=COURSE, text=True, errors="replace", **pipes) as process:  # type: ignore[call-overload]
        try:
            return str(process.communicate()[1]).strip()
        except BaseException:
            process.terminate()  # it puts its workers away
            raise
