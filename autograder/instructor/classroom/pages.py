"""What comes of a class, as files: the gradebook, a result and a feedback page for each student, the report.

Each is written whole or not at all, and is one file that needs no other.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import jinja2
import msgspec

from autograder import untrusted
from autograder.grading.catalog import Exercise, homework
from autograder.instructor.classroom import plots
from autograder.instructor.classroom.canvas import Canvas
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.gradebook import DAY, Gradebook, words
from autograder.instructor.classroom.policy import Policy
from autograder.instructor.classroom.similar import Pairs
from autograder.instructor.classroom.summary import LISTED, Summary
from autograder.level_words import WORDS
from autograder.report import files, stages, student
from autograder.results import Report, Verdict, number
from autograder.writing import write_whole


def write(
    out: Path,
    rows: Iterable[Row],
    chosen: list[Exercise],
    questions: list[str],
    late: Policy | None,
    pairs: Pairs | None,
    canvas: Canvas | None = None,
) -> Summary:
    """Write everything; what the report says.

    Args:
        out: the folder.
        rows: with their reports, one at a time.
        chosen: exercises.
        questions: written ones.
        late: what being late costs; None for nothing.
        pairs: similar submissions; None if nobody looked.
        canvas: points for its gradebook, where the roster is one.
    """
    for folder in ("results", "feedback"):
        (out / folder).mkdir(exist_ok=True)
    summary, stems = Summary(chosen), set()
    text = io.StringIO(newline="")
    book = Gradebook(text, chosen, questions)
    for row in rows:
        assert row.report
        book.write(row)
        if canvas:
            canvas.add(row)
        summary.add(row, words(row.report.checks))
        stems.add(row.stem)
        encoded = msgspec.json.format(msgspec.json.encode(row, enc_hook=_named), indent=2)
        write_whole(out / "results" / f"{row.stem}.json", encoded + b"\n")
        write_whole(out / "feedback" / f"{row.stem}.html", files.html(_handed_back(row, late)).encode())
    for path in [*(out / "results").glob("*.json"), *(out / "feedback").glob("*.html")]:
        if path.stem not in stems:  # of somebody who is in the class no more
            path.unlink()
    write_whole(out / "gradebook.csv", text.getvalue().encode("utf-8-sig"))
    if canvas and canvas.fits:
        write_whole(out / "canvas.csv", canvas.content())
    write_whole(out / "report.html", report(summary, pairs).encode())
    if pairs is None:
        (out / "similar.html").unlink(missing_ok=True)
    else:
        write_whole(out / "similar.html", _page("similar.html.j2", pairs=pairs).encode())
    return summary


def report(summary: Summary, pairs: Pairs | None) -> str:
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
    )


def _handed_back(row: Row, late: Policy | None) -> Report:
    """What the student reads: nothing secret, how to mend a mistake if that is always said, and the rest of the points.

    Nobody remembers here what failed before.
    """
    assert row.report
    notes = list(row.report.notes)
    if row.handed_in.marked_late:
        notes.append(f"Handed in {number(round(row.late / DAY, 2))} days late." if row.late else "Handed in late.")
    notes += [f"Written question {name}: {number(points)} points." for name, points in row.manual.items()]
    if late and row.penalty:
        notes.append(f"Being late costs {number(round(100 * row.penalty, 2))}%.")
    if row.manual or row.penalty:
        notes.append(f"In all: {number(row.total)} points.")
    seen = student.view(msgspec.structs.replace(row.report, notes=notes))
    return stages.staged(seen, homework(seen.homework).hints, way=stages.in_the_handout(seen.homework))


def _named(path: Path) -> str:
    """What a file is called; where it lies on this machine is nobody's business."""
    return untrusted.name(path.name)


def _page(template: str, **values: object) -> str:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(number=number, **values)
