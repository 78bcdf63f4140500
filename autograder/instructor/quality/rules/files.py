"""Rules about the files of an exercise as a whole."""

from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.instructor import generated as generating
from autograder.instructor import new, solution_regions
from autograder.instructor.texts import task


def page(exercise: Exercise) -> Iterator[str]:
    """Look whether exercise.toml can be read and is filled in."""
    for field in ("title", "paper", "shape", "homework"):
        if not getattr(exercise.page, field).strip():
            yield f"{exercise.place}/exercise.toml: {field} is empty."


def written(exercise: Exercise) -> Iterator[str]:
    """Look for what a template left to be written."""
    return new.unwritten(exercise.folder)


def texts(exercise: Exercise) -> Iterator[str]:
    """Look whether task.md and cells.md can be read, and say what they must."""
    for title in task.NEEDED:
        if not task.section(exercise, title):
            yield f"{exercise.place}/{task.TASK}: There is nothing under `# {title}`."
    list(task.cells(exercise))


def gaps(exercise: Exercise) -> Iterator[str]:
    """Look at what the solution leaves for students to write."""
    name = f"{exercise.place}/solution.py"
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    found = list(solution_regions.hidden(solution, name))
    if not found:
        yield f"{name}: No part is marked {solution_regions.BEGIN} ... {solution_regions.END}: nothing is to do."
    lines = solution.splitlines()
    for first, _ in found:
        if not lines[first - 1].strip().startswith(f"{solution_regions.TODO} "):
            yield f"{name}:{first}: Say what is to do, in lines with `{solution_regions.TODO} `."


def generated(exercise: Exercise) -> Iterator[str]:
    """Look whether the student's file, and README and notebook of its homework, are what the folders give."""
    for name in generating.stale(exercise.homework):
        yield f"{name}: It is not what the exercises' folders give; run `{generating.COMMAND}`."
