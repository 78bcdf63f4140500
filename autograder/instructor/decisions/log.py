"""decisions.sqlite: one table to which decisions are added, and from which nothing is ever taken away.

What holds follows from it: of two decisions on one matter the later one, and none that a later one undoes. So whoever
decided something can be named, several people can decide at once, and everything can be undone.
"""

import contextlib
import getpass
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from autograder import results

FILE = "decisions.sqlite"
WAIT = 10.0  # seconds for another process that writes
TABLE = """
create table if not exists decision (
    number integer primary key autoincrement, time text not null, author text not null, kind text not null,
    student text not null, exercise text not null, subject text not null, value text not null, comment text not null
)"""


class DecisionError(Exception):
    """A decision that cannot be taken; the message says why, and what to do."""


class OvertakenError(DecisionError):
    """Somebody else has decided the same matter meanwhile.

    Attributes:
        other: what they decided.
    """

    def __init__(self, other: "Decision"):
        super().__init__(
            f"{other.author} decided on this at {other.time:%H:%M} UTC: {said(other)}. Nothing was changed; look at "
            "it, and decide again."
        )
        self.other = other


class Kind(str, Enum):
    """What a decision is about, and what its value is."""

    POINTS = "points"  # what a check is worth
    DROP = "drop"  # a check that counts for nobody: true
    GIVE = "give"  # a check whose points everybody has who handed in: true
    BONUS = "bonus"  # a check outside of the points possible: true
    OVERRIDE = "override"  # one student's points of a check
    ADJUST = "adjust"  # points added to one student's total, after what being late costs
    EXTEND = "extend"  # one student's deadline, a time with its zone; "excused" for whenever
    LATE = "late"  # the late policy, as on the command line
    DUE = "due"  # the deadline, a time with its zone
    QUESTION = "question"  # a written question: the points possible
    RUBRIC = "rubric"  # a question's items: a list of [label, points]
    TICKS = "ticks"  # labels of the items that hold for one student's answer
    TABLE = "table"  # of written questions: a list of [names of a student, {question: points}, {question: comment}]
    MARK = "mark"  # one student's points of a question, whatever the items say
    COMMENT = "comment"  # for one student to read; on an exercise, a check, a line ("hw2/maml.py:12") or a question
    SIMILAR = "similar"  # what was found of submissions that are alike
    UNDO = "undo"  # takes back the decision of this number


class Decision(msgspec.Struct, kw_only=True, frozen=True):
    """One decision.

    Attributes:
        number: its place in the log; 0 until it is there.
        time: when it was taken, in UTC.
        author: who took it.
        student: ids of whom it is about, the surest first, and the name; empty for the class.
        exercise: as "maml"; empty if it is about none.
        subject: a check's function, a question, a place in the work, or names of students who are alike.
        value: what was decided, see Kind; None takes back what was decided before.
        comment: why.
    """

    kind: Kind
    number: int = 0
    time: datetime = datetime(1970, 1, 1, tzinfo=timezone.utc)
    author: str = ""
    student: tuple[str, ...] = ()
    exercise: str = ""
    subject: str = ""
    value: Any = None
    comment: str = ""

    @property
    def matter(self) -> tuple[Kind, tuple[str, ...], str, str, int]:
        """What it is about; of two decisions on one matter the later one holds. Comments are matters of their own."""
        own = self.number if self.kind is Kind.COMMENT else 0
        return self.kind, self.student, self.exercise, self.subject, own


def user() -> str:
    """Return who sits at this machine."""
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"


class Log:
    """The decisions of a class.

    Args:
        folder: the class's; the file is made in it when the first decision is taken.
    """

    def __init__(self, folder: Path):
        self._file = folder / FILE

    def all(self) -> list[Decision]:
        """Return everything that was ever decided, the oldest first.

        Raises:
            DecisionError: the file is damaged.
        """
        if not self._file.is_file():
            return []
        with self._connected() as connection:
            return _read(connection)

    def current(self) -> list[Decision]:
        """Return what holds, the oldest first."""
        return holding(self.all())

    def last(self) -> int:
        """Return the number of the last decision, 0 if there is none: nothing is new while it stays the same.

        Raises:
            DecisionError: the file is damaged.
        """
        if not self._file.is_file():
            return 0
        with self._connected() as connection:
            return int(connection.execute("select coalesce(max(number), 0) from decision").fetchone()[0])

    def add(self, decisions: Iterable[Decision], author: str, seen: int | None = None) -> list[Decision]:
        """Add decisions, all of them or none.

        Args:
            decisions: without number, time and author.
            author: who takes them.
            seen: number of the last decision that the author knows of; None to decide whatever others did.

        Returns:
            Them as they stand in the log.

        Raises:
            OvertakenError: what was decided after `seen` is about the same matters.
            DecisionError: the file is damaged or cannot be written.
        """
        with self._connected() as connection:
            connection.execute("begin immediate")
            if seen is not None:
                later = _overtaking(_read(connection), seen)
                for decision in decisions:
                    if other := later.get(decision.matter):
                        raise OvertakenError(other)
            now = datetime.now(timezone.utc).replace(microsecond=0)
            stamped = [msgspec.structs.replace(one, author=author, time=now) for one in decisions]
            added = [
                msgspec.structs.replace(one, number=connection.execute(INSERT, _cells(one)).lastrowid or 0)
                for one in stamped
            ]
            connection.commit()
        return added

    def undo(self, number: int | None, author: str) -> Decision:
        """Take back a decision; an undo is one, too.

        Args:
            number: of the decision; None for the last one that holds.
            author: who takes it back.

        Returns:
            What was taken back.

        Raises:
            DecisionError: there is no such decision, or it was taken back already.
        """
        everything = self.all()
        standing = _standing(everything)
        if number is None and all(one.kind is Kind.UNDO for one in standing):
            raise DecisionError("There is no decision to be undone.")
        decided = [one for one in standing if one.kind is not Kind.UNDO]
        found = decided[-1] if number is None else next((one for one in standing if one.number == number), None)
        if found is None:
            if any(one.number == number for one in everything):
                raise DecisionError(f"Decision {number} was undone already.")
            raise DecisionError(f"There is no decision {number}; --log shows them.")
        self.add([Decision(kind=Kind.UNDO, value=found.number)], author)
        return found

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self._file, timeout=WAIT, isolation_level=None)) as connection:
                connection.execute(TABLE)
                yield connection
        except sqlite3.Error as error:
            raise DecisionError(
                f"{self._file} cannot be used ({error}). If it is damaged, put a copy of it back, or remove it: all "
                "decisions are in it."
            ) from None


INSERT = (
    "insert into decision (time, author, kind, student, exercise, subject, value, comment) "
    "values (?, ?, ?, ?, ?, ?, ?, ?)"
)


def _cells(one: Decision) -> tuple[str, ...]:
    student, value = (msgspec.json.encode(part).decode() for part in (one.student, one.value))
    return one.time.isoformat(), one.author, one.kind.value, student, one.exercise, one.subject, value, one.comment


def _read(connection: sqlite3.Connection) -> list[Decision]:
    found = []
    for number, time, author, kind, student, exercise, subject, value, comment in connection.execute(
        "select number, time, author, kind, student, exercise, subject, value, comment from decision order by number"
    ):
        found.append(
            Decision(
                kind=Kind(kind),
                number=number,
                time=datetime.fromisoformat(time),
                author=author,
                student=tuple(msgspec.json.decode(student)),
                exercise=exercise,
                subject=subject,
                value=msgspec.json.decode(value),
                comment=comment,
            )
        )
    return found


def _overtaking(everything: list[Decision], seen: int) -> dict[Any, Decision]:
    """What was decided after a decision, by its matter; to undo something is about the matter of what was undone."""
    by_number = {one.number: one for one in everything}
    later = {}
    for one in everything:
        if one.number > seen:
            about = one
            while about.kind is Kind.UNDO and about.value < about.number and about.value in by_number:
                about = by_number[about.value]
            later[about.matter] = one
    return later


def _standing(everything: list[Decision]) -> list[Decision]:
    """Those that no later decision undoes."""
    undone: set[int] = set()
    found = []
    for one in reversed(everything):
        if one.number in undone:
            continue
        found.append(one)
        if one.kind is Kind.UNDO:
            undone.add(one.value)
    return found[::-1]


def holding(everything: list[Decision]) -> list[Decision]:
    """Return what holds: the last decision on each matter that is not undone, the oldest first."""
    last = {one.matter: one for one in _standing(everything) if one.kind is not Kind.UNDO}
    return sorted((one for one in last.values() if one.value is not None), key=lambda one: one.number)


def repeats(one: Decision, held: Decision | None) -> bool:
    """Tell whether a decision says what another one on its matter says, for the same reason."""
    return held is not None and (one.value, one.comment) == (held.value, held.comment)


def said(one: Decision) -> str:
    """Say a decision in a line, as "override protonet test_shape of ada: 3 (regrade request)"."""
    about = " ".join(part for part in (one.exercise, one.subject) if part)
    whose = ""
    if one.student:
        first, name = one.student[0], one.student[-1]
        whose = f" of {name}" if name == first else f" of {name} ({first})"
    value = "" if one.value is True else ": taken back" if one.value is None else f": {_plain(one)}"
    return f"{one.kind.value}{' ' if about else ''}{about}{whose}{value}{f' ({one.comment})' if one.comment else ''}"


def _plain(one: Decision) -> str:
    value = one.value
    if one.kind is Kind.TICKS:
        return ", ".join(value) or "no item"
    if one.kind is Kind.RUBRIC:
        return ", ".join(f"{points:+g} {label}" for label, points in dict(value).items())
    if isinstance(value, float):
        return results.number(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
