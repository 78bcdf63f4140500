"""Results that stay: one file each, named by what was graded, written whole or not at all.

A file and not a database: files need no lock on a network drive, one damaged file costs one result, and renaming is
atomic, so that whatever is there under its name is whole. What does not decode, or is not what its name says, counts as
not there. Only one process writes to a folder at a time.
"""

import contextlib
import fcntl
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autograder.results import Report
from autograder.writing import write_whole


class StoreError(Exception):
    """A folder that cannot be used; the message says why, and what to do."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What was graded, and how.

    Attributes:
        submission: digest of the student's files, and of why one is missing.
        exercise: as hw2/maml.
        version: of the grader, as far as it concerns this exercise.
        seed: of the inputs.
        fast: whether the checks were left out that train.
        drawings: characters for these.
    """

    submission: str
    exercise: str
    version: str
    seed: int
    fast: bool
    drawings: str

    @property
    def digest(self) -> str:
        """The name of its file."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class Kept(msgspec.Struct, kw_only=True):
    """A result with the key under which it is kept."""

    key: Key
    report: Report


class Remembered(msgspec.Struct, kw_only=True):
    """Options of the last run that a later command need not name again: texts as on the command line.

    Attributes:
        submissions: where these lay, for who looks at them later; empty if that is not known.
        data: where drawings came from.
    """

    submissions: str = ""
    roster: str | None = None
    similar: bool = False
    corpus: list[str] = []
    assignment: str | None = None
    only: str | None = None
    fast: bool = False
    data: str | None = None


class Settings(msgspec.Struct, kw_only=True):
    """What a class was begun with, and goes on with.

    Attributes:
        homework: "hw1" or "hw2".
        seed: of the inputs.
        options: those of the last run that wrote its outputs; None if there was none.
    """

    homework: str
    seed: int
    options: Remembered | None = None


class Store:
    """The results in a folder.

    Args:
        folder: of the class; made if it is not there.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._results = folder / "graded"

    @contextlib.contextmanager
    def opened(self) -> Iterator["Store"]:
        """Keep other runs out, and remove what one left that was killed.

        Raises:
            StoreError: another run is at work here, or the folder cannot be written to.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds the seed, and students' work
            self._results.mkdir(exist_ok=True)
            lock = (self._folder / ".lock").open("w")
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written to: {error.strerror}.") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it, however we end
            except OSError:
                raise StoreError(f"Another run is grading into {self._folder}; wait for it, or stop it.") from None
            for half in [*self._folder.glob(".*.*"), *self._folder.glob("*/.*.*"), *self._results.glob("*/.*.*")]:
                half.unlink(missing_ok=True)
            yield self

    def remembered(self, homework: str) -> Remembered | None:
        """Return the options of the last run that wrote outputs here; None if there was none.

        Raises:
            StoreError: it holds another homework.
        """
        begun = self._begun(homework)
        return begun.options if begun else None

    def settings(self, homework: str, seed: int | None) -> Settings:
        """Those of this folder; begun with a secret seed if none is given.

        Raises:
            StoreError: it holds another homework.
        """
        begun = self._begun(homework)
        if begun and seed in (None, begun.seed):
            return begun
        drawn = secrets.randbelow(2**62) if seed is None else seed
        settings = Settings(homework=homework, seed=drawn, options=begun.options if begun else None)
        self.keep(settings)
        return settings

    def found(self) -> Settings:
        """Return what the class in this folder was begun with.

        Raises:
            StoreError: no class was graded into it.
        """
        settings = self._read()
        if settings is None or settings.options is None:
            raise StoreError(f"No class was graded into {self._folder}: `python -m autograder class` does that.")
        return settings

    def _begun(self, homework: str) -> Settings | None:
        begun = self._read()
        if begun and begun.homework != homework:
            raise StoreError(f"{self._folder} holds {begun.homework}; choose another folder for {homework}.")
        return begun

    def _read(self) -> Settings | None:
        file = self._folder / "settings.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Settings)
        except OSError:
            return None
        except msgspec.DecodeError as error:
            raise StoreError(f"{file} is damaged ({error}); remove it, and everything is graded anew.") from None

    def keep(self, settings: Settings) -> None:
        """Write down what the class goes on with."""
        write_whole(self._folder / "settings.json", msgspec.json.encode(settings) + b"\n")

    def get(self, key: Key) -> Report | None:
        """What came of it, if that is known."""
        try:
            kept = msgspec.json.decode(self._path(key).read_bytes(), type=Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return kept.report if kept.key == key else None

    def put(self, key: Key, report: Report) -> None:
        """Keep what came of it. A fault of ours is not kept: the next run tries again."""
        if not report.grader_errors:
            path = self._path(key)
            path.parent.mkdir(exist_ok=True)
            write_whole(path, msgspec.json.encode(Kept(key=key, report=report)))

    def _path(self, key: Key) -> Path:
        return self._results / key.digest[:2] / f"{key.digest}.json"
