"""moodle.csv: points as Moodle's grading worksheet takes them, made from the worksheet that it gave as roster.

Its own columns and lines in their order, with Grade filled in. No cell is a formula.
"""

import csv
import io
from pathlib import Path

from autograder.instructor.classroom import people
from autograder.instructor.classroom.scoring import Scored
from autograder.results import number
from autograder.untrusted import cell

WHO, GRADE, MOST = "Identifier", "Grade", "Maximum Grade"


class Moodle:
    """Points by student, until all rows are there.

    Args:
        roster: the worksheet, or another table.
    """

    file = "moodle.csv"

    def __init__(self, roster: Path | None):
        self._lines = people.lines(roster) if roster else []
        self._header = self._lines[0] if self._lines else []
        self._points: dict[str, float] = {}

    @property
    def fits(self) -> bool:
        """Whether the roster is a grading worksheet."""
        return WHO in self._header and GRADE in self._header

    def add(self, row: Scored) -> None:
        """Take a row in."""
        if row.handed_in.source:
            self._points.update(dict.fromkeys(people.ids(row.id, row.handed_in.id), row.total))

    def content(self) -> bytes:
        """Write the file."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([cell(name) for name in self._header])
        at = self._header.index(GRADE)
        for cells in self._lines[1:]:
            line = dict(zip(self._header, cells, strict=False))
            who = people.ids(*people.numbered(line.get(WHO, "")))
            found = [self._points[one] for one in sorted(who & self._points.keys())]
            filled = [cell(value) for value in cells]
            if found and at < len(filled):
                filled[at] = number(found[0])
            writer.writerow(filled)
        return text.getvalue().encode("utf-8-sig")
