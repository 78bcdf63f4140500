"""Locks by which a folder tells whether its process lives, whichever machine or namespace asks."""

import contextlib
import os
from pathlib import Path


def hold(path: Path) -> int | None:
    """Lock a file or folder until the descriptor that is returned is closed, or this process has ended.

    None where another holds it, where it is gone, or where nobody can tell, as on Windows.
    """
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = None
    with contextlib.suppress(OSError):
        kind = os.O_RDONLY if path.is_dir() else os.O_RDWR  # network disks lock only what can be written
        descriptor = os.open(path, kind | getattr(os, "O_NOFOLLOW", 0))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            return descriptor
    release(descriptor)
    return None


def release(descriptor: int | None) -> None:
    """Unlock what was held, if it was."""
    if descriptor is not None:
        os.close(descriptor)
