"""What the assignment texts show of the checks."""

from autograder.grading.catalog import exercises
from autograder.grading.grade import checks
from autograder.grading.referee import describe

BEGIN, END = "<!-- points:begin -->", "<!-- points:end -->"


def points_tables(homework: str) -> str:
    """The checks of a homework and their points, a table for each problem, between two markers."""
    lines = [BEGIN]
    for exercise in exercises(homework):
        described = [describe(check) for check in checks(exercise)]
        total = sum(check.points for check in described)
        lines += [
            "",
            f"**{exercise.title}** (`{exercise.file}`, {total:g} points)",
            "",
            "| points | what must hold |",
            "|---|---|",
        ]
        for check in described:
            lines.append(f"| {check.points:g} | {check.title}{' *(trains)*' if check.training else ''} |")
    return "\n".join([*lines, "", END])
