"""The pages that go back to students, in feedback/, and as one archive.

Most decisions change few of them: one that would say what it says already is not made again. What each was made of is
kept as a digest in feedback.json.
"""

import functools
import hashlib
from pathlib import Path

import msgspec

from autograder.grading.catalog import homework
from autograder.instructor import formulas
from autograder.instructor.classroom.feedback_archive import FeedbackArchive
from autograder.instructor.classroom.scoring import Scored
from autograder.report import files, stages, student
from autograder.results import Report, number
from autograder.writing import write_whole

DIGESTS = "feedback.json"


class Feedback:
    """Pages of a class, one after another.

    Args:
        out: the class's folder.
    """

    def __init__(self, out: Path):
        self._out, self._folder = out, out / "feedback"
        self._folder.mkdir(exist_ok=True)
        self._made = _read(out / DIGESTS)
        self._now: dict[str, str] = {}
        self._archive = FeedbackArchive()

    def add(self, row: Scored) -> None:
        """Write a student's page."""
        told, path = handed_back(row), self._folder / f"{row.stem}.html"
        digest = hashlib.sha256(_renderer() + msgspec.json.encode(told)).hexdigest()
        if self._made.get(row.stem) == digest and path.is_file():
            page = path.read_bytes()
        else:
            page = files.html(told, formulas.formulas).encode()
            write_whole(path, page)
        self._now[row.stem] = digest
        if row.handed_in.source:
            self._archive.add(row, page)

    def finish(self) -> None:
        """Write the archive, and remove pages of students who are in the class no more."""
        for path in self._folder.glob("*.html"):
            if path.stem not in self._now:
                path.unlink()
        write_whole(self._out / self._archive.file, self._archive.content())
        write_whole(self._out / DIGESTS, msgspec.json.encode(self._now))


def handed_back(row: Scored) -> Report:
    """What the student reads: nothing secret, how to mend a mistake if that is always said, and the rest of the points.

    Nobody remembers here what failed before.
    """
    assert row.report
    notes = [*row.report.notes, *row.told]
    if row.manual or row.penalty or row.adjusted:
        notes.append(f"In all: {number(row.total)} points.")
    seen = student.view(msgspec.structs.replace(row.report, notes=notes))
    return stages.staged(seen, homework(seen.homework).hints, way=stages.in_the_handout(seen.homework))


def _read(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


@functools.cache
def _renderer() -> bytes:
    """What makes a page of a report, so that all are made again when it changes."""
    programs = [Path(files.__file__), Path(formulas.__file__)]
    templates = Path(files.__file__).parent.glob("*.j2")
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sorted([*templates, *programs]))
