"""A worker that is ready before it is needed: Python and torch are imported, the student's file is still to come."""

import contextlib
import dataclasses
from pathlib import Path

from autograder.grading import box
from autograder.grading.catalog import Exercise
from autograder.grading.subjects import Student
from autograder.isolation import levels


class Spare:
    """One worker for one grading of an exercise, in a box of its own.

    Args:
        exercise: whose probe the worker has.
        files: of the submission, as they are now; what is graded is given when the worker is taken.
        threads: for torch.
    """

    def __init__(self, exercise: Exercise, files: dict[str, bytes], threads: int = 1):
        self.exercise = exercise
        self._files = dict(files)
        with contextlib.ExitStack() as stack:
            self._box: Path = stack.enter_context(box.filled([exercise], self._files))
            isolation = dataclasses.replace(levels.find(), may_copy=False)  # its files are still to come
            self._student = Student(exercise, isolation, self._box, threads, self._files)
            self._stack = stack.pop_all()

    def take(self, files: dict[str, bytes]) -> Student:
        """Put the files that are graded into the box; returns who answers for them."""
        self._files.clear()
        self._files.update(files)
        for name, content in files.items():
            (self._box / name).write_bytes(content)
            (self._box / name).chmod(0o644)  # the worker may be another user
        return self._student

    def close(self) -> None:
        """Leave nothing behind."""
        self._student.close()
        self._stack.close()
