"""Isolation where there are no namespaces: Landlock, and for root a user without rights."""

import ctypes
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.isolation import python
from autograder.isolation.plain import popen

CONFINE = "autograder/worker/confine.py"
NOT_DUMPABLE = 4  # prctl(PR_SET_DUMPABLE)


@contextmanager
def start(
    box: Path, arguments: list[str], prefix: list[str], user: int | None
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start a script of the box."""
    # Programs of the same user must not read our memory or environment; Landlock forbids it too, from version 1.
    ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    private = Path(tempfile.mkdtemp(prefix="box-tmp-"))
    if user is not None:
        os.chown(private, user, user)
    inside = {"HOME": str(private), "TMPDIR": str(private), "SANDBOX": "1", "PATH": "/usr/bin:/bin"}
    inside["PYTHONPATH"] = ":".join(map(str, python.package_folders()))
    folders = json.dumps([str(box), *map(str, python.mounts())])
    command = [*prefix, str(python.executable()), *python.OPTIONS, str(box / CONFINE), folders, str(private)]
    command += [json.dumps(python.OPTIONS), str(box / arguments[0]), *arguments[1:]]
    yield popen(command, python.ENVIRONMENT | inside, (), user), private
