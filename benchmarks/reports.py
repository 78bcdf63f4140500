"""What students read: reports of the mistakes that are examples, into docs/reports.md: python -m benchmarks.reports"""

import io
from pathlib import Path

from rich.console import Console

from autograder.grading import catalog, grade
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.intake.submission import Submission
from autograder.report import terminal
from autograder.results import Verdict

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEAD = """# What a student reads

The reports on solutions with one of the mistakes that are made most. `python -m benchmarks.reports` writes this page
from the mutants that are `(an example)`; checks that pass are left out here. A first report ends with the hint; how to
mend it comes with `--hint`, or at the second failure.

How reports do on mistakes that these checks had not seen, measured on 28 and 29 November 2026. Solutions with one
mistake each were written as students would write them, in other words than the reference's, before any was graded. Each
report was rated by how straight its first failure leads to the mend: 3 where it names the mistake or the very line, 2
where it is the right place, 1 where it is far away, 0 where nothing is said. A pair is two mistakes at once.

| | mistakes | noticed | named, of all that was wrong | named wrongly | rated, of 3 |
|---|---|---|---|---|---|
| a first set, in a handout | 71, and 4 pairs | all | 70 of 79 | 1 | 2.88 |
| a second set of rarer ones, after the first showed what to mend | 22, and 2 pairs | all but 1 | 11 of 26 | 0 | 2.50 |
| a third set, none of the textbook's | 97, pairs among them | all but 4 | 55% | 1 | 2.37 |
| a fourth set, common and rare, of all 13 exercises | 56, and 8 pairs | all | 54.5 of 64 | 0 | 2.70 |
| a fifth set like the fourth, after that showed what to mend | 56, and 8 pairs | all | 56.5 of 64 | 0 | 2.84 |
| a sixth set, after the fifth | 42, and 6 pairs | all | 45.5 of 48 | 0 | 2.88 |
| a seventh set, after the sixth | 53, and 8 pairs | all but 1 | 57 of 61 | 0 | 2.86 |

In the last five sets a pair counts as one, and as half where one of its two mistakes has a name. In the sixth a right
name was missing for a worse reason: one mistake was called a fault of the grader. In the seventh the 60 reports are
rated 2.91; what was not noticed were labels in double precision, which the text forbade, the checks allow, and the
training converts. The text allows them now. What a set showed has been mended since, so it is no longer unseen.
"""


def main() -> None:
    """Write the page."""
    pages = [HEAD]
    for exercise in (exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)):
        for mutant in (mutant for mutant in mutants.load(exercise) if mutant.example):
            pages.append(f"## {exercise.title}: {mutant.name}\n\n```text\n{_report(exercise, mutant)}\n```\n")
    DOCS.mkdir(exist_ok=True)
    (DOCS / "reports.md").write_text("\n".join(pages), encoding="utf-8")


def _report(exercise: catalog.Exercise, mutant: mutants.Mutant) -> str:
    """The report's text, without the checks that pass."""
    wrong = Submission({exercise.file: mutant.apply((exercise.folder / "solution.py").read_text("utf-8")).encode()})
    report = grade.grade(
        exercise.homework,
        wrong,
        settings=Settings(7, Drawings(None), Live()),
        subject="",
        only=exercise.name,
        fast=True,
        confirm=False,
    )
    (result,) = report.exercises
    earned, points = report.earned, report.points
    result.checks = [check for check in result.checks if check.verdict is not Verdict.PASS]
    console = Console(file=io.StringIO(), width=100, highlight=False)
    terminal.show(report, console)
    assert isinstance(console.file, io.StringIO)
    body = console.file.getvalue().split("\n", 2)[2].rpartition(f"{exercise.homework}: ")[0].rstrip()
    return "\n".join(line.rstrip() for line in body.splitlines()) + f"\n\n{earned:g} of {points:g} points"


if __name__ == "__main__":
    main()
