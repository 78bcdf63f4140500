"""Two runs over a class side by side: two terms, or one class before and after a change of the checks."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
from rich.table import Table

from autograder import untrusted
from autograder.exit_status import FULL_MARKS
from autograder.instructor.classroom import pages, scoring
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.result_store import Key, Store, StoreError
from autograder.report import terminal
from autograder.results import Verdict

SHOWN = 30  # changes that are listed


class Change(NamedTuple):
    """One check of one student whose verdict is another one."""

    shown: str
    exercise: str
    title: str
    before: Verdict
    after: Verdict
    why: str


class Count:
    """How a check went in both runs."""

    def __init__(self) -> None:
        self.judged, self.passed, self.changed = [0, 0], [0, 0], 0

    def share(self, run: int) -> str:
        """Return how many pass in a run, in percent."""
        return f"{100 * self.passed[run] / self.judged[run]:.0f}%" if self.judged[run] else ""


def compare(first: Path, second: Path) -> int:
    """Print what differs between the verdicts of two class runs; the exit status."""
    try:
        homeworks = [Store(out).found().homework for out in (first, second)]
        if homeworks[0] != homeworks[1]:
            raise click.UsageError(f"{first} holds {homeworks[0]}, {second} {homeworks[1]}: nothing to compare.")
        counts, changes, both = _compared(first, second)
    except (StoreError, pages.ResultError) as error:
        raise click.UsageError(str(error)) from None
    to = terminal.console()
    table = Table("what must hold", title=f"Who passes, of those who handed in: {homeworks[0]}", title_justify="left")
    for name in (untrusted.ending(str(first), 30), untrusted.ending(str(second), 30), "changed"):
        table.add_column(name, justify="right")
    for (exercise, title), count in counts.items():
        table.add_row(f"{exercise}: {title}", count.share(0), count.share(1), str(count.changed or ""))
    to.print(table)
    click.echo(f"{len(changes)} verdicts changed, of {both} students who are in both.")
    for why, times in Counter(change.why for change in changes).most_common():
        click.echo(f"  {times}: {why}")
    for change in changes[:SHOWN]:
        arrow = f"{change.before.value} -> {change.after.value}"
        click.echo(f"{change.shown}, {change.exercise}: {change.title} {arrow} ({change.why})")
    if len(changes) > SHOWN:
        click.echo(f"and {len(changes) - SHOWN} more")
    return FULL_MARKS


def _compared(first: Path, second: Path) -> tuple[dict[tuple[str, str], Count], list[Change], int]:
    counts: dict[tuple[str, str], Count] = {}
    changes: list[Change] = []
    heads = pages.heads(first)
    indexed = scoring.index(heads)
    stems = {head.stem: head for head in heads}
    for row in pages.kept(first, heads):
        _count(counts, row, 0)
    both = 0
    for row in pages.kept(second, pages.heads(second)):
        _count(counts, row, 1)
        fitting = scoring.fitting(indexed, row.names)
        if fitting and row.handed_in.source and stems[fitting[0]].handed_in.source:
            both += 1
            (before,) = pages.kept(first, [stems[fitting[0]]])
            for change in _changes(before, row):
                changes.append(change)
                counts[change.exercise, change.title].changed += 1
    return counts, changes, both


def _count(counts: dict[tuple[str, str], Count], row: Row, run: int) -> None:
    for exercise in row.report.exercises if row.report and row.handed_in.source else ():
        for check in exercise.checks:
            count = counts.setdefault((exercise.name, check.title), Count())
            count.judged[run] += 1
            count.passed[run] += check.verdict is Verdict.PASS


def _changes(before: Row, after: Row) -> Iterator[Change]:
    assert before.report and after.report
    was = {(one.name, check.name): check for one in before.report.exercises for check in one.checks}
    for exercise in after.report.exercises:
        why = _why(before.keys.get(exercise.name), after.keys.get(exercise.name))
        for check in exercise.checks:
            old = was.get((exercise.name, check.name))
            if old and old.verdict is not check.verdict:
                yield Change(untrusted.name(after.shown), exercise.name, check.title, old.verdict, check.verdict, why)


def _why(before: Key | None, after: Key | None) -> str:
    """What differs of what a verdict depends on, the surest reason first."""
    if before is None or after is None:
        return "it is not known how one of them was graded"
    reasons = {
        "submission": "other work was handed in",
        "version": "the checks, the grader or its libraries changed",
        "seed": "other inputs",
        "drawings": "other drawings",
        "fast": "one run left training out",
    }
    found = [words for name, words in reasons.items() if getattr(before, name) != getattr(after, name)]
    return "; ".join(found) or "nothing that is known: the work itself may go by chance"
