"""Isolation by a container of podman or docker, where the machine has no namespaces for us: on macOS, on Windows.

    python -m autograder hw2 --submission FOLDER --isolation podman

The whole worker runs in a container of the image of the course's Containerfile: without network, read-only but for a
small /tmp, as nobody, without capabilities, with limits on memory and processes that the engine holds.
"""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.isolation import python, totals
from autograder.isolation.plain import popen
from autograder.paths import COURSE

ENGINES = ("podman", "docker")
IMAGE = "fewshot-homework-worker"
BUILD = "{engine} build -t " + IMAGE + " -f Containerfile ."
TMP = 256 * 2**20  # bytes of the worker's /tmp, and as much of /dev/shm
SECONDS = 60  # that an engine may take to answer: on a laptop it may have to wake a virtual machine

_names: dict[int, str] = {}  # of containers, by the process of the engine that runs each


def problem(engine: str) -> str:
    """Return why an engine cannot be used here and what to do, in one sentence; empty if it can."""
    if shutil.which(engine) is None:
        return f"{engine} is not installed: install it, or leave --isolation out."
    done = _ask(engine, "image", "inspect", IMAGE)
    if done is None:
        return f"{engine} does not answer: start it (on macOS and Windows its machine, too), and try again."
    if done.returncode == 0:
        return ""
    if re.search(r"no such image|not known|not found", done.stderr, re.IGNORECASE):
        if not (COURSE / "Containerfile").exists():  # in a handout
            return f"{engine} has no image {IMAGE}, and there is no Containerfile to make it of: leave --isolation out."
        return f"{engine} has no image {IMAGE}: `{BUILD.format(engine=engine)}` in the course's folder makes it."
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"{engine} does not work here ({last[:200]}): mend that, or leave --isolation out."


@contextmanager
def start(
    box: Path, arguments: list[str], prefix: list[str], user: int | None
) -> Iterator[tuple[subprocess.Popen[bytes], None]]:
    """Start a script of the box in a container; the prefix is the engine with the limits, see Engine."""
    name = f"{IMAGE}-{secrets.token_hex(8)}"
    inside = {"HOME": "/tmp", "SANDBOX": "1", "PYTHONPATH": ""}
    variables = [word for pair in (python.ENVIRONMENT | inside).items() for word in ("--env", "=".join(pair))]
    command = [*prefix, "--name", name, *variables, "--mount", f"type=bind,source={box},target=/box,readonly"]
    command += [IMAGE, "python", *python.OPTIONS, f"/box/{arguments[0]}", *arguments[1:]]
    process = popen(command, os.environ, (), None)
    _names[process.pid] = name
    try:
        yield process, None
    except BaseException:
        process.kill()
        _remove(prefix[0], _names.pop(process.pid, name))
        raise


class Engine:
    """The limits of a container, which its engine holds; see totals.Limits."""

    def __init__(self, engine: str):
        self._engine = engine

    def prefix(self, memory: int) -> list[str]:
        """Return the engine's command, up to what differs from worker to worker."""
        limits = (f"--memory={memory}", f"--memory-swap={memory}", f"--pids-limit={totals.PROCESSES}")
        closed = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        small = ("--ipc=private", f"--tmpfs=/tmp:rw,exec,mode=1777,size={TMP}", f"--shm-size={TMP}", "--workdir=/tmp")
        who = ("--user=65534:65534", "--security-opt=label=disable", "--pull=never")
        return [self._engine, "run", "--rm", "--interactive", *limits, *closed, *small, *who]

    def adopt(self, pid: int, memory: int) -> "Container":
        """Return the container that a process of the engine runs."""
        return Container(self._engine, _names.pop(pid))


class Container:
    """One worker's container, as a group of processes; see totals.Group."""

    def __init__(self, engine: str, name: str):
        self._engine, self._name = engine, name

    def exceeded(self) -> str:
        """Return nothing: the engine holds the limits, and a process that it ends is told as such."""
        return ""

    def computed(self) -> float | None:
        """Return None: on macOS and Windows the container runs on a machine of its own."""
        return None

    def busy(self) -> bool | None:
        """Return None, as for computed."""
        return None

    def close(self) -> None:
        """End all its processes: the engine's own process may be gone, and they not."""
        _remove(self._engine, self._name)


def _remove(engine: str, name: str) -> None:
    _ask(engine, "rm", "--force", "--time=0", name) if engine == "podman" else _ask(engine, "rm", "--force", name)


def _ask(*command: str) -> "subprocess.CompletedProcess[str] | None":
    """What an engine answers; None where it does not."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    return None
