"""The grader's end of a worker: ask, wait no longer than the deadline, believe nothing."""

import os
import selectors
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from autograder.catalog import COURSE
from autograder.isolation import Isolation, python, totals
from autograder.results import StudentError, Verdict
from autograder.untrusted import clean, hide_paths
from autograder.worker import wire
from autograder.worker.failure import Files, explain

LOG_HEAD = 8 * 1024  # bytes kept of what student code prints: the beginning
LOG_TAIL = 8 * 1024  # and the end
CHUNK = 64 * 1024
GLANCE = 0.25  # seconds between two looks at what its processes use


class ExceededError(Exception):
    """All processes of a worker together use too much."""


class Worker:
    """A process that runs one exercise of one submission.

    Args:
        isolation: how to start it.
        box: the folder it sees.
        module: the student's module, as "hw2.maml".
        threads: for torch.
        files: the submission, from which messages quote.
    """

    def __init__(self, isolation: Isolation, box: Path, module: str, threads: int, files: Files):
        arguments = [module, str(threads), str(totals.PROCESSES)]
        self._running = isolation.start(box, "autograder/worker/shim.py", arguments)
        self._process = self._running.process
        self._file, self._files = f"{module.replace('.', '/')}.py", files
        self._seq = 0
        self._hidden = (*map(str, python.mounts()), str(box), str(box.parent), str(COURSE), str(Path.home()))
        self.log = Log()
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._requests, self._replies, self._prints = (
            pipe.fileno() for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        for fd in (self._requests, self._replies, self._prints):
            os.set_blocking(fd, False)

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def ask(
        self,
        call: str,
        arguments: dict[str, Any],
        arrays: dict[str, np.ndarray],
        seed: int,
        seconds: float,
        most: int = wire.MAX_PAYLOAD,
    ) -> dict[str, np.ndarray]:
        """Call a function of the probe.

        Args:
            call: its name, or "import" for the student's module, or "hello".
            arguments: JSON, arrays replaced by their names as packing.pack does.
            arrays: these arrays.
            seed: for the worker's random number generators.
            seconds: how long it may take.
            most: bytes that the arrays of the answer may have.

        Returns:
            The arrays of the answer.

        Raises:
            StudentError: there is no answer. After TIMEOUT, PROTOCOL and a death the worker is gone.
        """
        request = wire.Request(seq=self._seq, call=call, arguments=arguments, seed=seed)
        exchange = _Exchange(self, wire.encode(request, arrays), time.monotonic() + seconds, most)
        try:
            head, body = exchange.run()
            reply: wire.Reply = wire.decode_header(head, wire.Reply)
            if reply.seq != self._seq:
                raise wire.FrameError(f"the answer is to question {reply.seq}, asked was {self._seq}")
            fields = wire.decode_arrays(body)
        except wire.FrameError as error:
            self.stop()
            raise StudentError(
                Verdict.PROTOCOL,
                f"What came back is not an answer: {clean(str(error), 200)}.",
                plain="What came back is not an answer.",
            ) from None
        except ExceededError as error:
            self.stop()
            raise StudentError(Verdict.MEMORY if "memory" in str(error) else Verdict.CRASH, str(error)) from None
        except TimeoutError:
            self.stop()
            raise StudentError(Verdict.TIMEOUT, f"No answer after {seconds:.0f} seconds; an endless loop?") from None
        except EOFError:
            raise self._death() from None
        self._seq += 1
        if reply.kind != "result":
            reply.text = hide_paths(reply.text, self._hidden)
            raise explain(reply, self._file, self._files, importing=call == "import")
        return fields

    def printed(self) -> str:
        """What the student's code printed since the last call."""
        return hide_paths(self.log.take(), self._hidden)

    def stop(self) -> None:
        """Kill it and everything it started."""
        self._running.stop()

    def check_limits(self) -> None:
        """Look whether its processes together use more than they may.

        Raises:
            ExceededError: they do.
        """
        if exceeded := self._running.group.exceeded():
            raise ExceededError(exceeded)

    def _death(self) -> StudentError:
        try:
            status = self._process.wait(timeout=5)
        except Exception:  # it closed the pipe and lives on
            self.stop()
            return StudentError(Verdict.PROTOCOL, "Your code closed the pipe to the grader.")
        exceeded = self._running.group.exceeded()
        self.stop()
        if exceeded:
            return StudentError(Verdict.MEMORY, exceeded)
        signals = {-s.value: s.name for s in signal.Signals} | {128 + s.value: s.name for s in signal.Signals}
        outside = status in signals  # its own code may have sent it, or the system, or anybody
        if status in (-signal.SIGKILL, 128 + signal.SIGKILL):
            said = "The process was killed by the system, probably for using too much memory."
            return StudentError(Verdict.MEMORY, said, again=outside)
        if status == 0:
            return StudentError(Verdict.CRASH, "Your code ended the Python process (exit status 0); it has to return.")
        how = signals.get(status, f"exit status {status}")
        return StudentError(
            Verdict.CRASH, f"Your code ended the Python process ({how}); it has to return.", again=outside
        )


class Log:
    """What student code printed: beginning and end, however much it was."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """Take more in."""
        room = LOG_HEAD - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[max(room, 0) :]
        if len(self._tail) > LOG_TAIL:
            self._dropped += len(self._tail) - LOG_TAIL
            del self._tail[:-LOG_TAIL]

    def take(self) -> str:
        """The text since the last call."""
        cut = f"\n... {self._dropped} bytes left out ...\n".encode() if self._dropped else b""
        text = bytes(self._head + cut + self._tail).decode("utf-8", errors="replace")
        self.__init__()  # type: ignore[misc]
        return clean(text, len(text))


class _Exchange:
    """One question and its answer, with the log drained meanwhile: no pipe may fill up and block the other side."""

    def __init__(self, worker: Worker, frame: bytes, deadline: float, most: int):
        self._worker = worker
        self._most = most
        self._unsent = memoryview(frame)
        self._received = bytearray()
        self._wanted = wire.PREFIX.size
        self._lengths: tuple[int, int] | None = None
        self._deadline = deadline

    def run(self) -> tuple[bytes, bytes]:
        """Header and payload of the answer.

        Raises:
            FrameError, TimeoutError, EOFError (the worker died).
        """
        worker = self._worker
        with selectors.DefaultSelector() as selector:
            selector.register(worker._requests, selectors.EVENT_WRITE)
            selector.register(worker._replies, selectors.EVENT_READ)
            selector.register(worker._prints, selectors.EVENT_READ)
            while len(self._received) < self._wanted:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                worker.check_limits()
                for key, _ in selector.select(min(left, GLANCE)):
                    if key.fd == worker._requests:
                        if not self._send():
                            selector.unregister(worker._requests)
                    elif key.fd == worker._prints:
                        data = os.read(worker._prints, CHUNK)
                        worker.log.add(data)
                        if not data:
                            selector.unregister(worker._prints)
                    else:
                        self._receive()
        self._drain()
        if len(self._received) > self._wanted or self._unsent:
            raise wire.FrameError("more came than was asked for")
        assert self._lengths
        start = wire.PREFIX.size
        end = start + self._lengths[0]
        return bytes(self._received[start:end]), bytes(self._received[end:])

    def _send(self) -> bool:
        """Send what the pipe takes; whether there is more."""
        try:
            self._unsent = self._unsent[os.write(self._worker._requests, self._unsent[:CHUNK]) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            raise EOFError from None
        return bool(self._unsent)

    def _receive(self) -> None:
        data = os.read(self._worker._replies, CHUNK)
        if not data:
            self._drain()
            raise EOFError
        self._received += data
        if self._lengths is None and len(self._received) >= wire.PREFIX.size:
            self._lengths = wire.lengths(bytes(self._received[: wire.PREFIX.size]), self._most)
            self._wanted = wire.PREFIX.size + sum(self._lengths)

    def _drain(self) -> None:
        """The log may lag behind the answer: take what is there."""
        for _ in range(64):
            try:
                data = os.read(self._worker._prints, CHUNK)
            except BlockingIOError:
                return
            if not data:
                return
            self._worker.log.add(data)
