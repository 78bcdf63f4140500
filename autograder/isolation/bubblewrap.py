"""Isolation by bubblewrap: namespaces of its own, an empty root, no capability, few system calls.

The worker sees the interpreter and one box, read-only, a small private /tmp, and no network, no other process and no
environment. The paths inside say nothing of the machine.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.isolation import python, seccomp
from autograder.isolation.plain import popen
from autograder.paths import GRADER

TMP = 256 * 2**20  # bytes of the worker's /tmp, and as much of /dev/shm


@contextmanager
def start(
    box: Path, arguments: list[str], prefix: list[str], user: int | None
) -> Iterator[tuple[subprocess.Popen[bytes], None]]:
    """Start a script of the box.

    bubblewrap waits for its options until the caller is done with the process, so that it can first be put where its
    memory is counted.
    """
    options, options_in = os.pipe()
    calls, calls_in = os.pipe()
    command = [
        *prefix,
        shutil.which("bwrap") or "bwrap",
        "--args",
        str(options),
        "--",
        _inside(python.executable()),
        *python.OPTIONS,
    ]
    environment = {"PATH": os.defpath} | {name: os.environ[name] for name in _BUS if prefix and name in os.environ}
    try:
        process = popen([*command, f"/box/{arguments[0]}", *arguments[1:]], environment, (options, calls), user)
    finally:
        os.close(options)
        os.close(calls)
    with os.fdopen(options_in, "wb", buffering=0) as pipe, os.fdopen(calls_in, "wb", buffering=0) as filtered:
        try:
            yield process, None
            with contextlib.suppress(BrokenPipeError):  # it has died: what it says on stderr tells why
                filtered.write(seccomp.program())
                pipe.write("\0".join([*_profile(box), *_seccomp(calls)]).encode())
        except BaseException:
            process.kill()
            raise


_BUS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # by which systemd-run reaches the user's manager


def _profile(box: Path) -> list[str]:
    """bubblewrap's options; their order matters."""
    options = [
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--disable-userns", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"),
        *("--new-session", "--die-with-parent", "--clearenv", "--hostname", "sandbox"),
    ]
    inside = {
        "HOME": "/tmp",
        "SANDBOX": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(map(_inside, python.package_folders())),
        "LD_LIBRARY_PATH": "/python/lib",
    }
    for name, value in (python.ENVIRONMENT | inside).items():
        options += ["--setenv", name, value]
    options += ["--ro-bind", "/usr", "/usr"]
    for link in ("/lib", "/lib64", "/bin"):
        path = Path(link)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), link]
        elif path.is_dir():
            options += ["--ro-bind", link, link]
    for source, target in python.mounts().items():
        options += ["--ro-bind", str(source), target]
    for source, target in {Path("/usr"): "/usr", **python.mounts()}.items():
        for course in dict.fromkeys((GRADER, *python.copies_of_the_course())):
            if course.is_relative_to(source):  # installed among the packages: not for the student's eyes
                options += ["--tmpfs", f"{target}/{course.relative_to(source)}"]
    options += ["--ro-bind", str(box), "/box", "--chdir", "/tmp", "--proc", "/proc", "--dev", "/dev"]
    options += ["--size", str(TMP), "--tmpfs", "/dev/shm", "--size", str(TMP), "--tmpfs", "/tmp"]
    # Where root stays root outside, the files of the kernel's settings would be its to write, without any capability.
    return [*options, "--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]


def _seccomp(descriptor: int) -> list[str]:
    return ["--seccomp", str(descriptor)] if seccomp.program() else []


def _inside(path: Path) -> str:
    """A host path as the worker sees it."""
    for source, target in python.mounts().items():
        if path.is_relative_to(source):
            return str(Path(target) / path.relative_to(source))
    return str(path)
