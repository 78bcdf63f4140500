"""Isolation where there are no namespaces: Landlock and few system calls, and for root a user without rights."""

import ctypes
import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.isolation import disk, python, seccomp
from autograder.isolation.plain import popen

CONFINE, SUPERVISOR = "autograder/isolation/confine.py", "autograder/isolation/supervisor.py"
NOT_DUMPABLE = 4  # prctl(PR_SET_DUMPABLE)


@contextmanager
def start(
    box: Path,
    arguments: list[str],
    prefix: list[str],
    user: int | None,
    group: int | None = None,
    landlock: bool = True,
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start a script of the box.

    Args:
        box: see levels.Isolation.start.
        arguments: the script and its arguments.
        prefix: what stands before the command line.
        user: to become first; None to stay who we are.
        group: of that user; its own if left out.
        landlock: whether to give up files by Landlock, which not every kernel has.
    """
    hide_command_line()
    # Programs of the same user must not read our memory or environment; Landlock forbids it too, from version 1.
    ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    private = Path(tempfile.mkdtemp(prefix="tmp-", dir=box.parent))
    try:
        if user is not None:
            os.chown(private, user, user)
        yield _started(box, arguments, prefix, user, group, private, landlock), private
    except BaseException:
        disk.remove(private)
        raise


def _started(
    box: Path,
    arguments: list[str],
    prefix: list[str],
    user: int | None,
    group: int | None,
    private: Path,
    landlock: bool,
) -> subprocess.Popen[bytes]:
    inside = {"HOME": str(private), "TMPDIR": str(private), "SANDBOX": "1", "PATH": "/usr/bin:/bin"}
    inside["PYTHONPATH"] = ":".join(map(str, python.package_folders()))
    supervised, numbers = seccomp.supervised() if landlock else (b"", {})
    allowed = {
        "readable": [str(box), *map(str, python.mounts())] if landlock else None,
        "writable": [str(private)],
        "calls": seccomp.program(network=False).hex(),
        "supervised": supervised.hex(),
        "numbers": numbers,
    }
    command = [*prefix, str(python.executable()), *python.OPTIONS, str(box / CONFINE), json.dumps(allowed)]
    command += [json.dumps(python.OPTIONS), str(box / arguments[0]), *arguments[1:]]
    return popen(command, python.ENVIRONMENT | inside, (), user, group)


@functools.cache
def hide_command_line() -> None:
    """Blank our own command line, which every process can read: it may name the seed and students."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    if 0 < begin < end:
        ctypes.memset(begin, 0, end - begin)
