"""A homework's notebook: its cells, and these as .ipynb, the same bytes each time."""

import json
import re
from typing import Any, NamedTuple

from autograder.grading.catalog import Exercise
from autograder.instructor.texts.assignment import NOTEBOOK, put_together
from autograder.instructor.texts.source import SourceError

ANSWER = "*Your answer to question {number}: about three sentences, with the numbers and curves asked for.*"
MATH = re.compile(r"^```math\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class Cell(NamedTuple):
    """One cell of a notebook.

    Attributes:
        id: names it for as long as the notebook lives; a text's comes from what follows it.
        kind: "code" or "markdown".
        text: without a newline at its end.
        tags: as Jupyter's metadata has them.
    """

    id: str
    kind: str
    text: str
    tags: tuple[str, ...] = ()


def cells(homework: str, listed: list[Exercise]) -> list[Cell]:
    """Put a homework's notebook together.

    Args:
        homework: its name.
        listed: its exercises, with their numbers in it.

    Raises:
        SourceError: a text cannot be used.
    """
    made: list[Cell] = []
    text: list[str] = []
    places: dict[str, str] = {}  # id -> where the cell stands
    number = 0

    def finish(following: str) -> None:
        """End the text before a cell, and name it by that."""
        written = MATH.sub(r"$$\n\1\n$$", "\n".join(text).strip())
        text.clear()
        if written:
            made.append(Cell(f"{following}-text", "markdown", written))

    for part in put_together(homework, listed, NOTEBOOK):
        if part.kind == "question":
            number += 1
            finish("questions")
            made.append(Cell(f"question-{number}", "markdown", part.content))
            made.append(Cell(f"answer-{number}", "markdown", ANSWER.format(number=number), ("answer",)))
        elif part.kind == "cell":
            if part.id in places:
                raise SourceError(f"{part.place}: {places[part.id]} has a cell {part.id} too; rename one.")
            places[part.id] = part.place
            finish(part.id)
            made.append(Cell(part.id, "code", part.content))
        else:
            text.append(part.content)
    finish("end")
    return made


def ipynb(homework: str, listed: list[Exercise]) -> str:
    """A homework's notebook as its file has it, without outputs, as nbformat writes it.

    Raises:
        SourceError: a text cannot be used.
    """
    whole = {
        "cells": [_cell(cell) for cell in cells(homework, listed)],
        "metadata": METADATA,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    written: dict[str, Any] = {"cell_type": cell.kind, "id": cell.id}
    written["metadata"] = {"tags": list(cell.tags)} if cell.tags else {}
    written["source"] = cell.text.splitlines(keepends=True)
    return written | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})
