"""What bubblewrap would give a worker, given by the process that it is forked from.

Namespaces of its own, a /box, a /tmp and a /dev/shm of its own, no capability and the filter of system calls.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import IO, Any

from autograder.isolation import confine

# unshare(2): mounts, control groups, host name, IPC, users, processes, network
NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS, AGAIN, BIND = 1, 2, 4, 8, 32, 4096  # mount(2)
SET_FLAGS, UP = 0x8914, 0x41  # of a network interface
NOBODY = 65534
TMP = "size=268435456,mode=0755"  # as bubblewrap's

libc = ctypes.CDLL(None, use_errno=True)


def uncover() -> None:
    """Take from /proc what bubblewrap lays over it: no other /proc could be mounted."""
    for covered in ("sys", "sysrq-trigger", "irq", "bus"):
        libc.umount2(f"/proc/{covered}".encode(), 0)


def enter() -> None:
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


def fill(files: list[tuple[str, int]], content: IO[bytes]) -> None:
    """Lay the worker's files in its box.

    Args:
        files: names and sizes in bytes.
        content: of all of them.
    """
    for name, size in files:
        target = Path("/box", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.read(size))
    for folder in ("/box", "/dev/pts"):
        _mount(None, folder, None, READ_ONLY | NO_SETUID | NO_DEVICES | AGAIN | BIND)
    os.chdir("/tmp")  # the worker's, which lies on that of this process


def give_up_rights(calls: bytes) -> None:
    """Keep no capability, gain none again, and make no system call that the filter refuses."""
    _mount("proc", "/proc", "proc", READ_ONLY | NO_SETUID | NO_DEVICES | NO_PROGRAMS)
    confine.give_up_rights()
    confine.keep_no_capability()
    confine.filter_calls(calls)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3])


def _call(name: str, *arguments: Any) -> None:
    if getattr(libc, name)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}", str(arguments))
