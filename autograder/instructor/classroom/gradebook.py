"""gradebook.csv: a line for each student, for a spreadsheet. No cell is a formula.

The columns of optional exercises are outside the sum; they are empty where nothing was handed in.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from typing import TextIO

from autograder.grading.catalog import Exercise
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.scoring import DAY, Scored
from autograder.results import CheckResult, Verdict, number
from autograder.untrusted import cell


class Gradebook:
    """Writes lines as they come.

    Args:
        file: opened with newline="" and encoding="utf-8-sig", by which Excel knows what it is.
        chosen: the exercises that are graded.
        questions: the written ones.
    """

    def __init__(self, file: TextIO, chosen: list[Exercise], questions: list[str]):
        self._writer = csv.writer(file)
        self._chosen, self._questions = chosen, questions
        columns = ["id", "name", "email", "handed in", "submitted", "attempt", "late", "days late"]
        columns += [exercise.name if exercise.required else f"{exercise.name} (optional)" for exercise in chosen]
        columns += [
            "checks",
            "checks of",
            *questions,
            "late penalty %",
            "adjusted",
            "total",
            "verdicts",
            "to look at",
            "notes",
        ]
        self._writer.writerow([cell(column) for column in columns])

    def write(self, row: Scored) -> None:
        """Add a student."""
        assert row.report
        handed_in = row.handed_in
        earned = {exercise.name: number(exercise.earned) for exercise in row.report.exercises if exercise.handed_in}
        late = number(round(row.late / DAY, 2)) if row.late else ""
        self._writer.writerow(
            [
                *(cell(text) for text in (row.id, row.name, row.email, handed_in.source)),
                handed_in.submitted.isoformat(" ", "seconds") if handed_in.submitted else "",
                handed_in.attempt or "",
                "LATE" if handed_in.marked_late else "",
                late,
                *(earned.get(exercise.name, "") for exercise in self._chosen),
                number(row.report.earned),
                number(row.report.points),
                *(number(row.manual[name]) if name in row.manual else "" for name in self._questions),
                number(round(100 * row.penalty, 2)),
                number(row.adjusted) if row.adjusted else "",
                number(row.total),
                cell(words(row.report.checks)),
                sum(len(exercise.flags) for exercise in row.report.exercises),
                cell(" ".join([*row.notes, *row.report.notes, *problems(row)])),
            ]
        )


def words(checks: Iterable[CheckResult]) -> str:
    """How often each verdict was given, in the order in which they are defined: PASS 20, WRONG 2."""
    counted = Counter(check.verdict for check in checks)
    return ", ".join(f"{verdict.value} {counted[verdict]}" for verdict in Verdict if counted[verdict])


def problems(row: Row) -> list[str]:
    """Why exercises could not be graded, each reason once."""
    assert row.report
    return list(dict.fromkeys(exercise.problem for exercise in row.report.exercises if exercise.problem))
