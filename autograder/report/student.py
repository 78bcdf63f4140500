"""The student's report: what a grader's run may say where its inputs are secret.

A solution can put what it was given into an error message, a print or a name, and hidden inputs would leave that way.
So the student reads the check, the hint, the kind of failure and the place in their file, and no value.
"""

import msgspec

from autograder.results import CheckResult, ExerciseResult, Report, Verdict

KINDS = {
    Verdict.WRONG: "The answer is not what it must be.",
    Verdict.GRADER_ERROR: "This check failed through a fault of the grader; no points are lost for it without a look.",
}


def view(report: Report) -> Report:
    """Return the report without secrets: no seed, no values, no output, no flags."""
    exercises = [_exercise(exercise) for exercise in report.exercises]
    return msgspec.structs.replace(report, seed=None, exercises=exercises)


def _exercise(exercise: ExerciseResult) -> ExerciseResult:
    checks = [_check(check) for check in exercise.checks]
    problem = next((check.plain for check in exercise.checks if check.message == exercise.problem), exercise.problem)
    return msgspec.structs.replace(exercise, checks=checks, problem=problem, flags=[])


def _check(check: CheckResult) -> CheckResult:
    message = "" if check.verdict is Verdict.PASS else KINDS.get(check.verdict, check.plain)
    return msgspec.structs.replace(check, message=message, plain=message, picture="", printed="", traceback="")
