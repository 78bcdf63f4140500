"""A homework's text: its introduction.md with the tasks of its exercises in it, for the README or for the notebook.

introduction.md is Markdown as source.py reads it. Its instructions:

    <!-- in the README -->    what follows stands there alone; so does <!-- in the notebook -->, and
    <!-- in both -->          ends it
    <!-- setup -->            how all notebooks begin
    <!-- files -->            the table of the files that students fill in
    <!-- commands -->         rows for a table, those of the tasks
    <!-- problems -->         the tasks' sections; in the notebook with their cells
    <!-- points -->           the tables of points
    <!-- questions -->        the written questions, numbered through

In its paragraphs {title} stands for the homework's title, {points} for its points, {edited} for "two files", {files}
for their names, {example} for the name of an exercise, and {targets} for a sentence, if any.
"""

import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from autograder.grading import catalog
from autograder.grading.catalog import Exercise
from autograder.instructor import points
from autograder.instructor.texts import colab, task
from autograder.instructor.texts.source import Part, SourceError, parts, short
from autograder.paths import COURSE
from autograder.results import number

INTRODUCTION = "introduction.md"
SETUP = Path(__file__).parent / "setup.md"
README, NOTEBOOK = "README", "notebook"
PLACES = {"in the README": {README}, "in the notebook": {NOTEBOOK}, "in both": {README, NOTEBOOK}}
WORD = re.compile(r"\{(title|points|edited|files|example|targets)\}")
NO_PARAGRAPH = ("|", "#", "-", "```", " ")
WIDTH = 130  # of a paragraph in which something has been put
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def readme(homework: str, listed: list[Exercise]) -> str:
    """Put a homework's README together.

    Args:
        homework: its name.
        listed: its exercises, with their numbers in it.

    Raises:
        SourceError: a text cannot be used.
    """
    return "\n".join(part.content for part in put_together(homework, listed, README)) + "\n"


def put_together(homework: str, listed: list[Exercise], target: str) -> Iterator[Part]:
    """The parts of a homework's text: "text", "cell" and "question", no two empty lines after each other.

    Args:
        homework: its name.
        listed: its exercises, with their numbers in it.
        target: README or NOTEBOOK.

    Raises:
        SourceError: a text cannot be used.
    """
    empty = True
    for part in _with_badge(_put_together(homework, listed, target), homework):
        if part.kind != "text" or part.content or not empty:
            yield part
        empty = part.kind == "text" and not part.content


def _put_together(homework: str, listed: list[Exercise], target: str) -> Iterator[Part]:
    path = COURSE / homework / INTRODUCTION
    pieces: dict[str, Callable[[list[Exercise], str], Iterator[Part]]] = {
        "setup": lambda _listed, _target: _setup(homework),
        "files": lambda listed, _: _text(_files(listed)),
        "commands": lambda listed, _: _text(row for each in listed for row in task.section(each, "Commands")),
        "problems": _problems,
        "points": lambda listed, _: _text(points.tables(listed)),
        "questions": lambda listed, _: _questions(listed),
    }
    shown, used = PLACES["in both"], set()
    for part in _filled(parts(path, homework), homework, listed):
        if part.kind != "instruction":
            if target in shown:
                yield part
        elif part.content in PLACES:
            shown = PLACES[part.content]
        elif part.content in pieces:
            used.add(part.content)
            if target in shown:
                yield from pieces[part.content](listed, target)
        else:
            raise SourceError(f"{part.place}: this is no instruction for an introduction: <!-- {part.content} -->")
    if missing := sorted(pieces.keys() - used):
        raise SourceError(f"{short(path)}: there is no line <!-- {missing[0]} -->, which says where these go.")


def _with_badge(given: Iterator[Part], homework: str) -> Iterator[Part]:
    """The parts, with the badge that opens the notebook in Colab below the title, where there is one."""
    badge = colab.badge(homework)
    for part in given:
        yield part
        if badge and part.content.startswith("# "):
            yield from _text(["", badge])
            badge = ""


def _setup(homework: str) -> Iterator[Part]:
    repository, branch = catalog.homework(homework).published
    for part in parts(SETUP, homework):
        yield part._replace(content=part.content.replace("{repository}", repository).replace("{branch}", branch))


def _filled(given: Iterator[Part], homework: str, listed: list[Exercise]) -> Iterator[Part]:
    """The parts, with the words in the place of {points} and the like; a paragraph that has some is broken anew."""
    paragraph: list[Part] = []

    def finish() -> Iterator[Part]:
        joined = "\n".join(part.content for part in paragraph)
        if WORD.search(joined):
            filled = WORD.sub(lambda found: _word(found[1], homework, listed), joined)
            if not filled.startswith(NO_PARAGRAPH):
                filled = textwrap.fill(" ".join(filled.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
            yield Part("text", filled, paragraph[0].place)
        else:
            yield from paragraph
        paragraph.clear()

    for part in given:
        if part.kind == "text" and part.content.strip() and not part.content.startswith("```"):
            paragraph.append(part)
        else:
            yield from finish()
            yield part
    yield from finish()


def _word(word: str, homework: str, listed: list[Exercise]) -> str:
    required = [exercise for exercise in listed if exercise.required]
    if word == "title":
        return catalog.homework(homework).title
    if word == "points":
        return number(sum(exercise.worth for exercise in required))
    if word == "edited":
        count = NUMBERS[len(required)] if len(required) < len(NUMBERS) else str(len(required))
        return f"{count} file{'s' * (len(required) != 1)}"
    if word == "files":
        return ", ".join(f"`{exercise.file}`{_optional(exercise)}" for exercise in listed)
    if word == "example":
        return (required or listed)[-1].name
    targets = [" ".join(lines) for exercise in listed if (lines := task.section(exercise, "Target"))]
    if not targets:
        return ""
    *others, last = targets
    are = f"your targets are {', '.join(others)} and {last}" if others else f"your target is {last}"
    return f"At full length on all of Omniglot, {are}."


def _files(listed: list[Exercise]) -> Iterator[str]:
    yield from ("| file | you write |", "|---|---|")
    for exercise in listed:
        yield f"| `{exercise.file}`{_optional(exercise)} | {' '.join(task.section(exercise, 'You write'))} |"


def _problems(listed: list[Exercise], target: str) -> Iterator[Part]:
    for exercise in listed:
        heading = f"## Problem {exercise.number}: {exercise.page.title}{_optional(exercise)}"
        yield from _text(["", heading, "", *task.section(exercise, "Problem"), ""])
        if target == NOTEBOOK:
            yield from task.cells(exercise)
            yield from _text([""])


def _questions(listed: list[Exercise]) -> Iterator[Part]:
    asked = (question for exercise in listed for question in task.questions(exercise, listed))
    for place, question in enumerate(asked, start=1):
        begun = f"{place}. "
        yield Part("question", begun + question.replace("\n", "\n" + " " * len(begun)), "")


def _text(lines: Iterator[str] | list[str]) -> Iterator[Part]:
    return (Part("text", line, "") for line in lines)


def _optional(exercise: Exercise) -> str:
    return "" if exercise.required else " (optional)"
