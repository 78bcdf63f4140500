"""What `check` does: go through the rules of the house in the order of writing, and say what is next."""

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.exit_status import FULL_MARKS, LESS
from autograder.grading.catalog import Exercise
from autograder.instructor.quality import tried
from autograder.instructor.quality.rules import RULES
from autograder.report import terminal


def check(chosen: list[Exercise], fast: bool) -> int:
    """Print of each rule whether it is kept, what breaks it and what was measured; exit status 1 if one is broken.

    Args:
        chosen: the exercises.
        fast: leave the rules out that grade, for minutes.
    """
    first = ""
    for exercise in chosen:
        first = _check(exercise, fast) or first
    console = terminal.console()
    console.print(Text(f"Next: {first}" if first else "All rules are kept." + " (--fast left some out)" * fast))
    return LESS if first else FULL_MARKS


def _check(exercise: Exercise, fast: bool) -> str:
    """Print of one exercise, and write down that all was tried; returns the first sentence on what is broken."""
    console = terminal.console()
    broken: list[str] = []
    begun = tried.digest(exercise)  # of the files as they are now: who edits them meanwhile has not tried the new ones
    console.print(Text(f"{exercise.homework}/{exercise.name}  {exercise.place}", "bold"))
    for rule in RULES:
        if rule.slow and (fast or broken):
            console.print(_line("·", f"{rule.title} ({'left out' if fast else 'waits for the rules above'})", "dim"))
            continue
        found, tables = rule.judge(exercise)
        console.print(_line("✗" if found else "✓", rule.title, "red" if found else ""))
        for sentence in found:
            console.print(_line("", sentence))
        for table in tables:
            console.print(Padding(table, (0, 0, 0, 4)))
        broken += found
    if not broken and not fast:
        tried.record(exercise, begun)
    console.print()
    return broken[0] if broken else ""


def _line(mark: str, sentence: str, style: str = "") -> Table:
    """A mark, and a sentence that is wrapped beside it."""
    line = Table.grid(padding=(0, 1))
    line.add_column(width=2, justify="right")
    line.add_row(Text(mark, style), Text(sentence, style, overflow="fold"))
    return line
