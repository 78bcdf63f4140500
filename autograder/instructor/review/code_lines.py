"""A student's file line by line, with the lines that failures and flags name."""

import re
from collections import defaultdict
from typing import NamedTuple

from autograder.results import Report, Verdict
from autograder.untrusted import clean

NAMED = re.compile(r"([\w./-]{1,200}\.py), lines? (\d{1,6})")
LINES, CHARACTERS = 5000, 600_000  # shown of a file


class Line(NamedTuple):
    """A line.

    Attributes:
        number: from 1.
        failures, flags: titles and flags that name it.
    """

    number: int
    text: str
    failures: list[str]
    flags: list[str]


def numbered(name: str, content: bytes, report: Report | None) -> list[Line]:
    """Return the lines of a file; a text that is no UTF-8 or too long is shown as far as it can be.

    Args:
        name: the file's, as hw2/maml.py.
        content: of it.
        report: on it; None if there is none.
    """
    failures, flags = _named(name, report) if report else ({}, {})
    text = clean(content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n"), CHARACTERS)
    lines = text.removesuffix("\n").split("\n")[:LINES] if text else []
    listed = enumerate(lines, start=1)
    return [Line(number, line, failures.get(number, []), flags.get(number, [])) for number, line in listed]


def _named(name: str, report: Report) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    failures: dict[int, list[str]] = defaultdict(list)
    flags: dict[int, list[str]] = defaultdict(list)
    for exercise in report.exercises:
        for check in exercise.checks:
            if check.verdict in (Verdict.PASS, Verdict.NOT_RUN):
                continue
            for number in _lines(name, f"{check.message}\n{check.plain}"):
                failures[number].append(check.title)
        for flag in exercise.flags:
            for number in _lines(name, flag):
                flags[number].append(flag)
    return failures, flags


def _lines(name: str, text: str) -> list[int]:
    return list(dict.fromkeys(int(number) for file, number in NAMED.findall(text) if file == name))
