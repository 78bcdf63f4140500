"""Pack what is handed in, and be sure that it will be accepted."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from autograder import manifest
from autograder.grading.catalog import exercises
from autograder.intake import archives, submission
from autograder.paths import COURSE
from autograder.untrusted import clean

TODO = "raise NotImplementedError("
MAX_NOTEBOOK = 32 * 2**20  # bytes


class Packed(NamedTuple):
    """What is handed in.

    Attributes:
        content: an archive.
        names: of the files in it.
        warnings: what will cost points, in sentences; it is accepted nevertheless.
    """

    content: bytes
    names: list[str]
    warnings: list[str]


def pack(homework: str, folder: Path = COURSE) -> Packed:
    """Pack the work in a course folder.

    Args:
        homework: "hw1" or "hw2".
        folder: the course folder.

    Raises:
        submission.SubmissionError: it would not be accepted; the message says why.
    """
    found = submission.collect(folder, homework)
    optional = {exercise.name: exercise.file for exercise in exercises(homework) if not exercise.required}
    if problems := [reason for name, reason in found.problems.items() if name not in optional]:
        raise submission.SubmissionError(" ".join(problems))
    files = dict(found.files)
    warnings = [f"{reason} It is optional, and left out." for reason in found.problems.values()]
    for name, content in files.items():
        if name not in optional.values() or not _as_given(folder / manifest.BASES / name, content):
            warnings += _warnings(name, content)
    notebook = f"{homework}/{homework}.ipynb"
    if (folder / notebook).is_file() and (folder / notebook).stat().st_size > MAX_NOTEBOOK:
        warnings.append(f"{notebook} is larger than {MAX_NOTEBOOK // 2**20} MiB and is left out: clear its outputs.")
    elif (folder / notebook).is_file():
        files[notebook] = (folder / notebook).read_bytes()
    manifest_file = folder / manifest.PATH
    if manifest_file.is_file():
        files[manifest.NAME] = manifest_file.read_bytes()
    return Packed(archives.pack(files), sorted(files), warnings)


def check(path: Path, homework: str, names: Iterable[str]) -> None:
    """Read an archive as the grader does.

    Args:
        path: the archive.
        homework: "hw1" or "hw2".
        names: of the files in it.

    Raises:
        submission.SubmissionError: it would not be accepted.
    """
    found = submission.collect(path, homework)
    missing = {exercise.file for exercise in exercises(homework)}.intersection(names) - found.files.keys()
    if missing:
        raise submission.SubmissionError(f"{path.name} lacks {', '.join(sorted(missing))}; pack it again.")


def _as_given(base: Path, content: bytes) -> bool:
    """Whether a file is what the handout gave."""
    return base.is_file() and base.read_bytes() == content


def _warnings(name: str, content: bytes) -> list[str]:
    try:
        ast.parse(content)
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        return [f"{name}{line} is not Python and will earn nothing: {clean(reason, 200)}."]
    except (RecursionError, MemoryError):
        return [f"{name} is too deeply nested for Python and will earn nothing."]
    left = content.count(TODO.encode())
    return [f"{name} has {left} TODO{'s' if left > 1 else ''} left."] if left else []
