"""The box: a folder with all that a worker needs of the course, and nothing else.

The student's files, the given ones, the probes and the worker's program. Everything but the student's files is the
grader's own copy, so that a changed helper or a planted module has no effect. No check, solution or threshold is in it.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.catalog import COURSE, GRADER, exercises

WORKER = (
    "__init__.py",
    "worker/__init__.py",
    "worker/shim.py",
    "worker/wire.py",
    "worker/packing.py",
    "worker/values.py",
    "worker/warmup.py",
    "worker/look.py",
    "worker/absent.py",
    "worker/confine.py",
)
PREFIX = "box-"


@contextlib.contextmanager
def filled(homework: str, files: dict[str, bytes]) -> Iterator[Path]:
    """A temporary folder of this kind, with the student's files in it."""
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder:
        box = Path(folder)
        fill(box, homework, files)
        open_to_all(box)
        yield box


def fill(box: Path, homework: str, files: dict[str, bytes]) -> None:
    """Put everything into the folder."""
    for exercise in exercises(homework):
        inside = Path("autograder", homework)
        for name in ("__init__.py", *exercise.driver):
            _copy(exercise.folder / name, box / inside / exercise.name / name)
        _copy(exercise.folder.parent / "__init__.py", box / inside / "__init__.py")
    for name in WORKER:
        _copy(GRADER / name, box / "autograder" / name)
    edited = {exercise.file for exercise in exercises(homework)}
    for folder in ("data", "trainer", homework):
        for path in (COURSE / folder).glob("*.py"):
            if f"{folder}/{path.name}" not in edited:
                _copy(path, box / folder / path.name)
    for name, content in files.items():
        target = box / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def open_to_all(folder: Path) -> None:
    """Let a worker read it that is another user, whatever the umask is."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _sweep() -> None:
    """Remove what graders left that were killed."""
    for folder in left_by_the_dead(Path(tempfile.gettempdir()), PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def left_by_the_dead(parent: Path, prefix: str) -> Iterator[Path]:
    """Folders whose names go on with the number of a process that there is no more."""
    for folder in parent.glob(f"{prefix}[0-9]*-*"):
        pid = folder.name.removeprefix(prefix).partition("-")[0]
        if pid.isdecimal() and Path("/proc/self").exists() and not Path("/proc", pid).exists():
            yield folder


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
