"""What became of each check, run after run: a small file beside the student's own work.

It decides when a report says how to mend a mistake, and `python -m autograder history` draws it. Nothing of it leaves
the machine. Where it cannot be read or written, nothing is remembered.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from autograder.grading import catalog
from autograder.paths import COURSE
from autograder.report import stages
from autograder.results import Report, Verdict
from autograder.writing import write_whole

FOLDER = COURSE / ".autograder"
NAME = "history.jsonl"
LARGEST = 2**21  # bytes: then the older half goes

Place = tuple[str, str]  # an exercise and the name of one of its checks


class Run(msgspec.Struct):
    """One run of the grader on the student's own work.

    Attributes:
        time: when it ended, with its zone.
        homework: "hw1" or "hw2".
        seed: from which its inputs were drawn.
        verdicts: of the checks that were run, by exercise and name.
    """

    time: datetime
    homework: str
    seed: int
    verdicts: dict[str, dict[str, Verdict]]


def read(folder: Path | None = None) -> list[Run]:
    """Return the runs, oldest first; lines that cannot be read are passed over."""
    path = (folder or FOLDER) / NAME
    try:
        if path.stat().st_size > 2 * LARGEST:
            return []
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    runs = []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            runs.append(msgspec.json.decode(line, type=Run))
    return runs


def failed(runs: Iterable[Run]) -> set[Place]:
    """Return the checks that failed when they were last judged."""
    found: set[Place] = set()
    for run in runs:
        for exercise, verdicts in run.verdicts.items():
            for check, verdict in verdicts.items():
                if verdict is Verdict.PASS:
                    found.discard((exercise, check))
                elif verdict not in (Verdict.NOT_RUN, Verdict.GRADER_ERROR):
                    found.add((exercise, check))
    return found


def seed_of(runs: Iterable[Run], place: Place) -> int | None:
    """Return the seed of the last run in which a check was judged and did not pass; None if there is none."""
    exercise, check = place
    passed = (None, Verdict.PASS, Verdict.NOT_RUN, Verdict.GRADER_ERROR)
    seeds = [run.seed for run in runs if run.verdicts.get(exercise, {}).get(check) not in passed]
    return seeds[-1] if seeds else None


def remember(report: Report, folder: Path | None = None) -> None:
    """Add a report of the student's own work."""
    folder = folder or FOLDER
    verdicts = {
        exercise.name: {check.name: check.verdict for check in exercise.checks} for exercise in report.exercises
    }
    run = Run(datetime.now().astimezone().replace(microsecond=0), report.homework, report.seed or 0, verdicts)
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")  # it is nobody else's
        path = folder / NAME
        lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        if sum(map(len, lines)) > LARGEST:
            lines = lines[len(lines) // 2 :]
        write_whole(path, b"".join([*lines, b"\n" * bool(lines and not lines[-1].endswith(b"\n"))]) + _line(run))


def staged(report: Report, *, own: bool, asked: bool) -> Report:
    """Return a report with how to mend a mistake where it is due; one of the student's own work is remembered.

    Args:
        report: what the grader says.
        own: whether it is of the work in the course folder.
        asked: whether the student has asked how to mend what is wrong.
    """
    before = failed(read()) if own else set()
    if own:
        remember(report)
    return stages.staged(report, catalog.homework(report.homework).hints, asked=asked, before=before)


def _line(run: Run) -> bytes:
    return msgspec.json.encode(run) + b"\n"
