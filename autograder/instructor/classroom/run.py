"""Grade a class: read who handed in what, grade what is not graded yet, write what comes of it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from autograder import arguments, untrusted
from autograder.exit_status import FULL_MARKS, GRADER_FAULT, NOTHING_TO_GRADE, USAGE
from autograder.grading.catalog import Exercise, homework
from autograder.grading.checks import refreshed
from autograder.instructor import version
from autograder.instructor.classroom import (
    canvas,
    class_rows,
    cluster,
    grading_task,
    layouts,
    local,
    pages,
    people,
    policies,
    policy,
    remembered,
    similar,
)
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.grading_task import RefusedError, Task
from autograder.instructor.classroom.progress import ClassProgress
from autograder.instructor.classroom.result_store import Key, Remembered, Settings, Store, StoreError
from autograder.instructor.classroom.scoring import Scoring, when
from autograder.instructor.decisions.log import Decision, DecisionError, Log
from autograder.intake.submission import Submission
from autograder.isolation import levels, separate
from autograder.level_words import SEPARATE
from autograder.report import terminal
from autograder.results import Report, total


class Options(NamedTuple):
    """What the command line says; see instructor.commands."""

    homework: str
    submissions: Path
    out: Path
    roster: Path | None = None
    manual: Path | None = None
    late: str | None = None
    due: datetime | None = None
    jobs: int | None = None
    cluster: str | None = None
    only: str | None = None
    fast: bool = False
    seed: int | None = None
    data: str | None = None
    regrade: bool = False
    similar: bool = False
    allow_unsandboxed: bool = False
    require: str | None = None
    forget: tuple[str, ...] = ()
    force: bool = False
    assignment: str | None = None


def grade_class(options: Options) -> int:
    """Grade all submissions in a folder; the exit status."""
    arguments.chosen(options.homework, options.only)
    store = Store(options.out)
    try:
        before = store.remembered(options.homework)
        if not options.force:
            remembered.check_not_narrower(options.only, options.fast, before)
        taken = remembered.completed(options._asdict(), before, options.forget)
        if "roster" in taken and not Path(taken["roster"]).is_file():
            was = f"--roster {taken['roster']}"
            raise click.UsageError(f"The last run had {was}, which is gone: name it anew, or --forget roster.")
        now = policies.named(options.late, options.due, options.manual, options.forget)
        log = Log(options.out)
        earlier = policies.words(log.current(), now)
    except (StoreError, DecisionError, policy.PolicyError, people.TableError) as error:
        raise click.UsageError(str(error)) from None
    except remembered.NarrowError as error:
        click.echo(str(error), err=True)
        return USAGE
    if again := ", ".join(filter(None, [remembered.words(taken), earlier])):
        click.echo(f"As in the last run: {again} (--forget NAME leaves one out).", err=True)
    files: dict[str, Any] = {name: Path(taken[name]) for name in ("roster",) if name in taken}
    options = options._replace(**(taken | files))
    try:
        roster = people.roster(options.roster) if options.roster else people.Roster()
        layout, found = layouts.find(options.submissions)
        if options.similar:
            similar.check_installed()
    except (people.TableError, similar.MissingError) as error:
        raise click.UsageError(str(error)) from None
    except layouts.LayoutError as error:
        click.echo(str(error), err=True)
        return NOTHING_TO_GRADE
    rows = class_rows.gather(found, roster)
    absent = sum(not row.handed_in.source for row in rows)
    nothing = f", and {absent} students who handed in nothing" if absent else ""
    click.echo(f"{len(rows) - absent} submissions{nothing}; layout: {layout}", err=True)
    if roster.left:
        click.echo(f"Note: no students, and left out of the roster: {_named(roster.left)}.", err=True)
    if not options.force and (reason := _misunderstood(rows, roster, layout)):
        click.echo(reason, err=True)
        return NOTHING_TO_GRADE
    try:
        with store.opened():
            if not options.cluster:
                _keep_apart(options)
            decisions = policies.take(log, now)
            scoring = Scoring(rows, decisions, homework(options.homework).deadline)
            _say(rows, scoring)
            return _Class(options, store, rows, scoring, decisions).run()
    except (StoreError, DecisionError) as error:
        raise click.UsageError(str(error)) from None
    except RefusedError as error:
        click.echo(str(error), err=True)
        return USAGE


def _keep_apart(options: Options) -> None:
    """Whether students' code can be kept from the class here, before any of it runs.

    Raises:
        RefusedError: it cannot.
    """
    grading_task.check_isolation(options.require, options.allow_unsandboxed)
    found = levels.find()
    if found.level != SEPARATE:
        return
    separate.hide_command_line()
    for folder in (options.out, options.submissions):
        if found.holes([folder.resolve()]):
            raise RefusedError(
                f"Nothing was graded: every user of this machine may read {folder}, and so could students' code, which "
                f"runs as a user of its own here. `chmod 700 {folder}` closes it."
            )


def _say(rows: list[Row], scoring: Scoring) -> None:
    if scoring.due:
        click.echo(f"Deadline: {when(scoring.due)}.", err=True)
    if scoring.unknown:
        click.echo(
            f"Note: points or decisions are there for students without a row: {_named(scoring.unknown)}.", err=True
        )
    if scoring.late and not scoring.due and not any(scoring.score(row).handed_in.marked_late for row in rows):
        click.echo(
            "Note: nobody is late by what the export tells; --due names the deadline where it tells times.", err=True
        )


def _named(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _misunderstood(rows: list[Row], roster: people.Roster, layout: str) -> str:
    """Why nobody should be graded yet: hardly any submission is of somebody in the roster. Empty if that is not so."""
    there = [row for row in rows if row.handed_in.source]
    strangers = [row for row in there if class_rows.STRANGER in row.notes]
    if not roster or not there or 2 * len(strangers) <= len(there):
        return ""
    example, known = strangers[0].handed_in, roster[0]
    source, who, identity = map(untrusted.name, (example.source, example.name or example.id, example.id))
    return (
        f"Nothing was graded: {len(strangers)} of {len(there)} submissions are of nobody in the roster. Read as "
        f"{layout}, {source} is of {who} (id {identity}); the roster has, for example, {untrusted.name(known.name)} "
        f"(id {untrusted.name(known.id) or 'none'}). Another roster or folder is meant, or --force."
    )


class _Class:
    """One run over a class."""

    def __init__(self, options: Options, store: Store, rows: list[Row], scoring: Scoring, decisions: list[Decision]):
        self._options, self._store, self._rows = options, store, rows
        self._scoring, self._decisions = scoring, decisions
        self._chosen = arguments.chosen(options.homework, options.only)
        self._settings: Settings = store.settings(options.homework, options.seed)
        self._drawings = str(arguments.find_drawings(options.data))
        self._keys: dict[tuple[int, str], Key] = {}  # by row and exercise
        self._faults: dict[Key, Report] = {}  # not kept: graded again by the next run

    def run(self) -> int:
        """Grade and write; the exit status."""
        waiting = self._waiting()
        total = len(set(self._keys.values()))
        with ClassProgress(total, total - len(waiting)) as progress:
            for key, _, encoded in self._backend(self._tasks(waiting), progress.running) if waiting else ():
                report = msgspec.json.decode(encoded, type=Report)
                if report.grader_errors:
                    self._faults[key] = report
                self._store.put(key, report)
                progress.done(report)
        pairs = None
        if self._options.similar:
            with terminal.console(stderr=True).status("comparing submissions with each other"):
                pairs = similar.compare(self._sources(), self._chosen)
        self._store.keep(msgspec.structs.replace(self._settings, options=self._remember()))
        if pairs is None:
            (self._options.out / similar.FILE).unlink(missing_ok=True)
        else:
            similar.keep(self._options.out / similar.FILE, pairs)
        export = canvas.Canvas(
            self._options.roster, self._options.homework, self._options.assignment, self._scoring.possible
        )
        rows = pages.keep(self._options.out, self._results())
        summary = pages.write(self._options.out, rows, self._chosen, self._scoring, pairs, export, self._decisions)
        click.echo(
            f"{len(self._rows)} rows in {self._options.out / 'gradebook.csv'}, graded now {len(waiting)} of {total} "
            f"exercises; for you {self._options.out / 'report.html'}, to hand back {self._options.out / 'feedback'}"
        )
        if summary.faults:
            click.echo(
                f"{summary.faults} checks failed through a fault of the grader; the report names them, and the same "
                "command tries them again.",
                err=True,
            )
            return GRADER_FAULT
        return FULL_MARKS

    def _remember(self) -> Remembered:
        options = self._options
        return Remembered(
            submissions=str(options.submissions.absolute()),
            roster=str(options.roster.absolute()) if options.roster else None,
            similar=options.similar,
            assignment=options.assignment,
            only=options.only,
            fast=options.fast,
        )

    def _waiting(self) -> dict[Key, tuple[int, Exercise]]:
        """What is to be graded: by its key, the row and exercise where it is found. The same files are graded once."""
        waiting: dict[Key, tuple[int, Exercise]] = {}
        for number, row in enumerate(self._rows):
            handed_in = class_rows.read(row, self._options.homework)
            for exercise in self._chosen:
                key = self._key(handed_in, exercise)
                self._keys[number, exercise.name] = key
                if key not in waiting and (self._options.regrade or self._store.get(key) is None):
                    waiting[key] = (number, exercise)
        return waiting

    def _key(self, handed_in: Submission, exercise: Exercise) -> Key:
        hashed = hashlib.sha256()
        for name, content in sorted(handed_in.files.items()):
            hashed.update(f"{name} {len(content)}\n".encode() + content)
        hashed.update(_problem(handed_in, exercise).encode())
        return Key(
            submission=hashed.hexdigest(),
            exercise=f"{exercise.homework}/{exercise.name}",
            version=version.digest(exercise),
            seed=self._settings.seed,
            fast=self._options.fast,
            drawings=self._drawings,
        )

    def _tasks(self, waiting: dict[Key, tuple[int, Exercise]]) -> Iterator[tuple[Key, Task]]:
        """Read as they are needed: a class of thousands is never in memory as a whole."""
        options = self._options
        for key, (number, exercise) in waiting.items():
            handed_in = class_rows.read(self._rows[number], options.homework)
            yield (
                key,
                Task(
                    homework=options.homework,
                    exercise=exercise.name,
                    version=key.version,
                    files=handed_in.files,
                    problem=_problem(handed_in, exercise),
                    seed=key.seed,
                    fast=options.fast,
                    data=options.data,
                    drawings=self._drawings,
                    allow_unsandboxed=options.allow_unsandboxed,
                    require=options.require,
                ),
            )

    def _backend(
        self, tasks: Iterator[tuple[Key, Task]], running: Callable[[int], None]
    ) -> Iterator[tuple[Key, Task, bytes]]:
        if self._options.cluster:
            return cluster.run(tasks, self._options.cluster, running)
        return local.run(tasks, self._options.jobs or local.default_jobs(), running)

    def _results(self) -> Iterator[Row]:
        """All rows with their reports, one at a time."""
        for number, row in enumerate(self._rows):
            keys = [self._keys[number, exercise.name] for exercise in self._chosen]
            reports = [self._faults.get(key) or self._store.get(key) for key in keys]
            notes = class_rows.read(row, self._options.homework).notes
            yield msgspec.structs.replace(row, report=_together(row.shown, reports, notes))

    def _sources(self) -> Iterator[tuple[Row, Submission]]:
        for row in self._rows:
            yield row, class_rows.read(row, self._options.homework)


def _problem(handed_in: Submission, exercise: Exercise) -> str:
    """Why an exercise has no file to judge; empty if it has one, or is optional and was not handed in."""
    judged = exercise.file in handed_in.files or handed_in.lacks(exercise)
    return "" if judged else handed_in.problem(exercise)


def _together(subject: str, reports: list[Report | None], notes: list[str]) -> Report:
    """The report on a submission, from those on its exercises."""
    found = [report for report in reports if report is not None]
    if len(found) < len(reports):
        raise StoreError("A result has gone since it was written; start again, and it is graded anew.")
    together = msgspec.structs.replace(
        found[0],
        subject=subject,
        exercises=[exercise for report in found for exercise in report.exercises],
        notes=notes,
        seconds=round(sum(report.seconds for report in found), 2),
        untrained=total(report.untrained for report in found),
    )
    return refreshed(together)
