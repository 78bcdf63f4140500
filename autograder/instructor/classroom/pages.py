"""What comes of a class, as files: the gradebook, a feedback page for each student, the report; and results to keep.

Each is written whole or not at all, and is one file that needs no other.
"""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

import jinja2
import msgspec

from autograder import untrusted
from autograder.grading.catalog import Exercise
from autograder.grading.checks import refreshed
from autograder.instructor.classroom import attempts, plots
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.feedback import Feedback
from autograder.instructor.classroom.gradebook import Export, Gradebook, Lines, Workbook, words
from autograder.instructor.classroom.scoring import Scoring, when
from autograder.instructor.classroom.similar import Pairs
from autograder.instructor.classroom.summary import LISTED, Summary
from autograder.instructor.decisions.log import Decision, Kind, said
from autograder.level_words import WORDS
from autograder.results import Verdict, number
from autograder.writing import write_whole


class ResultError(Exception):
    """A result that cannot be read; the message says which, and what to do."""


def keep(out: Path, rows: Iterable[Row]) -> Iterator[Row]:
    """Write what was graded into results/, row by row, and remove what is there of others."""
    (out / "results").mkdir(exist_ok=True)
    stems = set()
    for row in rows:
        keep_one(out, row)
        stems.add(row.stem)
        yield row
    for path in (out / "results").glob("*.json"):
        if path.stem not in stems:  # of somebody who is in the class no more
            path.unlink()
    attempts.forget_others(out, stems)


def keep_one(out: Path, row: Row) -> None:
    """Write what was graded of one student into results/."""
    encoded = msgspec.json.format(msgspec.json.encode(row, enc_hook=_named), indent=2)
    write_whole(out / "results" / f"{row.stem}.json", encoded + b"\n")


def heads(out: Path) -> list[Row]:
    """Read who is in the class, in its order, without reports.

    Raises:
        ResultError: a file cannot be read.
    """
    found = []
    for path in (out / "results").glob("*.json"):
        row = one_kept(path)
        row.report = None
        found.append(row)
    return sorted(found, key=lambda row: row.place)


def kept(out: Path, rows: Iterable[Row]) -> Iterator[Row]:
    """Read what was graded, row by row, with the points and titles of today.

    Raises:
        ResultError: a file cannot be read.
    """
    for head in rows:
        row = one_kept(out / "results" / f"{head.stem}.json")
        assert row.report
        row.report = refreshed(row.report)
        yield row


def one_kept(path: Path) -> Row:
    """Read one result as it was kept.

    Raises:
        ResultError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Row, dec_hook=_path)
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ResultError(f"{path} cannot be read ({reason}): the class command writes it again.") from None


def write(
    out: Path,
    rows: Iterable[Row],
    chosen: list[Exercise],
    scoring: Scoring,
    pairs: Pairs | None,
    exports: Iterable[Export] = (),
    decisions: Iterable[Decision] = (),
) -> Summary:
    """Write everything but the results; what the report says.

    Args:
        out: the folder.
        rows: with their reports, one at a time.
        chosen: exercises.
        scoring: what was decided.
        pairs: similar submissions; None if nobody looked.
        exports: files for other systems.
        decisions: that hold, for the report to list.
    """
    summary, feedback = Summary(chosen), Feedback(out)
    lines = Lines(chosen, list(scoring.questions))
    files_of_all: list[Export] = [Gradebook(lines), Workbook(lines), *exports]
    for plain in rows:
        row = scoring.score(plain)
        assert row.report
        for export in files_of_all:
            export.add(row)
        summary.add(row, words(row.report.checks))
        feedback.add(row)
    feedback.finish()
    for export in files_of_all:
        if export.fits:
            write_whole(out / export.file, export.content())
        else:
            (out / export.file).unlink(missing_ok=True)
    write_whole(out / "report.html", report(summary, pairs, scoring, decisions).encode())
    if pairs is None:
        (out / "similar.html").unlink(missing_ok=True)
    else:
        write_whole(out / "similar.html", _page("similar.html.j2", pairs=pairs).encode())
    return summary


def report(
    summary: Summary, pairs: Pairs | None, scoring: Scoring | None = None, decisions: Iterable[Decision] = ()
) -> str:
    """The instructor's page."""
    binned = plots.bins(summary.scores, summary.points)
    described = f"{len(summary.scores)} submissions, mean {summary.mean:.1f}, median {number(summary.median)} points"
    return _page(
        "report.html.j2",
        summary=summary,
        binned=binned,
        plot=plots.histogram(binned, "Distribution of the scores", described),
        bar=plots.bar,
        pairs=pairs,
        listed=LISTED,
        optional=[exercise for exercise in summary.chosen if not exercise.required],
        verdicts=list(Verdict),
        isolation=WORDS,
        due=when(scoring.due) if scoring else "",
        decisions=[(one, said(one)) for one in decisions if one.kind is not Kind.TABLE],
    )


def _named(path: Path) -> str:
    """What a file is called; where it lies on this machine is nobody's business."""
    return untrusted.name(path.name)


def _path(kind: type, text: object) -> Path:
    return Path(str(text))


def _page(template: str, **values: object) -> str:
    return _templates().get_template(template).render(number=number, **values)


@functools.cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
