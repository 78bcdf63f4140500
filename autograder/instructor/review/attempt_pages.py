"""Pages about the attempts of one student: what became of each check, what changed in the code, and grading again."""

import difflib
import functools
from typing import NamedTuple

from flask import Blueprint, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from autograder.grading.checks import described
from autograder.instructor.classroom import attempts
from autograder.instructor.classroom.attempts import Attempt
from autograder.instructor.review.regrading import BusyError
from autograder.instructor.review.reviewed import Class, Student, kind_of, named
from autograder.results import Verdict

LINES = 1000  # compared of a file
AROUND = 3  # lines that are shown around a change
blueprint = Blueprint("of_attempts", __name__)


class Change(NamedTuple):
    """A line of a comparison.

    Attributes:
        kind: "old", "new", "same", or "gap" for lines that are left out.
        old, new: its numbers, from 1; None where it is not there.
    """

    kind: str
    old: int | None
    new: int | None
    text: str


class Step(NamedTuple):
    """A check whose verdict is another one than in the attempt before."""

    title: str
    before: str
    now: Verdict


@blueprint.get("/student/<key>/attempts")
def listed(key: str) -> str:
    """Show what is kept of a student's attempts, and two of them side by side."""
    reviewed: Class = g.reviewed
    own = named(reviewed.state(), key)
    kept = attempts.kept(reviewed.out, own.row.stem)
    new = _chosen("new", kept, len(kept))
    old = _chosen("old", kept, max(1, new - 1))
    return render_template(
        "attempts.html.j2",
        own=own,
        kept=kept,
        old=old,
        new=new,
        steps=[_steps(reviewed, before, now) for before, now in zip([None, *kept], kept, strict=False)],
        files=_compared(kept[old - 1], kept[new - 1]) if kept else [],
        newer=_versions(kept),
        job=reviewed.regrading.job(own.row.stem),
        problem=_problem(reviewed, own),
        kind_of=kind_of,
        most=attempts.MOST,
    )


@blueprint.post("/student/<key>/regrade")
def regrade(key: str) -> Answer:
    """Have a student graded again."""
    reviewed: Class = g.reviewed
    own = named(reviewed.state(), key)
    if problem := _problem(reviewed, own):
        abort(409, problem)
    try:
        reviewed.regrading.start(own.row.stem)
    except BusyError as error:
        abort(409, str(error))
    return redirect(f"/student/{own.key}/attempts", 303)


def _problem(reviewed: Class, own: Student) -> str:
    """Why a student cannot be graded again; empty if they can."""
    if not own.row.handed_in.source:
        return "Nothing was handed in."
    if reviewed.work.problem or not reviewed.regrading.possible:
        return reviewed.work.problem or "How the class was graded was not kept: the class command grades it again."
    return "" if reviewed.work.where(own.row)[0] else reviewed.work.where(own.row)[1]


def _chosen(name: str, kept: list[Attempt], otherwise: int) -> int:
    number = request.args.get(name, otherwise, type=int)
    return number if 1 <= number <= len(kept) else otherwise


def _versions(kept: list[Attempt]) -> list[bool]:
    """Of each attempt, whether another version of the checks judged it than the one before."""
    used = [{name: key.version for name, key in one.keys.items()} for one in kept]
    return [place > 0 and one != used[place - 1] for place, one in enumerate(used)]


def _steps(reviewed: Class, before: Attempt | None, now: Attempt) -> list[Step]:
    if before is None:
        return []
    titles = {(one.name, check.name): check.title for one in reviewed.exercises for check in described(one)}
    steps = []
    for exercise, verdicts in now.verdicts.items():
        earlier = before.verdicts.get(exercise, {})
        for check, verdict in verdicts.items():
            if earlier.get(check) is not verdict:
                was = earlier[check].value if check in earlier else "not there"
                steps.append(Step(titles.get((exercise, check), check), was, verdict))
    return steps


def _compared(old: Attempt, new: Attempt) -> list[tuple[str, list[Change], bool]]:
    """Files in which two attempts differ, with the lines around each change, and whether a file was cut."""
    found = []
    for name in sorted({*old.files, *new.files}):
        before, after = old.files.get(name, ""), new.files.get(name, "")
        if before != after:
            longest = max(len(before), len(after), 1)
            cut = longest >= attempts.LONGEST or max(before.count("\n"), after.count("\n")) >= LINES
            found.append((name, compared(before, after), cut))
    return found


@functools.lru_cache(16)
def compared(old: str, new: str) -> list[Change]:
    """Return the lines in which two texts differ, with some around them."""
    before, after = old.split("\n")[:LINES], new.split("\n")[:LINES]
    changes: list[Change] = []
    for group in difflib.SequenceMatcher(None, before, after).get_grouped_opcodes(AROUND):
        if changes:
            changes.append(Change("gap", None, None, ""))
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                both = zip(range(old_from, old_to), range(new_from, new_to), strict=True)
                changes += [Change("same", a + 1, b + 1, before[a]) for a, b in both]
            else:
                changes += [Change("old", place + 1, None, before[place]) for place in range(old_from, old_to)]
                changes += [Change("new", None, place + 1, after[place]) for place in range(new_from, new_to)]
    return changes
