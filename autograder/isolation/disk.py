"""A limit on what a worker writes, where no file system of its own bounds it: looked at, as totals.Watchdog does."""

import os
import time
from pathlib import Path

from autograder.isolation.totals import Group

DISK = 512 * 2**20  # bytes: as much as bubblewrap's /tmp and /dev/shm have together
FILES = 20_000
INTERVAL = 0.25  # seconds between two looks


class Watched:
    """The processes of a worker, and the folder in which they may write.

    Args:
        group: the processes.
        folder: all that is theirs.
    """

    def __init__(self, group: Group, folder: Path):
        self._group, self._folder, self._next = group, folder, 0.0

    def exceeded(self) -> str:
        """Return what they have too much of, in words for the student; empty if nothing."""
        if exceeded := self._group.exceeded():
            return exceeded
        if time.monotonic() < self._next:
            return ""
        self._next = time.monotonic() + INTERVAL
        files = bytes_written = 0
        for folder, _, names in os.walk(self._folder):
            for name in names:
                files += 1
                bytes_written += _size(os.path.join(folder, name))  # noqa: PTH118  (it may be thousands)
                if files > FILES:
                    return f"Your code wrote more than {FILES:,} files."
        if bytes_written > DISK:
            return f"Your code wrote more than {DISK // 2**20} MiB of files."
        return ""

    def computed(self) -> float | None:
        """See clock.Processes."""
        return self._group.computed()

    def busy(self) -> bool | None:
        """See clock.Processes."""
        return self._group.busy()

    def close(self) -> None:
        """Forget them, once they are dead."""
        self._group.close()


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:
        return 0
