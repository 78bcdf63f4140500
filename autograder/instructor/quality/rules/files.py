"""Rules about the files of an exercise as a whole."""

import re
from collections.abc import Iterator

import click

from autograder.grading.catalog import Exercise
from autograder.instructor import generated as generating
from autograder.instructor import new, solution_regions
from autograder.instructor.texts import task
from autograder.paths import EXERCISES
from autograder.student import question_runs, training

TITLE = re.compile(r"\*\*(.+?)\*\*")  # the bold words with which a question begins


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


def runs(exercise: Exercise) -> Iterator[str]:
    """Look whether runs.toml has the questions of task.md in their order, and words that the training program takes."""
    place, listed = f"{exercise.place}/{question_runs.FILE}", question_runs.read(exercise)
    every = [Exercise(exercise.homework, path.parent.name) for path in EXERCISES.glob("*/exercise.toml")]
    asked, has = _titles(exercise, every), [question.title for question in listed.question]
    if asked != has:
        yield f"{place}: The questions of {task.TASK} begin with {asked}, and those here are {has}."
    for question in listed.question:
        needs = [other for other in every if other.name in question.needs]
        fewer = [[other for other in needs if other is not one] for one in needs]
        if question.title not in _titles(exercise, needs) or any(question.title in _titles(exercise, f) for f in fewer):
            yield f"{place}: {question.title!r} has another with = [...] than {task.TASK} has <!-- with NAME -->."
    lines = [(name, text.split()) for name, text in listed.train.items()]
    tested = [test for question in question_runs.questions(exercise.homework) for test in question.tests]
    lines += [
        (test.label, ["--test", "--checkpoint", "best.safetensors", *test.words])
        for test in tested
        if test.training.exercise.name == exercise.name
    ]
    for name, words in lines:
        try:
            training.load(exercise).command.make_context(exercise.name, words)
        except click.UsageError as error:
            yield f"{place}: The training program does not take the words of {name}: {error.format_message()}"


def _titles(exercise: Exercise, others: list[Exercise]) -> list[str]:
    """The bold words of the questions that task.md asks beside some other exercises."""
    found = [(TITLE.match(text), text) for text in task.questions(exercise, [exercise, *others])]
    return [title[1] if title else text.partition("\n")[0] for title, text in found]


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
