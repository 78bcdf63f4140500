"""The program of a worker: import the student's module, then answer one request after the other.

    python shim.py <homework>.<exercise> <threads> <processes>

Requests come in on stdin, replies go out on stdout, and whatever the student's code prints goes to stderr. A reply
holds values only, never a verdict: this process belongs to the student.
"""

import sys

# Instead of this folder the one above it. It comes first, for other packages called autograder or data may be
# installed, and holds no file of the student's: those lie in hw1/ or hw2/.
sys.path.pop(0)
sys.path.insert(0, __file__.replace("\\", "/").rsplit("/autograder/", 1)[0])

import contextlib
import importlib
import linecache
import os
import traceback
from typing import Any, BinaryIO

import numpy as np

from autograder.worker import warmup  # isort: split

import torch

from autograder.worker import absent, asking, expressions, operands, packing, unusual_code, values, wire

COURSE = sys.path[0]
MEMORY = 6 * 2**30
FILE = 256 * 2**20


def main() -> None:
    """Serve until the grader closes the pipe."""
    exercise, threads, processes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    requests, replies = _take_pipes()
    _limit(processes)
    torch.set_num_threads(threads)
    warmup.keep_the_threads()
    warmup.skip_the_compiler()
    probe = importlib.import_module(f"autograder.exercises.{exercise.split('.')[1]}.probe")
    # Solutions written for other years of the course import their neighbours as `import util`.
    sys.path.append(os.path.join(COURSE, exercise.split(".")[0]))  # noqa: PTH118
    sys.argv = [f"{exercise.replace('.', '/')}.py"]  # as if the student had started it without arguments
    absent.stand_in(sys.path[-1])
    module = None
    while prefix := requests.read(wire.PREFIX.size):
        head, body = wire.lengths(prefix)
        request = wire.decode_header(requests.read(head), wire.Request)
        arrays = wire.decode_arrays(requests.read(body), wire.QUESTIONS)
        try:
            if module is None and request.call not in ("hello", "look"):
                module = importlib.import_module(exercise)
            fields = _answer(probe, module, request, arrays)
            frame = wire.encode(wire.Reply(seq=request.seq, kind="result"), fields)
        except BaseException as error:  # SystemExit too: whatever it is, it is an answer
            frame = wire.encode(_failure(request, error), {})
        with contextlib.suppress(OSError):  # what is printed next belongs to the next question
            os.write(2, wire.mark(request.seq))
        replies.write(frame)
        replies.flush()


def _answer(probe: Any, module: Any, request: wire.Request, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if request.call in ("hello", "import"):
        return {}
    if request.call == "look":
        return values.flatten(unusual_code.look(arrays["source"].tobytes()))
    asking.reseed(request.seed)
    return asking.ask(probe, module, request.call, packing.unpack(request.arguments, arrays))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from where student code reads and prints."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return requests, replies


def _limit(processes: int) -> None:
    """Bounds that student code cannot raise again, where the system has them."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, bound in (
        ("RLIMIT_CPU", wire.SECONDS),
        ("RLIMIT_AS", MEMORY),
        ("RLIMIT_FSIZE", FILE),
        ("RLIMIT_NOFILE", 256),
        ("RLIMIT_NPROC", processes if processes and os.environ.get("SANDBOX") else None),
        ("RLIMIT_CORE", 0),
    ):
        if bound is not None and hasattr(resource, name):
            try:
                resource.setrlimit(getattr(resource, name), (bound, bound))
            except (ValueError, OSError):  # macOS refuses some
                continue
    if hasattr(resource, "RLIMIT_DATA"):  # a grader of a class has a limit of its own, which is not meant for this
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _kind(error: BaseException, call: str) -> wire.Kind:
    if isinstance(error, values.FormatError):
        return "format"
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in _first_line(error):
        return "memory"
    if isinstance(error, NotImplementedError) and _own_frames(error)[-1:] == _frames(error)[-1:]:
        # torch raises it too, for what a tensor cannot do; its functions in C leave no frame.
        return "todo" if (_frames(error)[-1].line or "").startswith("raise") else "crash"
    if call == "import" and (isinstance(error, SyntaxError | UnicodeDecodeError) or _has_null_bytes(error)):
        return "unreadable"
    return "crash"


def _has_null_bytes(error: BaseException) -> bool:
    """Tell whether a file could not be compiled for its null bytes: a SyntaxError only since Python 3.11.4."""
    return type(error) is ValueError and _first_line(error) == "source code string cannot contain null bytes"


def _failure(request: wire.Request, error: BaseException) -> wire.Reply:
    """Why there is no answer: what the grader makes a message of."""
    try:
        return _described(request, error)
    except BaseException:  # an exception of the student's own make, of which nothing can be read
        return wire.Reply(seq=request.seq, kind="crash", error=BaseException.__name__)


def _described(request: wire.Request, error: BaseException) -> wire.Reply:
    places = [(frame.filename, frame.lineno, frame.name) for frame in _own_frames(error)]
    if request.call == "import" and len(places) > wire.PLACES:
        places = [places[0], *places[1 - wire.PLACES :]]  # with the line of the module that led to it
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno, ""))
    return wire.Reply(
        seq=request.seq,
        kind=_kind(error, request.call),
        error="SyntaxError" if request.call == "import" and _has_null_bytes(error) else _sendable(type(error).__name__),
        text=_sendable(_first_line(error)),
        places=[
            wire.Place(_sendable(_own(file), wire.NAME), min(int(line or 0), wire.LINES), _sendable(name, wire.NAME))
            for file, line, name in places[-wire.PLACES :]
        ],
        operands=_operands(error) if request.call != "import" else [],
        done=_done(error) if request.call != "import" else [],
    )


def _done(error: BaseException) -> list[list[str]]:
    """What the expressions of the exercise's own file compute by which an error came."""
    try:
        frames = [frame for frame in _frames(error) if _own(frame.filename) == sys.argv[0]]
        source = "".join(linecache.getlines(frames[-1].filename)) if frames else ""
        return [
            [writing.digest for writing in expressions.writings(source, span)[: wire.WRITINGS]]
            for span in expressions.spans(frames)[-wire.SPANS :]
        ]
    except BaseException:  # a file that is gone
        return []


def _operands(error: BaseException) -> list[wire.Operand]:
    """What stands in the last line of the exercise's own file, or else of those given with it."""
    try:
        steps = zip(traceback.walk_tb(error.__traceback__), _frames(error), strict=True)
        own = [((frame, line), summary) for (frame, line), summary in steps if _is_own(summary.filename)]
        here = [step for step in own if _own(step[1].filename) == sys.argv[0]]
        (frame, _), summary = (here or own)[-1]
        last = getattr(summary, "end_lineno", None) or summary.lineno or 0
        numbers = range(summary.lineno or 0, last + 1)
        return operands.of(frame, "".join(linecache.getline(summary.filename, number) for number in numbers))
    except BaseException:  # a variable of the student's own make, or a file that is gone
        return []


def _sendable(text: str, most: int = wire.TEXT) -> str:
    return text[:most].encode(errors="replace").decode()


def _first_line(error: BaseException) -> str:
    try:
        if isinstance(error, SyntaxError):
            return str(error.msg)
        return (str(error).splitlines() or [""])[0]
    except BaseException:  # a student's own __str__
        return "(its message cannot be read)"


def _frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Those in the student's files, and in the files given with them."""
    return [frame for frame in _frames(error) if _is_own(frame.filename)]


def _is_own(filename: str) -> bool:
    return _slashes(filename).startswith(COURSE) and not _own(filename).startswith("autograder/")


def _own(filename: str) -> str:
    return _slashes(filename).removeprefix(COURSE).lstrip("/")


def _slashes(filename: str) -> str:
    return filename.replace("\\", "/")


if __name__ == "__main__":
    main()
