"""The program of a worker: import the student's module, then answer one request after the other.

    python shim.py <homework>.<exercise> <threads>

Requests come in on stdin, replies go out on stdout, and whatever the student's code prints goes to stderr. A reply
holds values only, never a verdict: this process belongs to the student.
"""

import sys

sys.path.pop(0)  # this folder; the one above holds what is imported here, after everything else
sys.path.append(__file__.rsplit("/autograder/", 1)[0])

import importlib
import os
import random
import resource
import traceback
from typing import Any, BinaryIO

import numpy as np
import torch

from autograder.worker import values, wire

COURSE = sys.path[-1]
MEMORY = 6 * 2**30
SECONDS = 900
FILE = 256 * 2**20
PROCESSES = 64
TEXT = 4000  # characters of an error


def main() -> None:
    """Serve until the grader closes the pipe."""
    exercise, threads = sys.argv[1], int(sys.argv[2])
    requests, replies = _take_pipes()
    _limit()
    torch.set_num_threads(threads)
    probe = importlib.import_module(f"autograder.{exercise}.probe")
    # Solutions written for other years of the course import their neighbours as `import util`.
    sys.path.append(os.path.join(COURSE, exercise.split(".")[0]))  # noqa: PTH118
    module = None
    while prefix := requests.read(wire.PREFIX.size):
        head, body = wire.lengths(prefix)
        request = wire.decode_header(requests.read(head), wire.Request)
        arrays = wire.decode_arrays(requests.read(body), wire.QUESTIONS)
        try:
            if module is None and request.call != "hello":
                module = importlib.import_module(exercise)
            fields = _answer(probe, module, request, arrays)
            frame = wire.encode(wire.Reply(seq=request.seq, kind="result"), fields)
        except BaseException as error:  # SystemExit too: whatever it is, it is an answer
            reply = wire.Reply(seq=request.seq, kind="error", etype=_kind(error), text=_text(error))
            frame = wire.encode(reply, {})
        replies.write(frame)
        replies.flush()


def _answer(probe: Any, module: Any, request: wire.Request, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if request.call in ("hello", "import"):
        return {}
    random.seed(request.seed)
    np.random.seed(request.seed)
    torch.manual_seed(request.seed)
    answer = getattr(probe, request.call)(module, **values.unpack(request.arguments, arrays))
    return values.flatten(answer)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from where student code reads and prints."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return requests, replies


def _limit() -> None:
    """Bounds that student code cannot raise again, where the system has them."""
    for name, bound in (
        ("RLIMIT_CPU", SECONDS),
        ("RLIMIT_AS", MEMORY),
        ("RLIMIT_FSIZE", FILE),
        ("RLIMIT_NOFILE", 256),
        ("RLIMIT_NPROC", PROCESSES if os.environ.get("SANDBOX") else None),
        ("RLIMIT_CORE", 0),
    ):
        if bound is not None and hasattr(resource, name):
            try:
                resource.setrlimit(getattr(resource, name), (bound, bound))
            except (ValueError, OSError):  # macOS refuses some
                continue


def _kind(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in _first_line(error)
    ):
        return "MemoryError"
    return name


def _first_line(error: BaseException) -> str:
    try:
        return (str(error).splitlines() or [""])[0]
    except BaseException:  # a student's own __str__
        return "(its message cannot be read)"


def _text(error: BaseException) -> str:
    """The error, with the student's own lines that led to it."""
    message = f"{type(error).__name__}: {_first_line(error)}".rstrip(": ")
    if isinstance(error, values.FormatError):
        return _first_line(error)[:TEXT]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_own(error.filename)}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}"[:TEXT]
    frames = [
        f"{_own(frame.filename)}, line {frame.lineno}, in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(COURSE) and "autograder" not in _own(frame.filename)
    ]
    return "\n".join([message[: TEXT // 2], *frames[-3:]])[:TEXT]


def _own(filename: str) -> str:
    return filename.removeprefix(COURSE).lstrip("/")


if __name__ == "__main__":
    main()
