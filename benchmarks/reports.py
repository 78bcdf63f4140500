"""What students read: ten reports of real mistakes, into docs/reports.md: python -m benchmarks.reports"""

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
CHOSEN = {
    "data_generator": ("support and query drawn by two calls", "query never shuffled"),
    "black_box": ("cross entropy over the wrong axis", "only the last label is hidden"),
    "protonet": ("distances not squared", "prototypes under no_grad", "softmax before the cross entropy"),
    "maml": ("first order: retain_graph", "graph built always", "no accuracy after the last step"),
}
HEAD = """# Ten reports

What a student reads whose solution has one of the mistakes that are made most. `python -m benchmarks.reports` writes
this page from the mutants; checks that pass are left out here.
"""


def main() -> None:
    """Write the page."""
    pages = [HEAD]
    for exercise in (exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)):
        known = {mutant.name: mutant for mutant in mutants.load(exercise)}
        for name in CHOSEN[exercise.name]:
            pages.append(f"## {exercise.title}: {name}\n\n```text\n{_report(exercise, known[name])}\n```\n")
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
