"""Python with torch imported, before there is any student code: workers are forked from it, and closed in.

    python template.py <descriptor of a socket> <how workers are closed in: "namespaces" or "rights">

Either bubblewrap has closed this process in, as it does with a worker that it starts itself, but for the filter of
system calls and the ban on namespaces: namespaces.py has what each worker gets then. Or there are no namespaces, and
each worker gives up its rights as isolation/confine.py says. No student code runs before all of that is done, and none
in this process or in those between it and a worker. isolation/forked.py has the grader's end.
"""

import ctypes
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

sys.path.pop(0)
sys.path.insert(0, __file__.rsplit("/autograder/", 1)[0])

import msgspec  # noqa: F401  what every worker needs, and no code of ours
import numpy as np
import PIL.Image  # noqa: F401

from autograder.worker import warmup  # noqa: F401

DIE_WITH_PARENT, DUMPABLE, NAME = 1, 4, 15  # prctl(2)

libc = ctypes.CDLL(None, use_errno=True)
Start = Callable[..., str]  # given descriptors: the grader's socket, and stdin, stdout and stderr of a worker


def main(line: socket.socket, start: Start) -> str:
    """Fork a worker for each message; returns in workers only: the script to run, with its arguments in sys.argv."""
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        sys.exit("torch starts threads when it is imported: nothing can be forked here")
    libc.prctl(NAME, b"template", 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    line.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, 1, 4)
        if not message:
            os._exit(0)
        if not os.fork():
            line.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
            return start(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def by_namespaces() -> Start:
    """Close workers in by namespaces of their own."""
    from autograder.worker import namespaces

    namespaces.uncover()

    def start(control: int, *pipes: int) -> str:
        """Start a worker, and return in it.

        Between it and the template there are two processes. The first is outside its namespaces: it makes them, waits,
        and says how the worker ended. The second is the first of them inside, with which all others end.
        """
        os.setsid()
        grader = socket.socket(fileno=control)
        grader.send(b"b")  # the kernel adds which process this is
        os.dup2(pipes[-1], 2)  # what goes wrong here is told as the worker's
        with grader.makefile("rb") as lines:
            wanted = json.loads(lines.readline())
            namespaces.enter()
            namespaces.fill(wanted["files"], lines)
            calls = lines.read(wanted["calls"])
        first = os.fork()
        if first:
            _tell_end(grader, first, pipes)
        libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        grader.close()
        _take(pipes)
        namespaces.give_up_rights(calls)
        libc.prctl(DUMPABLE, 0, 0, 0, 0)  # the worker may not look into the process above it,
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which as the first one then heeds no signal from inside
        worker = os.fork()
        if worker:
            os.closerange(0, len(pipes))
            status = _ended(worker)
            os._exit(status if status >= 0 else 128 - status)
        return _begin(wanted["arguments"])

    return start


def by_rights() -> Start:
    """Let workers give up their rights, where there are no namespaces."""
    sys.path.insert(0, f"{sys.path[0]}/autograder/isolation")
    confine = importlib.import_module("confine")
    importlib.import_module("supervisor")
    sys.path.pop(0)

    def start(control: int, *pipes: int) -> str:
        """Start a worker, and return in it.

        Between it and the template there is a process that says how it ended, and the worker's supervisor, if it has
        one.
        """
        grader = socket.socket(fileno=control)
        first = os.fork()
        if first:
            _tell_end(grader, first, pipes)
        os.setsid()
        grader.send(b"b")
        os.dup2(pipes[-1], 2)
        with grader, grader.makefile("rb") as lines:
            wanted = json.loads(lines.readline())
        _take(pipes)
        if wanted["user"] is not None:
            os.setgroups([])
            os.setgid(wanted["group"])
            os.setuid(wanted["user"])
        os.environ.update(wanted["environment"])
        tempfile.tempdir = None  # what was found before
        confine.main(**wanted["allowed"])
        return _begin(wanted["arguments"])

    return start


def _take(pipes: tuple[int, ...]) -> None:
    """Have no descriptors but stdin, stdout and stderr."""
    for here, descriptor in enumerate(pipes):
        os.dup2(descriptor, here)
    os.closerange(len(pipes), resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _begin(arguments: list[str]) -> str:
    """Make this process what it would be if it had been started with a script, all but what is imported."""
    libc.prctl(DUMPABLE, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    np.random.seed()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("autograder", "confine", "supervisor")]:
        del sys.modules[name]  # the worker has its own
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).parent)
    return arguments[0]


def _tell_end(grader: socket.socket, process: int, pipes: tuple[int, ...]) -> NoReturn:
    """Wait for a process, and tell its exit status; less than 0 is the signal."""
    for descriptor in (0, 1, 2, *pipes):
        os.close(descriptor)
    grader.send(struct.pack("<i", _ended(process)))
    os._exit(0)


def _ended(process: int) -> int:
    """Wait for a process, whatever else ends; its exit status, or less than 0 the signal."""
    while True:
        ended, status = os.wait()
        if ended == process:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    how = {"namespaces": by_namespaces, "rights": by_rights}[sys.argv[2]]
    runpy.run_path(main(socket.socket(fileno=int(sys.argv[1])), how()), run_name="__main__")
