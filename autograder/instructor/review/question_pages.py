"""Pages about written questions: which there are, and one question over all students."""

import re
from typing import NamedTuple

from flask import Blueprint, abort, g, render_template, request

from autograder.instructor.classroom.scoring import Question
from autograder.instructor.decisions.log import Decision, Kind
from autograder.instructor.review.comment_bank import bank
from autograder.instructor.review.reviewed import Class, Student
from autograder.instructor.texts import task
from autograder.instructor.texts.source import SourceError
from autograder.results import number

SHOWN = 20  # answers on a page
blueprint = Blueprint("of_questions", __name__)


class Judged(NamedTuple):
    """One student's answer, as far as it was judged.

    Attributes:
        ticked: labels of the items that hold; None if nobody said.
        mark: points whatever these say, for the form; empty if nobody said.
        points: that it has; None if it has none yet.
        comments: on it.
    """

    question: Question
    ticked: list[str] | None
    mark: str
    points: float | None
    comments: list[Decision]


def judged(student: Student, question: Question) -> Judged:
    """Return how a student's answer was judged."""
    about = [one for one in g.reviewed.state().scoring.about(student.row) if one.subject == question.name]
    held = {one.kind: one for one in about}
    return Judged(
        question,
        held[Kind.TICKS].value if Kind.TICKS in held else None,
        number(held[Kind.MARK].value) if Kind.MARK in held else "",
        student.scored.manual.get(question.name),
        [one for one in about if one.kind is Kind.COMMENT],
    )


@blueprint.app_template_global()
def digits(name: str) -> str:
    """Return the number in a question's name, by which answers are found; empty if it has none."""
    found = re.search(r"\d+", name)
    return str(int(found[0])) if found else ""


def asked_in_the_homework(reviewed: Class) -> dict[str, str]:
    """Return the homework's own written questions by their numbers, as answers.md and the notebook have them."""
    try:
        texts = [text for one in reviewed.exercises for text in task.questions(one, reviewed.exercises)]
    except (SourceError, OSError):
        return {}
    return {str(place): text for place, text in enumerate(texts, start=1)}


@blueprint.get("/questions")
def questions() -> str:
    """Show the questions with points and rubrics, and room for another one."""
    reviewed: Class = g.reviewed
    listed = reviewed.state().scoring.questions
    students = reviewed.state().students.values()
    handed_in = [one for one in students if one.row.handed_in.source]
    left = {name: sum(name in one.ungraded for one in handed_in) for name in listed}
    return render_template(
        "questions.html.j2",
        listed=listed.values(),
        left=left,
        handed_in=len(handed_in),
        asked=asked_in_the_homework(reviewed),
        known={digits(name) for name in listed},
    )


@blueprint.get("/answers/<path:name>")
def answers(name: str) -> str:
    """Show the answers to one question, student after student."""
    reviewed: Class = g.reviewed
    state = reviewed.state()
    question = state.scoring.questions.get(name)
    if question is None:
        abort(404, "There is no such question: make it on the page of questions.")
    only = request.args.get("left") == "1"
    students = [one for one in state.students.values() if one.row.handed_in.source]
    listed = [one for one in students if name in one.ungraded] if only else students
    last = max(1, -(-len(listed) // SHOWN))
    page = min(last, max(1, request.args.get("page", 1, type=int)))
    shown = []
    for one in listed[(page - 1) * SHOWN : page * SHOWN]:
        written = reviewed.work.answers(one.row)
        shown.append((one, judged(one, question), written, written.answers(digits(name))))
    return render_template(
        "answers.html.j2",
        question=question,
        shown=shown,
        only=only,
        page=page,
        last=last,
        count=len(listed),
        graded=sum(name not in one.ungraded for one in students),
        of=len(students),
        text=asked_in_the_homework(reviewed).get(digits(name), ""),
        bank=bank(state).get(("", name), []),
        problem=reviewed.work.problem,
    )
