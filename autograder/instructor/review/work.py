"""What students handed in, for people to read: found anew in the folder of submissions, by the rows of the class."""

import functools
import threading
from pathlib import Path

from autograder.instructor.classroom import class_rows, layouts, people
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.layouts import LayoutError
from autograder.instructor.classroom.result_store import Remembered
from autograder.intake import written
from autograder.intake.submission import Submission
from autograder.intake.written import Written

HELD = 4  # students whose answers stay in memory: a page with pictures asks for them several times
NAMED = "`--submissions DIR` names the folder"


class Work:
    """The submissions of a class.

    Args:
        homework: "hw1" or "hw2".
        options: of the run that graded the class.
        folder: where the submissions lie; where that run found them if left out.

    Attributes:
        folder: where they lie; None if that is not known.
    """

    def __init__(self, homework: str, options: Remembered, folder: Path | None):
        self._homework, self._options = homework, options
        self.folder = folder or (Path(options.submissions) if options.submissions else None)
        self._lock = threading.Lock()
        self._written = functools.lru_cache(HELD)(self._collect)

    @functools.cached_property
    def _found(self) -> tuple[dict[str, Row], dict[str, Row], str]:
        """Rows by stem and by source, and why there are none."""
        if self.folder is None:
            return {}, {}, f"Where the submissions lie was not kept, so code and answers are not shown: {NAMED}."
        if not self.folder.is_dir():
            return {}, {}, f"{self.folder} is gone, so code and answers are not shown: {NAMED}."
        try:
            path = Path(self._options.roster) if self._options.roster else None
            roster = people.roster(path) if path and path.is_file() else people.Roster()
            rows = class_rows.gather(layouts.find(self.folder)[1], roster)
        except (LayoutError, people.TableError, OSError) as error:
            return {}, {}, f"Code and answers are not shown: {error}"
        there = [row for row in rows if row.handed_in.source]
        return {row.stem: row for row in there}, {row.handed_in.source: row for row in there}, ""

    @property
    def problem(self) -> str:
        """Why no student's work can be shown; empty if it can."""
        with self._lock:
            return self._found[2]

    def where(self, row: Row) -> tuple[Row | None, str]:
        """Find a student's work: the row with its place on this machine, None if there is none, and what to note."""
        with self._lock:
            by_stem, by_source, problem = self._found
        if problem or not row.handed_in.source:
            return None, ""
        graded = row.handed_in
        found = by_stem.get(row.stem)
        if found is None or found.handed_in.source != graded.source:
            found = by_source.get(graded.source) or found
        if found is None:
            return None, "What was handed in lies no longer in the folder of submissions."
        now = found.handed_in
        if (now.attempt, now.submitted, now.source) != (graded.attempt, graded.submitted, graded.source):
            return found, "The folder of submissions holds another attempt than the one that was graded."
        return found, ""

    def code(self, row: Row) -> Submission:
        """Return a student's Python files, as class_rows.read finds them."""
        found, _ = self.where(row)
        return class_rows.read(found, self._homework) if found else Submission({})

    def answers(self, row: Row) -> Written:
        """Return what a student wrote."""
        found, _ = self.where(row)
        return self._written(found.stem) if found else Written([], [])

    def pdf(self, row: Row, place: int) -> bytes:
        """Return a PDF by its place among a student's documents; nothing if there is none."""
        found, _ = self.where(row)
        if found is None or place < 0:
            return b""
        handed_in = found.handed_in
        documents = written.collect(handed_in.path, handed_in.loose, self._homework, place).documents
        return documents[place].content if place < len(documents) else b""

    def _collect(self, stem: str) -> Written:
        with self._lock:
            handed_in = self._found[0][stem].handed_in
        return written.collect(handed_in.path, handed_in.loose, self._homework)
