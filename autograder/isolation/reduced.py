"""Isolation where there are no namespaces: Landlock and few system calls, and for root a user without rights."""

import ctypes
import functools
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.isolation import disk, forked, python, seccomp
from autograder.isolation.plain import popen

CONFINE, SUPERVISOR = "autograder/isolation/confine.py", "autograder/isolation/supervisor.py"
TEMPLATE = ("worker/template.py", "worker/warmup.py", "isolation/confine.py", "isolation/supervisor.py")
NOT_DUMPABLE = 4  # prctl(PR_SET_DUMPABLE)


@contextmanager
def start(
    box: Path,
    arguments: list[str],
    prefix: list[str],
    user: int | None,
    group: int | None = None,
    landlock: bool = True,
    forks: bool = False,
) -> Iterator[tuple[subprocess.Popen[bytes] | forked.Process, Path]]:
    """Start a script of the box.

    Args:
        box: see levels.Isolation.start.
        arguments: the script and its arguments.
        prefix: what stands before the command line.
        user: to become first; None to stay who we are.
        group: of that user; its own if left out.
        landlock: whether to give up files by Landlock, which not every kernel has.
        forks: whether to fork it from a process that has imported torch.

    Raises:
        ForkError: nothing can be forked.
    """
    hide_command_line()
    # Programs of the same user must not read our memory or environment; Landlock forbids it too, from version 1.
    ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    private = Path(tempfile.mkdtemp(prefix="tmp-", dir=box.parent))
    try:
        if user is not None:
            os.chown(private, user, user)
        environment = {"HOME": str(private), "TMPDIR": str(private)}
        allowed = _allowed(box, private, landlock)
        script = [str(box / arguments[0]), *arguments[1:]]
        if forks:
            template = forked.template(_start_template, TEMPLATE, user if landlock else None)
            order: dict[str, Any] = {"environment": environment, "allowed": allowed, "arguments": script}
            # Without Landlock each has a user of its own, whom it becomes itself.
            order |= {"user": None if landlock else user, "group": group}
            with template.start(json.dumps(order).encode() + b"\n") as process:
                yield process, private
        else:
            command = [*prefix, str(python.executable()), *python.OPTIONS, str(box / CONFINE), json.dumps(allowed)]
            command += [json.dumps(python.OPTIONS), *script]
            yield popen(command, _environment() | environment, (), user, group), private
    except BaseException:
        disk.remove(private)
        raise


def _environment() -> dict[str, str]:
    """What is the same for all workers."""
    packages = ":".join(map(str, python.package_folders()))
    return python.ENVIRONMENT | {"SANDBOX": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": packages}


def _allowed(box: Path, private: Path, landlock: bool) -> dict[str, Any]:
    """What confine.py leaves to a worker."""
    supervised, numbers = seccomp.supervised() if landlock else (b"", {})
    return {
        "readable": [str(box), *map(str, python.mounts())] if landlock else None,
        "writable": [str(private)],
        "calls": seccomp.program(network=False).hex(),
        "supervised": supervised.hex(),
        "numbers": numbers,
    }


@contextmanager
def _start_template(
    files: dict[str, bytes], line: socket.socket, user: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start what workers are forked from; the caller is done when it has read its program.

    Args:
        files: its program by path, the script first.
        line: by which it is asked for workers.
        user: whose workers it forks; None for ourselves, or for all if we are root.
    """
    with tempfile.TemporaryDirectory(prefix="box-") as name:
        for path, content in files.items():
            target = Path(name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        disk.let_all_read(Path(name))
        command = [str(python.executable()), *python.OPTIONS, str(Path(name, next(iter(files))))]
        yield popen([*command, str(line.fileno()), "rights"], _environment(), (line.fileno(),), user)


@functools.cache
def hide_command_line() -> None:
    """Blank our own command line, which every process can read: it may name the seed and students."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    if 0 < begin < end:
        ctypes.memset(begin, 0, end - begin)
