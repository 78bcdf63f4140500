"""Sections of a homework's README, as cells of its notebook take them."""

import re

FENCE = re.compile(r"^(```+|~~~+)")
HEADING = re.compile(r"^#+ (.+)$")
ITEM = re.compile(r"^\d+\. ")
MATH = re.compile(r"^```math\n(.*?)\n```$", re.DOTALL | re.MULTILINE)


def section(text: str, title: str) -> list[str]:
    """The paragraphs of a section, its heading first. Blocks of math are as notebooks write them, between $$.

    Args:
        text: of a README.
        title: the section's heading, without the #.

    Raises:
        KeyError: there is none of this title, or more than one.
    """
    found: list[list[str]] = []
    wanted = fenced = False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else HEADING.match(line)
        if heading:
            wanted = heading[1] == title
            if wanted:
                found.append([])
        if wanted:
            found[-1].append(line)
    if len(found) != 1:
        raise KeyError(f"{len(found)} sections are called {title!r}")
    return paragraphs("\n".join(found[0]))


def paragraphs(text: str) -> list[str]:
    """Split text at its empty lines, but not within a fenced block."""
    parts: list[list[str]] = [[]]
    fenced = False
    for line in MATH.sub(r"$$\n\1\n$$", text).splitlines():
        if FENCE.match(line):
            fenced = not fenced
        if line.strip() or fenced:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    return ["\n".join(part) for part in parts if part]


def items(paragraph: str) -> list[str]:
    """The items of a numbered list, each with its number and continued lines; none if the paragraph is no list."""
    lines = paragraph.splitlines()
    if not ITEM.match(lines[0]):
        return []
    starts = [place for place, line in enumerate(lines) if ITEM.match(line)]
    return ["\n".join(lines[a:b]) for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
