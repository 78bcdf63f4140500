"""What the commands do: find the inputs, call the grader, show and save the report, choose the exit status."""

from pathlib import Path
from typing import NamedTuple

import click

from autograder import answer_key, fault, untrusted
from autograder.arguments import check_copy, check_writable, chosen, find_drawings
from autograder.exit_status import FULL_MARKS, GRADER_FAULT, LESS, NOTHING_TO_GRADE, USAGE
from autograder.grading.settings import Settings
from autograder.intake import submission
from autograder.isolation import levels
from autograder.level_words import NONE, WORDS
from autograder.paths import COURSE, GRADER
from autograder.report import files, student, terminal
from autograder.results import Report
from autograder.student import history
from autograder.writing import write_whole
from data import copies


class Source(NamedTuple):
    """What is graded.

    Attributes:
        path: a folder or archive; None for the work in the course folder.
        reference: the reference solutions instead.
        data: where drawings come from, as on the command line.
        allow_unsandboxed: grade others' work even where nothing keeps it apart.
        require: the level of isolation below which nothing is graded; None for no such level.
    """

    path: Path | None = None
    reference: bool = False
    data: str | None = None
    allow_unsandboxed: bool = False
    require: str | None = None


def grade(
    homework: str,
    source: Source,
    only: str | None,
    fast: bool,
    seed: int | None,
    written: dict[str, Path | None],
    *,
    hint: bool = False,
    verbose: bool = False,
) -> int:
    """Grade one submission and print its report; returns the exit status.

    Args:
        homework: "hw1" or "hw2".
        source: what is graded.
        only: name of one exercise.
        fast: leave the checks out that train.
        seed: of the inputs; None for a new one.
        written: files to write, by the options that ask for them.
        hint: whether the reports say how to mend what is wrong.
        verbose: whether the terminal has a line for each check that passes, and the hints of all that fail.
    """
    listed = chosen(homework, only)
    if not source.reference and source.path is None:
        check_copy()
    if source.reference and source.path:
        raise click.UsageError("--reference and --submission exclude each other.")
    files_to_write = {option: path for option, path in written.items() if path}
    for option, path in files_to_write.items():
        if option == "--feedback" and path.suffix not in files.RENDERERS:
            raise click.UsageError(f"--feedback writes {', '.join(files.RENDERERS)}, not {path.name}.")
        check_writable(option, path)
    drawings, seed = find_drawings(source.data), answer_key.seed_of(seed)
    try:
        handed_in = _solutions(homework) if source.reference else submission.collect(source.path or COURSE, homework)
    except submission.SubmissionError as error:
        click.echo(str(error), err=True)
        return NOTHING_TO_GRADE
    if not _may_run(source):
        return USAGE
    if drawings.folder is None and not source.data:
        click.echo(
            "Note: Omniglot is not here, and drawn handwriting serves instead.\n`python -m data.download` fetches it.",
            err=True,
        )
    place = untrusted.ending(copies.short(source.path or COURSE))
    subject = "the reference" if source.reference else place if source.path else f"the work in {place}"
    from autograder.grading import grade as grading

    there = [exercise for exercise in listed if not handed_in.lacks(exercise)]
    total = sum(not (fast and trains) for exercise in there for trains in exercise.outline().values())
    with terminal.Progressing(total) as progress:
        report = grading.grade(
            homework,
            handed_in,
            Settings(seed, drawings, answer_key.find(), pictures=source.path is None, observe=progress),
            subject=subject,
            only=only,
            fast=fast,
        )
    report = history.staged(report, own=not source.reference and source.path is None, asked=hint)
    lost = False
    for option, path in files_to_write.items():
        try:
            write_whole(path, _rendered(option, path, report).encode())
        except OSError as error:
            click.echo(f"{path} was not written, what was there is untouched. {fault.sentence(error)}", err=True)
            lost = True
    of_another = source.path is not None
    terminal.show(
        report,
        terminal.console(),
        of_another=of_another,
        tracebacks=of_another or source.reference,
        verbose=verbose,
    )
    drawn = sum(bool(check.picture) for check in report.checks)
    if drawn and not written["--html"]:
        click.echo(f"--html FILE writes this as a page, with {drawn} picture{'s' * (drawn > 1)} of what failed.")
    return GRADER_FAULT if lost else status(report)


def _solutions(homework: str) -> submission.Submission:
    if not (GRADER / "instructor").is_dir():
        raise click.UsageError("--reference needs the solutions, which a handout does not have.")
    from autograder.instructor import references

    return references.solutions(homework)


def _may_run(source: Source) -> bool:
    """Whether isolation allows it to be graded; says what there is to say."""
    found = levels.find()
    if shortfall := found.shortfall(source.require):
        click.echo(shortfall, err=True)
        return False
    if found.holds or source.reference:
        return True
    if source.path is None:
        click.echo(f"Note: your code runs without a full sandbox: {found.reason}.", err=True)
        return True
    click.echo(f"{WORDS[found.level]}\nWhy: {found.reason}.", err=True)
    if found.level == NONE and not source.allow_unsandboxed:
        click.echo("Nothing was graded. --allow-unsandboxed grades it nevertheless.", err=True)
        return False
    return True


def _rendered(option: str, path: Path, report: Report) -> str:
    """What an option writes into its file: the whole report, or for --feedback what the student may read of it."""
    if option == "--feedback":
        return files.RENDERERS[path.suffix](student.view(report))
    return files.RENDERERS[option.replace("--", ".")](report)


def status(report: Report) -> int:
    """Exit status: 0 full marks, 1 less, 3 the grader's own fault."""
    if report.grader_errors:
        return GRADER_FAULT
    return FULL_MARKS if report.complete else LESS


def list_checks(homework: str, only: str | None) -> int:
    """Print the checks of a homework and their points."""
    from autograder.grading.checks import described, exercise_result

    listed = [exercise_result(exercise, described(exercise)) for exercise in chosen(homework, only)]
    terminal.show_list(homework, listed, terminal.console())
    return 0
