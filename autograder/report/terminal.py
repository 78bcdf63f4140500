"""The report that a student reads in the terminal, and the progress line before it."""

from types import TracebackType
from typing import Protocol, TypeVar

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from autograder.level_words import NONE, WORDS
from autograder.results import TO_DO, CheckResult, ExerciseResult, Report, Verdict, number, total

Shown = TypeVar("Shown", bound="Line")

WIDTH = 110
# Red, green and magenta can be read on light and on dark; yellow, cyan and blue on one of them only.
STYLES = {Verdict.PASS: "green", Verdict.NOT_RUN: "dim", Verdict.GRADER_ERROR: "bold magenta"}
SAME = "The same as above."
AGAIN = "The mistake that is named above gives just this, too."
OUR_FAULT = "This is a fault of the grader, not of your code: run it again, or report it."
MARKS = {Verdict.PASS: "✓", Verdict.NOT_RUN: "·"}


def console(*, stderr: bool = False) -> Console:
    """Return a console that is no wider than is good to read."""
    limited = Console(stderr=stderr, highlight=False)
    limited.width = min(limited.width, WIDTH)
    return limited


class Line:
    """A line of progress on stderr, only in a terminal, and only for as long as it is entered."""

    def __init__(self, *columns: ProgressColumn):
        self._progress = Progress(*columns, console=console(stderr=True), transient=True)

    def __enter__(self: Shown) -> Shown:
        if self._progress.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Named(Protocol):
    """An exercise, or whatever has its name."""

    @property
    def name(self) -> str:
        """As "maml"."""


class Progressing(Line):
    """Says which check is running."""

    def __init__(self, total: int):
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._task: TaskID = self._progress.add_task("starting", total=total)

    def __call__(self, exercise: Named, check: CheckResult, judged: bool) -> None:
        """Observe a check that begins or is judged."""
        what = "training: " if check.training else ""
        description = Text(f"{exercise.name}: {what}{check.title}")
        description.truncate(64, overflow="ellipsis")
        self._progress.update(self._task, description=description.plain, advance=int(judged))


def show(
    report: Report, to: Console, *, of_another: bool = False, tracebacks: bool = False, verbose: bool = False
) -> None:
    """Print a report: what was graded, a table of each exercise, what is to be done, and the score.

    Where anything fails, the first failure of an exercise stands first and in full, and what passes is one line. The
    other failures follow in short, but for those that show another mistake: with a name of their own, or without one
    where the first has one.

    Args:
        report: what to print.
        to: the terminal.
        of_another: whether someone else's work was graded: then flags and the words for the isolation are shown.
        tracebacks: whether those of the grader's own faults are shown, which are for the staff.
        verbose: whether all checks are shown in full, those that pass too.
    """
    shown = _Shown(report, verbose)
    if of_another and report.isolation == NONE:
        _print(to, Text(WORDS[NONE], "bold red"), "")
    to.print(Text(f"{report.homework}: {report.subject}", "bold"), soft_wrap=True)  # paths are copied in one piece
    for exercise in report.exercises:
        _print(to, _head(exercise))
        if not exercise.handed_in:
            pass
        elif exercise.problem:
            problem = SAME if shown.is_said(exercise.problem) else exercise.problem
            _print(to, Padding(Text(problem, "red"), (0, 0, 0, 2)))
        elif todo := _todo(exercise):
            _print(to, Padding(todo, (0, 0, 0, 2)))
        else:
            _print(to, shown.table(exercise))
        if of_another and exercise.flags:
            _print(to, Text("  For a human to look at; no points depend on it:", "magenta"))
            _print(to, Padding(Group(*map(Text, exercise.flags)), (0, 0, 0, 4)))
        _print(to, "")
    for trace in dict.fromkeys(check.traceback for check in report.grader_errors) if tracebacks else ():
        _print(to, Text(trace, "dim"))
    for note in report.notes:
        _print(to, Text(f"Note: {note}", "dim"))
    if shown.short and not verbose:
        _print(to, Text("--verbose shows the hints of all failures, which checks wait, and what passes.", "dim"))
    _print(to, _score(report))
    if report.optional:
        _print(to, Text(report.outside))
    _print(to, Text(f"{report.seconds:.0f} s, seed {report.seed}, drawings: {report.data}", "dim"))
    if of_another and report.isolation != NONE:
        _print(to, Text(WORDS[report.isolation], "dim"))


def show_list(homework: str, exercises: list[ExerciseResult], to: Console) -> None:
    """Print all checks and their points."""
    for exercise in exercises:
        points = f"{number(exercise.points)} points"
        _print(to, Text.assemble((exercise.title, "bold"), f"  {exercise.file}  {points}"))
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", width=6)
        table.add_column()
        for check in exercise.checks:
            trains = Text("  (trains)", "dim") if check.training else Text()
            table.add_row(number(check.points), Text(check.title) + trains)
        _print(to, table, "")
    required = total(exercise.points for exercise in exercises if exercise.required)
    optional = [exercise.name for exercise in exercises if not exercise.required]
    outside = f", and outside the sum {', '.join(optional)}" if optional else ""
    _print(to, f"{homework}: {number(required)} points{outside}")


def _print(to: Console, *parts: RenderableType) -> None:
    """Print parts one below the other; in files and pipes without the spaces that fill up a line."""
    if to.is_terminal:
        to.print(*parts, sep="\n")
        return
    with to.capture() as captured:
        to.print(*parts, sep="\n")
    for line in captured.get().splitlines():
        to.out(line.rstrip(), highlight=False)


def _head(exercise: ExerciseResult) -> Text:
    style = "dim" if not exercise.handed_in else "green" if exercise.earned == exercise.points else "bold"
    return Text.assemble((exercise.title, "bold"), ("  " + exercise.file, "dim"), "  ", (exercise.score, style))


def _todo(exercise: ExerciseResult) -> RenderableType | None:
    """A to-do list, if nothing has been done yet."""
    lines = [Text(f"☐ {reason}") for reason in exercise.to_do]
    return Group(*lines, Text(TO_DO, "dim")) if lines else None


class _Shown:
    """The tables of a report's exercises, which say nothing twice.

    Attributes:
        short: whether a failure was shown without its hint.
    """

    def __init__(self, report: Report, verbose: bool):
        self._report, self._verbose = report, verbose
        self._in_full = verbose or (report.complete and not report.grader_errors)
        self._said: set[str] = set()
        self.short = False

    def is_said(self, text: str) -> bool:
        """Whether this has been said in this report; it has from now on."""
        before = text in self._said
        self._said.add(text)
        return before

    def table(self, exercise: ExerciseResult) -> Table:
        """Points and words, check by check."""
        table = Table.grid(padding=(0, 2))
        table.add_column(width=2, justify="right")
        table.add_column(min_width=5, justify="right", no_wrap=True)
        table.add_column()
        rows, waiting = _told_apart(exercise.checks)
        passed = [check for check in rows if check.verdict is Verdict.PASS]
        if not self._in_full:
            rows = [check for check in rows if check.verdict is not Verdict.PASS]
            rows.sort(key=lambda check: check.verdict is Verdict.NOT_RUN)
        first = next((check for check in rows if check.verdict not in (Verdict.PASS, Verdict.NOT_RUN)), None)
        is_named = first is not None and bool(first.likely)  # then a failure without a name is of another mistake
        repeated: list[CheckResult] = []  # faults of ours that have been told
        for check in rows:
            if check.verdict is Verdict.GRADER_ERROR and self.is_said(check.message):
                repeated.append(check)
            else:
                _row(
                    table,
                    check.verdict,
                    [check],
                    self._body(check, in_full=self._verbose or check is first or self._shows_another(check, is_named)),
                )
            if behind := waiting.get(check.title):
                titles = f": {' '.join(check.title for check in behind)}" if self._verbose else ""
                _row(table, Verdict.NOT_RUN, behind, Text(f"{_count(behind, 'wait')} for this one{titles}", "dim"))
        if repeated:
            _row(table, Verdict.GRADER_ERROR, repeated, Text(f"{_count(repeated, 'end')} with the same fault", "dim"))
        if passed and not self._in_full:
            _row(table, Verdict.PASS, passed, Text(_count(passed, "pass")))
        return table

    def _shows_another(self, check: CheckResult, is_named: bool) -> bool:
        """Whether a later failure is of another mistake than those before it, of which the first may have a name."""
        if not check.likely:
            return is_named
        return not check.foreign and check.likely not in self._said

    def _body(self, check: CheckResult, in_full: bool) -> RenderableType:
        if check.verdict is Verdict.PASS:
            return Text(check.title)
        if check.waits_for:
            return Text(check.title, "dim")
        if check.verdict is Verdict.NOT_RUN:
            return Group(Text(check.title, "dim"), Text("to do: " * check.todo + check.message))
        lines = [Text.assemble((check.title, "bold"), ("  " + check.verdict.value, STYLES.get(check.verdict, "red")))]
        before, after = check.seen
        lines += [Text(line) for line in before.rstrip().splitlines()]
        if check.verdict is Verdict.GRADER_ERROR:
            lines.append(Text(OUR_FAULT, "magenta"))
        if check.likely:
            is_said = self.is_said(check.likely) and not in_full
            lines.append(Text(AGAIN if is_said else check.likely, "magenta"))
        lines += [Text(line) for line in after.rstrip().splitlines()]
        if not in_full:
            self.short = self.short or bool(check.advice)
            return Group(*lines)
        lines += [Text.assemble((f"{word}: ", "bold"), text) for word, text in check.advice]
        if check.held_back and self._report.held_back and not self.is_said(self._report.held_back):
            lines.append(Text(self._report.held_back, "dim"))
        if check.last_printed:
            lines.append(Text("printed meanwhile: " + " | ".join(check.last_printed), "dim"))
        return Group(*lines)


def _row(table: Table, verdict: Verdict, checks: list[CheckResult], body: RenderableType) -> None:
    """Add a row for some checks of one verdict."""
    style = STYLES.get(verdict, "red")
    points = f"{number(total(c.earned for c in checks))}/{number(total(c.points for c in checks))}"
    table.add_row(Text(MARKS.get(verdict, "✗"), style), Text(points, style), body)


def _count(checks: list[CheckResult], verb: str) -> str:
    """As "12 checks pass", "1 check passes"."""
    if len(checks) > 1:
        return f"{len(checks)} checks {verb}"
    return f"1 check {verb}{'es' if verb.endswith('s') else 's'}"


def _told_apart(checks: list[CheckResult]) -> tuple[list[CheckResult], dict[str, list[CheckResult]]]:
    """Checks with a line of their own, and by the title of one of these the checks that wait for it."""
    shown: list[CheckResult] = []
    waiting: dict[str, list[CheckResult]] = {}
    behind: dict[str, str] = {}
    for check in checks:
        first = next((behind.get(title, title) for title in check.waits_for), "")
        if first in (other.title for other in shown):
            behind[check.title] = first
            waiting.setdefault(first, []).append(check)
        else:
            shown.append(check)
    return shown, waiting


def _score(report: Report) -> Text:
    full = report.complete and not report.grader_errors
    beside = f"; {report.beside}" if report.beside else ""
    return Text.assemble((report.score, "bold green" if full else "bold"), beside)
