"""What `check` has tried on this very text: all mutants and alternatives of an exercise.

The tests try all mutants again only where something changed on which their verdicts depend. Else they try a share of
them, so that a record that is not true is found. Alternatives are few, and tried every time.
"""

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from autograder.grading.catalog import Exercise
from autograder.instructor import version
from autograder.instructor.quality import alternatives, mutants
from autograder.writing import write_whole

ENGINE = ("autograder.instructor.quality.kill_matrix", "autograder.instructor.quality.rules.alternatives")
TEXTS = (".py", ".toml", ".safetensors")  # of an exercise's folder, beside mutants and alternatives
AGAIN = 8  # one of so many is tried again
ONE_IN = "AUTOGRADER_TRY_ONE_IN"  # in the environment: one of so many is tried, whatever was before; 1 for all

Case = TypeVar("Case")


class Tried(msgspec.Struct):
    """What `check` tried.

    Attributes:
        digest: of all on which the verdicts depend.
        mutants, alternatives: how many there were.
    """

    digest: str
    mutants: int
    alternatives: int


@functools.cache
def digest(exercise: Exercise) -> str:
    """Return the digest of all on which the verdicts on mutants and alternatives depend, hex."""
    return version.digest_of(hashlib.sha256(b"tried\n"), files(exercise))


def files(exercise: Exercise) -> set[Path]:
    """Return the files of the course on which these verdicts depend."""
    own = {path for path in exercise.folder.iterdir() if path.suffix in TEXTS}
    own |= {exercise.folder / name for name in (mutants.FILE, alternatives.FILE)}
    return own | version.files(exercise, own, ENGINE)


def record(exercise: Exercise, begun: str) -> None:
    """Write down that all mutants and alternatives were tried, and that none was out of order.

    Args:
        exercise: whose.
        begun: the digest when the trying began.
    """
    told = Tried(begun, len(mutants.load(exercise)), len(alternatives.load(exercise)))
    write_whole(_path(exercise), msgspec.json.format(msgspec.json.encode(told)) + b"\n")


def is_current(exercise: Exercise) -> bool:
    """Whether all were tried since anything changed."""
    try:
        told = msgspec.json.decode(_path(exercise).read_bytes(), type=Tried)
    except (OSError, msgspec.MsgspecError):
        return False
    return told.digest == digest(exercise)


def again(exercise: Exercise, cases: Sequence[Case]) -> list[Case]:
    """Choose what the tests try.

    Args:
        exercise: whose.
        cases: all mutants, say.

    Returns:
        All of them, or one in AGAIN where all were tried since anything changed: others with each change.
    """
    share = int(os.environ.get(ONE_IN) or (AGAIN if is_current(exercise) else 1))
    return [case for case in cases if is_drawn(exercise, case, share)]


def is_drawn(exercise: Exercise, case: Any, share: int) -> bool:
    """Whether a mutant or an alternative is among the one in so many that are tried: others with each change."""
    text = f"{digest(exercise)} {case.name}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % share == 0


def _path(exercise: Exercise) -> Path:
    return exercise.folder / version.TRIED
