"""A worker without isolation: a process group of its own, and none of the user's environment."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from autograder.isolation import python


@contextmanager
def start(
    box: Path, arguments: list[str], prefix: list[str], user: int | None
) -> Iterator[tuple[subprocess.Popen[bytes], None]]:
    """Start a script of the box."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    kept |= {name: value for name, value in python.ENVIRONMENT.items() if name != "USER"}
    command = [*prefix, sys.executable, *python.OPTIONS, str(box / arguments[0]), *arguments[1:]]
    yield popen(command, kept, (), None), None


def popen(
    command: list[str],
    environment: Mapping[str, str],
    pass_fds: tuple[int, ...],
    user: int | None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process with three pipes, in a session of its own, perhaps as another user."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=dict(environment),
        pass_fds=pass_fds,
        start_new_session=True,
        user=user,
        group=user if group is None else group,
        extra_groups=None if user is None else [],
    )
