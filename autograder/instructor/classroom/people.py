"""Who is in the class: the roster, and the points of written questions, both tables that the instructor brings.

Columns are known by the names that Canvas, Gradescope and GitHub Classroom give them, in any order.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from autograder import untrusted
from autograder.instructor.decisions import point_values

IDS = (
    "id",
    "sid",
    "student id",
    "student_id",
    "sis user id",
    "roster_identifier",
    "identifier",
    "login",
    "sis login id",
)
NAMES = ("name", "student", "full name", "student name")
EMAILS = ("email", "e-mail", "email address")
ACCOUNTS = ("github", "github_username", "github username", "account")
FIRST, LAST = ("first name", "first"), ("last name", "last")
LATE = ("days late", "late_days", "late days", "late")
ROLES = ("role", "roles", "user role")
STUDENTS = ("student", "learner", "participant")  # what the column of roles calls those who are graded
TEST = "student, test"  # whom Canvas lets teachers try things with
COMMENT = re.compile(r"(.*?)\b(?:comments?|feedback|remarks?)", re.IGNORECASE | re.DOTALL)
DELIMITERS = ",;\t|"
EXPORTED = ("submission id", "submission time", "submission count", "lateness (h:m:s)")  # by Gradescope
KNOWN = {*IDS, *NAMES, *EMAILS, *ACCOUNTS, *FIRST, *LAST, *LATE, *ROLES, *EXPORTED}


class TableError(Exception):
    """A table that cannot be used; the message says why."""


class Person(NamedTuple):
    """A student, as far as is known.

    Attributes:
        id: in the course's system; empty if unknown.
        ids: all by which submissions may name them.
        named: ids, accounts and addresses as the table has them.
    """

    id: str = ""
    name: str = ""
    email: str = ""
    ids: frozenset[str] = frozenset()
    late_days: float | None = None
    named: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What to call them where there is room for one word."""
        return self.id or self.email or self.name


Rows = list[dict[str, str]]


class Roster(list[Person]):
    """The students of a class.

    Attributes:
        left: names of those in the table who are no students: staff, and Canvas's test student.
    """

    left: tuple[str, ...] = ()


def roster(path: Path) -> Roster:
    """The students of a class.

    Args:
        path: a CSV file with a column for the name, the id, or both; staff, by a column of roles, is left out.

    Raises:
        TableError: it cannot be read, or two of them have the same id.
    """
    people, left = Roster(), []
    for row in rows(path):
        person = _person(row)
        role = _first(row, ROLES).lower()
        if (role and not any(word in role for word in STUDENTS)) or person.name.lower() == TEST:
            left.append(person.name or person.key)
        elif person.key and person.name.lower() != "points possible":  # a line that Canvas writes above the students
            people.append(person)
    if not people:
        raise TableError(f"{path} has no student: it needs a first line with the columns id and name.")
    seen: set[str] = set()
    for person in people:
        if person.id and person.id in seen:
            raise TableError(f"{path} has the id {untrusted.name(person.id)} twice.")
        seen.add(person.id)
    people.left = tuple(left)
    return people


def rows(path: Path) -> Rows:
    """The lines of a table, by the names in its first line, those that are known without capitals.

    Raises:
        TableError: it cannot be read.
    """
    header, *others = lines(path) or [[]]
    columns = [_column(name) for name in header]
    return [{key: value.strip() for key, value in zip(columns, cells, strict=False)} for cells in others]


def lines(path: Path) -> list[list[str]]:
    """The cells of a table, line by line, the names of its columns first.

    Commas, semicolons, tabs or bars separate its columns; it is in UTF-8, UTF-16 or, as older programs write it, in
    Windows' western encoding.

    Raises:
        TableError: it cannot be read.
    """
    try:
        text = _decoded(path.read_bytes())
        first = next((line for line in text.splitlines() if line.strip()), "")
        separator = max(DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
        return [cells for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TableError(f"{path} cannot be read: {reason}.") from None


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


class Written(NamedTuple):
    """What a table says of a student's written answers.

    Attributes:
        points: by question.
        comments: by question; "" for one on all of the work.
    """

    points: dict[str, float]
    comments: dict[str, str]


def manual(path: Path) -> dict[Person, Written]:
    """Points of written questions and comments on them, by student.

    Args:
        path: a CSV file with a column of ids, emails or names, one column for each question, and perhaps columns of
            comments: "comment", or "Q1 comment" for a question.

    Raises:
        TableError: there is a cell that is no number, or no column by which to find the student.
    """
    found: dict[Person, Written] = {}
    for number, row in enumerate(rows(path), start=2):
        person = _person(row)
        if not person.key:
            raise TableError(f"{path}, line {number}: there is no id, email or name of a student.")
        written = found.setdefault(person, Written({}, {}))
        for question, value in row.items():
            if question in KNOWN or not question or not value:
                continue
            if comment := COMMENT.fullmatch(question):
                written.comments[(comment[1] or "").strip(" :-")] = value
                continue
            try:
                written.points[question] = point_values.read(value)
            except ValueError as error:
                raise TableError(f"{path}, line {number}, {untrusted.name(question)}: {error}") from None
    return found


def index(people: Iterable[Person]) -> dict[str, list[Person]]:
    """Students by all that may name them."""
    found: dict[str, list[Person]] = {}
    for person in people:
        for one in person.ids:
            found.setdefault(one, []).append(person)
    return found


def find(indexed: dict[str, list[Person]], names: Iterable[str]) -> Person | None:
    """The student whom some names mean, the surest first; None if none of them means just one."""
    for name in names:
        for one in sorted(ids(name)):
            if len(fitting := indexed.get(one, [])) == 1:
                return fitting[0]
    return None


def plain(text: str) -> str:
    """A name or id without capitals, spaces and punctuation: what Canvas makes of names."""
    return re.sub(r"[^\w@]", "", text.lower()).replace("_", "")


def ids(*names: str) -> frozenset[str]:
    """All forms of some names and ids: "Doe, Jane" and "Jane Doe" are one."""
    found = set()
    for name in names:
        found.add(plain(name))
        last, comma, first = name.partition(",")
        words = f"{first} {last}".split() if comma else name.split()
        found |= {plain("".join(words)), plain("".join([*words[-1:], *words[:-1]]))}
    return frozenset(found - {""})


def numbered(identity: str) -> list[str]:
    """Return an id, and the number alone where it is as Moodle's worksheet writes it: Participant 657801."""
    number = re.fullmatch(r"\w+ (\d+)", identity.strip())
    return [identity, number[1]] if number else [identity]


def _person(row: dict[str, str]) -> Person:
    name = _first(row, NAMES) or " ".join(part for part in (_first(row, FIRST), _first(row, LAST)) if part)
    identity, email, account = (_first(row, columns) for columns in (IDS, EMAILS, ACCOUNTS))
    named = [form for column in (*IDS, *ACCOUNTS, *EMAILS) if row.get(column) for form in numbered(row[column])]
    late = _first(row, LATE)
    try:
        days = float(late) if late else None
    except ValueError:
        days = None
    return Person(identity or account, name, email, ids(name, *named), days, tuple(named))


def _first(row: dict[str, str], columns: Iterable[str]) -> str:
    return next((row[column] for column in columns if row.get(column)), "")


def _column(name: str) -> str:
    return name.strip().lower() if name.strip().lower() in KNOWN else name.strip()
