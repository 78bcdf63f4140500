"""A text of an author, read: lines, cells of code and instructions, each with its place.

A text is Markdown. A block

    ```python episode

is a cell of a notebook, with the id `episode`; other blocks are text. A line

    <!-- questions -->

is an instruction: assignment.py and task.py say which there are. {homework} stands for the homework's name.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autograder.paths import COURSE

CELL = re.compile(r"^```python(?: +(?P<id>\S*))?$")
INSTRUCTION = re.compile(r"^<!-- (?P<words>.+?) -->$")
ID = re.compile(r"[a-zA-Z0-9_-]{1,50}")
LONGEST = 120  # characters of a line of code, as in all code of the course


class SourceError(Exception):
    """A text that cannot be used; the message says file, line and what to do."""


class Part(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: "text", a line or a whole block; "cell", code; "instruction", its words.
        content: without a newline at its end.
        place: as "hw2/introduction.md, line 7", for messages.
        id: of a cell.
    """

    kind: str
    content: str
    place: str
    id: str = ""


def parts(path: Path, homework: str) -> Iterator[Part]:
    """Read a text.

    Args:
        path: the text.
        homework: stands in the place of {homework}.

    Raises:
        SourceError: the text is not there, or cannot be read.
    """
    name = short(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(f"{name} is missing: write it; docs/authors.md says what stands in it.") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8: {error.reason} at byte {error.start}.") from None
    lines = iter(enumerate(text.replace("{homework}", homework).splitlines(), start=1))
    for number, line in lines:
        place = f"{name}, line {number}"
        if cell := CELL.match(line):
            yield Part("cell", _code(lines, name, number), place, _id(cell["id"], place))
        elif line.startswith("```"):
            yield Part("text", "\n".join([line, *(inner for _, inner in _block(lines, place)), "```"]), place)
        elif instruction := INSTRUCTION.match(line):
            yield Part("instruction", instruction["words"], place)
        else:
            yield Part("text", line, place)


def short(path: Path) -> str:
    """Name a file of the course, with forward slashes."""
    return path.relative_to(COURSE).as_posix() if path.is_relative_to(COURSE) else path.name


def _id(name: str | None, place: str) -> str:
    if name is None or not ID.fullmatch(name):
        raise SourceError(f"{place}: a cell has a name of letters, digits and hyphens: ```python my-name")
    return name


def _code(lines: Iterator[tuple[int, str]], name: str, begun: int) -> str:
    code = list(_block(lines, f"{name}, line {begun}"))
    for number, line in code:
        if len(line) > LONGEST:
            raise SourceError(
                f"{name}, line {number}: this line of code has {len(line)} characters; {LONGEST} are the most."
            )
    return "\n".join(line for _, line in code)


def _block(lines: Iterator[tuple[int, str]], place: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a block up to its end, which is taken too."""
    for number, line in lines:
        if line == "```":
            return
        yield number, line
    raise SourceError(f"{place}: the block that begins here has no end.")
