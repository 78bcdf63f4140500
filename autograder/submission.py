"""What is graded: of all that is handed in, the files that a student may edit.

A submission is a folder or a zip archive from anyone. Nothing of it is unpacked, followed or run here: files are chosen
by name, read up to a size, and handed on as bytes. What keeps one file from being read costs its own exercise alone.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder import manifest, untrusted
from autograder.catalog import COURSE, Exercise, exercises
from autograder.handed_in import Entry, UnreadableError, archive, folder, loose

Files = dict[str, bytes]
ARCHIVES = {b"Rar!": "a RAR", b"7z\xbc\xaf": "a 7z", b"\x1f\x8b": "a gzip", b"BZh": "a bzip2", b"\xfd7zXZ": "an xz"}
SUFFIX = re.compile(r"[\s_-]*(\(\d+\)|\d+|copy|final|new|solution)$")  # what downloads and tired people add to a name


class SubmissionError(Exception):
    """A submission of which nothing can be graded; the message says why."""


@dataclass
class Submission:
    """What is graded.

    Attributes:
        files: the student's files by their names in the handout.
        problems: why an exercise has no file, by the exercise's name.
        notes: what was found and left aside.
        handout: version of the handout that it says it started from; empty if it says nothing.
    """

    files: Files
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    handout: str = ""

    def problem(self, exercise: Exercise) -> str:
        """Why there is no file for an exercise."""
        return self.problems.get(exercise.name, f"{exercise.file} is missing.")


def collect(path: Path, homework: str) -> Submission:
    """The student's files in a folder or zip archive.

    Args:
        path: the course folder, the homework's folder, or one of them packed or inside one more folder.
        homework: "hw1" or "hw2".

    Raises:
        SubmissionError: nothing there can be graded.
    """
    try:
        if path.is_dir():
            entries = folder(path)
            found = _among(homework, {entry: path / entry.name for entry in entries}, own=path.resolve() == COURSE)
        elif path.is_file():
            found = _choose(homework, _packed(path), own=False)
        else:
            raise SubmissionError(f"There is no folder or archive {untrusted.name(str(path))}.")
    except (OSError, UnreadableError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SubmissionError(f"{untrusted.name(path.name)} cannot be read: {reason}.") from None
    return _some(found)


def collect_loose(files: Mapping[str, Path], homework: str) -> Submission:
    """The student's files where they lie beside those of others, under names that are not their own.

    Args:
        files: by the names by which they were handed in.
        homework: "hw1" or "hw2".

    Raises:
        SubmissionError: nothing there can be graded.
    """
    return _some(_among(homework, {loose(path, name): path for name, path in files.items()}, own=False))


def _among(homework: str, entries: Mapping[Entry, Path], *, own: bool) -> Submission:
    """What is graded of some files; where there is nothing but an archive, of what is in that."""
    found = _choose(homework, list(entries), own=own)
    packed = [entry for entry in entries if entry.name.lower().endswith(".zip") and not entry.problem]
    if not found.files and len(packed) == 1:
        found = collect(entries[packed[0]], homework)
        found.notes.insert(0, f"Taken from {untrusted.name(packed[0].name)}.")
    return found


def _some(found: Submission) -> Submission:
    if not found.files:
        raise SubmissionError("Nothing to grade. " + " ".join(found.problems.values()))
    return found


def _packed(path: Path) -> list[Entry]:
    with path.open("rb") as file:
        begins = file.read(8)
    for magic, kind in ARCHIVES.items():
        if begins.startswith(magic):
            raise UnreadableError(f"it is {kind} archive; pack your homework as zip")
    if path.suffix in (".py", ".ipynb"):
        return [entry for entry in folder(path.parent) if entry.name == path.name]
    return archive(path)


def _choose(homework: str, entries: list[Entry], *, own: bool) -> Submission:
    """For each exercise the file that lies least deep: hw2/maml.py or else maml.py, at most one folder further in."""
    chosen = Submission({}, handout=_handout(entries))
    for exercise in exercises(homework):
        ranks = ((_rank(entry, f"{exercise.name}.py", homework), entry) for entry in entries)
        ranked = sorted(((rank, entry) for rank, entry in ranks if rank is not None), key=lambda pair: pair[0])
        if not ranked:
            chosen.problems[exercise.name] = _missing(exercise, entries)
            continue
        best = [entry for rank, entry in ranked if rank == ranked[0][0]]
        try:
            contents = {entry.read(hard_links=own) for entry in best}
        except UnreadableError as error:
            chosen.problems[exercise.name] = f"{best[0].shown} {error}."
            continue
        if len(contents) > 1:
            names = " and ".join(entry.shown for entry in best)
            chosen.problems[exercise.name] = f"There are two different files for {exercise.file}: {names}; keep one."
            continue
        chosen.files[exercise.file] = contents.pop()
        others = [entry.shown for rank, entry in ranked if rank != ranked[0][0]]
        if others:
            chosen.notes.append(f"{best[0].shown} is graded; left aside: {', '.join(others)}.")
    return chosen


def _handout(entries: list[Entry]) -> str:
    for entry in entries:
        if PurePosixPath(entry.name).name == manifest.NAME:
            with contextlib.suppress(UnreadableError, ValueError):
                return untrusted.name(manifest.read(entry.read(hard_links=True)).version)
    return ""


def _rank(entry: Entry, name: str, homework: str) -> tuple[int, bool] | None:
    """How near a file is to where it should be; None if it is not it."""
    path = PurePosixPath(entry.name)
    depth = len(path.parts) - (2 if path.parent.name == homework else 1)
    return (depth, path.parent.name != homework) if path.name == name and depth <= 1 else None


def _missing(exercise: Exercise, entries: Iterable[Entry]) -> str:
    """Why there is no file for an exercise, and what is there instead."""
    names = [PurePosixPath(entry.name) for entry in entries]
    near = [path for path in names if path.suffix.lower() == ".py" and _plain(path.stem) == exercise.name]
    if near:
        return f"Expected {exercise.file}, found {untrusted.name(str(near[0]))}: rename it."
    there = [path for path in names if path.suffix == ".py"][:5] or [p for p in names if p.suffix == ".ipynb"][:5]
    if there and there[0].suffix == ".ipynb":
        return (
            f"Expected {exercise.file}, found only a notebook ({untrusted.name(str(there[0]))}): hand in the .py files."
        )
    return f"{exercise.file} is missing; found {', '.join(untrusted.name(str(p)) for p in there) or 'no Python file'}."


def _plain(stem: str) -> str:
    """A name without capitals and without what is added to copies."""
    name = stem.lower().strip()
    while (shorter := SUFFIX.sub("", name)) != name:
        name = shorter
    return name
