"""Isolation by bubblewrap: namespaces of its own, an empty root, no capability, few system calls.

The worker sees the interpreter and one box, read-only, a small private /tmp, and no network, no other process and no
environment. The paths inside say nothing of the machine.
"""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.isolation import forked, python, seccomp
from autograder.isolation.plain import popen
from autograder.paths import GRADER

NOBODY = 65534
TEMPLATE = ("worker/template.py", "worker/namespaces.py", "worker/warmup.py", "isolation/confine.py")
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
    command = [*prefix, *_command(options, arguments)]
    environment = {"PATH": os.defpath} | {name: os.environ[name] for name in _BUS if prefix and name in os.environ}
    try:
        process = popen(command, environment, (options, calls), user)
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


@contextmanager
def fork(box: Path, arguments: list[str], prefix: list[str], user: int | None) -> Iterator[tuple[forked.Process, None]]:
    """Fork a worker that has a copy of the box, as it is now, and runs a script of it.

    Raises:
        ForkError: nothing can be forked.
    """
    template = forked.template(_start_template, TEMPLATE, user)
    with template.start(forked.order_with_files(box, arguments)) as process:
        yield process, None


@contextmanager
def _start_template(
    files: dict[str, bytes], line: socket.socket, user: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start what workers are forked from: it may make namespaces, for them.

    Args:
        files: its program by path, the script first; each fits into a pipe.
        line: by which it is asked for workers.
    """
    options, options_in = os.pipe()
    contents = {name: os.pipe() for name in files}
    readable = {name: content for name, (content, _) in contents.items()}
    try:
        for name, (_, content_in) in contents.items():
            os.write(content_in, files[name])
            os.close(content_in)
        command = _command(options, [next(iter(files)), str(line.fileno()), "namespaces"])
        process = popen(command, {"PATH": os.defpath}, (options, line.fileno(), *readable.values()), user)
    finally:
        for descriptor in (options, *readable.values()):
            os.close(descriptor)
    box = [word for name, content in readable.items() for word in ("--file", str(content), f"/box/{name}")]
    with os.fdopen(options_in, "wb", buffering=0) as pipe, contextlib.suppress(BrokenPipeError):
        pipe.write("\0".join([*_inside_of(0, *box), *_MAY_SHARE, *_CLOSED]).encode())
    yield process


def _command(options: int, arguments: list[str]) -> list[str]:
    """bubblewrap, which reads its options from a pipe, and a script of the box in it."""
    within = [_inside(python.executable()), *python.OPTIONS, f"/box/{arguments[0]}", *arguments[1:]]
    return [shutil.which("bwrap") or "bwrap", "--args", str(options), "--", *within]


_BUS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # by which systemd-run reaches the user's manager


_MAY_SHARE = ("--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP")  # its folders, and its user's number
_CLOSED = ("--remount-ro", "/dev", "--remount-ro", "/")


def _profile(box: Path) -> list[str]:
    """bubblewrap's options for a worker; their order matters."""
    options = [*_inside_of(NOBODY, "--ro-bind", str(box), "/box"), "--disable-userns"]
    # Where root stays root outside, the files of the kernel's settings would be its to write, without any capability.
    return [*options, "--remount-ro", "/proc", *_CLOSED]


def _inside_of(user: int, *box: str) -> list[str]:
    """What every process sees, given who to be inside, and the options that make /box."""
    options = [
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--cap-drop", "ALL", "--uid", str(user), "--gid", str(user)),
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
    options += [*box, "--chdir", "/tmp", "--proc", "/proc", "--dev", "/dev"]
    options += ["--size", str(TMP), "--tmpfs", "/dev/shm", "--size", str(TMP), "--tmpfs", "/tmp"]
    return options


def _seccomp(descriptor: int) -> list[str]:
    return ["--seccomp", str(descriptor)] if seccomp.program() else []


def _inside(path: Path) -> str:
    """A host path as the worker sees it."""
    for source, target in python.mounts().items():
        if path.is_relative_to(source):
            return str(Path(target) / path.relative_to(source))
    return str(path)
