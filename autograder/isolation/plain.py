"""A worker without isolation: a process group of its own, and none of the user's environment."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from autograder.isolation import python
from autograder.isolation.totals import Group

KEPT = ["PATH", "TMPDIR"]  # of the environment
FLAGS = 0
if sys.platform == "win32":
    FLAGS = 0x200 | 0x08000000  # a process group of its own, and no window
    KEPT += ["SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "USERNAME"]
    KEPT += ["APPDATA", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"]


@contextmanager
def start(
    box: Path, arguments: list[str], prefix: list[str], user: int | None
) -> Iterator[tuple[subprocess.Popen[bytes], None]]:
    """Start a script of the box."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept |= {name: value for name, value in python.ENVIRONMENT.items() if name != "USER"}
    interpreter = sys.executable
    if sys.platform == "win32" and python.executable() != Path(interpreter).resolve():
        # A virtual environment's python.exe only starts another one, which may slip out of the job; see
        # multiprocessing, which does the same.
        kept["__PYVENV_LAUNCHER__"], interpreter = interpreter, str(python.executable())
    command = [*prefix, interpreter, *python.OPTIONS, str(box / arguments[0]), *arguments[1:]]
    yield popen(command, kept, (), None), None


def popen(
    command: list[str],
    environment: Mapping[str, str],
    pass_fds: tuple[int, ...],
    user: int | None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process with three pipes, in a session of its own (Windows: a group), perhaps as another user."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=dict(environment),
        pass_fds=pass_fds,
        start_new_session=True,
        creationflags=FLAGS,
        user=user,
        group=user if group is None else group,
        extra_groups=None if user is None else [],
    )


class Process(Protocol):
    """Of subprocess.Popen, what it takes to end a process."""

    @property
    def pid(self) -> int:
        """Return its number, which is its process group's."""

    def kill(self) -> None:
        """Kill it."""

    def wait(self) -> int:
        """Wait for its end."""


def end(process: Process, group: Group) -> None:
    """End a process and all that it has started and that is still to be found."""
    if hasattr(os, "killpg"):  # without namespaces its children are reached only through the process group
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        group.close()  # by the job, while it is still known who has started whom
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
