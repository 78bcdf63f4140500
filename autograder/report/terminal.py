"""The report that a student reads in the terminal, and the progress line before it."""

from types import TracebackType
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from autograder import isolation
from autograder.catalog import Exercise
from autograder.results import TO_DO, CheckResult, ExerciseResult, Report, Verdict, number

Shown = TypeVar("Shown", bound="Line")

WIDTH = 110
STYLES = {Verdict.PASS: "green", Verdict.NOT_RUN: "dim", Verdict.GRADER_ERROR: "bold magenta"}
MARKS = {Verdict.PASS: "✓", Verdict.NOT_RUN: "·"}


def console(*, stderr: bool = False) -> Console:
    """A console that is no wider than is good to read."""
    made = Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, width=min(made.width, WIDTH)) if made.width > WIDTH else made


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

    def __call__(self, exercise: Exercise, check: CheckResult, judged: bool) -> None:
        """Observe a check that begins or is judged."""
        what = "training: " if check.training else ""
        description = Text(f"{exercise.name}: {what}{check.title}")
        description.truncate(64, overflow="ellipsis")
        self._progress.update(self._task, description=description.plain, advance=int(judged))


def show(report: Report, to: Console, *, of_another: bool = False, tracebacks: bool = False) -> None:
    """Print a report: a table of each exercise, what is to be done, and the score.

    Args:
        report: what to print.
        to: the terminal.
        of_another: whether someone else's work was graded: then flags and the words for the isolation are shown.
        tracebacks: whether those of the grader's own faults are shown, which are for the staff.
    """
    if of_another and report.isolation == isolation.NONE:
        to.print(Text(isolation.WORDS[isolation.NONE], "bold red"))
        to.print()
    for exercise in report.exercises:
        to.print(_head(exercise))
        if exercise.problem:
            to.print(Padding(Text(exercise.problem, "red"), (0, 0, 0, 2)))
        elif todo := _todo(exercise):
            to.print(Padding(todo, (0, 0, 0, 2)))
        else:
            to.print(_table(exercise))
            if any(check.waits_for for check in exercise.checks):
                to.print(Text("  ·  not judged yet: builds on a check that does not pass", "dim"))
        if of_another and exercise.flags:
            to.print(Text("  For a human to look at; no points depend on it:", "cyan"))
            to.print(Padding(Group(*map(Text, exercise.flags)), (0, 0, 0, 4)))
        to.print()
    for trace in dict.fromkeys(check.traceback for check in report.grader_errors) if tracebacks else ():
        to.print(Text(trace, "dim"))
    for note in report.notes:
        to.print(Text(f"Note: {note}", "dim"))
    to.print(_score(report))
    to.print(Text(f"{report.subject}, {report.seconds:.0f} s, seed {report.seed}, drawings: {report.data}", "dim"))
    if of_another and report.isolation != isolation.NONE:
        to.print(Text(isolation.WORDS[report.isolation], "dim"))


def show_list(homework: str, exercises: list[tuple[Exercise, list[CheckResult]]], to: Console) -> None:
    """Print all checks and their points."""
    total = 0.0
    for exercise, checks in exercises:
        points = sum(check.points for check in checks)
        total += points
        to.print(Text.assemble((exercise.title, "bold"), f"  {exercise.file}  {number(points)} points"))
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", width=6)
        table.add_column()
        for check in checks:
            trains = Text("  (trains)", "dim") if check.training else Text()
            table.add_row(number(check.points), Text(check.title) + trains)
        to.print(table)
        to.print()
    to.print(f"{homework}: {number(total)} points")


def _head(exercise: ExerciseResult) -> Text:
    full = exercise.earned == exercise.points
    score = f"{number(exercise.earned)} of {number(exercise.points)} points"
    return Text.assemble(
        (exercise.title, "bold"), ("  " + exercise.file, "dim"), "  ", (score, "green" if full else "yellow")
    )


def _todo(exercise: ExerciseResult) -> RenderableType | None:
    """A to-do list, if nothing has been done yet."""
    lines = [Text(f"☐ {reason}") for reason in exercise.to_do]
    return Group(*lines, Text(TO_DO, "dim")) if lines else None


def _table(exercise: ExerciseResult) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=2, justify="right")
    table.add_column(width=5, justify="right")
    table.add_column()
    for check in exercise.checks:
        style = STYLES.get(check.verdict, "red")
        earned = f"{number(check.earned)}/{number(check.points)}"
        mark = Text(MARKS.get(check.verdict, "✗"), style)
        table.add_row(mark, Text(earned, style), _body(check))
    return table


def _body(check: CheckResult) -> RenderableType:
    if check.verdict is Verdict.PASS:
        return Text(check.title)
    if check.waits_for:
        return Text(check.title, "dim")
    if check.verdict is Verdict.NOT_RUN:
        return Group(Text(check.title, "dim"), Text("to do: " * check.todo + check.message))
    lines = [Text.assemble((check.title, "bold"), ("  " + check.verdict.value, STYLES.get(check.verdict, "red")))]
    lines += [Text(line) for line in check.message.rstrip().splitlines()]
    if check.verdict is Verdict.GRADER_ERROR:
        lines.append(Text("This is a fault of the grader, not of your code; it costs no points.", "magenta"))
    if check.likely:
        lines.append(Text(check.likely, "yellow"))
    if check.hint and check.verdict in (Verdict.WRONG, Verdict.FORMAT):
        lines.append(Text.assemble(("Hint: ", "cyan"), check.hint))
    if check.last_printed:
        lines.append(Text("printed meanwhile: " + " | ".join(check.last_printed), "dim"))
    return Group(*lines)


def _score(report: Report) -> Text:
    full = report.earned == report.points and not report.grader_errors
    left_out = f"  ({number(report.left_out)} points left out)" if report.left_out else ""
    return Text.assemble(
        f"{report.homework}: ",
        (f"{number(report.earned)} of {number(report.points)} points", "bold green" if full else "bold yellow"),
        left_out,
    )
