"""The time that counts: what a worker's processes computed, and what they waited for anything but a processor.

On an idle machine that is all the time that passes. On a busy one a worker stands in line for a processor, and that is
no fault of its code: a look four times a second tells the one from the other.
"""

import time
from typing import NamedTuple, Protocol

GLANCE = 0.25  # seconds between two looks
LATE = 4 * GLANCE  # where a look comes later than that, the grader itself had to stand in line
SHARE = 0.02  # of a processor: who computes less is waiting, where the system does not say


class Use(NamedTuple):
    """What the processes of a worker are doing.

    Attributes:
        seconds: of processors, that they have computed since they began, the ended ones too; None where the system
            does not say.
        busy: whether any of them computes, or would if it had a processor; None where the system does not say.
    """

    seconds: float | None
    busy: bool | None


class Used(Protocol):
    """Processes that can be looked at."""

    def used(self) -> Use:
        """What they are doing."""


class Clock:
    """Counts the time of some processes, from now on.

    Attributes:
        computed: seconds in which they computed; of several at once no more than passed.
        waited: seconds in which they could not have computed: asleep, blocked, or stopped.
    """

    def __init__(self, processes: Used):
        self._processes = processes
        self._begun = self._last = time.monotonic()
        self._before = processes.used().seconds
        self.computed = self.waited = 0.0

    @property
    def counted(self) -> float:
        """Seconds that count."""
        return self.computed + self.waited

    @property
    def passed(self) -> float:
        """Seconds by the clock on the wall."""
        return time.monotonic() - self._begun

    def look(self) -> bool:
        """Count the time since the last look, if it is time for one; whether it was."""
        if time.monotonic() - self._last < GLANCE:
            return False
        passed, computed, busy = self._since()
        self.computed += computed
        if not busy:
            self.waited += max(0.0, min(passed, LATE) - computed)
        return True

    def stop(self) -> None:
        """Count the time until now, in which they were done."""
        self.computed += self._since()[1]

    def _since(self) -> tuple[float, float, bool]:
        """Seconds that have passed since the last look, those computed, and whether more would have been."""
        use, now = self._processes.used(), time.monotonic()
        passed, self._last = now - self._last, now
        if use.seconds is None or self._before is None:
            return passed, passed, True
        computed = max(0.0, use.seconds - self._before)
        self._before = max(self._before, use.seconds)
        busy = computed > SHARE * passed if use.busy is None else use.busy
        return passed, min(computed, passed), busy
