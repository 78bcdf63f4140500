"""feedback.zip: the pages for students in one archive, named as the system that exported their work takes them back.

Canvas    doejane_4711_98765_feedback.html, for "Upload Submissions": the numbers are those of what was handed in
Moodle    Jane Doe_657801_assignsubmission_file_/feedback.html, for "Upload multiple feedback files in a zip"
others    the name of the student's file in feedback/
"""

import io
import re
import zipfile

from autograder.instructor.classroom.layouts import CANVAS, MOODLE
from autograder.instructor.classroom.scoring import Scored

NUMBERED = re.compile(r".+?_(?:LATE_)?\d+_\d+_|(?:LATE_)?anon_[A-Za-z0-9]+_\d+_", re.DOTALL)
WHEN = (1980, 1, 1, 0, 0, 0)  # the same archive for the same pages


class FeedbackArchive:
    """The pages, one after another."""

    file = "feedback.zip"

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._archive = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)

    def add(self, row: Scored, page: bytes) -> None:
        """Take a student's page in."""
        info = zipfile.ZipInfo(returned(row), WHEN)
        self._archive.writestr(info, page, zipfile.ZIP_DEFLATED, compresslevel=1)  # pages are much alike: half the time

    def content(self) -> bytes:
        """Write the file."""
        self._archive.close()
        return self._file.getvalue()


def returned(row: Scored) -> str:
    """Return what a student's page is called in the archive."""
    source = row.handed_in.source.split(", ")[0].replace("/", "_").replace("\\", "_")
    if CANVAS.fullmatch(source) and (numbers := NUMBERED.match(source)):
        return f"{numbers[0]}feedback.html"
    if MOODLE.fullmatch(source):
        return f"{source.partition('_assignsubmission_')[0]}_assignsubmission_file_/feedback.html"
    return f"{row.stem}.html"
