"""Reports as files: one renderer for each ending, all from the same data, all escaped for what will open them."""

import csv
import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jinja2
import msgspec
from markupsafe import Markup, escape

from autograder.results import NOT_HANDED_IN, TO_DO, CheckResult, ExerciseResult, Report, Verdict, number
from autograder.untrusted import cell, clean

COLUMNS = (
    *("subject", "exercise", "check", "verdict", "points", "of"),
    *("message", "hint", "how to mend it", "outside the sum"),
)
ROWS, LONGEST = 2000, 10_000  # rows of pages that are remembered, and characters of one
ORDER = {Verdict.NOT_RUN: 1, Verdict.PASS: 2}  # of the checks in Markdown: failures come first
_rows: dict[tuple[object, ...], Markup] = {}


def html(report: Report, written: Callable[[str], Markup] = escape) -> str:
    """Render a report as one self-contained page.

    Args:
        report: what is rendered.
        written: makes HTML of what people wrote: notes, and comments on checks.
    """
    return _rendered("feedback.html.j2", report, written)


def html_of_exercises(report: Report) -> str:
    """Render the exercises alone, to be put into another page."""
    return _rendered("exercises.html.j2", report, escape)


def markdown(report: Report) -> str:
    """Render Markdown in which nothing of the student's is markup: their text stands in indented blocks."""
    lines = [f"# {report.score}", _scores(report)]
    if report.optional:
        lines.append(f"{report.outside}.")
    if report.beside:
        lines.append(f"{report.beside}.")
    lines += [_block(note) for note in report.notes]
    for exercise in report.exercises:
        lines.append(f"## {exercise.title}: {exercise.score}")
        if exercise.problem:
            lines.append(_block(exercise.problem))
        for check in sorted(exercise.checks, key=lambda check: ORDER.get(check.verdict, 0)):
            lines.append(f"- {check.verdict.value}, {number(check.earned)}/{number(check.points)}: {check.title}")
            before, after = check.seen if check.message != exercise.problem else ("", "")
            lines += [_block(before, "      ")] if before else []
            lines += [f"  {check.likely}"] if check.likely else []
            lines += [_block(after, "      ")] if after else []
            if check.decided:
                lines.append(_block(check.decided, "      "))
            lines += [f"  {word}: {text}" for word, text in check.advice]
    if report.held_back:
        lines.append(report.held_back)
    return "\n\n".join(lines) + "\n"


def _scores(report: Report) -> str:
    """A table of the exercises and their points."""
    rows = ["| exercise | file | points | of |", "|---|---|--:|--:|"]
    for exercise in report.exercises:
        points = (number(exercise.earned), number(exercise.points)) if exercise.handed_in else (NOT_HANDED_IN, "")
        rows.append(f"| {exercise.title} | `{exercise.file}` | {' | '.join(points)} |")
    return "\n".join(rows)


def table(report: Report) -> str:
    """Render comma-separated values, a line for each check; no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for exercise in report.exercises:
        outside = "" if exercise.required else "optional"
        if not exercise.handed_in:
            writer.writerow([cell(report.subject), exercise.name, "", "", "", "", NOT_HANDED_IN, "", "", outside])
        for check in exercise.checks:
            cells = [cell(part) for part in (report.subject, exercise.name, check.title, check.verdict.value)]
            points = [number(check.earned), number(check.points)]
            hints = (check.hint_shown, check.mend_shown)
            said = [_on_lines(check), *hints]
            writer.writerow([*cells, *points, *map(cell, said), outside])
    return text.getvalue()


def _on_lines(check: CheckResult) -> str:
    """What was seen, with the mistake's name in its place."""
    before, after = check.seen
    if after:
        return f"{before}\n{check.likely}\n{after}"
    return f"{before} {check.likely}".strip()


def data(report: Report) -> str:
    """Render JSON, for programs."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


RENDERERS: dict[str, Callable[[Report], str]] = {".html": html, ".md": markdown, ".csv": table, ".json": data}


class Parts(NamedTuple):
    """The checks of an exercise as a page has them, in the order of a table.

    Attributes:
        rows: that are seen at once.
        repeated: ended by a fault of the grader that is seen already.
        behind: wait for a failure.
        passed: that are not seen at once.
    """

    rows: list[CheckResult]
    repeated: list[CheckResult]
    behind: list[CheckResult]
    passed: list[CheckResult]


def _parts(exercise: ExerciseResult, complete: bool) -> Parts:
    parts = Parts([], [], [], [])
    seen: set[str] = set()
    waiting: list[CheckResult] = []
    decided: list[CheckResult] = []
    for check in exercise.checks:
        if check.verdict is Verdict.PASS:
            (decided if complete or check.decided else parts.passed).append(check)
        elif check.verdict is Verdict.NOT_RUN:
            (parts.behind if check.waits_for else waiting).append(check)
        elif check.verdict is Verdict.GRADER_ERROR and check.message in seen:
            parts.repeated.append(check)
        else:
            parts.rows.append(check)
            if check.verdict is Verdict.GRADER_ERROR:
                seen.add(check.message)
    parts.rows.extend([*waiting, *decided])
    return parts


def _joined(written: Callable[[str], Markup], checks: list[CheckResult], exercise: ExerciseResult) -> Markup:
    """The rows of some checks."""
    return Markup("\n").join([_row(check, exercise, written) for check in checks])


def _row(check: CheckResult, exercise: ExerciseResult, written: Callable[[str], Markup]) -> Markup:
    """A check as a row of a table, made once for all students of whom it says the same."""
    message, after = check.seen if check.message != exercise.problem else ("", "")
    said: tuple[object, ...] = ()
    if check.verdict is not Verdict.PASS:
        said = (message, check.likely, after, check.picture, *check.advice, check.printed)
    key = (check.title, check.verdict, check.points, check.earned, check.decided, written, *said)
    found = _rows.get(key)
    if found is None:
        template = _templates().get_template("check.html.j2")
        found = Markup(
            template.render(check=check, decided=written(check.decided), message=message, after=after, number=number)
        )
        if len(_rows) >= ROWS:
            _rows.clear()
        if len(found) <= LONGEST:
            _rows[key] = found
    return found


def _rendered(template: str, report: Report, written: Callable[[str], Markup]) -> str:
    rows = functools.partial(_joined, written)
    values = {"report": report, "number": number, "to_do": TO_DO, "rows": rows, "parts": _parts, "written": written}
    return _templates().get_template(template).render(values)


@functools.cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)


def _block(text: str, indent: str = "    ") -> str:
    return "\n".join(indent + line for line in clean(text).splitlines() or [""])
