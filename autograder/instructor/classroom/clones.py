"""When the last commit of a clone was made.

Only a clone's objects are read, through an empty repository of ours: settings of a repository can start programs, and
who knows who has made this one.
"""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from autograder.intake.handed_in import UnreadableError, read_regular
from autograder.isolation.clock import GLANCE, Clock
from autograder.isolation.totals import Watchdog

SECONDS = 1  # that git may compute for one question about a clone, or wait for anything but a processor or a disk
PATIENCE = 60  # seconds that may pass meanwhile on a busy machine
MEMORY = 150 * 2**20  # bytes
REFERENCE = 4096  # bytes of a file that names one commit
REFERENCES = 4 * 2**20  # and of one that names them all


@contextlib.contextmanager
def empty_repository() -> Iterator[Path]:
    """A repository in which there is nothing, with no settings; a folder that is none where there is no git."""
    with tempfile.TemporaryDirectory(prefix="fewshot-homework-") as folder:
        with contextlib.suppress(OSError):
            subprocess.run(["git", "init", "-q", "--bare", folder], capture_output=True, check=False)
        yield Path(folder)


def clock(clone: Path, empty: Path) -> tuple[datetime | None, int | None]:
    """When the last commit was made, and how many there are.

    Args:
        clone: a folder with a repository in it, or without one.
        empty: from empty_repository.
    """
    head = _head(clone / ".git")
    if not head:
        return None, None
    environment = {"PATH": os.environ.get("PATH", os.defpath), "GIT_OBJECT_DIRECTORY": str(clone / ".git" / "objects")}
    environment |= {"GIT_DIR": str(empty), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    told = []
    for arguments in (["log", "-1", "--format=%ct", head], ["rev-list", "--count", head]):
        said = _asked(arguments, environment)
        if said is None:
            return None, None
        told.append(said)
    when, count = told
    time = datetime.fromtimestamp(int(when), timezone.utc) if re.fullmatch(r"\d{1,10}", when) else None
    return time, int(count) if count.isdecimal() else None


def _asked(arguments: list[str], environment: dict[str, str]) -> str | None:
    """What git says; None where there is no git, or it waits for a file of the clone that is none."""
    try:
        git = subprocess.Popen(
            ["git", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=_limit,
        )
    except OSError:
        return None
    with git:
        clock = Clock(Watchdog().adopt(git.pid, MEMORY))
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return git.communicate(timeout=GLANCE)[0].strip()
            clock.look()
            if clock.waited >= SECONDS or clock.passed >= PATIENCE:
                git.kill()
                return None


def _limit() -> None:
    """Bound what a repository of anyone's can make git do."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def _head(git: Path) -> str:
    """The commit that is checked out; empty if that cannot be told."""
    if git.is_symlink() or (git / "objects").is_symlink():
        return ""
    said = _text(git / "HEAD", REFERENCE)
    if branch := re.fullmatch(r"ref: (refs/heads/[\w./-]+)", said):
        packed = _text(git / "packed-refs", REFERENCES).split("\n")
        listed = [line.partition(" ")[0] for line in packed if line.endswith(f" {branch[1]}")]
        loose = "" if ".." in branch[1] else _text(git / branch[1], REFERENCE)
        said = loose or "".join(listed[:1])
    return said if re.fullmatch(r"[0-9a-f]{40,64}", said) else ""


def _text(path: Path, most: int) -> str:
    """What stands in a file of a repository; nothing where it cannot be read."""
    try:
        return read_regular(path, most).decode().strip()
    except (UnreadableError, UnicodeDecodeError):
        return ""
