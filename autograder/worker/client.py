"""The grader's end of a worker: ask, give it no more than its time, believe nothing."""

import itertools
import signal
from pathlib import Path
from typing import Any

import numpy as np

from autograder.isolation import python
from autograder.isolation.clock import GLANCE, Clock
from autograder.isolation.levels import Isolation
from autograder.paths import COURSE
from autograder.results import StudentError, Verdict
from autograder.untrusted import clean, hide_paths
from autograder.worker import wire
from autograder.worker.failure import NOTHING_KNOWN, TOO_LARGE, About, Files, explain
from autograder.worker.pipes import Answers, Log, Questions

BUSY_MACHINE = 30  # times its time that may pass: then it had less than a thirtieth of a processor
MOSTLY = 0.8  # of its time
TOO_LONG = (
    "Or a loop over single numbers where one operation on tensors does all of them, or a list or a graph that grows "
    "from step to step?"
)
UNREAD = 5  # seconds after an answer in which the question must have been read
ENDS = {0xC0000005: "access violation", 0xC00000FD: "stack overflow"}  # what Windows says


class LateError(Exception):
    """A worker that does not answer in its time; the message is for the student."""


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

    Attributes:
        log: what it prints.
        spent: seconds of its time that the last question took.
    """

    def __init__(self, isolation: Isolation, box: Path, module: str, threads: int, files: Files):
        arguments = [module, str(threads), str(isolation.processes(box))]
        self._running = isolation.start(box, "autograder/worker/shim.py", arguments)
        self._process = self._running.process
        self._file, self._files = f"{module.replace('.', '/')}.py", files
        self._seq = 0
        self._hidden = (*map(str, python.mounts()), str(box), str(box.parent), str(COURSE), str(Path.home()))
        self.spent = self._computed = 0.0
        assert self._process.stdin and self._process.stdout and self._process.stderr
        with self._process.stdin as questions, self._process.stdout as answers, self._process.stderr as prints:
            self._questions, self._answers = Questions(questions.fileno()), Answers(answers.fileno())
            self.log = Log(prints.fileno())  # each has a descriptor of its own

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
        about: About = NOTHING_KNOWN,
    ) -> dict[str, np.ndarray]:
        """Call a function of the probe.

        Args:
            call: its name, or "import" for the student's module, or "hello".
            arguments: JSON, arrays replaced by their names as packing.pack does.
            arrays: these arrays.
            seed: for the worker's random number generators.
            seconds: of its own time, which a busy machine takes none of (see isolation.clock).
            most: bytes that the arrays of the answer may have.
            about: what is known of the file and the question.

        Returns:
            The arrays of the answer.

        Raises:
            StudentError: there is no answer. After TIMEOUT, PROTOCOL and a death the worker is gone.
        """
        request = wire.Request(seq=self._seq, call=call, arguments=arguments, seed=seed)
        try:
            head, body = self._exchange(wire.encode(request, arrays), seconds, most)
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
            if "memory" in str(error):
                raise _out_of_memory(str(error)) from None
            raise StudentError(Verdict.CRASH, str(error), advised=True) from None
        except LateError as error:
            self.stop()
            raise StudentError(Verdict.TIMEOUT, str(error)) from None
        except EOFError:
            raise self._death() from None
        self._seq += 1
        if reply.kind != "result":
            reply.text = hide_paths(reply.text, self._hidden)
            raise explain(reply, self._file, self._files, importing=call == "import", about=about)
        return fields

    def printed(self) -> str:
        """Return what the student's code printed since the last call."""
        return hide_paths(self.log.take(), self._hidden)

    def stop(self) -> None:
        """Kill it and everything it started."""
        self._running.stop()
        self._questions.close()
        self._answers.close()

    def _exchange(self, frame: bytes, seconds: float, most: int) -> tuple[bytes, bytes]:
        """Send a question; header and payload of its answer.

        Raises:
            FrameError, LateError, ExceededError, EOFError (the worker died).
        """
        clock = Clock(self._running.group)
        self._questions.send(frame)
        try:
            received = self._receive(clock, seconds, most)
        finally:
            clock.stop()
            self.spent = clock.counted
            self._computed += clock.computed
        head, body = wire.lengths(bytes(received[: wire.PREFIX.size]))
        begin, middle, end = itertools.accumulate((wire.PREFIX.size, head, body))
        if self._is_more(received, end):
            raise wire.FrameError("more came than was asked for")
        self.log.wait_for(wire.mark(self._seq))
        return bytes(received[begin:middle]), bytes(received[middle:end])

    def _is_more(self, received: bytearray, end: int) -> bool:
        """Whether more came than one frame, or before the question was read."""
        return len(received) > end or self._answers.more or not self._questions.wait(UNREAD)

    def _receive(self, clock: Clock, seconds: float, most: int) -> bytearray:
        """The bytes of one frame at least."""
        received, wanted = bytearray(), wire.PREFIX.size
        while len(received) < wanted:
            if clock.look():
                if exceeded := self._running.group.exceeded():
                    raise ExceededError(exceeded)
                if clock.counted >= seconds or clock.passed >= BUSY_MACHINE * seconds:
                    raise LateError(_late(clock))
            data = self._answers.take(GLANCE)
            if data == b"" or (data is None and self._questions.refused):
                self.log.wait_for(wire.mark(self._seq))
                raise EOFError
            received += data or b""
            if wanted == wire.PREFIX.size <= len(received):
                wanted += sum(wire.lengths(bytes(received[: wire.PREFIX.size]), most))
        return received

    def _death(self) -> StudentError:
        try:
            status = self._process.wait(timeout=5)
        except Exception:  # it closed the pipe and lives on
            self.stop()
            return StudentError(Verdict.PROTOCOL, "Your code closed the pipe to the grader.")
        exceeded = self._running.group.exceeded()
        self.stop()
        if exceeded:
            return _out_of_memory(exceeded)
        signals = {-s.value: s.name for s in signal.Signals} | {128 + s.value: s.name for s in signal.Signals} | ENDS
        outside = status in signals  # its own code may have sent it, or the system, or anybody
        if status in (-9, 128 + 9):  # SIGKILL, a name that Windows does not have
            if self._computed > 0.9 * wire.SECONDS:
                message = f"Your code has computed for {wire.SECONDS // 60} minutes in all checks."
                return StudentError(Verdict.TIMEOUT, message)
            message = "The process was killed by the system, probably for using too much memory."
            return _out_of_memory(message, again=outside)
        if status == 0:
            message = "Your code ended the Python process (exit status 0); it has to return."
            return StudentError(Verdict.CRASH, message, advised=True)
        how = signals.get(status, f"exit status {status}")
        message = f"Your code ended the Python process ({how}); it has to return."
        return StudentError(Verdict.CRASH, message, again=outside, advised=True)


def _out_of_memory(message: str, *, again: bool = False) -> StudentError:
    return StudentError(Verdict.MEMORY, f"{message} {TOO_LARGE}", again=again)


def _late(clock: Clock) -> str:
    """Why there is no answer, in words for the student."""
    if not clock.known:
        return f"No answer after {clock.passed:.0f} seconds."
    if clock.computed >= MOSTLY * clock.counted:
        message = f"No answer after {clock.computed:.0f} seconds of computing; an endless loop? {TOO_LONG}"
    elif clock.waited >= MOSTLY * clock.counted:
        message = f"No answer after {clock.waited:.0f} seconds of waiting: for a sleep, an input, or a lock?"
    else:
        message = f"No answer after {clock.computed:.0f} seconds of computing and {clock.waited:.0f} of waiting."
    if clock.passed > 1.5 * clock.counted + GLANCE:
        message += f" (The machine was busy: this took {clock.passed:.0f} seconds, of which only these count.)"
    return message
