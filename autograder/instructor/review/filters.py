"""Which students the list shows, in which order, and who is next: all of it stands in the address."""

from typing import NamedTuple
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from autograder.instructor.review.reviewed import Student

SORTS = {
    "class": "the class",
    "name": "name",
    "low": "lowest total",
    "high": "highest total",
    "fail": "most failures",
    "late": "latest",
}


class Filter(NamedTuple):
    """What the address asks for; empty is anything.

    Attributes:
        text: in a name, a named mistake, a flag or a comment.
        exercise: with a failure in it.
        check: that fails, as "maml:test_shapes".
        question: without points; "any" for any.
        flagged, commented, decided: "1" for those who are.
        sort: one of SORTS.
    """

    text: str = ""
    exercise: str = ""
    check: str = ""
    question: str = ""
    flagged: str = ""
    commented: str = ""
    decided: str = ""
    sort: str = ""

    @property
    def query(self) -> str:
        """As it stands in an address, with its question mark; empty if nothing is asked for."""
        asked = {name: value for name, value in self._asdict().items() if value}
        return f"?{urlencode(asked)}" if asked else ""

    def fits(self, student: Student) -> bool:
        """Tell whether a student is shown."""
        exercise, _, check = self.check.partition(":")
        return (
            self.text.lower() in student.words
            and (not self.exercise or any(name == self.exercise for name, _ in student.failing))
            and (not self.check or (exercise, check) in student.failing)
            and (not self.question or self.question in (*student.ungraded, "any" if student.ungraded else ""))
            and (not self.flagged or student.flags > 0)
            and (not self.commented or student.comments > 0)
            and (not self.decided or bool(student.decided))
        )

    def ordered(self, students: list[Student]) -> list[Student]:
        """Return students in the order that is asked for."""
        keys = {
            "name": lambda one: one.label.lower(),
            "low": lambda one: one.scored.total,
            "high": lambda one: -one.scored.total,
            "fail": lambda one: -one.verdicts["fail"],
            "late": lambda one: -(one.scored.late.total_seconds() if one.scored.late else 0),
        }
        return sorted(students, key=keys[self.sort]) if self.sort in keys else students

    def shown(self, students: list[Student]) -> list[Student]:
        """Return those who are shown, in order."""
        return self.ordered([one for one in students if self.fits(one)])

    def around(self, students: list[Student], own: Student) -> tuple[Student | None, Student | None, int, int]:
        """Return who is before and after a student, whose place it is from 1, and how many there are.

        The student may fit the filter no more: then the place is where they would be, and counts for nobody.
        """
        listed = self.ordered([one for one in students if one.key == own.key or self.fits(one)])
        place = next(number for number, one in enumerate(listed) if one.key == own.key)
        before = listed[place - 1] if place else None
        after = listed[place + 1] if place + 1 < len(listed) else None
        return before, after, place + 1, len(listed)


def asked(arguments: "MultiDict[str, str]") -> Filter:
    """Read the filter from the parameters of an address."""
    return Filter(**{name: arguments.get(name, "")[:200] for name in Filter._fields})
