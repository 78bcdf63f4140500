"""Scores: what was graded, and what was decided about it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from autograder.instructor.classroom import people, policy
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.people import Person
from autograder.instructor.decisions.log import Decision, Kind
from autograder.results import CheckResult, ExerciseResult, Report, number, total

UNKNOWN = timedelta(microseconds=1)  # late by nobody knows how much: the least there is
EXCUSED = "excused"  # an extension without end
DAY = timedelta(days=1)


class Question(NamedTuple):
    """A written question.

    Attributes:
        points: possible; None where nobody said.
        items: its rubric, labels with points; if none is above 0, an answer starts with all points, else with none.
    """

    name: str
    points: float | None
    items: dict[str, float]

    def worth(self, ticked: Iterable[str]) -> float:
        """Return the points of an answer for which some items hold."""
        start = self.points or 0.0 if all(points <= 0 for points in self.items.values()) else 0.0
        points = max(0.0, start + sum(self.items.get(label, 0.0) for label in ticked))
        return total([points if self.points is None else min(points, self.points)])


class Scored(Row, kw_only=True):
    """A row with its score.

    Attributes:
        manual: points of written questions.
        penalty: the share of the points that being late costs.
        adjusted: points that were added after that.
        told: what the student is to read of it.
    """

    manual: dict[str, float] = msgspec.field(default_factory=dict)
    penalty: float = 0.0
    adjusted: float = 0.0
    told: list[str] = msgspec.field(default_factory=list)

    @property
    def before(self) -> float:
        """Points of checks and written questions."""
        return (self.report.earned if self.report else 0.0) + sum(self.manual.values())

    @property
    def total(self) -> float:
        """These, less what being late costs, and what was added to them."""
        return total([self.before * (1 - self.penalty), self.adjusted])


class Scoring:
    """What is decided about a class, student by student.

    Args:
        rows: all of them, reports may be left out.
        decisions: that hold.
        due: the deadline where none was decided; None for none.

    Attributes:
        questions: the written ones, by name.
        unknown: whom decisions are about that have no row.
        due: the deadline.
        late: the late policy.
    """

    def __init__(self, rows: Iterable[Row], decisions: list[Decision], due: datetime | None = None):
        self._of_all: dict[tuple[str, str], dict[Kind, Decision]] = {}
        whole: dict[Kind, Decision] = {}
        for one in decisions:
            if not one.student:
                whole[one.kind] = one
                self._of_all.setdefault((one.exercise, one.subject), {})[one.kind] = one
        self.late = policy.parse(whole[Kind.LATE].value) if Kind.LATE in whole else None
        self.due = datetime.fromisoformat(whole[Kind.DUE].value) if Kind.DUE in whole else due
        if Kind.TABLE in whole:
            decisions = [*_marks(whole[Kind.TABLE]), *decisions]
        self.questions = _questions(decisions)
        self._of_each, self.unknown = _by_row(rows, [one for one in decisions if one.student])

    @property
    def possible(self) -> float:
        """Points of the written questions."""
        return total(question.points or 0.0 for question in self.questions.values())

    def about(self, row: Row) -> list[Decision]:
        """Return what was decided about a student, the oldest first."""
        return _last(self._of_each.get(row.stem, []))

    def about_check(self, exercise: str, check: str) -> dict[Kind, Decision]:
        """Return what was decided about a check for all."""
        return self._of_all.get((exercise, check), {})

    def score(self, row: Row) -> Scored:
        """Return a row with its score; the report in it is with its points."""
        own = self.about(row)
        said = {(one.kind, one.exercise, one.subject): one for one in own}
        manual, told = self._written(said)
        late, notes = self._lateness(row, said.get((Kind.EXTEND, "", "")))
        handed_in = msgspec.structs.replace(row.handed_in, marked_late=late > timedelta())
        penalty = self.late.penalty(late) if self.late and late else 0.0
        adjusted = said.get((Kind.ADJUST, "", ""))
        if late:
            days = f"{number(round(late / DAY, 2))} days late" if late > UNKNOWN else "late"
            told.append(f"Handed in {days}{f' (due {when(self.due)})' if self.due else ''}.")
        if extension := said.get((Kind.EXTEND, "", "")):
            told.append(_extended(extension))
        if penalty:
            told.append(f"Being late costs {number(round(100 * penalty, 2))}%.")
        if adjusted:
            told.append(f"{adjusted.value:+g} points in the end{_why(adjusted)}.")
        graded = row.report.exercises if row.report else []
        judged = {(exercise.name, check.name) for exercise in graded for check in exercise.checks}
        told += [
            f"Comment{_place(one)}: {one.value}"
            for one in own
            if one.kind is Kind.COMMENT and (one.exercise, one.subject) not in judged
        ]
        fields: dict[str, Any] = {name: getattr(row, name) for name in Row.__struct_fields__}
        fields |= {"handed_in": handed_in, "late": late if late > UNKNOWN else None, "notes": [*row.notes, *notes]}
        scored = Scored(
            **fields, manual=manual, penalty=penalty, adjusted=adjusted.value if adjusted else 0.0, told=told
        )
        if row.report:
            scored.report = self._decided(row.report, own, bool(row.handed_in.source))
        return scored

    def _decided(self, report: Report, own: list[Decision], there: bool) -> Report:
        touched = {exercise for exercise, _ in self._of_all} | {one.exercise for one in own}
        exercises = []
        for exercise in report.exercises:
            if exercise.name in touched:
                checks = [self._check(check, exercise, own, there) for check in exercise.checks]
                exercise = msgspec.structs.replace(exercise, checks=checks)
            exercises.append(exercise)
        return msgspec.structs.replace(report, exercises=exercises)

    def _check(self, check: CheckResult, exercise: ExerciseResult, own: list[Decision], there: bool) -> CheckResult:
        of_all = self.about_check(exercise.name, check.name)
        mine = [one for one in own if (one.exercise, one.subject) == (exercise.name, check.name)]
        if not of_all and not mine:
            return check
        words = []
        if changed := of_all.get(Kind.POINTS):
            check = msgspec.structs.replace(check, points=changed.value)
        points, given = check.points, check.given
        if dropped := of_all.get(Kind.DROP):
            points, given = 0.0, 0.0
            words.append(f"This check counts for nobody{_why(dropped)}.")
        elif everybody := of_all.get(Kind.GIVE):
            given = check.points if there and exercise.handed_in else 0.0
            words.append(f"Everybody who handed in has these points{_why(everybody)}.")
        if (bonus := of_all.get(Kind.BONUS)) and not dropped:
            points, given = 0.0, check.earned if given is None else given
            words.append(f"These points are a bonus{_why(bonus)}.")
        for one in mine:
            if one.kind is Kind.OVERRIDE and not dropped:
                given = one.value
                words.append(f"Decided: {number(one.value)} of {number(check.points)} points{_why(one)}.")
            elif one.kind is Kind.COMMENT:
                words.append(f"Comment: {one.value}")
        return msgspec.structs.replace(check, points=points, given=given, decided="\n".join(words))

    def _written(self, said: dict[tuple[Kind, str, str], Decision]) -> tuple[dict[str, float], list[str]]:
        """Points of written questions, and what is said of them."""
        points, told = {}, []
        for name, question in self.questions.items():
            mark, ticks = (said.get((kind, "", name)) for kind in (Kind.MARK, Kind.TICKS))
            if not mark and not ticks:
                continue
            points[name] = mark.value if mark else question.worth(ticks.value if ticks else ())
            most = f" of {number(question.points)}" if question.points is not None else ""
            reasons = "; ".join(ticks.value) if ticks else ""
            told.append(f"Written question {name}: {number(points[name])}{most} points.{reasons and f' {reasons}.'}")
        return points, told

    def _lateness(self, row: Row, extension: Decision | None) -> tuple[timedelta, list[str]]:
        """How late a submission is, and what to note of it; not late at all is a time of nothing."""
        submitted = row.handed_in.submitted
        if not row.handed_in.source or (extension and extension.value == EXCUSED):
            return timedelta(), []
        if extension:
            until = datetime.fromisoformat(extension.value)
            if submitted:
                return max(timedelta(), submitted - until), []
            if row.late is not None and self.due:
                return max(timedelta(), row.late - (until - self.due)), []
            return timedelta(), ["When it was handed in is not told: the extension counts as kept."]
        if row.late is not None:
            return row.late, []
        if self.due and submitted:
            return max(timedelta(), submitted - self.due), []
        if row.handed_in.marked_late:
            return UNKNOWN, ["How late is not told: counted as the least there is."] if self.late else []
        return timedelta(), []


def when(time: datetime | None) -> str:
    """A time with its zone, as 2026-12-01 23:59 UTC-08:00."""
    return f"{time:%Y-%m-%d %H:%M %Z}" if time else ""


def _marks(table: Decision) -> Iterator[Decision]:
    """A table of written points as marks, which others override, and comments."""
    for names, points, comments in table.value:
        for question, mark in points.items():
            yield Decision(kind=Kind.MARK, student=tuple(names), subject=question, value=mark)
        for question, comment in comments.items():
            yield Decision(kind=Kind.COMMENT, student=tuple(names), subject=question, value=comment)


def _questions(decisions: list[Decision]) -> dict[str, Question]:
    found: dict[str, Question] = {}
    for one in decisions:
        if one.kind in (Kind.QUESTION, Kind.RUBRIC, Kind.MARK, Kind.TICKS):
            question = found.setdefault(one.subject, Question(one.subject, None, {}))
            if one.kind is Kind.QUESTION:
                found[one.subject] = question._replace(points=one.value)
            elif one.kind is Kind.RUBRIC:
                found[one.subject] = question._replace(items=dict(one.value))
    return found


def _by_row(rows: Iterable[Row], decisions: list[Decision]) -> tuple[dict[str, list[Decision]], list[str]]:
    """Decisions by the rows that they are about, and whom the others are about."""
    indexed = index(rows)
    of_each: dict[str, list[Decision]] = {}
    unknown: dict[str, None] = {}
    for one in decisions:
        stems = fitting(indexed, one.student)
        for stem in stems:
            of_each.setdefault(stem, []).append(one)
        if not stems:
            unknown[one.student[0]] = None
    return of_each, list(unknown)


def index(rows: Iterable[Row]) -> dict[str, list[Person]]:
    """Return rows by all that may name them, as a person whose id is the stem and whose name is the row's id."""
    return people.index(Person(id=row.stem, name=row.id, ids=people.ids(*row.names)) for row in rows)


def fitting(indexed: dict[str, list[Person]], names: Iterable[str]) -> list[str]:
    """Stems of the rows that some names mean, the surest name first: several where a student handed in twice."""
    for name in names:
        for one in sorted(people.ids(name)):
            found = indexed.get(one, [])
            if len(found) == 1 or (found and all(person.name == found[0].name for person in found)):
                return [person.id for person in found]
    return []


def _last(own: list[Decision]) -> list[Decision]:
    """The last decision on each matter: a student who has got another id since is still the same one."""
    last: dict[tuple[Kind, str, str, str], Decision] = {}
    for one in own:
        comment = str(one.value) if one.kind is Kind.COMMENT else ""
        last[one.kind, one.exercise, one.subject, comment] = one
    return list(last.values())


def _extended(extension: Decision) -> str:
    if extension.value == EXCUSED:
        return f"Being late is excused{_why(extension)}."
    return f"Your deadline was extended to {when(datetime.fromisoformat(extension.value))}{_why(extension)}."


def _place(comment: Decision) -> str:
    about = ", ".join(part for part in (comment.exercise, comment.subject) if part)
    return f" on {about}" if about else ""


def _why(decision: Decision) -> str:
    return f": {decision.comment.rstrip('.')}" if decision.comment else ""
