"""Other solutions as patches of the reference: a Markdown file that reads as a diff.

    # The logits

    ## distances not squared
    - .square().sum(dim=-1)
    + .square().sum(dim=-1).sqrt()

A heading of two signs begins a solution. What follows changes solution.py: lines with `-` are a passage that stands
there once, lines with `+` what stands there instead. An empty line begins the next change, which finds the text as the
changes before it leave it. A passage may begin and end within lines; all its lines but the first, and all that take
their place, are indented from where the line begins in which it stands. `@@ _step` in the place of a passage stands for
the whole solution region of that function. A remark in brackets has a line of its own. A line that begins with `>` is
for authors alone, and so is all that stands between the heading of a group and its first solution.
"""

import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

from autograder.fault import GraderError
from autograder.instructor import solution_regions

Found = tuple[int, int, str]  # where a passage begins and ends in a text, and how its lines are indented


class PatchError(GraderError):
    """A patch that cannot be read, or does not fit the solution; the message names file and line."""


class Change(NamedTuple):
    """A passage of a solution, and what stands there instead.

    Attributes:
        old: lines of the passage.
        new: lines that take its place; none if it goes.
        function: whose solution region is replaced, where there is no passage.
        place: file and line, for messages.
    """

    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    function: str = ""
    place: str = ""

    def apply(self, text: str) -> str:
        """Return the text with the passage replaced.

        Raises:
            PatchError: there is no such passage, or more than one.
        """
        found = list(_regions(self.function, text) if self.function else _passages(self.old, text))
        if len(found) != 1:
            raise PatchError(f"{self.place}: {self._misfit([begin for begin, _, _ in found], text)}")
        ((begin, end, indent),) = found
        line = text.rfind("\n", 0, begin) + 1
        if not self.new and not text[line:begin].strip() and text[end : end + 1] == "\n":
            return text[:line] + text[end + 1 :]  # whole lines go, with their ends
        return text[:begin] + _indented(self.new, indent) + text[end:]

    def _misfit(self, begins: list[int], text: str) -> str:
        if self.function:
            return f"solution.py has {len(begins)} solution regions in functions called {self.function}, not one."
        first, lines = self.old[0].strip(), text.splitlines()
        if begins:
            places = ", ".join(str(text.count("\n", 0, begin) + 1) for begin in begins)
            return f"`{first}` stands {len(begins)} times in solution.py, in lines {places}: write more of the passage."
        if known := [number for number, line in enumerate(lines, 1) if first in line]:
            return f"`{first}` stands in line {known[0]} of solution.py, but what follows it there is not the passage."
        number, near = max(enumerate(map(str.strip, lines), 1), key=lambda line: _common(first, line[1]))
        return f"`{first}` is not in solution.py; the nearest there is line {number}, `{near}`."


class Patch(NamedTuple):
    """A solution in other words.

    Attributes:
        heading: the text of its heading.
        place: file and line of the heading, for messages.
        remarks: what stands in lines in brackets.
        changes: in their order.
    """

    heading: str
    place: str
    remarks: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


def apply(changes: tuple[Change, ...], solution: str) -> str:
    """Return the text of a solution with all changes made, each in what the ones before it leave.

    Raises:
        PatchError: one does not fit.
    """
    for change in changes:
        solution = change.apply(solution)
    return solution


def read(text: str, name: str) -> list[Patch]:
    """Read a file of patches.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        PatchError: a line cannot be read, or a solution changes nothing.
    """
    sections: list[tuple[Patch, list[tuple[str, str]]]] = []
    begun = False
    for number, line in enumerate(map(str.rstrip, text.splitlines()), 1):
        place = f"{name}:{number}"
        if line.startswith("## "):
            sections.append((Patch(line[3:].strip(), place), []))
            begun = True
        elif line.startswith("# "):
            begun = False
        elif begun and not line.startswith(">"):
            sections[-1][1].append((place, line))
    return [_patch(patch, lines) for patch, lines in sections]


def _patch(patch: Patch, lines: list[tuple[str, str]]) -> Patch:
    remarks: list[str] = []
    changes: list[Change] = []
    done = True  # with the last change: the next line begins another one
    for place, line in lines:
        sign, _, code = line.partition(" ")
        if not line:
            done = True
        elif line.startswith("(") and line.endswith(")"):
            remarks.append(line[1:-1])
        elif sign == "@@":
            changes.append(Change(function=code.strip(), place=place))
            done = False
        elif sign == "-":
            if done or changes[-1].new or changes[-1].function:
                changes.append(Change(place=place))
            if not changes[-1].old and not code.strip():
                raise PatchError(f"{place}: A passage does not begin with an empty line.")
            changes[-1] = changes[-1]._replace(old=(*changes[-1].old, code))
            done = False
        elif sign == "+" and not done:
            changes[-1] = changes[-1]._replace(new=(*changes[-1].new, code))
        elif sign == "+":
            raise PatchError(
                f"{place}: No passage stands above it whose place it takes, in lines that begin with `- `."
            )
        else:
            raise PatchError(
                f"{place}: `{line}` is no line of a patch: these begin with `- `, `+ ` or `@@ `, or stand in brackets."
            )
    if not changes:
        raise PatchError(f"{patch.place}: '{patch.heading}' changes nothing: write what it does otherwise.")
    return patch._replace(remarks=tuple(remarks), changes=tuple(changes))


def _common(first: str, second: str) -> int:
    """Letters of the longest text that is in both."""
    return difflib.SequenceMatcher(None, first, second, autojunk=False).find_longest_match().size


def _passages(old: tuple[str, ...], text: str) -> Iterator[Found]:
    """Where a passage stands."""
    first = old[0].lstrip(" ")
    inner = len(old[0]) - len(first)
    at = text.find(first)
    while at >= 0:
        before = text[text.rfind("\n", 0, at) + 1 : at]
        margin = re.match(" *", before)[0]  # type: ignore[index]
        indent = margin if before.strip() else margin[: len(margin) - inner]
        passage = _indented((first, *old[1:]), indent)
        if before.endswith(" " * inner) and text.startswith(passage, at):
            yield at - inner, at + len(passage), indent
        at = text.find(first, at + 1)


def _regions(function: str, text: str) -> Iterator[Found]:
    """Where the solution regions of a function stand, without their markers."""
    return (found for names, found in regions_by_function(text) if function in names)


def regions_by_function(text: str) -> Iterator[tuple[list[str], Found]]:
    """Find the solution regions of a text, and the functions that they are part of, or that are part of them."""
    at, blocks = 0, [(-1, "", "")]  # those that are open: indentation, "def" or "class", and name
    region: tuple[int, str, list[str]] | None = None  # where it begins, its indentation, its functions
    for line in text.splitlines(keepends=True):
        indent = line[: len(line) - len(line.lstrip(" "))]
        if block := re.match(r" *(?:async )?(def|class) (\w+)", line):
            blocks = [outer for outer in blocks if outer[0] < len(indent)]
            blocks.append((len(indent), block[1], block[2]))
            if region and indent == region[1]:
                region[2].append(block[2])
        if line.strip() == solution_regions.BEGIN:
            _, kind, name = [outer for outer in blocks if outer[0] < len(indent)][-1]
            region = at + len(line), indent, [name] if kind == "def" else []
        elif line.strip() == solution_regions.END and region:
            yield region[2], (region[0] + len(region[1]), at - 1, region[1])
            region = None
        at += len(line)


def _indented(lines: tuple[str, ...], indent: str) -> str:
    """Lines as a text, all but the first indented."""
    return "\n".join([*lines[:1], *(f"{indent}{line}" if line else "" for line in lines[1:])])
