"""Whether verdicts depend on luck: python -m benchmarks.verdicts hw2 [--runs 50] [--full]

Grades the reference and three partial solutions many times, each time with a fresh seed, and lists every change of a
verdict. Partial solutions are the reference with mutants in it.
"""

import argparse
import collections
import secrets
import sys

from rich.console import Console
from rich.progress import track

from autograder.grading import grade
from autograder.grading.catalog import exercises
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import references
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.intake.submission import Submission
from autograder.results import Report

PARTIAL = 3


def main() -> int:
    """Grade, and print what changed; exit status 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homework")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--full", action="store_true", help="with the checks that train")
    options = parser.parse_args()
    changed = 0
    for name, handed_in in solutions(options.homework).items():
        seen: dict[str, collections.Counter[str]] = {}
        points: collections.Counter[float] = collections.Counter()
        for _ in track(range(options.runs), name[:60], console=Console(stderr=True), transient=True):
            report = once(options.homework, handed_in, fast=not options.full)
            points[report.earned] += 1
            for check in report.checks:
                seen.setdefault(check.name, collections.Counter())[check.verdict.value] += 1
        changes = {check: dict(verdicts) for check, verdicts in seen.items() if len(verdicts) > 1}
        changed += len(changes)
        earned = "/".join(f"{p:g}" for p in points)
        print(f"{name}: {options.runs} runs, {earned} points, changes of a verdict: {changes or 'none'}", flush=True)
    return int(changed > 0)


def once(homework: str, handed_in: Submission, *, fast: bool) -> Report:
    """A report for a fresh seed."""
    return grade.grade(
        homework, handed_in, settings=Settings(secrets.randbelow(2**31), Drawings.find(), Live()), subject="", fast=fast
    )


def solutions(homework: str) -> dict[str, Submission]:
    """The reference, and the reference with the first mutant of each exercise, then the second ones, ..."""
    found = {"the reference": references.solutions(homework)}
    for number in range(PARTIAL):
        files, names = dict(references.solutions(homework).files), []
        for exercise in exercises(homework):
            known = mutants.load(exercise)
            mutant = known[number % len(known)]
            files[exercise.file] = mutant.apply(files[exercise.file].decode()).encode()
            names.append(mutant.name)
        found[" + ".join(names)] = Submission(files)
    return found


if __name__ == "__main__":
    sys.exit(main())
