"""What became of each check, run after run: in the terminal and as a page."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jinja2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.results import Verdict, number, total

MARKS = {Verdict.PASS: ("✓", "green"), Verdict.NOT_RUN: ("·", "dim")}
FAILED = ("✗", "red")
NOTHING = (" ", "")
LEAST = 8  # runs that are shown in any terminal
TITLE = 60  # characters of a title

Verdicts = dict[str, dict[str, Verdict]]  # by exercise and check


class Row(NamedTuple):
    """One check.

    Attributes:
        title: what must hold.
        points: that it is worth.
        verdicts: run by run; None where it was not among those that were run.
    """

    title: str
    points: float
    verdicts: list[Verdict | None]


class Section(NamedTuple):
    """One exercise.

    Attributes:
        title: as "Problem 1. Prototypical networks".
        rows: its checks.
        scores: points after each run, by what each check was last judged to be.
    """

    title: str
    rows: list[Row]
    scores: list[float]

    @property
    def points(self) -> float:
        """Points there are to earn."""
        return total(row.points for row in self.rows)


class Timeline:
    """Runs of the grader side by side.

    Args:
        homework: "hw1" or "hw2".
        exercises: titles, and of each check name, title and points.
        runs: times and verdicts, oldest first.
    """

    def __init__(
        self,
        homework: str,
        exercises: dict[str, tuple[str, list[tuple[str, str, float]]]],
        runs: list[tuple[datetime, Verdicts]],
    ):
        self.homework = homework
        self.times = [time for time, _ in runs]
        self.sections = []
        for name, (title, checks) in exercises.items():
            found = [verdicts.get(name, {}) for _, verdicts in runs]
            if any(found):
                rows = [Row(words, points, [run.get(check) for run in found]) for check, words, points in checks]
                self.sections.append(Section(title, rows, _scores(rows, len(runs))))

    def show(self, to: Console) -> None:
        """Print the last runs, as many as the terminal is wide: a column for each, the newest at the right."""
        for section in self.sections:
            width = max(LEAST, to.width - TITLE - 12)
            to.print(Text(section.title, "bold"), Text(f"{number(section.scores[-1])}/{number(section.points)}"))
            table = Table.grid(padding=(0, 2))
            table.add_column(justify="right", width=6)
            table.add_column(no_wrap=True)
            table.add_column(ratio=1)
            for row in section.rows:
                shown = [verdict for verdict in row.verdicts if verdict is not None][-width:]
                marks = Text.assemble(*(MARKS.get(verdict, FAILED) for verdict in shown))
                table.add_row(number(row.points), marks, Text(row.title))
            to.print(table)
        first, last = self.times[0], self.times[-1]
        runs = f"{len(self.times)} run{'s' * (len(self.times) > 1)}"
        to.print(Text(f"{runs}, {first:%d %b %H:%M} to {last:%d %b %H:%M}; the newest stands at the right.", "dim"))

    def html(self) -> str:
        """Render all of it as one self-contained page."""
        pages = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
        )
        return pages.get_template("timeline.html.j2").render(
            timeline=self, number=number, marks={None: NOTHING} | {v: MARKS.get(v, FAILED) for v in Verdict}
        )


def _scores(rows: list[Row], runs: int) -> list[float]:
    """Points after each run: a check that was not run counts as it was last judged."""
    scores = []
    for run in range(runs):
        judged = [[v for v in row.verdicts[: run + 1] if v is not None] for row in rows]
        scores.append(total(r.points for r, seen in zip(rows, judged, strict=True) if seen[-1:] == [Verdict.PASS]))
    return scores
