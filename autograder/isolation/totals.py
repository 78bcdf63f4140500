"""Limits on all processes of a worker together: a control group where one can be had, else a watchdog.

RLIMIT_AS holds for one process, and RLIMIT_NPROC not at all for root. A control group counts memory (with what lies in
/tmp and /dev/shm), processes and their time in the kernel. Where none can be made, a watchdog
looks four times a second.
"""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from autograder import locks
from autograder.isolation.clock import Processes

MEMORY = 4 * 2**30  # bytes
TEST_MEMORY = 192 * 2**20  # of a self-test, which tries to take more
PROCESSES = 128  # threads are counted too
INTERVAL = 0.25  # seconds between two looks of the watchdog
BUSY = ("R", "D", "U")  # states of processes: running or runnable, and waiting for a disk (macOS: U)
NAME = "fewshot-homework"


class LimitError(Exception):
    """A control group that cannot be used after all."""


class Group(Processes, Protocol):
    """The processes of one worker."""

    def exceeded(self) -> str:
        """Return what they have too much of, in words for the student; empty if nothing."""

    def close(self) -> None:
        """Forget them, once they are dead."""


class Limits(Protocol):
    """A way to limit them."""

    def prefix(self, memory: int) -> list[str]:
        """Return what stands before the command line."""

    def adopt(self, pid: int, memory: int) -> Group:
        """Count a process and all that it will start."""


def candidates() -> Iterator[Limits]:
    """Return control groups that may work here; only a self-test shows whether they do."""
    first = _version_1()
    if {"memory", "pids"} <= first.keys():
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
        """Return an empty prefix."""
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
            for controller, file in self._files.items():
                (self._parents[controller] / name / file).write_text(str(limits[controller]))
            for swap in ("memory.memsw.limit_in_bytes", "memory.swap.max"):
                path = self._parents["memory"] / name / swap
                if path.exists():
                    path.write_text(str(memory if "memsw" in swap else 0))
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
        """Tell whether the kernel has killed a process for the memory of all."""
        for folder in self._folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    if re.search(r"^oom_kill [1-9]", (folder / name).read_text(), re.MULTILINE):
                        return f"Your code used more than {MEMORY / 2**30:.0f} GiB of memory in all its processes."
        return ""

    def computed(self) -> float:
        """Return the kernel's own count, which knows the ended processes; else that of those there are."""
        for folder in self._folders:
            with contextlib.suppress(OSError):  # version 1
                return int((folder / "cpuacct.usage").read_text()) / 1e9
            with contextlib.suppress(OSError):  # version 2
                if found := re.search(r"^usage_usec (\d+)", (folder / "cpu.stat").read_text(), re.MULTILINE):
                    return int(found[1]) / 1e6
        return sum(map(_processor, self._pids()))

    def busy(self) -> bool:
        """Tell whether any thread of theirs is."""
        return any(map(_busy, self._pids()))

    def _pids(self) -> list[int]:
        for folder in self._folders:
            with contextlib.suppress(OSError):
                return list(map(int, (folder / "cgroup.procs").read_text().split()))
        return []

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
        """Return systemd-run, which becomes the command in a group of its own."""
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
        """Return an empty prefix."""
        return []

    def adopt(self, pid: int, memory: int) -> Group:
        """Look after the process and its descendants."""
        if sys.platform == "win32":
            from autograder.isolation.windows import Job

            return Job(pid)
        return Watched(pid) if Path("/proc/self/stat").exists() else Listed(pid)


class Watched:
    """The descendants of a process, as /proc shows them.

    Attributes:
        user: whose processes are all theirs, whoever has started them; None for no such user.
    """

    def __init__(self, pid: int):
        self._pid, self._next, self._known = pid, 0.0, [pid]
        self.user: int | None = None

    @property
    def pids(self) -> list[int]:
        """Their numbers."""
        self._look()
        return self._known

    def exceeded(self) -> str:
        """Return what they have too much of at this moment."""
        self._look()
        if len(self._known) > PROCESSES:
            return f"Your code started more than {PROCESSES} processes."
        if sum(map(_resident, self._known)) > MEMORY and sum(map(_proportional, self._known)) > MEMORY:
            return f"Your code used more than {MEMORY / 2**30:.0f} GiB of memory in all its processes."
        return ""

    def computed(self) -> float:
        """Return their time, and that of the ended ones for which one of them has waited."""
        return sum(map(_processor, self._known))

    def busy(self) -> bool:
        """Tell whether any thread of theirs is."""
        self._look()
        return any(map(_busy, self._known))

    def close(self) -> None:
        """Do nothing: there is nothing to remove."""

    def _look(self) -> None:
        """Find out who they are, unless that has just been done."""
        if time.monotonic() >= self._next:
            self._known = _family(self._pid)
            if self.user is not None:
                self._known = list({*self._known, *processes_of(self.user)})
            self._next = time.monotonic() + INTERVAL / 4


class Listed:
    """The descendants of a process, as ps lists them, where there is no /proc: on macOS."""

    def __init__(self, pid: int):
        self._pid, self._next = pid, 0.0
        self._spent: dict[int, float] = {}  # seconds of each that has been seen: the ended ones count too
        self._busy: bool | None = None

    def exceeded(self) -> str:
        """Return nothing: their memory is not watched."""
        return ""

    def computed(self) -> float | None:
        """Return what ps said when it was last asked."""
        self._look()
        return None if self._busy is None else sum(self._spent.values())

    def busy(self) -> bool | None:
        """Tell what ps said when it was last asked."""
        self._look()
        return self._busy

    def close(self) -> None:
        """Do nothing: there is nothing to remove."""

    def _look(self) -> None:
        if time.monotonic() < self._next:  # it takes 20 ms
            return
        self._next = time.monotonic() + INTERVAL
        command = ["ps", "-A", "-o", "pid=,ppid=,state=,time="]
        try:
            listed = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            self._busy = None
            return
        found = [line.split() for line in listed.splitlines()]
        family = set(_descendants(self._pid, {int(pid): int(parent) for pid, parent, *_ in found}))
        theirs = [(int(pid), state, spent) for pid, _, state, spent in found if int(pid) in family]
        self._spent |= {pid: _seconds(spent) for pid, _, spent in theirs}
        self._busy = any(state.startswith(BUSY) for _, state, _ in theirs)


def _seconds(spent: str) -> float:
    """Of what ps writes as [days-][[hours:]minutes:]seconds, with hundredths on macOS."""
    days, _, clock = spent.rpartition("-")
    parts = reversed(clock.replace(",", ".").split(":"))
    return 86400 * int(days or 0) + sum(float(part) * 60.0**power for power, part in enumerate(parts))


def _family(ancestor: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return _descendants(ancestor, parents)


def threads_of(user: int) -> int:
    """Return how many threads a user has, of which the kernel counts each as a process."""
    return sum(threads for _, threads in _of(user))


def processes_of(user: int) -> list[int]:
    """Return the numbers of a user's processes that have not ended."""
    return [pid for pid, _ in _of(user)]


def _of(user: int) -> Iterator[tuple[int, int]]:
    """All processes of a user, and how many threads each has.

    Whose a folder of /proc is does not tell: a process may hide that.
    """
    told = re.compile(rf"^State:\t[^ZX].*^Uid:\t{user}\t.*^Threads:\t(\d+)$", re.MULTILINE | re.DOTALL)
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, ValueError):
            if found := told.search(status.read_text()):
                yield int(status.parent.name), int(found[1])


def _descendants(ancestor: int, parents: dict[int, int]) -> list[int]:
    """A process and all that come from it, given the parent of each."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    family, unseen = [], [ancestor]
    while unseen:
        pid = unseen.pop()
        family.append(pid)
        unseen += children.get(pid, [])
    return family


def _processor(pid: int) -> float:
    """Seconds that a process has computed, with those of its ended children that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks: int = os.sysconf("SC_CLK_TCK")
        return sum(map(int, fields[11:15])) / ticks
    except (OSError, ValueError):
        return 0.0


def _busy(pid: int) -> bool:
    """Whether a thread of a process computes, stands in line for a processor, or waits for a disk."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError, IndexError):
            if stat.read_text().rpartition(")")[2].split()[0] in BUSY:
                return True
    return False


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
    """Our own groups of memory, pids and perhaps processor time, those that can be written to."""
    found = {}
    for controller in ("memory", "pids", "cpuacct"):
        with contextlib.suppress(OSError):
            folder = Path("/sys/fs/cgroup", controller, _own(controller).lstrip("/"))
            if (folder / "cgroup.procs").exists() and os.access(folder, os.W_OK):
                found[controller] = folder
    return found


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
