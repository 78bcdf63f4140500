"""All that is generated of a homework, from its introduction.md and its exercises' folders."""

from pathlib import Path

import click

from autograder import writing
from autograder.exit_status import GRADER_FAULT, LESS
from autograder.grading.catalog import Exercise, exercises, homeworks
from autograder.instructor import solution_regions
from autograder.instructor.texts import answers, assignment, colab, notebook, task
from autograder.instructor.texts.source import SourceError
from autograder.paths import COURSE

COMMAND = "python -m autograder write"


def files(homework: str, listed: list[Exercise] | None = None) -> dict[str, bytes]:
    """Generate the files of a homework: README, notebook, answers to be written, and stubs.

    Args:
        homework: its name.
        listed: its exercises, with their numbers in it; those of its homework.toml if left out.

    Returns:
        Contents by name, as "hw2/README.md".

    Raises:
        SourceError: a text cannot be used.
        solution_regions.RegionError: a solution has markers that do not pair up.
    """
    listed = exercises(homework) if listed is None else listed
    made = {
        f"{homework}/README.md": assignment.readme(homework, listed),
        f"{homework}/{homework}.ipynb": notebook.ipynb(homework, listed),
    }
    if colab.badge(homework):
        made[f"{homework}/{colab.PICTURE}"] = colab.picture()
    if any(task.questions(exercise, listed) for exercise in listed):
        made[f"{homework}/answers.md"] = answers.template(homework, listed)
    for exercise in listed:
        solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
        made[exercise.file] = solution_regions.stub(solution, f"{exercise.place}/solution.py")
    return {name: text.encode() for name, text in made.items()}


def stale(homework: str) -> dict[str, bytes]:
    """Find what is not as it would be generated: names and what they should hold.

    Raises:
        SourceError: a text cannot be used.
        solution_regions.RegionError: a solution has markers that do not pair up.
    """
    return {
        name: content
        for name, content in files(homework).items()
        if not (COURSE / name).is_file() or _unix(COURSE / name) != content
    }


def write(check: bool) -> int:
    """Write what is generated, or only say what is out of date; returns the exit status."""
    try:
        wanted = {name: content for homework in homeworks() for name, content in stale(homework).items()}
    except (SourceError, solution_regions.RegionError) as error:
        click.echo(str(error), err=True)
        return GRADER_FAULT
    for name, content in wanted.items():
        click.echo(f"{'out of date' if check else 'written'}: {name}")
        if not check:
            writing.write_whole(COURSE / name, content)
    if not wanted:
        click.echo("all that is generated is up to date")
    return LESS if wanted and check else 0


def _unix(path: Path) -> bytes:
    """A file's content with the lines' ends of Unix, whatever a checkout made of them."""
    return path.read_bytes().replace(b"\r\n", b"\n")
