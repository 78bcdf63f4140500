"""The pipes to a worker, a thread for each: not every system can wait for several at once.

No pipe may fill up and block the other side, and no more is kept than a bound. A thread has a descriptor of its own and
ends when the pipe does. That is when the worker has been killed, but for a pipe that something outlives it holds.
"""

import _thread
import os
import queue
import threading
from collections.abc import Callable

from autograder.untrusted import clean

LOG_HEAD = 8 * 1024  # bytes kept of what student code prints: the beginning
LOG_TAIL = 8 * 1024  # and the end
CHUNK = 64 * 1024
AHEAD = 16  # chunks of answers that may lie here unread
LAG = 1.0  # seconds in which the log comes after the answer
MARK = 64  # bytes that a mark has at most


class Log:
    """What student code prints: beginning and end, however much it was.

    Args:
        descriptor: from which it comes.
    """

    def __init__(self, descriptor: int):
        self._changed = threading.Condition()
        self._last = b""
        self._ended = False
        self._empty()
        _start(self._read, descriptor)

    def wait_for(self, mark: bytes) -> None:
        """Wait until all is here that was printed before a mark, or before the end; but no more than a moment."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or mark in self._last, LAG)

    def take(self) -> str:
        """Return the text since the last call."""
        with self._changed:
            cut = f"\n... {self._dropped} bytes left out ...\n".encode() if self._dropped else b""
            text = bytes(self._head + cut + self._tail).decode("utf-8", errors="replace")
            self._empty()
        return clean(text, len(text))

    def _empty(self) -> None:
        self._head, self._tail, self._dropped = bytearray(), bytearray(), 0

    def _read(self, descriptor: int) -> None:
        while data := _receive(descriptor):
            with self._changed:
                self._add(data)
                self._last = self._last[-MARK:] + data
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _add(self, data: bytes) -> None:
        room = LOG_HEAD - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[max(room, 0) :]
        if len(self._tail) > LOG_TAIL:
            self._dropped += len(self._tail) - LOG_TAIL
            del self._tail[:-LOG_TAIL]


class Answers:
    """What comes back from a worker, some chunks ahead.

    Args:
        descriptor: from which it comes.
    """

    def __init__(self, descriptor: int):
        self._chunks: queue.Queue[bytes] = queue.Queue(AHEAD)
        self._closed = False
        _start(self._read, descriptor)

    @property
    def more(self) -> bool:
        """Whether something is here."""
        return not self._chunks.empty()

    def take(self, seconds: float) -> bytes | None:
        """Return the next bytes; none at the end; None if nothing came in this time."""
        try:
            return self._chunks.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Forget what is here and what may still come."""
        self._closed = True
        while self.more:
            self.take(0)

    def _read(self, descriptor: int) -> None:
        while not self._closed:
            data = _receive(descriptor)
            self._chunks.put(data)
            if not data:
                return


class Questions:
    """What is sent to a worker.

    Args:
        descriptor: to which it goes.
    """

    def __init__(self, descriptor: int):
        self._frames: queue.Queue[bytes | None] = queue.Queue()
        self._sent = threading.Event()
        self.refused = False
        _start(self._write, descriptor)

    def send(self, frame: bytes) -> None:
        """Send a frame, in a while."""
        self._sent.clear()
        self._frames.put(frame)

    def wait(self, seconds: float) -> bool:
        """Tell whether all of the frame has been sent, after this time at most."""
        return self._sent.wait(seconds) and not self.refused

    def close(self) -> None:
        """Send nothing more."""
        self._frames.put(None)

    def _write(self, descriptor: int) -> None:
        while (frame := self._frames.get()) is not None:
            unsent = memoryview(frame)
            try:
                while unsent:
                    unsent = unsent[os.write(descriptor, unsent[:CHUNK]) :]
            except OSError:  # the other side is closed
                self.refused = True
            self._sent.set()


def _receive(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, CHUNK)
    except OSError:  # Windows, where the other side has been ended
        return b""


def _start(work: Callable[[int], None], descriptor: int) -> None:
    """Let a thread work on a pipe, with a descriptor of its own: nobody else closes it."""
    own = os.dup(descriptor)

    def run() -> None:
        try:
            work(own)
        finally:
            os.close(own)

    # Not threading.Thread: its start() waits for ever for a thread that found no memory to begin with.
    _thread.start_new_thread(run, ())
