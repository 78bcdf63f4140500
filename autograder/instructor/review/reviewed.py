"""A graded class as the pages show it: verdicts as they were kept, and what follows from all decisions until now."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from flask import abort

from autograder.grading.catalog import exercises, homework
from autograder.grading.checks import described, refreshed
from autograder.instructor.classroom import pages, similar
from autograder.instructor.classroom.class_rows import STRANGER, Row
from autograder.instructor.classroom.pages import ResultError
from autograder.instructor.classroom.result_store import Remembered, Store
from autograder.instructor.classroom.scoring import Scored, Scoring
from autograder.instructor.decisions.log import Decision, Kind, Log, holding, said
from autograder.instructor.review import regrading
from autograder.instructor.review.regrading import Regrading
from autograder.instructor.review.work import Work
from autograder.results import CheckResult, Report, Verdict

# What only a student's own page shows: left out of what is kept in memory for all.
LONG = dict.fromkeys(("message", "plain", "picture", "hint", "mend", "printed", "traceback"), "")
LEAST = 4  # characters of a name that is hidden: shorter ones are parts of words


class Student(NamedTuple):
    """A student in the class, without the words of the report.

    Attributes:
        key: in addresses.
        label: what pages call them.
        row: as it was graded.
        scored: with what was decided.
        decided: about this student, the oldest first.
        failing: exercise and function of the checks that fail.
        verdicts: how many checks pass, fail, and wait.
        flags: for a human to look at.
        ungraded: questions without points.
        words: to search in, in small letters.
    """

    key: str
    label: str
    row: Row
    scored: Scored
    decided: list[Decision]
    failing: frozenset[tuple[str, str]]
    verdicts: Counter[str]
    flags: int
    ungraded: tuple[str, ...]
    words: str

    @property
    def comments(self) -> int:
        """How many comments are about them."""
        return sum(one.kind is Kind.COMMENT for one in self.decided)

    @property
    def troubles(self) -> list[str]:
        """Why the row is none as others: nothing was handed in or could be graded, or nobody knows whose it is."""
        if not self.row.handed_in.source:
            return ["nothing handed in"]
        required = [one for one in self.row.report.exercises if one.required] if self.row.report else []
        failed = sum(bool(one.problem) for one in required)
        ungraded = "nothing could be" if failed == len(required) else f"{failed} of {len(required)} exercises not"
        stranger = ["not in the roster"] if STRANGER in self.row.notes else []
        return stranger + ([f"{ungraded} graded"] if failed else [])


class State(NamedTuple):
    """A class at one moment.

    Attributes:
        last: number of the last decision.
        everything: all that was ever decided.
        holding: numbers of what holds.
        of_all: what holds and is about no single student.
        students: in the order of the class, by their keys.
    """

    last: int
    everything: list[Decision]
    holding: frozenset[int]
    of_all: list[Decision]
    scoring: Scoring
    students: dict[str, Student]


def kind_of(verdict: Verdict) -> str:
    """Return whether a verdict is a pass, a failure, or waits for another."""
    return "pass" if verdict is Verdict.PASS else "wait" if verdict is Verdict.NOT_RUN else "fail"


class Class:
    """A graded class in its folder.

    Args:
        out: the folder.
        submissions: where these lie; where the run that graded them found them if left out.
        anonymous: whether pages say numbers in the place of names.
        isolation: options of the class command, for who is graded again.

    Raises:
        StoreError, ResultError: no class was graded into it, or a result cannot be read.
    """

    def __init__(
        self, out: Path, submissions: Path | None = None, anonymous: bool = False, isolation: Sequence[str] = ()
    ):
        self.out, self.anonymous = out, anonymous
        self.settings = Store(out).found()
        options = self.settings.options or Remembered()
        self.exercises = [one for one in exercises(self.settings.homework) if options.only in (None, one.name)]
        self.log = Log(out)
        self.work = Work(self.settings.homework, options, submissions)
        self.regrading = Regrading(regrading.command(out, self.settings, self.work.folder, isolation))
        self._lock = threading.Lock()
        self._files: dict[str, tuple[tuple[int, int, int], Row]] = {}
        self._folder_as: int | None = None
        self._rows: list[Row] = []
        self._numbers: dict[str, int] = {}
        self._state: State | None = None
        self.state()

    def state(self) -> State:
        """Return the class as it is now.

        Raises:
            ResultError, DecisionError: a result or the decisions cannot be read.
        """
        with self._lock:
            changed = self._read_results()
            last = self.log.last()
            if self._state is None or changed or self._state.last != last:
                self._state = self._made(None if changed else self._state)
            return self._state

    def scoring_at(self, last: int) -> Scoring:
        """Return what was decided when a decision was the last one."""
        state = self.state()
        if last == state.last:
            return state.scoring
        earlier = holding([one for one in state.everything if one.number <= last])
        return Scoring([one.row for one in state.students.values()], earlier)

    def whole(self, student: Student) -> Scored:
        """Read all that is known of a student, with what was decided.

        Raises:
            ResultError: it cannot be read.
        """
        row = pages.one_kept(self.out / "results" / f"{student.row.stem}.json")
        if row.report:
            row.report = refreshed(row.report)
        return self.state().scoring.score(row)

    def checks(self) -> list[tuple[str, str, CheckResult]]:
        """Return all checks, each with name and title of its exercise."""
        return [(one.name, one.title, check) for one in self.exercises for check in described(one)]

    def pairs(self) -> similar.Pairs | None:
        """Return similar submissions; None if nobody looked for them."""
        return similar.kept(self.out / similar.FILE)

    def label(self, row: Row) -> str:
        """Return what pages call a student."""
        return f"Student {self._numbers[row.stem]}" if self.anonymous else row.shown

    def hide(self, text: str, row: Row) -> str:
        """Return a text without the student's names, where pages are anonymous."""
        if not self.anonymous:
            return text
        names = {*row.names, similar.called(row), row.handed_in.source, row.stem}
        for name in sorted((one for one in names if len(one) >= LEAST), key=len, reverse=True):
            text = re.sub(re.escape(name), self.label(row), text, flags=re.IGNORECASE)
        return text

    def hide_all(self, text: str, names: list[str]) -> str:
        """Return a text without the names of students, whom similar submissions name, where pages are anonymous."""
        for student in self.state().students.values() if self.anonymous else ():
            if similar.called(student.row) in names:
                text = self.hide(text, student.row)
        return text

    def relabelled(self, names: list[str]) -> list[str]:
        """Return names as similar submissions have them, as pages call these students."""
        labels = {similar.called(one.row): one.label for one in self.state().students.values()}
        return [labels.get(name, "a student who has left" if self.anonymous else name) for name in names]

    def words(self, one: Decision) -> str:
        """Say a decision in a line."""
        if one.kind is Kind.TABLE:
            return f"points of written questions from {one.comment}"
        if one.kind is Kind.UNDO:
            undone = [self.words(earlier) for earlier in self.state().everything if earlier.number == one.value]
            return ": ".join([f"took back {one.value}", *undone])
        if self.anonymous and one.kind is Kind.SIMILAR:
            one = msgspec.structs.replace(one, subject=", ".join(self.relabelled(one.subject.split(" / "))))
        if self.anonymous and one.student:
            found = next((s for s in self.state().students.values() if set(one.student) & set(s.row.names)), None)
            one = msgspec.structs.replace(one, student=(found.label if found else "a student who has left",))
        return said(one)

    def _read_results(self) -> bool:
        """Read what was graded since the last time; whether anything was."""
        folder = self.out / "results"
        try:
            status = folder.stat().st_mtime_ns
            if status == self._folder_as:
                return False
            now = {path.name: path.stat() for path in folder.glob("*.json")}
        except OSError as error:
            raise ResultError(f"{folder} cannot be read ({error.strerror}): the class command writes it.") from None
        files = {}
        for name, stat in now.items():
            about = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known = self._files.get(name)
            files[name] = known if known and known[0] == about else (about, _slim(pages.one_kept(folder / name)))
        self._files, self._folder_as = files, status
        self._rows = sorted((row for _, row in files.values()), key=lambda row: row.place)
        secret = self.settings.seed
        shuffled = sorted(self._rows, key=lambda row: hashlib.sha256(f"{secret} {row.stem}".encode()).digest())
        self._numbers = {row.stem: number for number, row in enumerate(shuffled, start=1)}
        return True

    def _made(self, before: State | None) -> State:
        """The class as it is now; who is as before is taken from there, as scoring a class takes a while."""
        everything = self.log.all()
        now = holding(everything)
        scoring = Scoring(self._rows, now, homework(self.settings.homework).deadline)
        of_all = [one for one in now if not one.student]
        known = {one.row.stem: one for one in before.students.values()} if before else {}
        same_for_all = before and (before.of_all, before.scoring.questions) == (of_all, scoring.questions)
        students = []
        for row in self._rows:
            found = known.get(row.stem)
            if found is None or found.decided != _of_one(scoring, row):
                students.append(self._student(row, scoring))
            else:
                students.append(found if same_for_all else _scored_anew(found, scoring))
        if self.anonymous:
            students.sort(key=lambda one: self._numbers[one.row.stem])
        last = everything[-1].number if everything else 0
        numbers = frozenset(one.number for one in now)
        return State(last, everything, numbers, of_all, scoring, {one.key: one for one in students})

    def _student(self, row: Row, scoring: Scoring) -> Student:
        scored = scoring.score(row)
        report = row.report
        decided = _of_one(scoring, row)
        listed = (
            [(exercise.name, check) for exercise in report.exercises for check in exercise.checks] if report else []
        )
        flags = [flag for exercise in report.exercises for flag in exercise.flags] if report else []
        label = self.label(row)
        named = [label] if self.anonymous else [label, row.id, row.email]
        comments = [str(one.value) for one in decided if one.kind is Kind.COMMENT]
        made = Student(
            key=str(self._numbers[row.stem]) if self.anonymous else row.stem,
            label=label,
            row=row,
            scored=scored,
            decided=decided,
            failing=frozenset((name, check.name) for name, check in listed if kind_of(check.verdict) == "fail"),
            verdicts=Counter(kind_of(check.verdict) for _, check in listed),
            flags=len(flags),
            ungraded=_ungraded(scored, scoring),
            words="\n".join([*named, *(check.likely for _, check in listed), *flags, *comments]).lower(),
        )
        return made._replace(words="\n".join([made.words, *made.troubles]))


def _scored_anew(student: Student, scoring: Scoring) -> Student:
    """A student about whom nothing was decided, but something about all: verdicts and words are as they were."""
    scored = scoring.score(student.row)
    return student._replace(scored=scored, ungraded=_ungraded(scored, scoring))


def _ungraded(scored: Scored, scoring: Scoring) -> tuple[str, ...]:
    """Return the questions without points, of who handed in."""
    return tuple(one for one in scoring.questions if one not in scored.manual and scored.handed_in.source)


def named(state: State, key: str) -> Student:
    """Return the student whom an address names; there is no page if it names none."""
    if key not in state.students:
        abort(404, "There is no such student in the class.")
    return state.students[key]


def _of_one(scoring: Scoring, row: Row) -> list[Decision]:
    """What somebody decided about a student, without what a table says of the whole class."""
    return [one for one in scoring.about(row) if one.number]


def _slim(row: Row) -> Row:
    """A row without the long texts of its report, with the points of today."""
    if row.report is None:
        return row
    row.report = _short(refreshed(row.report))
    return row


def _short(report: Report) -> Report:
    fields: dict[str, Any] = LONG
    slim = [
        msgspec.structs.replace(
            exercise, checks=[msgspec.structs.replace(check, waits_for=[], **fields) for check in exercise.checks]
        )
        for exercise in report.exercises
    ]
    return msgspec.structs.replace(report, exercises=slim)
