"""The time that counts: what a worker's processes computed, and what they waited for anything but a processor.

On an idle machine that is all the time that passes. On a busy one a worker stands in line for a processor, and that is
no fault of its code: a look four times a second tells the one from the other.
"""

import time
from typing import Protocol

GLANCE = 0.25  # seconds between two looks
LATE = 4 * GLANCE  # where a look comes later than that, the grader itself had to stand in line
UNKNOWN = 1 / 3  # of the time that counts, where the system does not say what was computed
SHARE = 0.02  # of a processor: who computes less is waiting, where the system does not say


class Processes(Protocol):
    """What a worker consists of."""

    def computed(self) -> float | None:
        """Return the seconds that they have computed, the ended ones too; None where the system does not say."""

    def busy(self) -> bool | None:
        """Tell whether any of them computes, or would if it had a processor; None where the system does not say."""


class Clock:
    """Counts the time of some processes, from now on.

    Attributes:
        computed: seconds in which they computed; of several at once no more than passed.
        waited: seconds in which they could not have computed: asleep, blocked, or stopped.
        known: whether the system says so; else both are a guess.
    """

    def __init__(self, processes: Processes):
        self._processes = processes
        self._begun = self._last = time.monotonic()
        self._before = processes.computed()
        self.computed = self.waited = 0.0
        self.known = self._before is not None

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
        busy = self._processes.busy()
        passed, computed = self._since()
        self.computed += computed
        if self.known and not (computed > SHARE * passed if busy is None else busy):
            self.waited += max(0.0, min(passed, LATE) - computed)
        return True

    def stop(self) -> None:
        """Count the time until now, in which they were done."""
        self.computed += self._since()[1]

    def _since(self) -> tuple[float, float]:
        """Seconds that have passed since the last look, and those of them in which they computed."""
        now = time.monotonic()
        passed, self._last = now - self._last, now
        before, self._before = self._before, self._processes.computed()
        if before is None or self._before is None:
            self.known = False
            return passed, passed * UNKNOWN
        self._before = max(before, self._before)
        return passed, min(self._before - before, passed)
