"""What is graded: the files of a submission that a student may edit, and the box in which they run.

Everything else in the box is the grader's own copy, so that a changed helper or a planted module has no effect.
"""

import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from autograder.catalog import COURSE, GRADER, Exercise, exercises

MAX_FILE = 512 * 1024  # bytes of a student's file
MAX_MEMBERS = 10_000  # in an archive
WORKER = ("__init__.py", "worker/__init__.py", "worker/shim.py", "worker/wire.py", "worker/values.py")

Files = dict[str, bytes]


class SubmissionError(Exception):
    """A submission of which nothing can be graded; the message says why."""


def reference(homework: str) -> Files:
    """The reference solutions, as a submission."""
    return {exercise.file: (exercise.folder / "solution.py").read_bytes() for exercise in exercises(homework)}


def collect(path: Path, homework: str) -> Files:
    """The student's files in a folder or zip archive, by their names in the handout; those missing are left out.

    Args:
        path: the course folder, the homework's folder, or one of them packed or inside one more folder.

    Raises:
        SubmissionError: nothing there, unreadable, or too large.
    """
    if path.is_dir():
        try:
            return _choose(homework, (str(p.relative_to(path)) for p in _files(path)), lambda name: _read(path / name))
        except OSError as error:
            raise SubmissionError(f"{path} cannot be read: {error}.") from None
    if not path.is_file():
        raise SubmissionError(f"There is no folder or archive {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
            if len(members) > MAX_MEMBERS:
                raise SubmissionError(f"{path.name} holds {len(members)} files; pack only your homework.")
            return _choose(homework, members, lambda name: _unpack(archive, members[name]))
    except SubmissionError:
        raise
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise SubmissionError(f"{path.name} is not a zip archive that can be read: {error}.") from None


def _choose(homework: str, names: Iterable[str], read: Callable[[str], bytes]) -> Files:
    """For each exercise the file that lies least deep: hw2/maml.py or else maml.py, at most one folder further in."""
    paths = {PurePosixPath(name.replace("\\", "/")): name for name in names}  # some archives come from Windows
    found: Files = {}
    for exercise in exercises(homework):
        ranks = [
            (len(path.parts) - (2 if path.parent.name == homework else 1), path.parent.name != homework, path)
            for path in paths
            if path.name == f"{exercise.name}.py" and "__MACOSX" not in path.parts
        ]
        depth, _, best = min(ranks, default=(2, True, PurePosixPath()))
        if depth <= 1:
            found[exercise.file] = read(paths[best])
    if not found:
        wanted = " and ".join(exercise.file for exercise in exercises(homework))
        there = ", ".join(sorted(str(path) for path in paths if path.suffix == ".py")[:5])
        raise SubmissionError(f"Nothing to grade: expected {wanted}, found {there or 'no Python file'}.")
    return found


def _files(folder: Path) -> Iterable[Path]:
    """Regular files at most two folders deep; no link leads out of the folder, or to another name."""
    real = folder.resolve()
    for pattern in ("*.py", "*/*.py", "*/*/*.py"):
        for path in folder.glob(pattern):
            if path.is_file() and path.resolve() == real / path.relative_to(folder):
                yield path


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE:
        raise SubmissionError(f"{path.name} has {path.stat().st_size} bytes; at most {MAX_FILE} are read.")
    return path.read_bytes()


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise SubmissionError(f"{member.filename} is larger than {MAX_FILE} bytes.")
    return data


def fill(box: Path, homework: str, files: Files) -> None:
    """Put into a folder what a worker needs: the student's files, the given ones, the probes, the worker's program."""
    for exercise in exercises(homework):
        _copy(exercise.folder / "probe.py", box / "autograder" / homework / exercise.name / "probe.py")
        _package(exercise.folder.parent, box / "autograder" / homework)
        _package(exercise.folder, box / "autograder" / homework / exercise.name)
    for name in WORKER:
        _copy(GRADER / name, box / "autograder" / name)
    edited = {exercise.file for exercise in exercises(homework)}
    for folder in ("data", homework):
        for path in (COURSE / folder).glob("*.py"):
            if f"{folder}/{path.name}" not in edited:
                _copy(path, box / folder / path.name)
    for name, content in files.items():
        target = box / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def missing(exercise: Exercise, files: Files) -> str:
    """Why an exercise cannot be graded; empty if its file is there."""
    return "" if exercise.file in files else f"{exercise.file} is missing."


def _package(source: Path, target: Path) -> None:
    _copy(source / "__init__.py", target / "__init__.py")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
