"""The kill matrix in the terminal."""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.instructor.kill import Death

STYLES = {"alive": "bold red", "another check": "yellow", "intended check too": "cyan"}


def show(deaths: list[Death], to: Console) -> None:
    """Print a table of each exercise's mutants, and the shares."""
    for exercise in dict.fromkeys(death.exercise for death in deaths):
        own = [death for death in deaths if death.exercise == exercise]
        columns = ("mutant", "found by", "first failing check", "named", "lost")
        table = Table(*columns, title=exercise, title_justify="left")
        for death in own:
            named = {True: "yes", False: "no", None: ""}[death.named]
            first = death.failed[0].removeprefix("test_") if death.failed else ""
            how = Text(death.how, STYLES.get(death.how, "green"))
            table.add_row(Text(death.mutant), how, first, named, f"{death.lost:.0%}")
        to.print(table)
        to.print(_shares(own))
        to.print(_losses(own))
        to.print()


def _losses(deaths: list[Death]) -> Text:
    """How many lose how much: a mistake is paid for once."""
    steps = (0.05, 0.1, 0.2, 0.35, 0.5, 1.0)
    counts = [sum(low < death.lost <= high for death in deaths) for low, high in zip((0, *steps), steps, strict=False)]
    told = ", ".join(f"up to {high:.0%}: {count}" for high, count in zip(steps, counts, strict=True) if count)
    return Text(f"points lost: {told}")


def _shares(deaths: list[Death]) -> Text:
    total = len(deaths)
    outcomes = Counter(death.how for death in deaths)
    among = sum(death.intended in death.failed for death in deaths)
    first = outcomes["intended check first"]
    with_name = [death for death in deaths if death.named is not None]
    faults = sum(bool(death.faults) for death in deaths)
    return Text(
        f"{total} mutants: {outcomes['alive']} alive; the intended check is among the failures of {among / total:.0%} "
        f"and the first of {first / total:.0%}; {sum(bool(d.named) for d in with_name)} of {len(with_name)} mistakes "
        f"that have a name are named" + (f"; {faults} made the grader fail" if faults else "")
    )
