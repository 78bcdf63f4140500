"""Curves and numbers under the questions of a student's answers.md: between two marks, and nothing else is touched."""

import re
from collections.abc import Iterable

BEGIN, END = "<!-- runs -->", "<!-- /runs -->"
BLOCK = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


class BlockError(Exception):
    """An answers.md in which a question's block has no place; the message says why."""


def put(content: bytes, title: str, titles: Iterable[str], lines: list[str]) -> bytes:
    """Put lines under a question, in the place of those that were put there before.

    Args:
        content: of the file.
        title: the question's bold words.
        titles: those of all questions.
        lines: Markdown.

    Returns:
        The file's new content. What stands outside of the marks is as it was, byte for byte.

    Raises:
        BlockError: the question is not in the file, a mark is missing, or the file is not in UTF-8.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise BlockError("is not in UTF-8: save it so") from None
    found = _quoted(title).search(text)
    if not found:
        raise BlockError(f"does not quote the question {title!r}")
    following = [other.start() for each in titles if each != title for other in _quoted(each).finditer(text)]
    end = min((start for start in following if start > found.start()), default=len(text))
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join([BEGIN, "", *lines, "", END])
    own = text[found.end() : end]
    if old := BLOCK.search(own):
        return (text[: found.end() + old.start()] + block + text[found.end() + old.end() :]).encode()
    if BEGIN in own or END in own:
        raise BlockError(f"has one of {BEGIN} and {END} under the question {title!r}: put the other one back, or none")
    before = "" if text[: found.end()].endswith("\n") else newline
    return (text[: found.end()] + before + newline + block + newline + own + text[end:]).encode()


def without(text: str) -> str:
    """Return answers without what was put under the questions."""
    return BLOCK.sub("", text)


def _quoted(title: str) -> re.Pattern[str]:
    """A question as answers.md quotes it: all lines of the quotation."""
    return re.compile(rf"^> \*\*{re.escape(title)}\*\*[^\n]*(?:\n>[^\n]*)*\n?", re.MULTILINE)
