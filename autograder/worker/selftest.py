"""What a worker must not be able to do, tried. Prints a JSON list of what succeeded.

    python selftest.py <JSON: level, course, other (box), shared (memory's name), closed (folders), grader (pid),
                        processes (0: not limited)>

No student code is near. What a level does not promise is not tried: autograder.isolation.levels has the words.
"""

import _multiprocessing
import _posixshmem
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NEW_USER, CLONE_3, CLONE = 0x10000000, 435, {"x86_64": 56, "aarch64": 220}
FEW = 5  # processes
CHUNK = 128 * 2**20  # bytes that each of two processes takes: together more than a self-test may


def _connects(kind: int) -> bool:
    """Reach an address outside: with no interface up, connecting fails at once."""
    with socket.socket(socket.AF_INET, kind) as connection:
        connection.settimeout(1)
        try:
            connection.connect(("192.0.2.1", 9))
        except TimeoutError:
            return True  # a packet went out
        except OSError as error:
            return error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH)
    return True


def _writes(folder: str) -> bool:
    path = Path(folder) / "autograder-selftest"
    path.write_text("")
    path.unlink()
    return True


def _writes_settings() -> bool:
    """Open a setting of the kernel for writing; nothing is written."""
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return True


def _capable() -> bool:
    """Hold any capability that would let root back out."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return any(line.startswith(("CapEff", "CapPrm")) and int(line.split()[1], 16) for line in lines)


def _regains() -> bool:
    """Be able to gain rights by a program of root's."""
    return "NoNewPrivs:\t1" not in Path("/proc/self/status").read_text().splitlines()


def _new_namespace() -> bool:
    """Make a user namespace, where it would be root again, by any of the calls that can."""
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = struct.pack("=11Q", NEW_USER, 0, 0, 0, signal.SIGCHLD, *6 * [0])
    calls: list[tuple[Any, ...]] = [(CLONE_3, arguments, len(arguments))]
    if os.uname().machine in CLONE:
        calls.append((CLONE[os.uname().machine], NEW_USER | signal.SIGCHLD, 0, 0, 0, 0))
    for call in calls:
        child = libc.syscall(*call)
        if child == 0:
            os._exit(0)
        if child > 0:
            os.waitpid(child, 0)
            return True
    return bool(libc.unshare(NEW_USER) == 0)


def _reaches(socket_file: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(socket_file)
    return True


def _sees_shared(name: str) -> bool:
    """Open shared memory of another program, as the C library does."""
    os.close(_posixshmem.shm_open(f"/{name}", os.O_RDONLY, mode=0o600))
    return True


def _shares() -> bool:
    """What DataLoader and multiprocessing do: a semaphore, shared memory, a socket in the folder for such files."""
    name = f"/selftest-{os.getpid()}"
    _multiprocessing.SemLock(1, 1, 1, name, True)
    os.close(_posixshmem.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600))
    _posixshmem.shm_unlink(name)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/socket")
        server.listen()
        return _reaches(f"{folder}/socket")


def _memory_file() -> bool:
    """Make a file in memory, which no file system's size bounds."""
    return hasattr(os, "memfd_create") and os.memfd_create("selftest") > 0


def _inside(level: str) -> bool:
    """Be among processes of its own, where the grader's number is another's."""
    if level == "container":  # its first process is this one, or a small one that waits for it
        return len(list(Path("/proc").glob("[0-9]*"))) < FEW
    return Path("/proc/1/comm").read_text() in ("bwrap\n", "template\n")


def _signals(pid: int) -> bool:
    os.kill(pid, 0)
    return True


def _reads_memory(pid: int) -> bool:
    with open(f"/proc/{pid}/mem", "rb"), open(f"/proc/{pid}/environ", "rb"):
        return True


def _changes(file: Path) -> bool:
    """Close a file of another to its owner; it is told that all went well where nothing is changed."""
    before = file.stat().st_mode
    file.chmod(before & ~0o700)
    return file.stat().st_mode != before


def _makes_wait() -> bool:
    """Let all who open a file of the worker's wait: with Python's own, which all share, every other worker would."""
    with open(__file__, "rb") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    return True


def _sees_a_copy() -> bool:
    """Find solutions among the packages, where the course is installed and not run from there."""
    for folder in sys.path:
        with contextlib.suppress(OSError):
            if _lists(f"{folder}/autograder/exercises"):
                return True
    return False


def _limits(pid: int) -> bool:
    """Have a say in what another process may use; it is only read."""
    resource.prlimit(pid, resource.RLIMIT_CPU)
    return True


def _multiplies(most: int) -> bool:
    """Start more threads than there may be; the kernel counts them as processes, and they start far sooner."""
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    ended = threading.Event()
    threads = [threading.Thread(target=ended.wait) for _ in range(most + 1)]
    try:
        for thread in threads:
            thread.start()
        return True
    except RuntimeError:  # there can be no more
        return False
    finally:
        ended.set()


def _takes_memory() -> bool:
    """Have two processes take more memory than all may."""
    children = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            block = bytearray(CHUNK)
            block[::4096] = b"x" * len(block[::4096])
            time.sleep(1)
            os._exit(0)
        children.append(pid)
    first, status = os.wait()
    for pid in children:
        if pid != first:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return status == 0


def main(level: str, course: str, other: str, shared: str, closed: list[str], grader: int, processes: int) -> list[str]:
    """Return the names of the forbidden things that were possible."""
    homes = ["/root", *(map(str, Path("/home").glob("*")) if level == "separate user" else ["/home"])]
    attempts: dict[str, Callable[[], bool]] = {
        "it reaches the network": lambda: _connects(socket.SOCK_STREAM),
        "it sends UDP": lambda: _connects(socket.SOCK_DGRAM),
        "it sees the grader's files": lambda: _lists(course),
        "it sees another submission": lambda: _lists(other),
        "it sees the home folder": lambda: any(map(_lists, homes)),
        "it writes to /": lambda: _writes("/"),
        "it writes to /usr": lambda: _writes("/usr"),
        "it writes to its own program": lambda: _writes(str(Path(__file__).parent)),
        "it writes the kernel's settings": _writes_settings,
        "it keeps capabilities": _capable,
        "it may gain rights": _regains,
        "it reads the grader's memory": lambda: _reads_memory(grader),
        "it inherits the environment": lambda: "SANDBOX" not in os.environ or "SUDO_USER" in os.environ,
        "it makes namespaces": _new_namespace,
        "it changes another submission's files": lambda: _changes(Path(other, "secret")),
        "it makes all who open a file wait": _makes_wait,
        "it sees solutions in a copy of the course that is installed (pip uninstall fewshot-homework)": _sees_a_copy,
        "it reaches another program's socket": lambda: _reaches(f"{other}/socket"),
    }
    if level != "container":  # whose memory is limited with all that is in it
        attempts["it makes files in memory"] = _memory_file
    attempts |= {f"it sees {Path(folder).name}": lambda folder=folder: _lists(folder) for folder in closed}  # type: ignore[misc]
    alone = level in ("isolated", "isolated, per-process limits", "container")  # in a namespace
    if alone:
        attempts["it sees the host's processes"] = lambda: not _inside(level)
    if level != "separate user":
        attempts["it opens another program's shared memory"] = lambda: _sees_shared(shared)
    if level != "reduced":
        attempts["it signals the grader"] = lambda: not (alone and _inside(level)) and _signals(grader)
    if level in ("isolated", "container"):
        attempts |= {"it takes more memory than there is for all": _takes_memory}
    attempts["it limits the grader"] = lambda: not (alone and _inside(level)) and _limits(grader)
    if processes:
        attempts |= {"it forks without limit": lambda: _multiplies(processes)}
    holes = []
    for hole, attempt in attempts.items():
        with contextlib.suppress(OSError):
            if attempt():
                holes.append(hole)
    if level == "reduced":
        try:
            _shares()
        except OSError as error:
            holes.append(f"it cannot share memory with its own processes ({error.strerror})")
    with contextlib.suppress(OSError), tempfile.TemporaryFile() as file:
        file.write(b"x")
        return holes
    return [*holes, "it cannot even write to its own /tmp"]


def _lists(folder: str) -> bool:
    return Path(folder).is_dir() and any(True for _ in Path(folder).iterdir())


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(sys.argv[1]))))
