"""Grade a class: read who handed in what, grade what is not graded yet, write what comes of it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from autograder import arguments, untrusted
from autograder.exit_status import FULL_MARKS, GRADER_FAULT, NOTHING_TO_GRADE, USAGE
from autograder.grading.catalog import Exercise, homework
from autograder.grading.checks import refreshed
from autograder.instructor import version
from autograder.instructor.classroom import (
    attempts,
    class_rows,
    cluster,
    export,
    grading_task,
    layouts,
    local,
    pages,
    people,
    policies,
    policy,
    remembered,
    score,
    similar,
)
from autograder.instructor.classroom.class_rows import Row
from autograder.instructor.classroom.grading_task import RefusedError, Task
from autograder.instructor.classroom.progress import ClassProgress, ComparisonProgress
from autograder.instructor.classroom.result_store import Key, Remembered, Settings, Store, StoreError
from autograder.instructor.classroom.scoring import Scoring, when
from autograder.instructor.decisions.log import Decision, DecisionError, Log
from autograder.intake.submission import Submission
from autograder.isolation import levels, reduced
from autograder.level_words import REDUCED, SEPARATE
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
    student: str | None = None
    corpus: tuple[Path, ...] = ()
    assignment: str | None = None


class StopError(Exception):
    """A run that ends before anything is graded; the message says why.

    Attributes:
        status: the exit status.
    """

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


FAULTS = (StoreError, pages.ResultError, DecisionError, policy.PolicyError, people.TableError, similar.MissingError)


def grade_class(options: Options) -> int:
    """Grade all submissions in a folder or an archive; the exit status."""
    arguments.chosen(options.homework, options.only)
    store = Store(options.out)
    try:
        options, named = _completed(options, store)
        options = options._replace(submissions=export.unpacked(options.submissions, options.out))
        rows = _rows(options)
        with store.opened():
            if not options.cluster:
                _keep_apart(options)
            if options.student is not None:
                store.found()
                row = score.find_student(options.student, rows)
                return _Class(options, store, [row], Scoring(rows, []), []).again()
            decisions = policies.take(Log(options.out), named)
            scoring = Scoring(rows, decisions, homework(options.homework).deadline)
            _say(rows, scoring)
            return _Class(options, store, rows, scoring, decisions).run()
    except FAULTS as error:
        raise click.UsageError(str(error)) from None
    except layouts.LayoutError as error:
        click.echo(str(error), err=True)
        return NOTHING_TO_GRADE
    except (RefusedError, remembered.NarrowError) as error:
        click.echo(str(error), err=True)
        return USAGE
    except StopError as error:
        click.echo(str(error), err=True)
        return error.status


def _completed(options: Options, store: Store) -> tuple[Options, list[Decision]]:
    """What holds for this run: options that were left out and named before, and the decisions that are named now."""
    if options.corpus:
        options = options._replace(similar=True)
    before = store.remembered(options.homework)
    if not options.force and options.student is None:
        remembered.check_not_narrower(options.only, options.fast, before)
    taken = remembered.completed(options._asdict(), before, options.forget)
    if "roster" in taken and not Path(taken["roster"]).is_file():
        was = f"--roster {taken['roster']}"
        raise click.UsageError(f"The last run had {was}, which is gone: name it anew, or --forget roster.")
    named = policies.named(options.late, options.due, options.manual, options.forget)
    earlier = policies.words(Log(options.out).current(), named)
    if again := ", ".join(filter(None, [remembered.words(taken), earlier])):
        click.echo(f"As in the last run: {again} (--forget NAME leaves one out).", err=True)
    if "roster" in taken:
        taken["roster"] = Path(taken["roster"])
    if "corpus" in taken:
        taken["corpus"] = tuple(map(Path, taken["corpus"]))
    return options._replace(**taken), named


def _rows(options: Options) -> list[Row]:
    """Who is in the class, and who handed in what; says how it was understood."""
    roster = people.roster(options.roster) if options.roster else people.Roster()
    layout, found = layouts.find(options.submissions)
    for folder in options.corpus:
        layouts.find(folder)  # or it is told now, and not after an hour
    if options.similar:
        similar.check_installed()
    rows = class_rows.gather(found, roster)
    absent = sum(not row.handed_in.source for row in rows)
    nothing = f", and {absent} student{'s' * (absent > 1)} who handed in nothing" if absent else ""
    click.echo(f"{len(rows) - absent} submissions{nothing}; layout: {layout}", err=True)
    if roster.left:
        click.echo(f"Note: no students, and left out of the roster: {_named(roster.left)}.", err=True)
    if not options.force and (reason := _misunderstood(rows, roster, layout)):
        raise StopError(reason, NOTHING_TO_GRADE)
    return rows


def _keep_apart(options: Options) -> None:
    """Whether students' code can be kept from the class here, before any of it runs.

    Raises:
        RefusedError: it cannot.
    """
    grading_task.check_isolation(options.require, options.allow_unsandboxed)
    found = levels.find()
    if found.level in (REDUCED, SEPARATE):
        reduced.hide_command_line()
    if found.level != SEPARATE:
        return
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
    named = [row for row in strangers if row.handed_in.name and not row.handed_in.name.startswith("anon")]
    example, known = (named or strangers)[0].handed_in, roster[0]
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
            with ComparisonProgress() as shown:
                pairs = similar.compare(self._sources(), self._chosen, self._corpus(), shown)
        self._store.keep(msgspec.structs.replace(self._settings, options=self._remember()))
        if pairs is None:
            (self._options.out / similar.FILE).unlink(missing_ok=True)
        else:
            similar.keep(self._options.out / similar.FILE, pairs)
        exports = score.exports(
            self._options.homework, self._options.roster, self._options.assignment, self._scoring.possible
        )
        rows = pages.keep(self._options.out, self._results())
        summary = pages.write(self._options.out, rows, self._chosen, self._scoring, pairs, exports, self._decisions)
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

    def again(self) -> int:
        """Grade one student's work on the inputs of the class and show all that is to be said of it; the exit status.

        It is kept if it is to be graded anew, else nothing is written.
        """
        (row,) = self._rows
        earlier = pages.one_kept(self._options.out / "results" / f"{row.stem}.json") if self._options.regrade else row
        handed_in = class_rows.read(row, self._options.homework)
        waiting = {self._key(handed_in, one): (0, one) for one in self._chosen}
        if self._options.regrade and (
            other := _otherwise(earlier, {one.name: key for key, (_, one) in waiting.items()})
        ):
            raise StopError(
                f"Nothing was graded: the class was graded {other}; name the same, or grade all of it.", USAGE
            )
        reports: dict[Key, Report] = {}
        for key, _, encoded in self._backend(self._tasks(waiting), lambda count: None):
            reports[key] = msgspec.json.decode(encoded, type=Report)
        report = _together(row.shown, [reports.get(key) for key in waiting], handed_in.notes)
        terminal.show(report, terminal.console(), of_another=True, tracebacks=True, verbose=False)
        kept = [self._store.get(key) for key in waiting]
        if all(kept):
            before = {check.name: check.verdict for check in _together("", kept, []).checks}
            changed = [check.title for check in report.checks if before.get(check.name) is not check.verdict]
            others = f"Other than what is kept: {'; '.join(changed)}."
            click.echo(others if changed else "The verdicts are those that are kept.")
        inputs = f"Inputs: --seed {self._settings.seed}."
        if not self._options.regrade:
            click.echo(f"Nothing was written. {inputs}")
        elif report.grader_errors:
            click.echo(f"Nothing was written: checks failed through a fault of the grader. {inputs}", err=True)
        else:
            keys = {exercise.name: key for key, (_, exercise) in waiting.items()}
            for key, one in reports.items():
                self._store.put(key, one)
            done = msgspec.structs.replace(row, place=earlier.place, keys=keys, report=report)
            attempts.keep(self._options.out, done, handed_in.files)
            pages.keep_one(self._options.out, done)
            click.echo(f"Kept; `score {self._options.out}` writes gradebook and feedback anew. {inputs}")
        return GRADER_FAULT if report.grader_errors else FULL_MARKS

    def _remember(self) -> Remembered:
        options = self._options
        return Remembered(
            submissions=str(options.submissions.absolute()),
            roster=str(options.roster.absolute()) if options.roster else None,
            similar=options.similar,
            corpus=[str(folder.absolute()) for folder in options.corpus],
            assignment=options.assignment,
            only=options.only,
            fast=options.fast,
            data=_absolute(options.data),
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
            keys = {exercise.name: self._keys[number, exercise.name] for exercise in self._chosen}
            reports = [self._faults.get(key) or self._store.get(key) for key in keys.values()]
            handed_in = class_rows.read(row, self._options.homework)
            done = msgspec.structs.replace(row, keys=keys, report=_together(row.shown, reports, handed_in.notes))
            attempts.keep(self._options.out, done, handed_in.files)
            yield done

    def _corpus(self) -> Iterator[tuple[str, Row, Submission]]:
        for folder in self._options.corpus:
            for row in class_rows.gather(layouts.find(folder)[1], []):
                yield untrusted.ending(str(folder), 40), row, class_rows.read(row, self._options.homework)

    def _sources(self) -> Iterator[tuple[Row, Submission]]:
        for row in self._rows:
            yield row, class_rows.read(row, self._options.homework)


def _otherwise(earlier: Row, keys: dict[str, Key]) -> str:
    """In which way a student was graded otherwise than now; empty if it was in none."""
    then = earlier.report.exercises if earlier.report else []
    if {one.name for one in then} != set(keys):
        return f"on {', '.join(one.name for one in then) or 'nothing'}"
    for name, now in keys.items():
        was = earlier.keys.get(name, now)
        if was.fast != now.fast:
            return f"with{'out' if was.fast else ''} the checks that train"
        if was.drawings != now.drawings:
            return f"with other drawings, {was.drawings}"
        if was.seed != now.seed:
            return f"with --seed {was.seed}"
    return ""


def _absolute(data: str | None) -> str | None:
    """What --data names, wherever a later command is started."""
    return data if data in (None, "glyphs", "omniglot") else str(Path(data).absolute())


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
        optional_untrained=total(report.optional_untrained for report in found),
    )
    return refreshed(together)
