"""Reports as Gradescope's results.json.

See https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from typing import Any

from autograder.grading import catalog
from autograder.report import stages, student
from autograder.results import CheckResult, ExerciseResult, Report, Verdict, number
from autograder.untrusted import clean

FAULTY = (
    "Some checks could not be judged, through a fault of the grader: this score is no verdict. Please tell the course "
    "staff, who read the cause in the output that is for them, and can start the grader again."
)
TEXT = "text"  # shown as it is, and escaped by Gradescope


def results(report: Report) -> dict[str, Any]:
    """What Gradescope shows of a report: to the student no hidden input, and to staff no more (stdout has it)."""
    policy, way = catalog.homework(report.homework).hints, stages.in_the_handout(report.homework)
    seen = stages.staged(student.view(report), policy, way=way)
    tests = [
        _test(exercise, check, f"{major}.{minor}")
        for major, exercise in enumerate(seen.exercises, 1)
        for minor, check in enumerate(exercise.checks, 1)
    ]
    notes = [FAULTY, *seen.notes] if seen.grader_errors else list(seen.notes)
    notes += [seen.held_back] * bool(seen.held_back)
    if seen.optional:
        notes += [f"{seen.score}.", f"{seen.outside}."]
    return _page("\n".join(clean(note) for note in notes), tests) | {
        "score": seen.earned,
        "execution_time": round(seen.seconds, 2),
    }


def refused(reason: str) -> dict[str, Any]:
    """No points, and why nothing was graded."""
    return _page(clean(reason), [])


def unfinished(reason: str = "") -> dict[str, Any]:
    """What stands there from the beginning, for when nothing else comes to stand there."""
    said = "The grader did not finish. This is no verdict on your work: please tell the course staff."
    return refused(f"{said}\n{reason}".rstrip())


def _page(output: str, tests: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "score": 0.0,
        "output": output,
        "output_format": TEXT,
        "test_output_format": TEXT,
        "test_name_format": TEXT,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _test(exercise: ExerciseResult, check: CheckResult, place: str) -> dict[str, Any]:
    points = {"score": check.earned, "max_score": check.points} if exercise.required else {}  # Gradescope adds them up
    return {
        "name": clean(check.title),
        "number": place,
        **points,
        "status": "passed" if check.verdict is Verdict.PASS else "failed",
        "output": _said(exercise, check),
        "output_format": TEXT,
        "visibility": "visible",
        "tags": [exercise.name, check.verdict.value, *_marks(exercise, check)],
    }


def _marks(exercise: ExerciseResult, check: CheckResult) -> list[str]:
    return [word for word, holds in (("trains", check.training), ("optional", not exercise.required)) if holds]


def _said(exercise: ExerciseResult, check: CheckResult) -> str:
    """Verdict, what was seen, which mistake gives just this, and the hint."""
    outside = "" if exercise.required else f"{number(check.earned)} of {number(check.points)} points outside the sum"
    if check.verdict is Verdict.PASS:
        return outside
    before, after = check.seen
    lines = [outside, f"{exercise.file}: {check.verdict.value}", before, check.likely, after]
    lines += [f"{word}: {text}" for word, text in check.advice]
    return clean("\n".join(line for line in lines if line))
