"""Pages about the whole class: who is in it, its checks, similar submissions, and the log."""

from collections import Counter

from flask import Blueprint, g, render_template, request

from autograder.grading.checks import described
from autograder.instructor.decisions.log import Decision, Kind
from autograder.instructor.review import filters, forms
from autograder.instructor.review.reviewed import Class, Student
from autograder.results import total

LOGGED = 200  # decisions on a page
blueprint = Blueprint("of_class", __name__)


@blueprint.get("/")
def students() -> str:
    """Show who is in the class, as far as the filter asks for them."""
    reviewed: Class = g.reviewed
    everyone = list(reviewed.state().students.values())
    asked = filters.asked(request.args)
    return render_template(
        "class.html.j2",
        asked=asked,
        shown=asked.shown(everyone),
        everyone=everyone,
        checks=reviewed.checks(),
        sorts=filters.SORTS,
        possible=possible(reviewed),
        noted=noted,
    )


@blueprint.get("/checks")
def checks() -> str:
    """Show each check with its points, and how many fail it."""
    reviewed: Class = g.reviewed
    state = reviewed.state()
    failing = Counter(one for student in state.students.values() for one in student.failing)
    listed = [
        (exercise, [(check, state.scoring.about_check(exercise.name, check.name)) for check in described(exercise)])
        for exercise in reviewed.exercises
    ]
    return render_template("checks.html.j2", listed=listed, failing=failing, Kind=Kind)


@blueprint.get("/similar")
def similar() -> str:
    """Show groups and pairs of similar submissions, and what was found of each."""
    reviewed: Class = g.reviewed
    titles = {one.name: one.title for one in reviewed.exercises}
    found: dict[str, Decision] = {}
    for one in reviewed.state().everything:
        if one.kind is Kind.SIMILAR and one.number in reviewed.state().holding:
            found[forms.pair_key(titles.get(one.exercise, one.exercise), one.subject.split(" / "))] = one
    return render_template("similar.html.j2", pairs=reviewed.pairs(), found=found)


@blueprint.get("/log")
def log() -> str:
    """Show all that was decided, the newest first."""
    state = g.reviewed.state()
    newest = state.everything[::-1]
    page = max(1, request.args.get("page", 1, type=int))
    return render_template(
        "log.html.j2",
        listed=newest[(page - 1) * LOGGED : page * LOGGED],
        page=page,
        last=max(1, -(-len(newest) // LOGGED)),
        Kind=Kind,
    )


def possible(reviewed: Class) -> float:
    """Return the points that there are in the class, those of written questions included."""
    state = reviewed.state()
    reports = (one.scored.report for one in state.students.values())
    return total([next((one.points for one in reports if one), 0.0), state.scoring.possible])


def noted(student: Student) -> list[str]:
    """Return what the list says of a student beside verdicts and total."""
    decided = len(student.decided) - student.comments
    return [
        *student.troubles,
        *(["late"] if student.scored.handed_in.marked_late else []),
        *([f"⚑{student.flags}"] if student.flags else []),
        *([f"{len(student.ungraded)} to grade"] if student.ungraded else []),
        *([f"{student.comments} comment{'s' if student.comments > 1 else ''}"] if student.comments else []),
        *([f"{decided} decided"] if decided else []),
    ]
