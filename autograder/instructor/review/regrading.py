"""Students graded again: by the class command in a process of its own, one student after another.

So the page stays quick, nothing of a student's runs in its process, and whatever that command refuses is refused here.
"""

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from autograder import untrusted
from autograder.exit_status import FULL_MARKS
from autograder.instructor.classroom.result_store import Settings
from autograder.paths import COURSE

REMEMBERED = 200  # students whose last grading is told of
SAID = 2000  # characters shown of what the command says
WAIT = 10.0  # seconds that a command which is stopped has to end


class BusyError(Exception):
    """A student who is being graded already."""


class Job(NamedTuple):
    """A student's last grading.

    Attributes:
        state: "waits", "runs", "done" or "failed".
        since: when it came to that.
        message: what the command said, where it failed.
    """

    state: str
    since: datetime
    message: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in ("waits", "runs")


class Regrading:
    """Grades students again, in the order in which that is asked for.

    Args:
        command: of the class, without a student; empty where it is not known.
    """

    def __init__(self, command: Sequence[str]):
        self._command = list(command)
        self._changed = threading.Condition()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: list[str] = []
        self._running: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def possible(self) -> bool:
        """Whether it is known how the class was graded."""
        return bool(self._command)

    def job(self, stem: str) -> Job | None:
        """Return a student's last grading; None if nobody asked for one."""
        with self._changed:
            return self._jobs.get(stem)

    def start(self, stem: str) -> None:
        """Have a student graded again.

        Raises:
            BusyError: that is under way.
        """
        with self._changed:
            known = self._jobs.get(stem)
            if known and known.unfinished:
                raise BusyError("This student is being graded already.")
            self._set(stem, "waits")
            self._queue.append(stem)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="regrading", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, stem: str, seconds: float) -> Job | None:
        """Wait until a student is graded, or for so long; the student's last grading."""
        with self._changed:
            self._changed.wait_for(lambda: not (job := self._jobs.get(stem)) or not job.unfinished, seconds)
            return self._jobs.get(stem)

    def stop(self) -> None:
        """End what runs, and begin nothing more."""
        with self._changed:
            self._stopped, running = True, self._running
            self._queue.clear()
            self._changed.notify_all()
        if running is not None:
            running.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(WAIT)

    def _set(self, stem: str, state: str, message: str = "") -> None:
        self._jobs[stem] = Job(state, datetime.now(timezone.utc), message)
        self._jobs.move_to_end(stem)
        for other in [name for name, job in self._jobs.items() if not job.unfinished][: len(self._jobs) - REMEMBERED]:
            del self._jobs[other]

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopped)
                if self._stopped:
                    return
                stem = self._queue.pop(0)
                self._set(stem, "runs")
            state, message = self._graded(stem)
            with self._changed:
                self._set(stem, state, message)
                self._changed.notify_all()

    def _graded(self, stem: str) -> tuple[str, str]:
        """What came of it: "done" or "failed", and what the command said."""
        with tempfile.TemporaryFile() as said:
            try:
                with self._changed:
                    if self._stopped:
                        return "failed", "The review page was stopped."
                    line = [*self._command, "--student", stem]
                    self._running = subprocess.Popen(
                        line, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=COURSE
                    )
                status = self._running.wait()
            except OSError as error:
                return "failed", f"The class command cannot be started: {error.strerror}."
            finally:
                self._running = None
            if status == FULL_MARKS:
                return "done", ""
            said.seek(0)
            text = said.read().decode(errors="replace")
        return "failed", untrusted.clean(text[-SAID:], SAID).strip() or f"The class command ended with status {status}."


def command(out: Path, settings: Settings, submissions: Path | None, more: Sequence[str]) -> list[str]:
    """Return the command that grades the class as it was graded, but for the student; nothing if that is not known.

    Args:
        out: the class's folder.
        settings: of the class.
        submissions: where these lie.
        more: options of isolation.
    """
    options = settings.options
    if submissions is None or options is None:
        return []
    return [
        *(sys.executable, "-m", "autograder", "class", settings.homework, str(submissions.absolute())),
        *("--out", str(out.absolute()), "--regrade"),
        *(("--only", options.only) if options.only else ()),
        *(("--fast",) if options.fast else ()),
        *(("--data", options.data) if options.data else ()),
        *more,
    ]
