"""Workers that are forked from a process which has imported torch: for whoever starts many of them.

Two of three seconds of a submission were imports of torch. worker/template.py imports it once, before there is any
student code; each worker is forked from it and closed in as the level of isolation says. This is the grader's end: it
starts the template, and has a worker's process where subprocess would have given one.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from autograder.isolation import seccomp
from autograder.paths import GRADER

IMPORTS = 120  # seconds in which torch must be imported, on a busy machine too
BIRTH = 60  # seconds in which a process must be forked
DEATH = 5  # seconds in which it is told how a process has ended
CREDENTIALS = struct.Struct("=iII")  # struct ucred


class ForkError(OSError):
    """No worker can be forked here."""


class Process:
    """A worker's process: of subprocess.Popen, what a grader needs.

    Args:
        pid: the process with which the worker and all that it starts end.
        control: tells how the worker ended.
        pipes: the grader's ends of its stdin, stdout and stderr.

    Attributes:
        returncode: its exit status, or less than 0 the signal that ended it; None while it runs.
    """

    def __init__(self, pid: int, control: socket.socket, pipes: tuple[IO[bytes], IO[bytes], IO[bytes]]):
        self.pid, self._control = pid, control
        self._itself = os.pidfd_open(pid)
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit status, if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return its exit status.

        Raises:
            TimeoutExpired: of subprocess, it has not ended in these seconds.
        """
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._itself, select.POLLIN)
            if not ended.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("a forked worker", timeout or 0)
            self._control.settimeout(DEATH)
            told = b""
            with contextlib.suppress(OSError):  # who was to tell has died as well
                told = self._control.recv(4)
            self.returncode = struct.unpack("<i", told)[0] if len(told) == 4 else -signal.SIGKILL
            self._control.close()
            os.close(self._itself)
        return self.returncode

    def kill(self) -> None:
        """End it, with all that it has started."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._itself, number)

    def communicate(self, sent: bytes = b"") -> tuple[bytes, bytes]:
        """Send this, wait for the end, and return what came on stdout and on stderr."""
        with self.stdin, contextlib.suppress(BrokenPipeError):
            self.stdin.write(sent)
        with ThreadPoolExecutor(1) as pool:
            log = pool.submit(self.stderr.read)
            return self.stdout.read(), log.result()


_Program = dict[str, bytes]  # contents by path, the script first
# Starts it, given its program, its line and its user; what it must read is there until that is done with.
Begin = Callable[[_Program, socket.socket, int | None], AbstractContextManager[subprocess.Popen[bytes]]]
_templates: dict[tuple[Begin, int | None], "Template"] = {}  # of this process


def template(begin: Begin, files: tuple[str, ...], user: int | None) -> "Template":
    """Return the template that is started so and has this user; started, if there is none that runs.

    Args:
        begin: starts it.
        files: its program, below autograder/, the script first.
        user: to start it as; None for ourselves.

    Raises:
        ForkError: none can be had.
    """
    found = _templates.get((begin, user))
    if found is None or not found.alive:
        found = _templates[begin, user] = Template(begin, files, user)
    return found


class Template:
    """A process that has imported torch.

    Args:
        begin, files, user: see template.

    Raises:
        ForkError: it does not start.
    """

    def __init__(self, begin: Begin, files: tuple[str, ...], user: int | None):
        self._owner = os.getpid()
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with begin(program(files), theirs, user) as self._process:
            theirs.close()
            self._line.settimeout(IMPORTS)
            ready = b""
            with contextlib.suppress(OSError):
                ready = self._line.recv(16)
        if ready != b"ready":
            self.close()
            raise ForkError("a process that is to be forked does not start")

    @property
    def alive(self) -> bool:
        """Whether workers can be forked from it, and by this process."""
        return self._owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """End it; workers end with it."""
        self._line.close()
        self._process.kill()
        self._process.communicate()

    @contextmanager
    def start(self, order: bytes) -> Iterator[Process]:
        """Start a worker; it waits until the caller is done, so that it can first be put where it counts.

        Args:
            order: what it is to be, one line and what belongs to it.

        Raises:
            ForkError: the template is gone, or forks nothing.
        """
        control, theirs = socket.socketpair()
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ends = [os.pipe(), os.pipe(), os.pipe()]
        inside = (ends[0][0], ends[1][1], ends[2][1])
        outside = (ends[0][1], ends[1][0], ends[2][0])
        try:
            with theirs:
                socket.send_fds(self._line, [b"x"], [theirs.fileno(), *inside])
            process = Process(_born(control), control, _opened(outside))
        except OSError as error:
            control.close()
            for descriptor in outside:
                os.close(descriptor)
            raise ForkError(f"nothing was forked ({error})") from None
        finally:
            for descriptor in inside:
                os.close(descriptor)
        try:
            yield process
            control.settimeout(BIRTH)
            with contextlib.suppress(ConnectionError):  # it has died: its exit status tells
                control.sendall(order)
        except BaseException:
            process.kill()
            raise


def program(files: tuple[str, ...]) -> _Program:
    """Read a template's files."""
    return {f"autograder/{name}": (GRADER / name).read_bytes() for name in files}


def _born(control: socket.socket) -> int:
    """The number of the process that is to become the worker's, by which the kernel says who has written."""
    control.settimeout(BIRTH)
    _, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(CREDENTIALS.size))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid, _, _ = CREDENTIALS.unpack(data)
            return int(pid)
    raise ForkError("it ended at once")


def _opened(descriptors: tuple[int, int, int]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    stdin, stdout, stderr = descriptors
    return open(stdin, "wb", 0), open(stdout, "rb", 0), open(stderr, "rb", 0)


def order_with_files(box: Path, arguments: list[str]) -> bytes:
    """Say what a worker is to be that has a box of its own: its script and files, and the filter of system calls."""
    files = {str(path.relative_to(box)): path.read_bytes() for path in sorted(box.rglob("*")) if path.is_file()}
    calls = seccomp.program()
    head = {
        "arguments": [f"/box/{arguments[0]}", *arguments[1:]],
        "files": [(name, len(content)) for name, content in files.items()],
        "calls": len(calls),
    }
    return b"".join([json.dumps(head).encode(), b"\n", *files.values(), calls])
