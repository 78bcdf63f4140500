"""What the assignment texts show of the checks."""

from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.grading.grade import checks
from autograder.grading.referee import describe


def tables(listed: list[Exercise]) -> Iterator[str]:
    """The checks of exercises and their points, a table for each, line by line."""
    for exercise in listed:
        described = [describe(check) for check in checks(exercise)]
        total = sum(check.points for check in described)
        optional = "" if exercise.required else ", optional"
        yield from (
            *([""] if exercise is not listed[0] else []),
            f"**{exercise.title}** (`{exercise.file}`, {total:g} points{optional})",
            "",
            "| points | what must hold |",
            "|---|---|",
        )
        for check in described:
            yield f"| {check.points:g} | {check.title}{' *(trains)*' if check.training else ''} |"
