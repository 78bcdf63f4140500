"""Pack what is handed in, and be sure that the grader can read it."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from autograder import manifest
from autograder.grading.catalog import exercises
from autograder.intake import archives, submission
from autograder.paths import COURSE
from autograder.student import answer_blocks
from autograder.untrusted import clean

TODO = re.compile(rb"raise NotImplementedError\(['\"][\w.]+ is still to do")  # as solution_regions.py writes it
MAX_NOTEBOOK = 32 * 2**20  # bytes
MAX_PICTURES = 16 * 2**20  # bytes of all pictures that the answers show
MAX_PDF = 32 * 2**20  # bytes
PICTURE = re.compile(r"!\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)|<img[^>]+src=[\"']([^\"']+)[\"']")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".gif", ".csv")


class Packed(NamedTuple):
    """What is handed in.

    Attributes:
        content: an archive.
        names: of the files in it.
        missing: what will cost points, in sentences.
    """

    content: bytes
    names: list[str]
    missing: list[str]


def pack(homework: str, folder: Path = COURSE) -> Packed:
    """Pack the work in a course folder: code, notebook, answers, and the pictures that the answers show.

    Args:
        homework: "hw1" or "hw2".
        folder: the course folder.

    Raises:
        submission.SubmissionError: no file in it could be graded; the message says why.
    """
    found = submission.collect(folder, homework)
    optional = {exercise.name: exercise.file for exercise in exercises(homework) if not exercise.required}
    files = dict(found.files)
    missing = []
    for name, reason in found.problems.items():
        missing.append(f"{reason} {'It is optional, and left out.' if name in optional else 'It earns nothing so.'}")
    for name, content in files.items():
        if name not in optional.values() or not _as_given(folder / manifest.BASES / name, content):
            missing += _code(name, content)
    beside, said = _answers(homework, folder)
    files |= beside
    notebook = f"{homework}/{homework}.ipynb"
    if (folder / notebook).is_file() and (folder / notebook).stat().st_size > MAX_NOTEBOOK:
        said.append(f"{notebook} is larger than {MAX_NOTEBOOK // 2**20} MiB and is left out: clear its outputs.")
    elif (folder / notebook).is_file():
        files[notebook] = (folder / notebook).read_bytes()
    manifest_file = folder / manifest.PATH
    if manifest_file.is_file():
        files[manifest.NAME] = manifest_file.read_bytes()
    return Packed(archives.pack(files), sorted(files), missing + said)


def check(path: Path, homework: str, names: Iterable[str]) -> submission.Submission:
    """Read an archive as the grader does.

    Args:
        path: the archive.
        homework: "hw1" or "hw2".
        names: of the files in it.

    Returns:
        What the grader finds in it.

    Raises:
        submission.SubmissionError: it is not what was packed.
    """
    found = submission.collect(path, homework)
    lacking = {exercise.file for exercise in exercises(homework)}.intersection(names) - found.files.keys()
    if lacking:
        raise submission.SubmissionError(f"{path.name} lacks {', '.join(sorted(lacking))}; pack it again.")
    return found


def _answers(homework: str, folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """The written answers and the pictures that they show, and what is to be said of them."""
    text, pdf = folder / homework / "answers.md", folder / homework / "answers.pdf"
    files: dict[str, bytes] = {}
    said = []
    given = manifest.here()
    asked = text.is_file() or bool(given and f"{homework}/answers.md" in given.files)
    if pdf.is_file() and pdf.stat().st_size <= MAX_PDF:
        files[f"{homework}/answers.pdf"] = pdf.read_bytes()
    elif pdf.is_file():
        said.append(f"{homework}/answers.pdf is larger than {MAX_PDF // 2**20} MiB and is left out: make it smaller.")
    if text.is_file() and text.stat().st_size <= MAX_PICTURES:
        content = text.read_bytes()
        files[f"{homework}/answers.md"] = content
        if not pdf.is_file() and not _written(content):
            said.append(f"{homework}/answers.md has no answers yet.")
        shown, lost = _pictures(content.decode(errors="replace"), text.parent, folder)
        files |= shown
        said += lost
    elif asked and not pdf.is_file():
        said.append(f"There are no answers: {homework}/answers.md and {homework}/answers.pdf are missing.")
    return files, said


def _written(content: bytes) -> bool:
    """Whether anything stands below a question, besides what runs gave."""
    _, _, asked = answer_blocks.without(content.decode(errors="replace")).partition("\n## ")
    return any(line.strip() and not line.startswith((">", "#")) for line in asked.splitlines()[1:])


def _pictures(text: str, beside: Path, folder: Path) -> tuple[dict[str, bytes], list[str]]:
    files: dict[str, bytes] = {}
    said = []
    left = MAX_PICTURES
    for link in dict.fromkeys(first or second for first, second in PICTURE.findall(CODE.sub("", text))):
        if re.match(r"[a-z]+:", link):  # on the web, or in the text itself
            continue
        path = (beside / link).resolve()
        shown = clean(link, 100)
        if path.suffix.lower() not in PICTURES or not path.is_relative_to(folder.resolve()):
            said.append(f"{shown}, which the answers show, is no picture in this folder and is left out.")
        elif not path.is_file():
            said.append(f"{shown}, which the answers show, is not there.")
        elif path.stat().st_size > left:
            said.append(f"{shown} is left out: the pictures are larger than {MAX_PICTURES // 2**20} MiB together.")
        else:
            left -= path.stat().st_size
            files[path.relative_to(folder.resolve()).as_posix()] = path.read_bytes()
    return files, said


def _as_given(base: Path, content: bytes) -> bool:
    """Whether a file is what the handout gave."""
    return base.is_file() and base.read_bytes() == content


def _code(name: str, content: bytes) -> list[str]:
    """What in a file of code will cost points."""
    try:
        ast.parse(content)
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        return [f"{name}{line} is not Python and will earn nothing: {clean(reason, 200)}."]
    except (RecursionError, MemoryError):
        return [f"{name} is too deeply nested for Python and will earn nothing."]
    left = len(TODO.findall(content))
    return [f"{name} has {left} TODO{'s' if left > 1 else ''} left."] if left else []
