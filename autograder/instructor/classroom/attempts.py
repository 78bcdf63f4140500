"""What was graded of a student, attempt after attempt: attempts/STEM.json.gz, with verdicts and code.

results/ has the last facts alone, and a folder of submissions the last attempt alone; here earlier ones stay: the last
few, with files of a size that a person reads.
"""

import gzip
import zlib
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from autograder import untrusted
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.result_store import Key
from autograder.results import Verdict
from autograder.writing import write_whole

FOLDER, ENDING = "attempts", ".json.gz"
MOST = 12  # attempts of a student
LONGEST = 120_000  # characters of a file
UNPACKED = 32 * 2**20  # bytes: no file of ours is larger


class Attempt(msgspec.Struct, kw_only=True):
    """What was graded once.

    Attributes:
        graded: when it was kept.
        source: what was handed in, as the instructor finds it.
        number: the how manieth attempt it was, where the export tells.
        submitted: when it was handed in, where the export tells.
        keys: how each exercise was graded: of what work, by which version, on which inputs.
        verdicts: by exercise and check.
        earned: points of the required checks, as they were then.
        files: the student's code by its name, each cut to what a person reads.
    """

    graded: datetime
    source: str = ""
    number: int | None = None
    submitted: datetime | None = None
    keys: dict[str, Key] = {}
    verdicts: dict[str, dict[str, Verdict]] = {}
    earned: float = 0.0
    files: dict[str, str] = {}


def kept(out: Path, stem: str) -> list[Attempt]:
    """Return what is kept of a student's attempts, the oldest first; nothing if there is nothing, or it is damaged."""
    try:
        with gzip.open(_path(out, stem)) as file:
            return msgspec.json.decode(file.read(UNPACKED), type=list[Attempt])
    except (OSError, EOFError, zlib.error, msgspec.DecodeError):
        return []


def keep(out: Path, row: Row, files: Mapping[str, bytes]) -> None:
    """Keep what was graded, if it is not as it was the last time.

    Args:
        out: the class's folder.
        row: with keys and report.
        files: the student's.
    """
    assert row.report
    if not row.handed_in.source:
        return
    attempt = Attempt(
        graded=datetime.now(timezone.utc).replace(microsecond=0),
        source=untrusted.name(row.handed_in.source),
        number=row.handed_in.attempt,
        submitted=row.handed_in.submitted,
        keys=row.keys,
        verdicts={one.name: {check.name: check.verdict for check in one.checks} for one in row.report.exercises},
        earned=row.report.earned,
        files={name: _text(content) for name, content in sorted(files.items())},
    )
    before = kept(out, row.stem)
    if before and (before[-1].keys, before[-1].verdicts) == (attempt.keys, attempt.verdicts):
        return
    path = _path(out, row.stem)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    encoded = msgspec.json.encode([*before, attempt][-MOST:])
    write_whole(path, gzip.compress(encoded, compresslevel=6, mtime=0))


def forget_others(out: Path, stems: Collection[str]) -> None:
    """Remove what is kept of those who are in the class no more."""
    for path in (out / FOLDER).glob(f"*{ENDING}"):
        if path.name.removesuffix(ENDING) not in stems:
            path.unlink()


def _path(out: Path, stem: str) -> Path:
    return out / FOLDER / f"{stem}{ENDING}"


def _text(content: bytes) -> str:
    return untrusted.clean(content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n"), LONGEST)
