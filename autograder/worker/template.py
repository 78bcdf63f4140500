"""Python with torch imported, before there is any student code: workers are forked from it, and closed in.

    python template.py <descriptor of a socket>

bubblewrap has closed this process in, as it does with a worker that it starts itself, but for the filter of system
calls and the ban on namespaces. Each worker gets what bubblewrap would give it: namespaces of its own, a /box, a /tmp
and a /dev/shm of its own, no capability and the filter. No student code runs before all of that is done, and none in
this process or in those between it and a worker. isolation/forked.py has the grader's end.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import runpy
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import IO, Any

sys.path.pop(0)
sys.path.insert(0, "/box")

import msgspec  # noqa: F401  what every worker needs, and no code of ours
import numpy as np
import PIL.Image  # noqa: F401

from autograder.worker import warmup  # noqa: F401

# unshare(2): mounts, control groups, host name, IPC, users, processes, network
NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS, AGAIN, BIND = 1, 2, 4, 8, 32, 4096  # mount(2)
DIE_WITH_PARENT, DUMPABLE, NAME, FILTER, DROP, NO_NEW_RIGHTS = 1, 4, 15, 22, 24, 38  # prctl(2)
CAPABILITIES = 64  # no more than these can ever be: a set of them is two words
CAPABILITY_VERSION = 0x20080522
SET_FLAGS, UP = 0x8914, 0x41  # of a network interface
NOBODY = 65534
TMP = "size=268435456,mode=0755"  # as bubblewrap's

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("count", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def main(line: socket.socket) -> str:
    """Fork a worker for each message; returns in workers only: the script to run, with its arguments in sys.argv."""
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        sys.exit("torch starts threads when it is imported: nothing can be forked here")
    libc.prctl(NAME, b"template", 0, 0, 0)
    for covered in ("sys", "sysrq-trigger", "irq", "bus"):  # by bubblewrap; else no other /proc can be mounted
        libc.umount2(f"/proc/{covered}".encode(), 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    line.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, 1, 4)
        if not message:
            os._exit(0)
        if not os.fork():
            line.close()
            return _worker(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _worker(control: int, *pipes: int) -> str:
    """Start a worker, and return in it.

    Between it and the template there are two processes. The first is outside its namespaces: it makes them, waits, and
    says how the worker ended. The second is the first of them inside, with which all others end.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    grader = socket.socket(fileno=control)
    grader.send(b"b")  # the kernel adds which process this is
    os.dup2(pipes[-1], 2)  # what goes wrong here is told as the worker's
    with grader.makefile("rb") as lines:
        wanted = json.loads(lines.readline())
        _close_in(wanted["files"], lines)
        calls = lines.read(wanted["calls"])
    first = os.fork()
    if first:
        for descriptor in (0, 1, 2, *pipes):
            os.close(descriptor)
        grader.send(struct.pack("<i", _ended(first)))
        os._exit(0)
    libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    grader.close()
    for here, descriptor in enumerate(pipes):
        os.dup2(descriptor, here)
    os.closerange(len(pipes), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    _give_up_rights(calls)
    libc.prctl(DUMPABLE, 0, 0, 0, 0)  # the worker may not look into the process above it,
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which as the first one then heeds no signal from inside
    worker = os.fork()
    if worker:
        os.closerange(0, len(pipes))
        os._exit(_ended(worker))
    return _begin(wanted["script"], wanted["arguments"])


def _close_in(files: list[tuple[str, int]], content: IO[bytes]) -> None:
    """Make namespaces, and in them the folders that a worker sees and others do not."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", NAMESPACES)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} {user} 1"),
        ("gid_map", f"{NOBODY} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    with contextlib.suppress(OSError):  # the filter of system calls refuses new ones, too
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", UP))
    for folder in ("/box", "/tmp", "/dev/shm", "/dev/pts"):
        _mount("tmpfs", folder, "tmpfs", NO_SETUID | NO_DEVICES, TMP)
    for name, size in files:
        target = Path("/box", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.read(size))
    for folder in ("/box", "/dev/pts"):
        _mount(None, folder, None, READ_ONLY | NO_SETUID | NO_DEVICES | AGAIN | BIND)
    os.chdir("/tmp")  # the worker's, which lies on that of this process


def _give_up_rights(calls: bytes) -> None:
    """Keep no capability, gain none again, and make no system call that the filter refuses."""
    _mount("proc", "/proc", "proc", READ_ONLY | NO_SETUID | NO_DEVICES | NO_PROGRAMS)
    for capability in range(CAPABILITIES):
        libc.prctl(DROP, capability, 0, 0, 0)
    _call("prctl", NO_NEW_RIGHTS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    program = Program(len(calls) // 8, calls)
    _call("prctl", FILTER, 2, ctypes.byref(program), 0, 0)


def _begin(script: str, arguments: list[str]) -> str:
    """Make this process what it would be if it had been started with a script, all but what is imported."""
    libc.prctl(DUMPABLE, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    np.random.seed()
    for name in [name for name in sys.modules if name.partition(".")[0] == "autograder"]:
        del sys.modules[name]  # the worker has its own
    sys.argv = [f"/box/{script}", *arguments]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    return sys.argv[0]


def _ended(process: int) -> int:
    """Wait for a process, whatever else ends; its exit status, or 128 and the signal."""
    while True:
        ended, status = os.wait()
        if ended == process:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3])


def _call(name: str, *arguments: Any) -> None:
    if getattr(libc, name)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}", str(arguments))


if __name__ == "__main__":
    runpy.run_path(main(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__")
