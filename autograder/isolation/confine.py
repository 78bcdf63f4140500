"""Where there are no namespaces: give up files, the network and many system calls, then become the worker.

    python confine.py <JSON: arguments of main> <JSON: Python's options> <script> <arguments ...>

Landlock binds a process and all that it starts, needs no rights, and cannot be taken back (Linux 5.13). A
filter of system calls (seccomp) does so too, and closes the network whatever the version of Landlock. What it does
not refuse for good, supervisor.py does in the worker's place.
See https://docs.kernel.org/userspace-api/landlock.html.
"""

import ctypes
import json
import os
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on all machines
READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read folder
FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14  # what rules of single files may hold; truncate from version 3
SIGNALS = 2  # of what is scoped
NO_NEW_PRIVILEGES, DROP_CAPABILITY, FILTER_CALLS, FILTER = 38, 24, 22, 2
CAPABILITIES = 64  # no more than these can ever be: a set of them is two words
CAPABILITY_VERSION = 0x20080522
FILES = ("/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/proc", "/sys/devices/system/cpu")

libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("count", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def version() -> int:
    """Return the version of the kernel's Landlock; 0 where it has none."""
    return max(0, int(libc.syscall(CREATE_RULESET, None, 0, 1)))


def give_up_rights() -> None:
    """Gain none by the program that is started next, whoever we are."""
    for capability in range(CAPABILITIES):  # root that had to stay root: the program started next has none
        libc.prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    _checked(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))


def keep_no_capability() -> None:
    """Give up those that this process has, even if no program is started next.

    Raises:
        OSError: the kernel refuses.
    """
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _checked(libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def filter_calls(calls: bytes) -> None:
    """Give up system calls, by a filter as autograder.isolation.seccomp makes it.

    Raises:
        OSError: the kernel refuses.
    """
    if calls:
        program = Program(len(calls) // 8, calls)
        _checked(libc.prctl(FILTER_CALLS, FILTER, ctypes.byref(program), 0, 0))


def restrict_files(readable: list[str], writable: list[str]) -> None:
    """Allow nothing but these folders, no TCP, and no look into other processes.

    Raises:
        OSError: the kernel refuses.
    """
    here = version()
    handled = (1 << {0: 0, 1: 13, 2: 14, 3: 15, 4: 15}.get(here, 16)) - 1
    attributes = Ruleset(handled, 3 if here >= 4 else 0, 3 if here >= 6 else 0)
    size = 24 if here >= 6 else 16 if here >= 4 else 8
    ruleset = _checked(libc.syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0))
    for path in (*FILES, *FOLDERS, *readable, *writable):
        if not os.path.exists(path):  # noqa: PTH110  (pathlib takes 20 ms)
            continue
        everything = path in writable or path.startswith("/dev/")
        allowed = handled if everything else handled & READ
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = Beneath(allowed & FILE if path in FILES else allowed, descriptor)
        _checked(libc.syscall(ADD_RULE, ruleset, 1, ctypes.byref(rule), 0))
        os.close(descriptor)
    _checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _signals_are_scoped() -> bool:
    return version() >= 6


def restrict_signals() -> None:
    """Signal no process but what is started from here, as far as this version of Landlock can."""
    if _signals_are_scoped():
        ruleset = _checked(libc.syscall(CREATE_RULESET, ctypes.byref(Ruleset(0, 0, SIGNALS)), 24, 0))
        _checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
        os.close(ruleset)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def main(readable: list[str] | None, writable: list[str], calls: str, supervised: str, numbers: dict[str, int]) -> None:
    """Give up all of it.

    Args:
        readable: folders; None to leave files as they are, where there is no Landlock.
        writable: folders.
        calls: the filter of system calls.
        supervised: the filter of calls about which the supervisor is asked; empty for none.
        numbers: of these calls.

    Raises:
        OSError: the kernel refuses.
    """
    give_up_rights()
    if readable is not None:
        restrict_files(readable, writable)
    if supervised:
        import supervisor  # beside this file

        calls_asked = bytes.fromhex(supervised)
        supervisor.start(restrict_signals, calls_asked, numbers, writable[0], scoped=_signals_are_scoped())
    keep_no_capability()
    filter_calls(bytes.fromhex(calls))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
    os.execv(sys.executable, [sys.executable, *json.loads(sys.argv[2]), *sys.argv[3:]])
