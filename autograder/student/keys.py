"""Keys that are read as they are pressed, where there is a terminal; and nothing where there is none."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

Read = Callable[[float], str]  # seconds to wait at most -> the key, "" if none was pressed


@contextlib.contextmanager
def reading() -> Iterator[Read]:
    """Let keys be read one by one, without Enter; the terminal is as it was afterwards."""
    if not sys.stdin or not sys.stdin.isatty():
        yield none
    elif sys.platform == "win32":
        yield _from_console
    else:
        yield from _from_terminal()


def none(seconds: float) -> str:
    """Wait, where no key can be pressed."""
    time.sleep(seconds)
    return ""


def _from_console(seconds: float) -> str:
    import msvcrt

    end = time.monotonic() + seconds
    while not msvcrt.kbhit():  # type: ignore[attr-defined]
        if time.monotonic() >= end:
            return ""
        time.sleep(0.02)
    return str(msvcrt.getwch())  # type: ignore[attr-defined]


def _from_terminal() -> Iterator[Read]:
    import os
    import select
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def read(seconds: float) -> str:
        ready, _, _ = select.select([terminal], [], [], seconds)
        return os.read(terminal, 1).decode(errors="replace") if ready else ""

    try:
        tty.setcbreak(terminal)
        yield read
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
