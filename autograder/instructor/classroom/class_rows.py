"""The rows of a class: one for each submission, and for each student of the roster who handed in nothing."""

import re
from datetime import timedelta

import msgspec

from autograder import untrusted
from autograder.grading.catalog import exercises
from autograder.instructor.classroom import people
from autograder.instructor.classroom.layouts import HandedIn
from autograder.instructor.classroom.people import Person
from autograder.instructor.classroom.result_store import Key
from autograder.intake import submission
from autograder.intake.submission import Submission, SubmissionError
from autograder.results import Report

NOTHING = "Nothing was handed in."
STRANGER = "Not in the roster."


class Row(msgspec.Struct, kw_only=True):
    """One student, as the gradebook has them.

    Attributes:
        stem: of their files in results/ and feedback/, no two the same.
        place: in the class, from 0.
        also: other ids that the roster has, as a login.
        handed_in: what the export tells; without source if it is nothing.
        late: by how much, as the export or the roster says; None where neither does.
        keys: how each exercise was graded, once it is: of what work, by which version, on which inputs.
        report: what was graded, once it is.
    """

    stem: str
    place: int = 0
    id: str
    name: str
    email: str
    also: list[str] = []
    handed_in: HandedIn
    notes: list[str] = []
    late: timedelta | None = None
    keys: dict[str, Key] = {}
    report: Report | None = None

    @property
    def shown(self) -> str:
        """The name, or what there is."""
        return self.name or self.id

    @property
    def names(self) -> tuple[str, ...]:
        """By which decisions find the student, the surest first."""
        return tuple(dict.fromkeys(filter(None, (self.id, self.handed_in.id, self.email, *self.also, self.name))))


def gather(found: list[HandedIn], roster: list[Person]) -> list[Row]:
    """All rows.

    Args:
        found: the submissions.
        roster: the class; empty if it is not known.
    """
    indexed = people.index(roster)
    rows: list[Row] = []
    stems: set[str] = set()
    there: set[Person] = set()
    for one in found:
        person = people.find(indexed, (one.id, one.email, one.name)) or Person()
        row = _row(one, person, stems)
        if roster and not person.key:
            row.notes.append(STRANGER)
        if person in there and person.key:
            row.notes.append("Handed in more than once: see the other row.")
        there.add(person)
        rows.append(row)
    for person in roster:
        if person not in there:
            rows.append(_row(HandedIn(id=person.id, name=person.name, email=person.email), person, stems))
    for place, row in enumerate(rows):
        row.place = place
    return rows


def read(row: Row, homework: str) -> Submission:
    """What is graded of a row; where there is nothing to grade, why, for each exercise that must be handed in."""
    needed = [exercise.name for exercise in exercises(homework) if exercise.required]
    try:
        return _collect(row.handed_in, homework)
    except SubmissionError as error:
        reason = str(error)
    except Exception as error:  # whatever it is, it has a row
        reason = f"What was handed in cannot be read ({type(error).__name__})."
    return Submission({}, dict.fromkeys(needed, reason))


def _collect(handed_in: HandedIn, homework: str) -> Submission:
    if handed_in.loose:
        return submission.collect_loose(handed_in.loose, homework)
    if handed_in.path is None:
        raise SubmissionError(NOTHING)
    if handed_in.path.is_symlink():
        raise SubmissionError("What was handed in is a link; hand in the folder itself.")
    return submission.collect(handed_in.path, homework)


def _row(one: HandedIn, person: Person, stems: set[str]) -> Row:
    late = timedelta(days=person.late_days) if person.late_days is not None else one.late
    name, identity, email = (untrusted.name(text) for text in (person.name or one.name, person.id or one.id, one.email))
    row = Row(
        stem=_stem(f"{name}-{identity}" if identity not in ("", name) else name, stems),
        id=identity,
        name=name,
        email=untrusted.name(person.email) or email,
        also=[untrusted.name(text) for text in person.named],
        handed_in=one,
        notes=list(one.notes),
        late=late,
    )
    if person.late_days is not None:
        row.handed_in.marked_late = bool(late)
    return row


def _stem(name: str, taken: set[str]) -> str:
    """A file name on any system, unlike all others even without capitals."""
    plain = re.sub(r"[^\w.@-]+", "_", name, flags=re.ASCII).strip("._-")[:80] or "student"
    stem, number = plain, 1
    while stem.lower() in taken:
        number += 1
        stem = f"{plain}_{number}"
    taken.add(stem.lower())
    return stem
