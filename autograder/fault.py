"""Faults of the grader: their cause and a way out, in one sentence; and which of them may pass by themselves.

What stands here is never a verdict. A disk that is full, a machine without memory, a worker that does not start or a
file of the course that is missing says nothing of anybody's work.
"""

import errno
import os
import re
import tempfile
import traceback
from pathlib import Path

from autograder.paths import COURSE, GRADER
from autograder.untrusted import name as short

NEEDED = "2 GB"  # of memory, to grade: see docs/instructors.md on Gradescope
OUT_OF_MEMORY = (
    "The machine is out of memory, or this shell may use little of it (`ulimit -v`): close other programs, or use a "
    f"machine with {NEEDED} free."
)
AGAIN = "unpack or install the course again"
# By which a system refuses a process or a thread: it counts those of a user, and others may have them all.
PROCESS_WORDS = re.compile(r"pthread_create failed|[Rr]esource temporarily unavailable|can't start new thread")
MEMORY_WORDS = re.compile(
    r"MemoryError|DefaultCPUAllocator|[Cc]annot allocate memory|can't allocate memory|bad_alloc|failed to map segment|"
    + PROCESS_WORDS.pattern
)
MISSING = re.compile(r"No module named '([\w.]+)'")
SOURCE = re.compile(r"from '(\w+)")  # the package of which a part cannot be imported
NOT_IMPORTED = re.compile(r"^(?:ImportError|OSError): (.+)$", re.MULTILINE)


class GraderError(Exception):
    """A fault of the grader whose message is the sentence.

    Attributes:
        may_pass: whether a second try may find it gone.
    """

    may_pass = False


class WorkerError(GraderError):
    """A worker that fails before it has seen any student code, or whose files were taken away from it."""

    may_pass = True


def sentence(error: BaseException) -> str:
    """Say what failed and what to do."""
    if isinstance(error, GraderError):
        return str(error)
    if out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, ImportError):
        return _not_imported(error.name or "a module", str(error))
    place = _place(error)
    return f"The grader itself failed ({type(error).__name__}{place and ' in ' + place}): please report it."


def out_of_memory(error: BaseException) -> bool:
    """Tell whether it is memory that was missing, whoever says so."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOMEM, errno.EAGAIN)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(MEMORY_WORDS.search(str(error))))


def is_certain(error: BaseException) -> bool:
    """Tell whether no answer of a student's can be behind it."""
    return isinstance(error, GraderError | OSError | ImportError) or out_of_memory(error)


def may_pass(error: BaseException) -> bool:
    """Tell whether a second try may find it gone."""
    return getattr(error, "may_pass", isinstance(error, OSError) or out_of_memory(error))


def of_worker(said: str, printed: str) -> WorkerError:
    """Return the fault of a worker that does not start.

    Args:
        said: why there is no answer.
        printed: by the worker, before any student code ran.
    """
    missing = MISSING.findall(printed)
    if MEMORY_WORDS.search(printed):
        return WorkerError(OUT_OF_MEMORY)
    if missing:
        return WorkerError(_not_imported(missing[-1].partition(".")[0], f"No module named '{missing[-1]}'"))
    if found := NOT_IMPORTED.findall(printed):
        source = SOURCE.search(found[-1])
        return WorkerError(_not_imported(source[1] if source else "torch", found[-1]))
    last = short((printed.strip().splitlines() or [said])[-1]).rstrip(".")
    return WorkerError(f"The process for student code does not start ({last}): try again; if it stays, report it.")


def _not_imported(module: str, why: str) -> str:
    own = (GRADER.parent / module.partition(".")[0]).is_dir()
    out = AGAIN if own else f"install it again, `python -m pip install --force-reinstall {module}`"
    return f"{module} cannot be imported ({short(why)}): {out}."


def _of_the_system(error: OSError) -> str:
    temporary, file = _temporary(), os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else ""
    inside = Path(file or temporary).absolute()
    reason = short(error.strerror or str(error) or type(error).__name__)
    moving = " (or set TMPDIR to another folder)" if inside.is_relative_to(temporary) else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = short(str(inside.parent)) if file else f"{short(temporary)} and where files are written"
        return f"The disk is full: free some space in {place}{moving}."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "Too many files are open on this machine: close other programs, or raise `ulimit -n`."
    if error.errno == errno.ENOENT and "temporary directory" in str(error):
        return "There is no folder for temporary files: make one, and let TMPDIR name it."
    if error.errno == errno.ENOENT and inside.is_relative_to(COURSE):
        return f"{short(str(inside.relative_to(COURSE)))} is missing: {AGAIN}."
    if error.errno == errno.ENOENT and file:
        return f"{short(file)} was removed while the grader ran, or never made: run it again{moving}."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and file:
        return f"{short(file)} may not be read or written here ({reason}): change that, or use another folder{moving}."
    return f"The operating system refused ({reason}{file and ', ' + short(file)}): try again; if it stays, report it."


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", os.sep)


def _place(error: BaseException) -> str:
    """Where in the grader it was raised, or last passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(GRADER)]
    return f"{Path(own[-1].filename).relative_to(COURSE).as_posix()}, line {own[-1].lineno}" if own else ""
