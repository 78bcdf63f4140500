"""Work on this machine: some processes, each of which grades one exercise after the other.

The standard library's pools end as a whole when one process dies, and wait for ever for one that hangs. Here each
stands for itself: one that is killed or hangs is replaced, and its work begun again.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from autograder import fault, safe_path
from autograder.instructor.classroom import grading_task
from autograder.instructor.classroom.grading_task import RefusedError, Task

LIVES = 3  # processes that one exercise of one submission may take with it
AT_ONCE = 200  # exercises after which a process is replaced, whatever it has piled up
HANGS = 3600.0  # seconds after which a process is given up
NEEDS = 2 * 2**30  # bytes for one job: the grader's process, torch in the worker, and room for a greedy solution
PDEATHSIG = 1  # of prctl
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Name = TypeVar("Name")


def default_jobs() -> int:
    """As many as there are cores, and memory for."""
    return max(1, min(cores(), _available() // NEEDS))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    tasks: Iterator[tuple[Name, Task]], jobs: int, running: Callable[[int], None]
) -> Iterator[tuple[Name, Task, bytes]]:
    """Grade, as many at once as there are jobs.

    Args:
        tasks: with names for them; taken only when there is a process free.
        jobs: processes.
        running: is told how many are at work.

    Yields:
        Name, task and report, as they come.

    Raises:
        RefusedError: nothing can be graded here.
    """
    threads = max(1, cores() // jobs)
    graders = [_Grader(threads) for _ in range(jobs)]
    again: list[tuple[Name, Task, int]] = []
    try:
        while True:
            for number, grader in enumerate(graders):
                if grader.task is None and (following := _next(tasks, again)):
                    if grader.spent:
                        grader.stop()
                        graders[number] = grader = _Grader(threads)
                    grader.begin(*following)
            busy = {grader.connection: grader for grader in graders if grader.task is not None}
            running(len(busy))
            if not busy:
                return
            connection.wait(list(busy), timeout=1)
            for number, grader in enumerate(graders):
                if grader.task is None or not (grader.connection.poll() or grader.hangs):
                    continue
                name, task, lives = grader.task
                reply = grader.end()
                if isinstance(reply, RefusedError):
                    raise reply
                if isinstance(reply, bytes):
                    yield name, task, reply
                    continue
                grader.stop()
                graders[number] = _Grader(threads)
                said, trace = reply if isinstance(reply, tuple) else (reply, "")
                ours = f"The grader failed {LIVES} times on this: {said}"
                again.append((name, task if lives > 1 else task._replace(fault=ours, traceback=trace), lives - 1))
    finally:
        for grader in graders:
            grader.stop()


def _next(tasks: Iterator[tuple[Name, Task]], again: list[tuple[Name, Task, int]]) -> tuple[Name, Task, int] | None:
    if again:
        return again.pop()
    following = next(tasks, None)
    return (*following, LIVES) if following else None


class _Grader:
    """A process that grades.

    Args:
        threads: for torch in it. Its workers have one each, so that verdicts are the same everywhere.
    """

    def __init__(self, threads: int):
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        serving = (__name__, "serve", theirs, os.getpid(), str(Path.cwd()))
        self._process = context.Process(target=safe_path.call, args=serving, daemon=True)
        with _environment(dict.fromkeys(THREADS, str(threads))), _among_pythons_own_modules():
            self._process.start()
        theirs.close()
        self.task: Any = None  # name, task, and the processes that it may still take with it
        self._done, self._begun = 0, 0.0

    @property
    def spent(self) -> bool:
        """Whether it has done enough, or is no more."""
        return self._done >= AT_ONCE or not self._process.is_alive()

    @property
    def hangs(self) -> bool:
        """Whether it takes so long that nothing will come."""
        return time.monotonic() - self._begun > HANGS

    def begin(self, name: Any, task: Task, lives: int) -> None:
        """Give it work."""
        self.task, self._begun = (name, task, lives), time.monotonic()
        with contextlib.suppress(OSError):  # it has died: the answer tells
            self.connection.send(task)

    def end(self) -> object:
        """What it has sent: a report, an error, or why there is neither, and perhaps a traceback."""
        self.task, self._done = None, self._done + 1
        if not self.connection.poll():
            return f"no end after {HANGS:.0f} s; please report it."
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self._process.join(5)
            killed = self._process.exitcode == -signal.SIGKILL
            out = "; is the machine out of memory? Fewer --jobs need less." if killed else "; please report it."
            return f"its process ended with status {self._process.exitcode}{out}"

    def stop(self) -> None:
        """End it, and with it its worker."""
        self._process.terminate()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()


def serve(tasks: Connection, parent: int, folder: str) -> None:
    """What a process does: grade what comes, until there is nobody to send it to."""
    _die_with(parent)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent says when to end
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no worker is left
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            task = tasks.recv()
            try:
                reply: object = grading_task.grade(task)
            except RefusedError as error:
                reply = error
            except Exception as error:
                reply = (fault.sentence(error), traceback.format_exc())
            tasks.send(reply)


def _die_with(parent: int) -> None:
    """Let the kernel kill this process with its parent: what it grades would be lost, and in the way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _among_pythons_own_modules() -> Iterator[None]:
    """Be where they are while Python starts a process, which looks for modules in the current folder first."""
    before = Path.cwd()
    os.chdir(Path(os.__file__).parent)
    try:
        yield
    finally:
        os.chdir(before)


def _available() -> int:
    """Bytes of memory that are free, as far as can be told."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
