"""The commands that only students need, for the work in the course folder: watch, debug, history, submit, upgrade."""

from pathlib import Path

import click

from autograder import answer_key, manifest
from autograder.arguments import check_copy, check_writable, chosen, find_drawings
from autograder.exit_status import FULL_MARKS, LESS, NOTHING_TO_GRADE, USAGE
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.intake import submission
from autograder.paths import COURSE
from autograder.report import terminal
from autograder.results import Verdict
from autograder.student import history
from autograder.writing import write_whole


def watch(homework: str, only: str | None, seed: int | None, data: str | None) -> int:
    """Check an exercise whenever its file is saved, until the student quits; returns the exit status."""
    from autograder.student import watch as watching

    exercises = chosen(homework, only)
    check_copy()
    drawings = find_drawings(data)

    def settings() -> Settings:
        return Settings(answer_key.seed_of(seed), drawings, answer_key.find())

    watching.Watch(exercises, settings, terminal.console()).run()
    return FULL_MARKS


def debug(homework: str, only: str | None, words: str, seed: int | None, data: str | None) -> int:
    """Open the debugger on the inputs of one check; returns the exit status."""
    from autograder.student import debugging

    listed = chosen(homework, only)
    check_copy()
    runs = [run for run in history.read() if run.homework == homework]
    exercise, check = debugging.find(listed, words, history.failed(runs))
    if seed is None:
        seed = answer_key.find().seed or history.seed_of(runs, (exercise.name, check.name))
    try:
        handed_in = submission.collect(COURSE, homework)
    except submission.SubmissionError as error:
        click.echo(str(error), err=True)
        return NOTHING_TO_GRADE
    if exercise.file not in handed_in.files:
        click.echo(handed_in.problem(exercise), err=True)
        return NOTHING_TO_GRADE
    settings = Settings(answer_key.seed_of(seed), find_drawings(data), answer_key.find(), patience=debugging.PATIENCE)
    click.echo(f"{exercise.file}: {check.title}")
    found = debugging.debug(exercise, check.name, handed_in, settings)
    if found is not None:
        click.echo(f"{found.verdict.value}: {found.title}\n{found.message}".rstrip())
    return FULL_MARKS if found and found.verdict is Verdict.PASS else LESS


def draw_history(homework: str, page: Path | None) -> int:
    """Show what became of each check, run after run; returns the exit status."""
    from autograder.grading.checks import described
    from autograder.report import timeline

    if page:
        check_writable("--html", page)
    runs = [run for run in history.read() if run.homework == homework]
    if not runs:
        click.echo(f"Nothing is remembered of {homework} yet: `python -m autograder {homework}` begins it.", err=True)
        return NOTHING_TO_GRADE
    exercises = {
        exercise.name: (exercise.title, [(c.name, c.title, c.points) for c in described(exercise)])
        for exercise in chosen(homework, None)
    }
    table = timeline.Timeline(homework, exercises, [(run.time, run.verdicts) for run in runs])
    table.show(terminal.console())
    if page:
        write_whole(page, table.html().encode())
    return FULL_MARKS


def submit(homework: str, out: Path, graded: bool = True) -> int:
    """Pack what is handed in, and say what it earns as it is; returns the exit status.

    Args:
        homework: "hw1" or "hw2".
        out: the archive.
        graded: whether its checks are run, but for those that train.
    """
    from autograder.student import submit as packing

    chosen(homework, None)
    check_copy()
    check_writable("--out", out)
    try:
        packed = packing.pack(homework)
        write_whole(out, packed.content)
        handed_in = packing.check(out, homework, packed.names)
    except submission.SubmissionError as error:
        click.echo(f"Not packed: nothing in it could be graded. {error}", err=True)
        return NOTHING_TO_GRADE
    click.echo(f"{out}: {', '.join(packed.names)}.")
    for sentence in packed.missing:
        click.echo(f"Note: {sentence}", err=True)
    if graded:
        _show_score(homework, handed_in)
    by = _by(manifest.here())
    if packed.missing:
        click.echo(f"You can hand it in{by} as it is, without what is named above.")
        return LESS
    click.echo(f"The grader accepts it: hand it in{by}.")
    return FULL_MARKS


def _show_score(homework: str, handed_in: submission.Submission) -> None:
    """Say what the checks give now that do not train."""
    from autograder.grading import grade

    settings = Settings(answer_key.seed_of(None), Drawings.find(), answer_key.find())
    with terminal.console(stderr=True).status("checking what you hand in"):
        report = grade.grade(homework, handed_in, settings, subject=homework, fast=True)
    click.echo(
        ". ".join(filter(None, [f"{report.score}{report.beside and '; ' + report.beside}", report.outside])) + "."
    )


def _by(handout: manifest.Manifest | None) -> str:
    return f" by {handout.due}" if handout and handout.due else ""


def upgrade(new: Path) -> int:
    """Take the work in this folder over into a new handout; exit status 1 if something has no place in it."""
    from autograder.student import upgrade as upgrading

    check_copy()
    try:
        theirs, taken = upgrading.upgrade(new)
    except upgrading.UpgradeError as error:
        click.echo(str(error), err=True)
        return USAGE
    for file in taken:
        click.echo(f"{file.name}: {' '.join(file.messages) or 'taken over, all of it.'}")
    if not taken:
        click.echo("You have changed nothing here yet: there is nothing to take over.")
    click.echo(f"{new} is now yours, handout {theirs.version}; this folder is as it was.")
    click.echo("Install it before you go on there, as its README says: `python -m pip install -e .` in that folder.")
    return LESS if any(file.messages for file in taken) else FULL_MARKS
