"""What the assignment texts show of the checks."""

from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.grading.checks import described
from autograder.results import number, total


def tables(listed: list[Exercise]) -> Iterator[str]:
    """The checks of exercises and their points, a table for each, line by line."""
    for exercise in listed:
        checks = described(exercise)
        points = number(total(check.points for check in checks))
        outside = "" if exercise.required else ", outside the sum"
        yield from (
            *([""] if exercise is not listed[0] else []),
            f"**{exercise.title}** (`{exercise.file}`, {points} points{outside})",
            "",
            "| points | what must hold |",
            "|---|---|",
        )
        for check in checks:
            yield f"| {number(check.points)} | {check.title}{' *(trains)*' if check.training else ''} |"
