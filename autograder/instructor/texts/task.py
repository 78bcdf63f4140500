"""What an exercise's task.md and cells.md say.

task.md has sections, each under a heading of the first level:

    # You write     what the student fills in, for the table of files
    # Problem       the section of the assignment: equations, pitfalls
    # Commands      rows for the table of commands, those that train it; may be left out
    # Target        what its training is to reach, for a sentence; may be left out
    # Questions     the written questions, a numbered list; may be left out

A line <!-- with protonet --> above a question asks it only where the homework has that exercise too. Questions are
numbered through the homework, whatever numbers they have here.

cells.md is what the notebook has below the problem's section. Its cells run after the notebook's first ones, whatever
other problems' cells have run.
"""

import re
from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.instructor.texts.source import Part, SourceError, parts, short
from autograder.paths import EXERCISES

TASK, CELLS = "task.md", "cells.md"
NEEDED = ("You write", "Problem")
OPTIONAL = ("Commands", "Target", "Questions")
HEADING = re.compile(r"^# (.+)$")
ITEM = re.compile(r"^\d+\. ")
WITH = re.compile(r"^with (\w+)$")


def section(exercise: Exercise, title: str) -> list[str]:
    """The lines of a section of a task, blocks in one piece, without empty ones around them; [] if there is none.

    Raises:
        SourceError: the task cannot be read.
    """
    lines = [part.content for part in _sections(exercise).get(title, [])]
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def questions(exercise: Exercise, listed: list[Exercise]) -> Iterator[str]:
    """The written questions of a task, each without its number, further lines without their indentation.

    Args:
        exercise: whose task it is.
        listed: the exercises of the homework.

    Raises:
        SourceError: the task cannot be read.
    """
    names = {other.name for other in listed}
    asked: list[list[str]] = []
    needed, current = True, None
    for part in _sections(exercise).get("Questions", []):
        if part.kind == "instruction":
            needed = _needed(part, names)
        elif ITEM.match(part.content):
            current = [ITEM.sub("", part.content)]
            if needed:
                asked.append(current)
            needed = True
        elif part.content.startswith(" ") and current is not None:
            current.append(part.content.strip())
        elif part.content.strip():
            raise SourceError(f"{part.place}: a question begins with its number, and its further lines with spaces.")
    yield from map("\n".join, asked)


def cells(exercise: Exercise) -> Iterator[Part]:
    """The parts of a problem's cells; none if it has no cells.md.

    Raises:
        SourceError: they cannot be read.
    """
    path = exercise.folder / CELLS
    for part in parts(path, exercise.homework) if path.exists() else ():
        if part.kind == "instruction":
            raise SourceError(f"{part.place}: this is no instruction for cells: <!-- {part.content} -->")
        yield part


def _sections(exercise: Exercise) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    current: list[Part] | None = None
    for part in parts(exercise.folder / TASK, exercise.homework):
        if heading := HEADING.match(part.content):
            title = heading[1]
            if title not in (*NEEDED, *OPTIONAL):
                raise SourceError(
                    f"{part.place}: a task has no section {title!r}: they are {', '.join((*NEEDED, *OPTIONAL))}."
                )
            if title in found:
                raise SourceError(f"{part.place}: there is a section {title!r} already.")
            current = found.setdefault(title, [])
        elif part.kind == "cell":
            raise SourceError(f"{part.place}: cells stand in {CELLS}, beside this text.")
        elif part.kind == "instruction" and current is not found.get("Questions", ()):
            raise SourceError(f"{part.place}: this is no instruction for a task: <!-- {part.content} -->")
        elif current is not None:
            current.append(part)
        elif part.content.strip():
            raise SourceError(f"{part.place}: a task begins with the heading of a section, # {NEEDED[0]}.")
    for title in NEEDED:
        if not any(part.content.strip() for part in found.get(title, [])):
            raise SourceError(f"{short(exercise.folder / TASK)}: the section # {title} is missing, or empty.")
    return found


def _needed(part: Part, names: set[str]) -> bool:
    found = WITH.match(part.content)
    if not found or not (EXERCISES / found[1]).is_dir():
        raise SourceError(
            f"{part.place}: <!-- {part.content} --> is no instruction for a question: <!-- with NAME --> is, where "
            "NAME is an exercise."
        )
    return found[1] in names
