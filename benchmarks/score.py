"""What scoring a graded class anew takes: python -m benchmarks.score [--students 2000]

Writes results of a class that nobody handed in, in which each student fails other checks, and measures
`python -m autograder score` on them, with a decision that changes all pages for students, and with one that changes a
single page: seconds, processor time, memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.grading import catalog
from autograder.grading.checks import described, exercise_result
from autograder.instructor.classroom import class_rows, pages
from autograder.instructor.classroom.layouts import HandedIn
from autograder.instructor.classroom.result_store import Remembered, Settings, Store
from autograder.results import Report, Verdict


def graded(homework: str, number: int) -> Report:
    """Give a student's verdicts: every third check fails, beginning with another one for each student."""
    results = []
    for exercise in catalog.exercises(homework):
        checks = described(exercise)
        for place, check in enumerate(checks):
            check.verdict = Verdict.PASS if (place + number) % 3 else Verdict.WRONG
            check.message = "" if check.verdict is Verdict.PASS else "expected 2.549, found 3.062\n" * 4
        results.append(exercise_result(exercise, checks))
    return Report(homework=homework, subject="", seed=7, data="glyphs", isolation="isolated", exercises=results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=2000)
    parser.add_argument("--homework", default="hw2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="score-") as name:
        out = Path(name) / "out"
        store = Store(out)
        found = [HandedIn(id=f"s{n}", name=f"Student {n}", source="x") for n in range(options.students)]
        with store.opened():
            store.keep(Settings(homework=options.homework, seed=7, options=Remembered()))
            rows = class_rows.gather(found, [])
            for row in pages.keep(out, (_with(row, options.homework) for row in rows)):
                row.report = None
        dropped = described(catalog.exercises(options.homework)[0])[0].name
        for words, decision in (("all pages", ["--give", dropped]), ("one page", ["--adjust", "s1", "1"])):
            began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "autograder", "score", str(out), *decision]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"{options.students} students, a decision that changes {words}: {time.monotonic() - began:.1f} s, "
                f"{seconds:.1f} s of processor time, at most {used.ru_maxrss / 1024:.0f} MB"
            )


def _with(row: class_rows.Row, homework: str) -> class_rows.Row:
    row.report = graded(homework, row.place)
    return row


if __name__ == "__main__":
    main()
