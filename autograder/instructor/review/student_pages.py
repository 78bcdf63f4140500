"""Pages about one student: verdicts, code and answers, with what was decided."""

from typing import NamedTuple

from flask import Blueprint, Response, abort, g, render_template, request

from autograder.instructor.decisions.log import Decision, Kind
from autograder.instructor.review import code_lines, filters, question_pages
from autograder.instructor.review.class_pages import possible
from autograder.instructor.review.comment_bank import bank
from autograder.instructor.review.reviewed import Class, Student, kind_of, named
from autograder.paths import COURSE
from autograder.results import Report

HARMLESS = "default-src 'none'; sandbox"  # for bytes of a student's
# For a PDF in a frame of ours: browsers show it by a program of their own, which no sandbox lets them start.
FRAMED = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
blueprint = Blueprint("of_student", __name__)


class File(NamedTuple):
    """A student's file.

    Attributes:
        lines: of it; none if it is as it was handed out.
        opened: whether it is shown at once.
    """

    name: str
    lines: list[code_lines.Line]
    opened: bool


@blueprint.get("/student/<key>")
def student(key: str) -> str:
    """Show a student's verdicts, code and answers."""
    reviewed: Class = g.reviewed
    state = reviewed.state()
    own = named(state, key)
    asked = filters.asked(request.args)
    before, after, place, count = asked.around(list(state.students.values()), own)
    scored = reviewed.whole(own)
    on_lines: dict[tuple[str, int], list[Decision]] = {}
    for one in own.decided:
        file, _, line = one.subject.rpartition(":")
        if one.kind is Kind.COMMENT and line.isdecimal():
            on_lines.setdefault((file, int(line)), []).append(one)
    chosen = (request.args.get("file", ""), request.args.get("line", 0, type=int))
    files = _files(reviewed, own, scored.report, {chosen[0], *(file for file, _ in on_lines)})
    return render_template(
        "student.html.j2",
        own=own,
        scored=scored,
        asked=asked,
        before=before,
        after=after,
        place=place,
        count=count,
        possible=possible(reviewed),
        files=files,
        on_lines=on_lines,
        problem=reviewed.work.problem or reviewed.work.where(own.row)[1],
        job=reviewed.regrading.job(own.row.stem),
        written=reviewed.work.answers(own.row),
        questions=[question_pages.judged(own, one) for one in state.scoring.questions.values()],
        held={(one.kind, one.exercise, one.subject): one for one in own.decided},
        bank=bank(state),
        kind_of=kind_of,
        most=code_lines.LINES,
        Kind=Kind,
        line=chosen,
    )


@blueprint.get("/student/<key>/picture/<int:place>")
def picture(key: str, place: int) -> Response:
    """Send a picture that an answer shows, of a kind that its first bytes say."""
    pictures = g.reviewed.work.answers(named(g.reviewed.state(), key).row).pictures
    if place >= len(pictures):
        abort(404, "There is no such picture.")
    return _harmless(Response(pictures[place].content, mimetype=pictures[place].kind))


@blueprint.get("/student/<key>/pdf/<int:place>")
def pdf(key: str, place: int) -> Response:
    """Send a PDF to be kept: no browser shows it as a page of ours."""
    return _harmless(_pdf(key, place, "attachment"))


@blueprint.get("/student/<key>/pdf/<int:place>/shown")
def shown_pdf(key: str, place: int) -> Response:
    """Send a PDF that a page of ours shows in a frame."""
    response = _pdf(key, place, "inline")
    response.headers["Content-Security-Policy"] = FRAMED
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _pdf(key: str, place: int, shown: str) -> Response:
    own = named(g.reviewed.state(), key)
    content = g.reviewed.work.pdf(own.row, place)
    if not content:
        abort(404, "There is no such PDF.")
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'{shown}; filename="answers-{own.key}-{place + 1}.pdf"'
    return response


def _files(reviewed: Class, own: Student, report: Report | None, looked_at: set[str]) -> list[File]:
    """A student's files in the order of the exercises, open where there is something to be seen."""
    contents = reviewed.work.code(own.row).files
    found = []
    for exercise in reviewed.exercises:
        if (content := contents.get(exercise.file)) is None:
            continue
        stub = COURSE / exercise.file
        if stub.is_file() and content == stub.read_bytes():
            found.append(File(exercise.file, [], False))
            continue
        lines = code_lines.numbered(exercise.file, content, report)
        failed = any(name == exercise.name for name, _ in own.failing)
        marked = exercise.file in looked_at or any(one.failures or one.flags for one in lines)
        found.append(File(exercise.file, lines, failed or marked))
    return found


def _harmless(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = HARMLESS
    return response
