"""What a worker writes where no file system of its own bounds it: looked at as totals.Watchdog does, and removed.

All of it is somebody's to name, to nest and to close. So folders are opened from the one above, however long the path
gets; one that its maker has closed is opened again; and no link is followed, whoever changes what meanwhile.
"""

import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autograder.isolation.totals import Watched as Processes

DISK = 512 * 2**20  # bytes: as much as bubblewrap's /tmp and /dev/shm have together
FILES = 20_000  # and folders
DEEP = 64  # folders in each other
INTERVAL = 0.25  # seconds between two looks
FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


class _DeepError(Exception):
    """More folders in each other than are looked at."""


class Watched:
    """The processes of a worker, and where they may write.

    Args:
        processes: the processes.
        folder: all that is theirs.
        beside: lists what is theirs elsewhere.
    """

    def __init__(self, processes: Processes, folder: Path, beside: Callable[[], Iterable[str]] = tuple):
        self._processes, self._folder, self._beside, self._next = processes, folder, beside, 0.0

    def exceeded(self) -> str:
        """Return what they have too much of, in words for the student; empty if nothing."""
        if exceeded := self._processes.exceeded():
            return exceeded
        if time.monotonic() < self._next:
            return ""
        self._next = time.monotonic() + INTERVAL
        files = written = 0
        try:
            for status in self._found():
                files += 1
                written += status.st_blocks * 512
                if files > FILES:
                    return f"Your code wrote more than {FILES:,} files."
        except _DeepError:
            return f"Your code made more than {DEEP} folders in each other."
        if written > DISK:
            return f"Your code wrote more than {DISK // 2**20} MiB of files."
        return ""

    def _found(self) -> Iterator[os.stat_result]:
        yield from _inside(str(self._folder))
        for path in self._beside():
            with suppress(OSError):
                yield os.lstat(path)
            yield from _inside(path)
        yield from _nameless(self._processes.pids)

    def computed(self) -> float | None:
        """See clock.Processes."""
        return self._processes.computed()

    def busy(self) -> bool | None:
        """See clock.Processes."""
        return self._processes.busy()

    def close(self) -> None:
        """Forget them, once they are dead."""
        self._processes.close()


def remove(folder: str | Path) -> None:
    """Remove a folder and all that lies in it, whatever its makers have made of it; what cannot be is left."""
    if sys.platform == "linux":
        with suppress(OSError), _opened(str(folder)) as top:
            _empty(top)
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)


def _empty(top: int) -> None:
    """Remove all folders in one, by moving what lies in them up: none is ever deeper than one below."""
    mark, count = secrets.token_hex(8), 0
    unseen = [entry.name for entry in _entries(top) if entry.is_dir(follow_symlinks=False)]
    while unseen:
        name = unseen.pop()
        with suppress(OSError), _opened(name, top) as folder:
            for entry in _entries(folder):
                if not entry.is_dir(follow_symlinks=False):
                    with suppress(OSError):
                        os.unlink(entry.name, dir_fd=folder)
                    continue
                with suppress(OSError), _opened(entry.name, folder):  # its maker may move no folder that is closed
                    count += 1
                    os.rename(entry.name, f"{mark}-{count}", src_dir_fd=folder, dst_dir_fd=top)
                    unseen.append(f"{mark}-{count}")
        with suppress(OSError):
            os.rmdir(name, dir_fd=top)


def _inside(root: str) -> Iterator[os.stat_result]:
    """The status of everything in a folder; nothing where it is none.

    Raises:
        _DeepError: there are more folders in each other than DEEP.
    """
    with suppress(OSError), _opened(root) as folder:
        yield from _below(folder, DEEP)


def _below(folder: int, deep: int) -> Iterator[os.stat_result]:
    if not deep:
        raise _DeepError
    for entry in _entries(folder):
        with suppress(OSError):
            status = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
            yield status
            if stat.S_ISDIR(status.st_mode):
                with _opened(entry.name, folder) as inner:
                    yield from _below(inner, deep - 1)


def _nameless(pids: Iterable[int]) -> Iterator[os.stat_result]:
    """The status of files that processes hold open and that lie in no folder any more."""
    seen = set()
    for pid in pids:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    status = descriptor.stat()
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink and status.st_ino not in seen:
                        seen.add(status.st_ino)
                        yield status


def _entries(folder: int) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as found:
        return list(found)


@contextmanager
def _opened(name: str, within: int | None = None) -> Iterator[int]:
    """A folder, opened so that it can be listed and changed, whatever its maker has closed; no link."""
    held = os.open(name, FOLDER | getattr(os, "O_PATH", 0), dir_fd=within)
    try:
        if os.fstat(held).st_mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{held}", 0o700)  # noqa: PTH101  (the name may mean another folder by now)
        folder = os.open(".", os.O_RDONLY | FOLDER, dir_fd=held)
    finally:
        os.close(held)
    try:
        yield folder
    finally:
        os.close(folder)


def let_all_read(folder: Path) -> None:
    """Let a worker read it that is another user, whatever the umask is."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
