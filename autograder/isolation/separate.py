"""Isolation where root has neither namespaces nor Landlock, as in many containers: each worker is a user of its own.

What the grader owns is closed by its permissions alone, which the self-test tries; what everyone may read stays open.
When a worker ends, so does all that its user has started, and its files go from where everyone may write.
"""

import functools
import itertools
import os
import secrets
import signal
import stat
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autograder.isolation import disk, forked, python, reduced, totals

USERS = range(61184, 65520)  # numbers that systemd, too, gives to users who exist for as long as a service
OPEN_TO_ALL = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
NOT_OPEN = ("/usr", "/proc", "/sys", "/boot")  # where it need not be looked for
TRIES = 100  # to end all processes of a user
SEARCH = 2.0  # seconds of processor time in which others are searched for
_numbers = itertools.count(secrets.randbelow(len(USERS)))  # two graders at once begin at different ones


def free_user() -> int:
    """Return the number of a user who has neither a name nor a process."""
    import pwd  # Windows has none, and never comes here

    taken = {user.pw_uid for user in pwd.getpwall()}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            taken.add(process.stat().st_uid)
    return next(user for number in _numbers if (user := USERS[number % len(USERS)]) not in taken)


@functools.cache
def _group() -> int:
    """Of all workers of this grader: they read the same boxes, one after the other."""
    return free_user()


@contextmanager
def start(
    box: Path, arguments: list[str], prefix: list[str], user: int | None, forks: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes] | forked.Process, Path]]:
    """Start a script of the box, which no other user but root can open from now on."""
    os.chown(box, 0, _group())
    box.chmod(0o750)
    with reduced.start(box, arguments, prefix, user, _group(), landlock=False, forks=forks) as started:
        yield started


@functools.cache
def open_to_all(root: str = "/") -> tuple[str, ...]:
    """Return folders to which everyone may write: the usual ones, and others, the least deep first.

    Large disks are searched as far as SEARCH goes; what belongs to the system or the interpreter is left out.
    """
    end = time.process_time() + SEARCH
    found, unseen = dict.fromkeys((*OPEN_TO_ALL, tempfile.gettempdir())), deque([root])
    left_out = {*NOT_OPEN, *map(str, python.mounts())}
    while unseen and time.process_time() < end:
        with suppress(OSError), os.scandir(unseen.popleft()) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False) and item.path not in left_out:
                    unseen.append(item.path)
                    if item.stat(follow_symlinks=False).st_mode & stat.S_IWOTH:
                        found[item.path] = None
    return tuple(found)


def made_by(user: int) -> list[str]:
    """Return what a user has made where everyone may write."""
    found = []
    for folder in open_to_all():
        with suppress(OSError), os.scandir(folder) as items:
            for item in items:
                with suppress(OSError):
                    if item.stat(follow_symlinks=False).st_uid == user:
                        found.append(item.path)
    return found


def leave_nothing(user: int) -> None:
    """End all processes of a worker's user, and remove its files from where everyone may write."""
    # As this user and in one call: a process that goes on forking would outrun a list of numbers. Again and again: one
    # of them may have ended the shell before, and would have read what is our own of its environment.
    command = ["/bin/sh", "-c", "kill -9 -1"]
    for _ in range(TRIES):
        subprocess.run(command, user=user, group=user, extra_groups=[], check=False, env={}, cwd="/")
        left = totals.processes_of(user)
        if not left:
            break
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    for path in made_by(user):
        with suppress(OSError):
            if stat.S_ISDIR(os.lstat(path).st_mode):
                disk.remove(path)
            else:
                os.unlink(path)  # noqa: PTH108  (an entry of scandir)
