"""Forms as decisions: what a page was sent, checked, and only what its author changed of what they saw."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from autograder.grading.catalog import Exercise
from autograder.grading.checks import described
from autograder.instructor.classroom import score
from autograder.instructor.classroom.score import checked_points, extension
from autograder.instructor.classroom.scoring import Question, Scoring
from autograder.instructor.classroom.similar import Pairs
from autograder.instructor.decisions.log import Decision, DecisionError, Kind
from autograder.instructor.review.reviewed import Class, Student
from autograder.results import CheckResult
from autograder.untrusted import clean

LONGEST = 10_000  # characters of a comment
NAME = 80  # characters of a question's name, or of a rubric's item
ITEM = re.compile(r"([+-]?[\d.,]+)\s+(\S.*)")
PLACE = re.compile(r"([\w./-]{1,200}\.py):([1-9]\d{0,5})")
UNCHANGED = "Nothing was changed: this is what holds already."


class Sent(NamedTuple):
    """A form that was sent.

    Attributes:
        reviewed: the class.
        fields: of the form.
        before: what was decided when the page was made.
        student: whom it is about, if it is about one.
    """

    reviewed: Class
    fields: "MultiDict[str, str]"
    before: Scoring
    student: Student | None

    def text(self, name: str, most: int = LONGEST) -> str:
        """Return a field without spaces around it, and with plain line ends.

        Raises:
            DecisionError: it is too long.
        """
        text = self.fields.get(name, "").replace("\r\n", "\n").strip()
        if len(text) > most:
            raise DecisionError(f"{len(text)} characters are too many: there may be {most}.")
        return clean(text, most)

    def points(self, name: str) -> float | None:
        """Return points; None where the field is empty.

        Raises:
            DecisionError: it is no number.
        """
        text = self.text(name, 100)
        return score.points(text) if text else None

    def whose(self) -> Student:
        """Return the student.

        Raises:
            DecisionError: the form names none.
        """
        if self.student is None:
            raise DecisionError("The form names no student of the class.")
        return self.student

    def exercise(self) -> Exercise:
        """Return the exercise that it names.

        Raises:
            DecisionError: there is none.
        """
        for one in self.reviewed.exercises:
            if one.name == self.fields.get("exercise"):
                return one
        raise DecisionError("The form names no exercise of this homework.")

    def check(self) -> tuple[str, CheckResult]:
        """Return the exercise's name and the check, with the points that it had when the page was made.

        Raises:
            DecisionError: there is none.
        """
        exercise = self.exercise()
        for check in described(exercise):
            if check.name == self.fields.get("subject"):
                changed = self.before.about_check(exercise.name, check.name).get(Kind.POINTS)
                if changed:
                    check.points = changed.value
                return exercise.name, check
        raise DecisionError("The form names no check of this homework.")

    def question(self) -> Question:
        """Return the written question.

        Raises:
            DecisionError: there is none.
        """
        name = self.fields.get("question", "")
        if name not in self.before.questions:
            raise DecisionError("There is no such question: make it on the page of questions.")
        return self.before.questions[name]


def decisions(sent: Sent) -> list[Decision]:
    """Return what a form decides.

    Raises:
        DecisionError: it is none that can be, or it changes nothing.
    """
    read = FORMS.get(sent.fields.get("form", ""))
    if read is None:
        raise DecisionError("There is no such form.")
    found = [one for one in read(sent) if one is not None]
    if not found:
        raise DecisionError(UNCHANGED)
    return found


def pair_key(exercise: str, names: list[str]) -> str:
    """Return what forms call some similar submissions, whatever their place in the list, and without names."""
    return hashlib.sha256("\n".join([exercise, *names]).encode()).hexdigest()[:20]


def alike(pairs: Pairs) -> dict[str, tuple[str, list[str]]]:
    """Return exercise and names of groups and pairs by their keys."""
    both = [(one.exercise, list(one.names)) for one in pairs.groups]
    both += [(one.exercise, [one.first[0], one.second[0]]) for one in pairs]
    return {pair_key(*one): one for one in both}


def rubric(text: str) -> list[list[Any]]:
    """Read a rubric: in each line the points of an item, and its label.

    Raises:
        DecisionError: a line is none, or two have one label.
    """
    items: dict[str, float] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        found = ITEM.fullmatch(line)
        if not found or len(found[2]) > NAME:
            raise DecisionError(f'"{line[:NAME]}" is no item of a rubric, as "-2 no proof": points, and a few words.')
        if found[2] in items:
            raise DecisionError(f'Two items are called "{found[2]}".')
        items[found[2]] = score.points(found[1])
    return [list(item) for item in items.items()]


def _changed(held: Decision | None, kind: Kind, value: Any, comment: str = "", **about: Any) -> Decision | None:
    """A decision, if it is another one than that which held; a value of None takes back what held.

    Raises:
        DecisionError: it holds by a table of points, which no decision on one student takes back.
    """
    if held and not held.number and value is None:
        raise DecisionError("These points are of the table of written points: decide on others, 0 included.")
    if held and held.number and about.get("student"):
        about["student"] = held.student
    if (value, comment if value is not None else "") == ((held.value, held.comment) if held else (None, "")):
        return None
    return Decision(kind=kind, value=value, comment=comment, **about)


def _held(sent: Sent, kind: Kind, exercise: str = "", subject: str = "") -> Decision | None:
    """What was decided about a student when the page was made."""
    found = None
    for one in sent.before.about(sent.whose().row):
        if (one.kind, one.exercise, one.subject) == (kind, exercise, subject):
            found = one
    return found


def _of_student(sent: Sent, kind: Kind, value: Any, why: str = "", **about: str) -> Decision | None:
    names = sent.whose().row.names
    return _changed(_held(sent, kind, **about), kind, value, why, student=names, **about)


def _override(sent: Sent) -> list[Decision | None]:
    exercise, check = sent.check()
    points = sent.points("value")
    if points is not None:
        checked_points(Kind.OVERRIDE, points, check)
    return [_of_student(sent, Kind.OVERRIDE, points, sent.text("why"), exercise=exercise, subject=check.name)]


def _said(sent: Sent, exercise: str = "", subject: str = "") -> list[Decision | None]:
    """A comment that was typed, and one that was used before; each is a matter of its own."""
    about: dict[str, Any] = {"student": sent.whose().row.names, "exercise": exercise, "subject": subject}
    texts = dict.fromkeys(filter(None, (sent.text("value"), sent.text("bank"))))
    return [Decision(kind=Kind.COMMENT, value=text, **about) for text in texts]


def _some(comments: list[Decision | None]) -> list[Decision | None]:
    if not comments:
        raise DecisionError("The comment is empty.")
    return comments


def _comment(sent: Sent) -> list[Decision | None]:
    return _some(_said(sent))


def _comment_on_check(sent: Sent) -> list[Decision | None]:
    exercise, check = sent.check()
    return _some(_said(sent, exercise, check.name))


def _comment_on_line(sent: Sent) -> list[Decision | None]:
    file, line = sent.text("file", 300), sent.text("line", 20)
    if file not in [one.file for one in sent.reviewed.exercises] or not PLACE.fullmatch(f"{file}:{line}"):
        raise DecisionError(f'"{line}" is no line of a file of this homework.')
    return _some(_said(sent, subject=f"{file}:{line}"))


def _adjust(sent: Sent) -> list[Decision | None]:
    return [_of_student(sent, Kind.ADJUST, sent.points("value"), sent.text("why"))]


def _extend(sent: Sent) -> list[Decision | None]:
    text = sent.text("value", 100)
    value = extension(text, sent.before.due) if text else None
    return [_of_student(sent, Kind.EXTEND, value, sent.text("why"))]


def _answer(sent: Sent) -> list[Decision | None]:
    """Items that hold, points whatever these say, and a comment: each only if it was changed."""
    question = sent.question()
    held = _held(sent, Kind.TICKS, subject=question.name)
    ticked = [label for label in question.items if label in sent.fields.getlist("tick")]
    judged = bool(ticked) or held is not None or sent.fields.get("full") == "1"
    mark = sent.points("mark")
    if mark is not None and mark < 0:
        raise DecisionError("An answer cannot have fewer than 0 points.")
    return [
        _of_student(sent, Kind.TICKS, ticked if judged else None, subject=question.name),
        _of_student(sent, Kind.MARK, mark, subject=question.name),
        *_said(sent, subject=question.name),
    ]


def _question(sent: Sent) -> list[Decision | None]:
    name = sent.text("question", NAME)
    if not name or "\n" in name:
        raise DecisionError("A question needs a name, as Q1, in one line.")
    points, items = sent.points("points"), rubric(sent.text("rubric"))
    if points is not None and points < 0:
        raise DecisionError("A question cannot have fewer than 0 points.")
    there = sent.before.questions.get(name)
    if points is None and not items and there is None:
        raise DecisionError("A question needs points, or a rubric.")
    found: list[Decision | None] = []
    if points != (there.points if there else None):
        found.append(Decision(kind=Kind.QUESTION, subject=name, value=points))
    if dict(items) != (there.items if there else {}):
        found.append(Decision(kind=Kind.RUBRIC, subject=name, value=items or None))
    return found


def _check(sent: Sent) -> list[Decision | None]:
    exercise, check = sent.check()
    of_all = sent.before.about_check(exercise, check.name)
    points, why = sent.points("points"), sent.text("why")
    if points is not None:
        checked_points(Kind.POINTS, points, check)
    worth = check.points if Kind.POINTS in of_all else None
    standard = next(one.points for one in described(sent.exercise()) if one.name == check.name)
    wanted: dict[Kind, Any] = {Kind.POINTS: None if points == standard else points}
    wanted |= {kind: True if sent.fields.get(kind.value) else None for kind in (Kind.DROP, Kind.GIVE, Kind.BONUS)}
    there = {kind: of_all[kind].value if kind in of_all else None for kind in wanted} | {Kind.POINTS: worth}
    return [
        Decision(kind=kind, exercise=exercise, subject=check.name, value=value, comment=why)
        for kind, value in wanted.items()
        if value != there[kind]
    ]


def _similar(sent: Sent) -> list[Decision | None]:
    listed = alike(sent.reviewed.pairs() or Pairs())
    if sent.fields.get("pair") not in listed:
        raise DecisionError("These submissions are not listed as similar any more.")
    exercise, names = listed[sent.fields["pair"]]
    name = next((one.name for one in sent.reviewed.exercises if one.title == exercise), exercise)
    value = sent.text("value", 200) or None
    about: dict[str, Any] = {"exercise": name, "subject": " / ".join(names), "comment": sent.text("why")}
    return [Decision(kind=Kind.SIMILAR, value=value, **about)]


FORMS: Mapping[str, Callable[[Sent], list[Decision | None]]] = {
    "override": _override,
    "comment": _comment,
    "comment-check": _comment_on_check,
    "comment-line": _comment_on_line,
    "adjust": _adjust,
    "extend": _extend,
    "answer": _answer,
    "question": _question,
    "check": _check,
    "similar": _similar,
}
