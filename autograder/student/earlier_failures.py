"""Which checks failed the last time they were judged: a small file beside the student's own work.

It decides only when a report says how to mend a mistake. Where it cannot be read or written, nothing is remembered.
"""

import contextlib
from pathlib import Path

import msgspec

from autograder.paths import COURSE
from autograder.results import Report, Verdict
from autograder.writing import write_whole

FOLDER = COURSE / ".autograder"
NAME = "failures.json"
LARGEST = 2**20  # bytes

Failures = dict[str, list[str]]  # names of checks, by exercise


def read(folder: Path | None = None) -> set[tuple[str, str]]:
    """Return exercise and name of each check that failed when it was last judged."""
    folder = folder or FOLDER
    try:
        if (folder / NAME).stat().st_size > LARGEST:
            return set()
        failures = msgspec.json.decode((folder / NAME).read_bytes(), type=Failures)
    except (OSError, msgspec.DecodeError):
        return set()
    return {(exercise, check) for exercise, checks in failures.items() for check in checks}


def remember(report: Report, folder: Path | None = None) -> None:
    """Write down what failed in a report. What was not judged in it stays as it was."""
    folder = folder or FOLDER
    before = failed = read(folder)
    for exercise in report.exercises:
        for check in exercise.checks:
            place = (exercise.name, check.name)
            if check.verdict is Verdict.PASS:
                failed = failed - {place}
            elif check.verdict not in (Verdict.NOT_RUN, Verdict.GRADER_ERROR):
                failed = failed | {place}
    if failed == before:
        return
    table: Failures = {}
    for exercise_name, check_name in sorted(failed):
        table.setdefault(exercise_name, []).append(check_name)
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")  # it is nobody else's
        write_whole(folder / NAME, msgspec.json.format(msgspec.json.encode(table)) + b"\n")
