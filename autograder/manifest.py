"""What a handout says of itself: its version, its seed, and the digest of each of its files."""

import hashlib
from collections.abc import Collection
from pathlib import Path

import msgspec

from autograder.paths import COURSE, GRADER

NAME = "manifest.json"
PATH = f"autograder/{NAME}"  # in a handout
LARGEST = 64 * 2**20  # bytes: no file of a handout is larger
BASES = "autograder/stubs"  # in a handout: the students' files as they were given, for upgrades


class Manifest(msgspec.Struct, kw_only=True):
    """A handout's manifest.

    Attributes:
        homework: "hw1" or "hw2".
        version: of the course and its content, as "0.1.0+3f2a9c1b".
        term, due: for people, as "Autumn 2026" and "2026-12-01"; may be empty.
        seed: the published one, of whose questions the answers are recorded.
        files: SHA-256 of each file by name, but for the manifest's own.
    """

    homework: str
    version: str
    term: str = ""
    due: str = ""
    seed: int
    files: dict[str, str]


def digest(content: bytes) -> str:
    """SHA-256, as text."""
    return hashlib.sha256(content).hexdigest()


def here() -> Manifest | None:
    """The manifest of this copy; None in the instructor's, which is no handout."""
    path = GRADER / NAME
    return read(path.read_bytes()) if path.is_file() else None


def read(content: bytes) -> Manifest:
    """A manifest from its file.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return msgspec.json.decode(content, type=Manifest)


def changed(manifest: Manifest, folder: Path = COURSE, among: Collection[str] | None = None) -> list[str]:
    """Names of the files of a handout that are no longer as they were given, all or among these."""
    told = {name: file for name, file in manifest.files.items() if among is None or name in among}
    return [name for name, file in told.items() if not _is(folder / name, file)]


def _is(path: Path, told: str) -> bool:
    """Whether a file is there and has this digest."""
    return path.is_file() and path.stat().st_size <= LARGEST and digest(path.read_bytes()) == told
