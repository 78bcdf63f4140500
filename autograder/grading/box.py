"""The box: a folder with all that a worker needs of the course, and nothing else.

The student's files, the given ones, the probes and the worker's program. Everything but the student's files is the
grader's own copy, so that a changed helper or a planted module has no effect. No check, solution or threshold is in it.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder import locks
from autograder.grading.catalog import Exercise, exercises
from autograder.isolation import disk
from autograder.paths import COURSE, GRADER

WORKER = (
    "__init__.py",
    "exercises/__init__.py",
    "isolation/__init__.py",
    "shapes/__init__.py",
    "worker/__init__.py",
    "worker/shim.py",
    "worker/wire.py",
    "worker/packing.py",
    "worker/values.py",
    "worker/asking.py",
    "worker/warmup.py",
    "worker/unusual_code.py",
    "worker/operands.py",
    "worker/origins.py",
    "worker/expressions.py",
    "worker/absent.py",
    "isolation/confine.py",
    "isolation/supervisor.py",
)
PREFIX = "box-"
LOCK = "lock"  # held for as long as the grader lives
DAY = 24 * 60 * 60


@contextlib.contextmanager
def filled(chosen: list[Exercise], files: dict[str, bytes]) -> Iterator[Path]:
    """A box in a temporary folder, for exercises of one homework, with the student's files in it.

    Workers may have their own folders beside it.
    """
    _sweep()
    folder, held = Path(tempfile.mkdtemp(prefix=PREFIX)), None
    try:
        folder.chmod(0o755)
        lock = folder / f"{LOCK}.new"
        lock.touch()
        held = locks.hold(lock)
        lock.rename(folder / LOCK)  # only now may anybody try whether it is held
        box = folder / "box"
        fill(box, chosen, files)
        disk.let_all_read(box)
        yield box
    finally:
        locks.release(held)
        disk.remove(folder)


def fill(box: Path, chosen: list[Exercise], files: dict[str, bytes]) -> None:
    """Put everything that the chosen exercises need into the folder."""
    homework = chosen[0].homework
    for exercise in chosen:
        for name in exercise.driver:
            _copy(COURSE / name, box / name)
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


def _sweep() -> None:
    """Remove what graders of ours left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another sweeps, too
            if not hasattr(os, "getuid") or folder.lstat().st_uid != os.getuid():
                continue
            if not (folder / LOCK).exists() and folder.lstat().st_mtime > time.time() - DAY:
                continue  # it is being made
            held = locks.hold(folder / LOCK)
            if held is not None or not (folder / LOCK).exists():
                disk.remove(folder)
            locks.release(held)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
