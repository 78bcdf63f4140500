"""The level of isolation that works here, and processes that are started at it."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.fault import GraderError
from autograder.isolation import bubblewrap, container, disk, forked, plain, python, reduced, seccomp, separate, totals
from autograder.level_words import CONTAINER, ISOLATED, NONE, PER_PROCESS, REDUCED, SEPARATE, WORDS
from autograder.paths import COURSE

SELFTEST = "autograder/worker/selftest.py"
TIMES = 2  # so many workers of one user have as many processes as each may
DEMANDED = "AUTOGRADER_ISOLATION"  # in the environment: the engine of containers, if it is to be one


class ContainerError(GraderError):
    """Containers are demanded, and none can be had."""


Started = AbstractContextManager[tuple[subprocess.Popen[bytes] | forked.Process, Path | None]]
Starter = Callable[[Path, list[str], list[str], int | None], Started]  # box, arguments, what stands before them, user
STARTERS: dict[str, Starter] = {
    ISOLATED: bubblewrap.start,
    PER_PROCESS: bubblewrap.start,
    CONTAINER: container.start,
    REDUCED: reduced.start,
    SEPARATE: separate.start,
    NONE: plain.start,
}
FORKING: dict[str, Starter] = {
    ISOLATED: bubblewrap.fork,
    PER_PROCESS: bubblewrap.fork,
    REDUCED: functools.partial(reduced.start, forks=True),
    SEPARATE: functools.partial(separate.start, forks=True),
}


@dataclass(frozen=True)
class Isolation:
    """A level of isolation.

    Attributes:
        level: one of the six above.
        limits: on all processes of a worker together.
        reason: why it is not the strongest; empty if it is.
        drop: whether root starts workers as a user without rights.
        forks: whether workers are forked from a process that has imported torch.
        may_copy: whether a worker may have a copy of its box, as it is when it starts: a forked one has.
    """

    level: str
    limits: totals.Limits
    reason: str = ""
    drop: bool = True
    forks: bool = False
    may_copy: bool = True

    def processes(self, box: Path) -> int:
        """Return how many the kernel lets the user of a worker have; 0 where that says nothing of the worker.

        Where no namespace counts a worker's own, all of the user's are counted: what else runs on a desktop, and other
        workers. Then the watchdog alone counts for each, and this bounds what can happen between two looks.
        """
        if self.level == CONTAINER:  # its engine counts
            return 0
        if self.level != REDUCED:
            return totals.PROCESSES
        dropped = python.unprivileged(box) if self.drop else None
        return totals.threads_of(os.getuid() if dropped is None else dropped) + TIMES * totals.PROCESSES

    @property
    def holds(self) -> bool:
        """Whether student code is kept from the files, the network and the processes of this machine."""
        return self.level in (ISOLATED, PER_PROCESS, CONTAINER)

    def start(self, box: Path, script: str, arguments: list[str]) -> "Running":
        """Start a Python script of the box, with pipes for stdin, stdout and stderr.

        Args:
            box: folder that the process sees, read-only.
            script: path in it.
            arguments: for the script.
        """
        isolation = _forking(self) if _many and self.may_copy else self
        return isolation._start(box, script, arguments, totals.MEMORY)

    def _start(self, box: Path, script: str, arguments: list[str], memory: int) -> "Running":
        command = [script, *arguments]
        if self.forks:
            with suppress(forked.ForkError):
                return self._started(FORKING[self.level], box, command, memory)
        return self._started(STARTERS[self.level], box, command, memory)

    def _started(self, starter: Starter, box: Path, command: list[str], memory: int) -> "Running":
        own = separate.free_user() if self.level == SEPARATE else None
        user = own or (python.unprivileged(box) if self.drop else None)
        with starter(box, command, self.limits.prefix(memory), user) as (process, private):
            group = self._adopt(process.pid, memory)
        if private and isinstance(group, totals.Watched):
            group.user = own
            beside = functools.partial(separate.made_by, own) if own else tuple
            group = disk.Watched(group, private, beside)
        return Running(process, group, private, own, supervised=self.level == REDUCED)

    def _adopt(self, pid: int, memory: int) -> totals.Group:
        group = self.limits.adopt(pid, memory)
        with suppress(OSError):  # where the machine runs short of memory, this goes first and not the grader
            Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="utf-8")
        return group

    def shortfall(self, required: str | None) -> str:
        """Return why it is not as strong as a level that is demanded, in one sentence; empty if it is."""
        order = list(WORDS)
        if required is None or order.index(self.level) <= order.index(required):
            return ""
        return (
            f"Nothing was graded: --require asks for the level '{required}', and student code is kept apart at '"
            f"{self.level}' here, for {self.reason}."
        )

    def holes(self, closed: Iterable[Path] = ()) -> str:
        """Return what selftest.py could do inside that it must not; empty if nothing.

        Args:
            closed: folders that it must not see, beside those of the grader.
        """
        return _holes(self, closed)


@dataclass(frozen=True)
class Running:
    """A worker's process.

    Attributes:
        process: itself, or bubblewrap, with which it dies.
        group: in which all that it starts is counted.
        private: its folder for temporary files, where it has no /tmp of its own.
        user: who is nothing but this worker, if so.
        supervised: whether the process is the worker's supervisor, who ends all that it has started.
    """

    process: "subprocess.Popen[bytes] | forked.Process"
    group: totals.Group
    private: Path | None
    user: int | None = None
    supervised: bool = False

    def stop(self) -> None:
        """Kill it and everything that it started."""
        if self.supervised and self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
        plain.end(self.process, self.group)
        if self.user:
            separate.leave_nothing(self.user)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        self.group.close()
        if self.private:
            disk.remove(self.private)


def demand(engine: str) -> None:
    """Run all student code in containers from now on, in the processes that this one starts, too.

    Args:
        engine: "podman" or "docker".

    Raises:
        ContainerError: that cannot be done; the message says why and what to do.
    """
    if reason := container.problem(engine):
        raise ContainerError(f"Nothing was graded: {reason}")
    os.environ[DEMANDED] = engine
    find.cache_clear()
    find()


_many = False  # workers are to be started by this process


def expect_many() -> None:
    """Fork workers, from now on, from one process that has imported torch: where that isolates as well."""
    global _many
    _many = True


@functools.cache
def _forking(isolation: Isolation) -> Isolation:
    """The same level with forked workers, if these pass its self-test, too."""
    if isolation.level not in FORKING or isolation.limits.prefix(totals.MEMORY):
        return isolation  # the service manager limits what has a command line
    if not seccomp.program():
        return isolation
    forking = replace(isolation, forks=True)
    return isolation if forking.holes() else forking


def _in_containers(engine: str) -> Isolation:
    found = Isolation(CONTAINER, container.Engine(engine), drop=False)
    if holes := found.holes():
        raise ContainerError(f"Nothing was graded: a container of {engine} does not isolate here: {holes}.")
    return found


@functools.cache
def find() -> Isolation:
    """Return the strongest level that works here, as its self-test shows; containers where these are demanded."""
    if engine := os.environ.get(DEMANDED):
        return _in_containers(engine)
    if sys.platform != "linux":
        name = {"win32": "Windows", "darwin": "macOS"}.get(sys.platform, sys.platform)
        return Isolation(NONE, totals.Watchdog(), f"no sandbox is known for {name}")
    from autograder.isolation import confine

    reason = "bubblewrap is not installed (Debian, Ubuntu: apt-get install bubblewrap)"
    if shutil.which("bwrap"):
        dropping = (True, False) if os.getuid() == 0 else (False,)
        tried = [Isolation(ISOLATED, limits, drop=drop) for limits in totals.candidates() for drop in dropping]
        weaker = "there is no control group to limit the memory of all processes by"
        tried += [Isolation(PER_PROCESS, totals.Watchdog(), weaker, drop) for drop in dropping]
        for isolation in tried:
            holes = isolation.holes()
            if not holes:
                return isolation
        reason = f"bubblewrap does not isolate here: {holes}"
        if "namespace" in holes or "Permission denied" in holes or "uid map" in holes:
            reason += " (user namespaces may be switched off; on Ubuntu 24.04 AppArmor needs a profile for bwrap)"
    if confine.version():
        isolation = Isolation(REDUCED, totals.Watchdog(), reason)
        holes = isolation.holes()
        if not holes:
            return isolation
        reason += f"; nor does Landlock: {holes}"
    if os.getuid() == 0:
        isolation = Isolation(SEPARATE, totals.Watchdog(), reason)
        holes = isolation.holes()
        if not holes:
            return isolation
        reason += f"; nor does a user of its own keep it apart: {holes}"
    return Isolation(NONE, totals.Watchdog(), reason)


def _holes(isolation: Isolation, closed: Iterable[Path]) -> str:
    with _two_boxes(isolation.level) as (here, other), _listening(other), _sharing() as name:
        facts = {"level": isolation.level, "course": str(COURSE), "other": str(other), "grader": os.getpid()}
        facts |= {"closed": list(map(str, closed)), "shared": name}
        dropped = isolation.level == SEPARATE or (isolation.drop and python.unprivileged(here))
        counted = isolation.level in (ISOLATED, CONTAINER) or os.getuid() or dropped
        facts["processes"] = totals.PROCESSES if counted else 0  # the kernel counts none of root's
        try:
            running = isolation._start(here, SELFTEST, [json.dumps(facts)], totals.TEST_MEMORY)
        except (OSError, totals.LimitError) as error:
            return str(error)
        timer = threading.Timer(120, running.process.kill)
        timer.start()
        try:
            out, log = running.process.communicate(b"")
        finally:
            timer.cancel()
            running.stop()
    try:
        holes = json.loads(out)
    except ValueError:
        status = f"exit status {running.process.returncode}"
        return (log.decode(errors="replace").strip().splitlines() or [status])[-1]
    return "; ".join(holes)


@contextmanager
def _two_boxes(level: str) -> Iterator[tuple[Path, Path]]:
    """A box with the self-test in it, and another beside it."""
    with tempfile.TemporaryDirectory(prefix="box-test-") as first, tempfile.TemporaryDirectory(prefix="box-") as other:
        for name in (SELFTEST, reduced.CONFINE, reduced.SUPERVISOR):
            target = Path(first, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(COURSE / name, target)
        disk.let_all_read(Path(first))
        Path(other, "secret").write_text("")
        Path(other).chmod(0o750 if level == SEPARATE else 0o755)  # as the boxes of that level are
        yield Path(first), Path(other)


@contextmanager
def _sharing() -> Iterator[str]:
    """Shared memory that everyone may read, by its name: no level that does not say so lets a worker see it."""
    from multiprocessing import shared_memory  # of no use where there is no sandbox

    block = shared_memory.SharedMemory(create=True, size=1)
    try:
        with suppress(OSError):
            Path("/dev/shm", block.name).chmod(0o644)
        yield block.name
    finally:
        block.close()
        block.unlink()


@contextmanager
def _listening(box: Path) -> Iterator[None]:
    """A socket in a box, as many programs of a user have one."""
    if not hasattr(socket, "AF_UNIX"):  # Windows
        yield
        return
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(box / "socket"))
        (box / "socket").chmod(0o777)
        server.listen()
        yield
