"""The text of a notebook as cells.

A text is Markdown. A block

    ```python episode

begins a cell of code with the id `episode`; what stands between two such blocks is a cell of text. Other blocks are
text. Three lines are instructions:

    <!-- readme: Notation -->                 the section of the homework's README, with its heading
    <!-- readme: Notation, paragraphs 1-2 --> its heading and first two paragraphs
    <!-- questions: Written questions -->     the same, and after each item of its numbered list a cell for the answer
    <!-- text: setup.md -->                   another text of this folder

and {homework} stands for the homework's name.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autograder.instructor.notebooks import readme
from autograder.paths import COURSE

HERE = Path(__file__).parent
CODE = re.compile(r"^```python(?: +(?P<name>\S+))?$")
INSTRUCTION = re.compile(
    r"^<!-- (?P<verb>readme|questions|text): (?P<what>.+?)(?:, paragraphs (?P<a>\d+)-(?P<b>\d+))? -->$"
)
ID = re.compile(r"[a-zA-Z0-9_-]{1,50}")
ANSWER = "*Your answer to question {number}: about three sentences, with the numbers and curves asked for.*"


class SourceError(Exception):
    """A text that cannot be read; says file, line and what to do."""


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


def cells(homework: str) -> list[Cell]:
    """The cells of a homework's notebook.

    Raises:
        SourceError: the text, or one that it takes in, cannot be read.
    """
    made: list[Cell] = []
    text: list[str] = []

    def finish(following: str) -> None:
        """End the text before a cell, and name it by that."""
        written = "\n".join(text).strip()
        text.clear()
        if written:
            made.append(Cell(f"{following}-text", "markdown", written))

    for place, part in _parts(HERE / f"{homework}.md", homework):
        if isinstance(part, str):
            text.append(part)
        else:
            finish(part.id.replace("question-1", "questions"))
            made.append(part)
        for cell in made[-2:]:
            if sum(other.id == cell.id for other in made) > 1:
                raise SourceError(f"{place}: there are two cells called {cell.id}; rename one.")
    finish("end")
    return made


def _parts(path: Path, homework: str) -> Iterator[tuple[str, str | Cell]]:
    """Lines of text and cells, each with its place for messages."""
    lines = iter(enumerate(path.read_text(encoding="utf-8").replace("{homework}", homework).splitlines(), start=1))
    for number, line in lines:
        place = f"{path.name}, line {number}"
        if code := CODE.match(line):
            yield place, Cell(_name(code["name"], place), "code", _block(lines, place))
        elif line.startswith("```"):
            yield place, "\n".join([line, _block(lines, place), "```"])
        elif instruction := INSTRUCTION.match(line):
            if instruction["verb"] == "text":
                if not (HERE / instruction["what"]).is_file():
                    raise SourceError(f"{place}: there is no text {instruction['what']} in this folder.")
                yield from _parts(HERE / instruction["what"], homework)
            else:
                for part in _from_readme(instruction, homework, place):
                    yield place, part
        elif line.startswith("<!--"):
            raise SourceError(f"{place}: this is no instruction: {line}")
        else:
            yield place, line


def _name(name: str | None, place: str) -> str:
    if name is None or not ID.fullmatch(name):
        raise SourceError(f"{place}: a block of code has a name of letters, digits and hyphens: ```python my-name")
    return name


def _block(lines: Iterator[tuple[int, str]], place: str) -> str:
    block: list[str] = []
    for _, line in lines:
        if line == "```":
            return "\n".join(block)
        block.append(line)
    raise SourceError(f"{place}: the block that begins here has no end.")


def _from_readme(instruction: re.Match[str], homework: str, place: str) -> Iterator[str | Cell]:
    file = COURSE / homework / "README.md"
    try:
        heading, *body = readme.section(file.read_text(encoding="utf-8"), instruction["what"])
    except (KeyError, OSError) as error:
        raise SourceError(f"{place}: {homework}/README.md: {error.args[0]}.") from None
    if instruction["a"]:
        first, last = int(instruction["a"]), int(instruction["b"])
        if not 1 <= first <= last <= len(body):
            raise SourceError(f"{place}: that section has {len(body)} paragraphs.")
        body = body[first - 1 : last]
    number = 0
    for paragraph in (heading, *body):
        questions = readme.items(paragraph) if instruction["verb"] == "questions" else []
        for question in questions:
            number += 1
            yield Cell(f"question-{number}", "markdown", question)
            yield Cell(f"answer-{number}", "markdown", ANSWER.format(number=number), ("answer",))
        if not questions:
            yield f"{paragraph}\n"
    if instruction["verb"] == "questions" and not number:
        raise SourceError(f"{place}: that section has no numbered list.")
