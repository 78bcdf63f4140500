"""Scores anew, without running anything: take decisions, and write what follows from them."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from autograder import untrusted
from autograder.exit_status import FULL_MARKS
from autograder.grading.catalog import Exercise, exercises, homework
from autograder.grading.checks import described
from autograder.instructor.classroom import canvas, moodle, pages, people, policies, policy, scoring, similar
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.gradebook import Export
from autograder.instructor.classroom.result_store import Settings, Store, StoreError
from autograder.instructor.classroom.scoring import Scoring, when
from autograder.instructor.decisions import point_values
from autograder.instructor.decisions.log import Decision, DecisionError, Kind, Log, repeats, said, user
from autograder.results import CheckResult, number

SHOWN = 10  # changes that are listed one by one
OF_ALL = {"drop": Kind.DROP, "give": Kind.GIVE, "bonus": Kind.BONUS}


class Wanted(NamedTuple):
    """What the command line says; see instructor.commands."""

    drop: tuple[str, ...] = ()
    give: tuple[str, ...] = ()
    bonus: tuple[str, ...] = ()
    points: tuple[tuple[str, str], ...] = ()
    override: tuple[tuple[str, str, str], ...] = ()
    adjust: tuple[tuple[str, str], ...] = ()
    extend: tuple[tuple[str, str], ...] = ()
    comment: tuple[tuple[str, str], ...] = ()
    late: str | None = None
    due: datetime | None = None
    manual: Path | None = None
    forget: tuple[str, ...] = ()
    why: str = ""
    author: str = ""
    undo: tuple[int, ...] = ()
    undo_last: bool = False


def score_class(out: Path, wanted: Wanted) -> int:
    """Take decisions and write what follows; the exit status."""
    try:
        store = Store(out)
        settings = store.found()
        with store.opened():
            rows = pages.heads(out)
            listed = exercises(settings.homework)
            log, author = Log(out), wanted.author or user()
            before = log.current()
            due = wanted.due or Scoring([], before, homework(settings.homework).deadline).due
            decisions = _decisions(wanted, rows, listed, due)
            for undone in (*wanted.undo, *([None] if wanted.undo_last else [])):
                click.echo(f"Undone: {said(log.undo(undone, author))}.")
            held = {one.matter: one for one in log.current()}
            for one in decisions:
                if repeats(one, held.get(one.matter)):
                    click.echo(f"{held[one.matter].number}: {said(one)}, as was decided before.")
            new = [one for one in decisions if not repeats(one, held.get(one.matter))]
            for one in log.add(new, author) if new else ():
                click.echo(f"{one.number}: {said(one)}.")
            _write(out, settings, rows, before, log.current())
    except (StoreError, DecisionError, pages.ResultError, policy.PolicyError, people.TableError) as error:
        raise click.UsageError(str(error)) from None
    return FULL_MARKS


def show_log(out: Path) -> int:
    """Print all that was decided, the newest last; the exit status."""
    try:
        log = Log(out)
        everything, holding = log.all(), {one.number for one in log.current()}
    except DecisionError as error:
        raise click.UsageError(str(error)) from None
    for one in everything:
        holds = "" if one.number in holding or one.kind is Kind.UNDO else ", no longer"
        told = f"undo {one.value}" if one.kind is Kind.UNDO else said(one)
        click.echo(untrusted.clean(f"{one.number:4}  {one.time:%Y-%m-%d %H:%M} UTC  {one.author}{holds}: {told}"))
    if not everything:
        click.echo(f"Nothing was decided in {out}.")
    return FULL_MARKS


def write(
    out: Path,
    settings: Settings,
    rows: list[Row],
    decisions: list[Decision],
    each: Callable[[Row, Scoring], None] = lambda row, scored: None,
) -> Scoring:
    """Write gradebook, feedback and report as decisions that hold make them; how they are made.

    Args:
        out: the class's folder.
        settings: of the class.
        rows: who is in it, without reports.
        decisions: that hold.
        each: is called with each row, its report in it.

    Raises:
        ResultError: a result cannot be read.
    """
    scored = Scoring(rows, decisions, homework(settings.homework).deadline)
    options = settings.options
    assert options
    chosen = [one for one in exercises(settings.homework) if options.only in (None, one.name)]
    roster = Path(options.roster) if options.roster and Path(options.roster).is_file() else None
    others = exports(settings.homework, roster, options.assignment, scored.possible)

    def read() -> Iterator[Row]:
        for row in pages.kept(out, rows):
            each(row, scored)
            yield row

    pages.write(out, read(), chosen, scored, similar.kept(out / similar.FILE), others, decisions)
    return scored


def exports(homework: str, roster: Path | None, assignment: str | None, written: float) -> list[Export]:
    """Return the files for the systems from which a roster may come.

    Args:
        homework: as "hw2".
        roster: the class, as a table.
        assignment: the column of Canvas's gradebook; None for the one that names the homework.
        written: points of the written questions that there are to earn.
    """
    return [canvas.Canvas(roster, homework, assignment, written), moodle.Moodle(roster)]


def _write(out: Path, settings: Settings, rows: list[Row], before: list[Decision], now: list[Decision]) -> None:
    old = Scoring(rows, before, homework(settings.homework).deadline) if before != now else None
    changes: list[str] = []

    def compare(row: Row, new: Scoring) -> None:
        if old and (was := old.score(row).total) != (is_now := new.score(row).total):
            changes.append(f"{untrusted.name(row.shown)} {number(was)} -> {number(is_now)}")

    scored = write(out, settings, rows, now, compare)
    if scored.due:
        click.echo(f"Deadline: {when(scored.due)}.")
    if scored.unknown:
        click.echo(f"Note: decisions are there for students without a row: {', '.join(scored.unknown)}.")
    if old:
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        listed = f": {', '.join(changes[:SHOWN])}{more}" if changes else ""
        click.echo(f"{len(changes)} of {len(rows)} totals change{listed}.")
    click.echo(f"Nothing was run. Written: {out / 'gradebook.csv'}, report.html, feedback.")


def _decisions(wanted: Wanted, rows: list[Row], listed: list[Exercise], due: datetime | None) -> list[Decision]:
    """What the command line decides.

    Raises:
        DecisionError: a check or a student is not there, or a value cannot be.
    """
    found = policies.named(wanted.late, wanted.due, wanted.manual, wanted.forget)

    def of_check(kind: Kind, words: str, value: Any, student: tuple[str, ...] = ()) -> None:
        exercise, check = find_check(words, listed)
        found.append(
            Decision(
                kind=kind,
                student=student,
                exercise=exercise.name,
                subject=check.name,
                value=checked_points(kind, value, check),
                comment=wanted.why,
            )
        )

    for name, kind in OF_ALL.items():
        for words in getattr(wanted, name):
            of_check(kind, words, True)
    for words, worth in wanted.points:
        of_check(Kind.POINTS, words, points(worth))
    for who, words, earned in wanted.override:
        of_check(Kind.OVERRIDE, words, points(earned), find_student(who, rows).names)
    simple: tuple[tuple[Kind, Iterable[tuple[str, Any]], Callable[[Any], Any]], ...] = (
        (Kind.ADJUST, wanted.adjust, points),
        (Kind.EXTEND, wanted.extend, lambda text: extension(text, due)),
        (Kind.COMMENT, wanted.comment, str),
    )
    for kind, given, read in simple:
        for who, value in given:
            why = "" if kind is Kind.COMMENT else wanted.why
            found.append(Decision(kind=kind, student=find_student(who, rows).names, value=read(value), comment=why))
    return found


def checked_points(kind: Kind, value: Any, check: CheckResult) -> Any:
    """Return points of a check that can be decided.

    Raises:
        DecisionError: they cannot.
    """
    if kind in (Kind.POINTS, Kind.OVERRIDE) and value < 0:
        raise DecisionError(f"A check cannot have {number(value)} points; --adjust takes points from a total.")
    if kind is Kind.OVERRIDE and value > check.points:
        raise DecisionError(f'"{check.title}" has {number(check.points)} points; --adjust adds more to a total.')
    return value


def points(text: str) -> float:
    """Read a number of points that can be decided.

    Raises:
        DecisionError: it is none.
    """
    try:
        return point_values.read(text)
    except ValueError as error:
        raise DecisionError(str(error)) from None


def extension(text: str, due: datetime | None = None) -> str:
    """Read what a deadline is extended to: a time, or that being late is excused.

    Args:
        text: a day is until its last minute; without a zone, it is in the deadline's, or else in this machine's.
        due: the deadline.

    Raises:
        DecisionError: it is neither.
    """
    if text.strip().lower() == scoring.EXCUSED:
        return scoring.EXCUSED
    day, _, rest = text.strip().replace("T", " ", 1).partition(" ")
    try:
        time = datetime.fromisoformat(f"{day}T{(rest or '23:59').replace(' ', '').replace('Z', '+00:00')}")
    except ValueError:
        raise DecisionError(
            f'"{text}" is neither a time, as "2026-12-05 23:59 -08:00", nor "{scoring.EXCUSED}".'
        ) from None
    if not time.tzinfo:
        time = time.replace(tzinfo=due.tzinfo) if due else time.astimezone()
    return time.isoformat()


def find_student(who: str, rows: list[Row]) -> Row:
    """Return the row of a student, who is named by id, login, email or name, or a part of a name that nobody else has.

    Raises:
        DecisionError: nobody is meant, or several are.
    """
    stems = scoring.fitting(scoring.index(rows), [who])
    for row in sorted(rows, key=lambda row: row.stem != who):  # a file's name first
        if row.stem == who or row.stem in stems:
            return row
    words = people.plain(who)
    containing = [row for row in rows if words and words in people.plain(row.name)]
    if len(containing) == 1:
        return containing[0]
    if containing:
        shown = ", ".join(untrusted.name(row.shown) for row in containing[:3])
        raise DecisionError(f'"{untrusted.name(who)}" is in the names of {len(containing)} students, as {shown}.')
    names = {name: row for row in rows for name in (row.id, row.name)}
    near = difflib.get_close_matches(who, names, n=3)
    hint = f"; meant may be {', '.join(map(untrusted.name, near))}" if near else ""
    raise DecisionError(f'"{untrusted.name(who)}" means no student of the class{hint}.')


def find_check(words: str, listed: list[Exercise]) -> tuple[Exercise, CheckResult]:
    """Return the check that is meant by its function's name or by words of its title, "EXERCISE: " before it or not.

    Raises:
        DecisionError: none is meant, or several are.
    """
    first, colon, rest = words.partition(":")
    within = [one for one in listed if colon and one.name == first.strip()] or listed
    text = (rest if within is not listed else words).strip()
    every = [(one, check) for one in within for check in described(one)]
    exact = [pair for pair in every if text in (pair[1].name, pair[1].title)]
    found = exact or [pair for pair in every if text.lower() in pair[1].title.lower()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise DecisionError(f'No check has "{untrusted.name(text)}" in its title; `--list` of the homework shows them.')
    shown = "; ".join(f"{one.name}: {check.title}" for one, check in found[:3])
    raise DecisionError(
        f'{len(found)} checks have "{untrusted.name(text)}" in their titles, as {shown}: write more of it.'
    )
