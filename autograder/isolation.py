"""How student code is kept apart: the command line of a worker at the strongest level this machine has.

bubblewrap gives the worker namespaces of its own (no network, no other process in sight), an empty root with the
interpreter and one homework folder mounted read-only, a small private /tmp, no capability, and no environment. Whether
it holds is not believed but tried: selftest.py runs inside before any student code does.
"""

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.catalog import COURSE, GRADER

TMP = 256 * 2**20  # bytes of the worker's /tmp, and as much of /dev/shm
PACKAGES = ("torch", "numpy", "PIL", "safetensors", "msgspec", "matplotlib")
ENVIRONMENT = {"HOME": "/tmp", "USER": "student", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}

ISOLATED = "isolated, per-process limits"
NONE = "none"


@dataclass(frozen=True)
class Isolation:
    """A level of isolation.

    Attributes:
        level: "isolated, per-process limits" or "none".
        reason: why it is none.
    """

    level: str
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether student code is kept from files, network and other processes."""
        return self.level != NONE

    def start(self, box: Path, script: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        """Start a Python script of the box, with pipes for stdin, stdout and stderr.

        Args:
            box: folder that the process sees, read-only.
            script: path in it.
            arguments: for the script.
        """
        if not self.holds:
            command = [sys.executable, "-s", "-B", "--check-hash-based-pycs", "always", str(box / script), *arguments]
            return _popen(command, _plain_environment())
        read, write = os.pipe()
        try:
            command = ["bwrap", "--args", str(read), "--", _python(), "-s", "-B", "--check-hash-based-pycs", "always"]
            process = _popen([*command, f"/box/{script}", *arguments], {"PATH": os.defpath}, pass_fds=(read,))
        finally:
            os.close(read)
        with os.fdopen(write, "wb") as pipe:
            pipe.write("\0".join(_profile(box)).encode())
        return process


@functools.cache
def find() -> Isolation:
    """The strongest level that works here, as its self-test shows."""
    if sys.platform != "linux":
        return Isolation(NONE, f"no sandbox is known for {sys.platform}")
    if shutil.which("bwrap") is None:
        return Isolation(NONE, "bubblewrap is not installed (Debian, Ubuntu: apt-get install bubblewrap)")
    isolation = Isolation(ISOLATED)
    holes = _selftest(isolation)
    return Isolation(NONE, f"bubblewrap does not isolate here: {holes}") if holes else isolation


def _selftest(isolation: Isolation) -> str:
    """What selftest.py could do inside that it must not; empty if nothing."""
    process = isolation.start(GRADER / "worker", "selftest.py", [str(COURSE)])
    timer = threading.Timer(20, process.kill)
    timer.start()
    try:
        out, log = process.communicate(b"")
    finally:
        timer.cancel()
    try:
        holes = json.loads(out)
    except ValueError:
        return (log.decode(errors="replace").strip().splitlines() or [f"exit status {process.returncode}"])[-1]
    return "; ".join(holes)


def _popen(
    command: list[str], environment: Mapping[str, str], pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=dict(environment),
        pass_fds=pass_fds,
        start_new_session=True,
    )


def _plain_environment() -> dict[str, str]:
    """Without a sandbox: no variable of the user's but what Python needs to start on this system."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR") if name in os.environ}
    return kept | {name: ENVIRONMENT[name] for name in ("LANG", "PYTHONHASHSEED")}


def _profile(box: Path) -> list[str]:
    """bubblewrap's options; their order matters."""
    options = [
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--disable-userns", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"),
        *("--new-session", "--die-with-parent", "--clearenv", "--hostname", "sandbox"),
    ]
    inside = {"SANDBOX": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": _python_path(), "LD_LIBRARY_PATH": "/python/lib"}
    for name, value in (ENVIRONMENT | inside).items():
        options += ["--setenv", name, value]
    options += ["--ro-bind", "/usr", "/usr"]
    for link in ("/lib", "/lib64", "/bin"):
        path = Path(link)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), link]
        elif path.is_dir():
            options += ["--ro-bind", link, link]
    for source, target in _mounts().items():
        options += ["--ro-bind", str(source), target]
    for source, target in {Path("/usr"): "/usr", **_mounts()}.items():
        if GRADER.is_relative_to(source):  # installed among the packages: not for the student's eyes
            options += ["--tmpfs", f"{target}/{GRADER.relative_to(source)}"]
    options += ["--ro-bind", str(box), "/box", "--chdir", "/tmp", "--proc", "/proc", "--dev", "/dev"]
    options += ["--size", str(TMP), "--tmpfs", "/dev/shm", "--size", str(TMP), "--tmpfs", "/tmp"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/"]


@functools.cache
def _mounts() -> dict[Path, str]:
    """Folders of the interpreter and its packages outside /usr, and where the worker sees them."""
    base = Path(sys.base_prefix).resolve()
    mounts = {} if base.is_relative_to("/usr") else {base: "/python"}
    for folder in _package_folders():
        if not any(folder.is_relative_to(seen) for seen in (Path("/usr"), *mounts)):
            mounts[folder] = f"/packages{len(mounts)}"
    return mounts


def _package_folders() -> list[Path]:
    """Where this interpreter finds the packages that student code may use."""
    folders = []
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            folder = Path(spec.origin).resolve().parent.parent
            if folder not in folders:
                folders.append(folder)
    return folders


def _inside(path: Path) -> str:
    """A host path as the worker sees it."""
    for source, target in _mounts().items():
        if path.is_relative_to(source):
            return str(Path(target) / path.relative_to(source))
    return str(path)


def _python() -> str:
    return _inside(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def _python_path() -> str:
    return ":".join(_inside(folder) for folder in _package_folders())
