"""The gradebook: a line for each student, for a spreadsheet, as gradebook.csv and gradebook.xlsx. No cell is a formula.

The columns of optional exercises are outside the sum; they are empty where nothing was handed in.
"""

import csv
import importlib.util
import io
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from autograder.grading.catalog import Exercise
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.scoring import DAY, Scored
from autograder.results import CheckResult, Verdict
from autograder.results import number as written
from autograder.untrusted import cell, clean

Cell = str | float | None


class Export(Protocol):
    """A file that is made of all rows.

    Attributes:
        file: its name.
        fits: whether it can be made here; where it cannot, an old one is removed.
    """

    file: str

    @property
    def fits(self) -> bool:
        """See above."""

    def add(self, row: Scored) -> None:
        """Take a row in."""

    def content(self) -> bytes:
        """Write the file."""


class Lines:
    """What the gradebook says of each student.

    Args:
        chosen: the exercises that are graded.
        questions: the written ones.

    Attributes:
        columns: their names.
    """

    def __init__(self, chosen: list[Exercise], questions: list[str]):
        self._chosen, self._questions = chosen, questions
        self.columns = ["id", "name", "email", "handed in", "submitted", "attempt", "late", "days late"]
        self.columns += [one.name if one.required else f"{one.name} (optional)" for one in chosen]
        self.columns += ["checks", "checks of", *questions, "late penalty %", "adjusted", "total"]
        self.columns += ["verdicts", "to look at", "notes"]

    def cells(self, row: Scored) -> list[Cell]:
        """Return a student's."""
        assert row.report
        handed_in = row.handed_in
        earned = {exercise.name: exercise.earned for exercise in row.report.exercises if exercise.handed_in}
        return [
            *(row.id, row.name, row.email, handed_in.source),
            handed_in.submitted.isoformat(" ", "seconds") if handed_in.submitted else None,
            handed_in.attempt,
            "LATE" if handed_in.marked_late else None,
            round(row.late / DAY, 2) if row.late else None,
            *(earned.get(exercise.name) for exercise in self._chosen),
            *(row.report.earned, row.report.points),
            *(row.manual.get(name) for name in self._questions),
            *(round(100 * row.penalty, 2), row.adjusted or None, row.total),
            words(row.report.checks),
            sum(len(exercise.flags) for exercise in row.report.exercises),
            " ".join([*row.notes, *row.report.notes, *problems(row)]),
        ]


class Gradebook:
    """gradebook.csv, with the mark by which Excel knows UTF-8."""

    file, fits = "gradebook.csv", True

    def __init__(self, lines: Lines):
        self._lines, self._text = lines, io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow([cell(column) for column in lines.columns])

    def add(self, row: Scored) -> None:
        """Take a row in."""
        self._writer.writerow([_plain(value) for value in self._lines.cells(row)])

    def content(self) -> bytes:
        """Write the file."""
        return self._text.getvalue().encode("utf-8-sig")


class Workbook:
    """gradebook.xlsx, where openpyxl is installed: the same cells, numbers as numbers and texts as texts."""

    file = "gradebook.xlsx"

    def __init__(self, lines: Lines):
        self._lines, self._rows = lines, [list[Cell](lines.columns)]

    @property
    def fits(self) -> bool:
        """Whether it can be made here."""
        return importlib.util.find_spec("openpyxl") is not None

    def add(self, row: Scored) -> None:
        """Take a row in."""
        self._rows.append(self._lines.cells(row))

    def content(self) -> bytes:
        """Write the file."""
        from openpyxl import Workbook as Book
        from openpyxl.cell import WriteOnlyCell

        book = Book(write_only=True)
        sheet = book.create_sheet("gradebook")
        sheet.freeze_panes = "C2"
        for row in self._rows:
            cells = []
            for value in row:
                made = WriteOnlyCell(sheet, clean(value, 30_000) if isinstance(value, str) else value)
                if isinstance(value, str):
                    made.data_type = "s"  # what begins with "=" is no formula
                cells.append(made)
            sheet.append(cells)
        file = io.BytesIO()
        book.save(file)
        return file.getvalue()


def _plain(value: Cell) -> str:
    if value is None:
        return ""
    return cell(value) if isinstance(value, str) else written(value)


def words(checks: Iterable[CheckResult]) -> str:
    """How often each verdict was given, in the order in which they are defined: PASS 20, WRONG 2."""
    counted = Counter(check.verdict for check in checks)
    return ", ".join(f"{verdict.value} {counted[verdict]}" for verdict in Verdict if counted[verdict])


def problems(row: Row) -> list[str]:
    """Why exercises could not be graded, each reason once."""
    assert row.report
    return list(dict.fromkeys(exercise.problem for exercise in row.report.exercises if exercise.problem))
