"""Limits on all processes of a worker together: a control group where one can be had, else a watchdog.

RLIMIT_AS holds for one process, and RLIMIT_NPROC not at all for root. A control group counts memory (with what lies in
/tmp and /dev/shm) and processes in the kernel. Where none can be made, a watchdog looks four times a second.
"""

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from autograder import locks

MEMORY = 4 * 2**30  # bytes
TEST_MEMORY = 192 * 2**20  # of a self-test, which tries to take more
PROCESSES = 128  # threads are counted too
INTERVAL = 0.25  # seconds between two looks of the watchdog
NAME = "fewshot-homework"


class LimitError(Exception):
    """A control group that cannot be used after all."""


class Group(Protocol):
    """The processes of one worker."""

    def exceeded(self) -> str:
        """What they have too much of, in words for the student; empty if nothing."""

    def close(self) -> None:
        """Forget them, once they are dead."""


class Limits(Protocol):
    """A way to limit them."""

    def prefix(self, memory: int) -> list[str]:
        """What stands before the command line."""

    def adopt(self, pid: int, memory: int) -> Group:
        """Count a process and all that it will start."""


def candidates() -> Iterator[Limits]:
    """Control groups that may work here; only a self-test shows whether they do."""
    first = _version_1()
    if first:
        yield Direct(first, {"memory": "memory.limit_in_bytes", "pids": "pids.max"})
    second = _version_2()
    if second:
        yield Direct({"memory": second, "pids": second}, {"memory": "memory.max", "pids": "pids.max"})
    if os.getuid() and shutil.which("systemd-run") and "DBUS_SESSION_BUS_ADDRESS" in os.environ:
        yield Scope()


class Direct:
    """Control groups that we make ourselves, as root mostly can.

    Args:
        parents: folders to make them in, by controller.
        files: the files of the limits, by controller.
    """

    def __init__(self, parents: dict[str, Path], files: dict[str, str]):
        self._parents, self._files = parents, files
        for parent in set(parents.values()):
            _sweep(parent)

    def prefix(self, memory: int) -> list[str]:
        """Nothing."""
        return []

    def adopt(self, pid: int, memory: int) -> "ControlGroup":
        """Put the process into groups of its own."""
        name = f"{NAME}-{secrets.token_hex(8)}"
        limits = {"memory": memory, "pids": PROCESSES}
        folders = {parent / name for parent in self._parents.values()}
        group = ControlGroup(folders)
        try:
            for folder in folders:
                group.make(folder)
            for controller, parent in self._parents.items():
                (parent / name / self._files[controller]).write_text(str(limits[controller]))
            for swap in ("memory.memsw.limit_in_bytes", "memory.swap.max"):
                file = self._parents["memory"] / name / swap
                if file.exists():
                    file.write_text(str(memory if "memsw" in swap else 0))
            for folder in folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            group.close()
            raise LimitError(f"no control group: {error.strerror}") from None
        return group


class ControlGroup:
    """Control groups of one worker.

    Args:
        folders: of the groups.
        ours: whether to remove them in the end.
    """

    def __init__(self, folders: set[Path], *, ours: bool = True):
        self._folders, self._ours = folders, ours
        self._locks: list[int | None] = []

    def make(self, folder: Path) -> None:
        """Make one, and hold it: a sweep of another grader takes what is empty and nobody holds."""
        for _ in range(10):
            folder.mkdir(exist_ok=True)
            if (held := locks.hold(folder)) is not None:
                self._locks.append(held)
                return
            time.sleep(0.01)  # a sweep is just looking at it

    def exceeded(self) -> str:
        """Whether the kernel has killed a process for the memory of all."""
        for folder in self._folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    if re.search(r"^oom_kill [1-9]", (folder / name).read_text(), re.MULTILINE):
                        return f"Your code used more than {MEMORY / 2**30:.0f} GiB of memory in all its processes."
        return ""

    def close(self) -> None:
        """Remove the groups; the last processes may take a moment to go."""
        while self._locks:
            locks.release(self._locks.pop())
        deadline = time.monotonic() + 2
        for folder in self._folders if self._ours else ():
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        return  # a later run sweeps it away
                    time.sleep(0.002)


class Scope:
    """Control groups that the user's service manager makes, as on most desktops."""

    def prefix(self, memory: int) -> list[str]:
        """systemd-run, which becomes the command in a group of its own."""
        properties = (f"MemoryMax={memory}", "MemorySwapMax=0", f"TasksMax={PROCESSES}")
        options = [option for value in properties for option in ("-p", value)]
        return ["systemd-run", "--user", "--scope", "--quiet", "--collect", *options, "--"]

    def adopt(self, pid: int, memory: int) -> ControlGroup:
        """Find the group it has been put into, as soon as it is."""
        before = _own("")
        for _ in range(200):
            with contextlib.suppress(OSError):
                now = _group_of(pid, "")
                if now != before:
                    return ControlGroup({Path("/sys/fs/cgroup", now.lstrip("/"))}, ours=False)
            time.sleep(0.01)
        raise LimitError("systemd-run makes no scope")


class Watchdog:
    """No control group: look, and let the worker be killed."""

    def prefix(self, memory: int) -> list[str]:
        """Nothing."""
        return []

    def adopt(self, pid: int, memory: int) -> "Watched":
        """Look after the process and its descendants."""
        return Watched(pid)


class Watched:
    """The descendants of a process, as /proc shows them."""

    def __init__(self, pid: int):
        self._pid, self._next = pid, 0.0

    def exceeded(self) -> str:
        """What they have too much of at this moment."""
        if time.monotonic() < self._next:
            return ""
        self._next = time.monotonic() + INTERVAL
        family = _family(self._pid)
        if len(family) > PROCESSES:
            return f"Your code started more than {PROCESSES} processes."
        if sum(map(_resident, family)) > MEMORY and sum(map(_proportional, family)) > MEMORY:
            return f"Your code used more than {MEMORY / 2**30:.0f} GiB of memory in all its processes."
        return ""

    def close(self) -> None:
        """Nothing."""


def _family(ancestor: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    family, unseen = [], [ancestor]
    while unseen:
        pid = unseen.pop()
        family.append(pid)
        unseen += parents.get(pid, [])
    return family


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Its memory, with shared pages divided among those that share them."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return _resident(pid)
    return int(found[1]) * 1024 if found else 0


def _own(controller: str) -> str:
    return _group_of(os.getpid(), controller)


def _group_of(pid: int, controller: str) -> str:
    """The control group of a process: of version 2 where no controller is named."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path
    raise FileNotFoundError(controller)


def _version_1() -> dict[str, Path]:
    """Our own groups of memory and pids, if they can be written to."""
    found = {}
    with contextlib.suppress(OSError):
        for controller in ("memory", "pids"):
            folder = Path("/sys/fs/cgroup", controller, _own(controller).lstrip("/"))
            if (folder / "cgroup.procs").exists() and os.access(folder, os.W_OK):
                found[controller] = folder
    return found if len(found) == 2 else {}


def _version_2() -> Path | None:
    """A group beside our own, whose parent hands memory and pids on, if it can be written to."""
    with contextlib.suppress(OSError):
        parent = Path("/sys/fs/cgroup", _own("").lstrip("/")).parent
        handed_on = (parent / "cgroup.subtree_control").read_text().split()
        if {"memory", "pids"} <= set(handed_on) and os.access(parent, os.W_OK) and parent != Path("/sys/fs"):
            return parent
    return None


def _sweep(parent: Path) -> None:
    """Remove empty groups of graders that were killed."""
    for folder in parent.glob(f"{NAME}-*"):
        held = locks.hold(folder)
        if held is not None:
            with contextlib.suppress(OSError):
                folder.rmdir()
        locks.release(held)
