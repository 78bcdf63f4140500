"""canvas.csv: points as Canvas's gradebook imports them, made from the gradebook that it exported as roster.

Its five columns, the assignment's with its id, and the line of points possible. No cell is a formula.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from autograder.instructor.classroom import people
from autograder.instructor.classroom.scoring import Scored
from autograder.results import number
from autograder.untrusted import cell

COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
NEEDED = COLUMNS[:2]
ASSIGNMENT = re.compile(r".+ \(\d+\)")  # as Canvas writes one, with its id
POSSIBLE = "    Points Possible"


class Canvas:
    """Points by student, until all rows are there.

    Args:
        roster: the gradebook that Canvas exported, or another table.
        homework: "hw1" or "hw2".
        assignment: the column's name; the one of the export that names the homework, if left out.
        written: points of the written questions that there are to earn.
    """

    file = "canvas.csv"

    def __init__(self, roster: Path | None, homework: str, assignment: str | None, written: float = 0.0):
        self._lines = people.lines(roster) if roster else []
        self._header = self._lines[0] if self._lines else []
        self._points: dict[str, float] = {}
        self._possible = self._written = written
        self.assignment = assignment or self._named(homework)

    @property
    def fits(self) -> bool:
        """Whether the roster is a gradebook of Canvas."""
        return all(column in self._header for column in NEEDED)

    def add(self, row: Scored) -> None:
        """Take a row in."""
        assert row.report
        self._possible = max(self._possible, row.report.points + self._written)
        if row.handed_in.source:
            self._points.update(dict.fromkeys(people.ids(row.id), row.total))

    def content(self) -> bytes:
        """Write the file."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([cell(column) for column in (*COLUMNS, self.assignment)])
        writer.writerow([POSSIBLE, *[""] * (len(COLUMNS) - 1), number(self._possible)])
        for line in self._students():
            who = people.ids(*(line.get(column, "") for column in COLUMNS[1:4]))
            found = [self._points[one] for one in sorted(who & self._points.keys())]
            writer.writerow([*(cell(line.get(name, "")) for name in COLUMNS), number(found[0]) if found else ""])
        return text.getvalue().encode("utf-8-sig")

    def _students(self) -> Iterable[dict[str, str]]:
        for cells in self._lines[1:]:
            line = dict(zip(self._header, cells, strict=False))
            name = line.get("Student", "").strip().lower()
            if name and name != "points possible" and name != people.TEST:
                yield line

    def _named(self, homework: str) -> str:
        """The assignment's column of the export, where only one can be meant; else the homework's name, a new one."""
        spoken = {homework, f"homework {homework.removeprefix('hw')}"}
        found = [
            name for name in self._header if ASSIGNMENT.fullmatch(name) and any(word in name.lower() for word in spoken)
        ]
        return found[0] if len(found) == 1 else homework
