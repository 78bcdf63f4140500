"""The kill matrix in the terminal, and what it comes to."""

from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.instructor.quality.kill_matrix import Death

STYLES = {"alive": "bold red", "another check": "yellow", "intended check too": "cyan"}
STEPS = (0.05, 0.1, 0.2, 0.35, 0.5, 1.0)  # shares of an exercise's points


class Shares(NamedTuple):
    """What became of some mutants.

    Attributes:
        alive: how many no check finds.
        among: share of those that the intended check finds.
        first: share of those that it finds first.
        exact: share of those that fail the checks that they should, and no others.
        named, nameable: how many mistakes are named, of those that have a name.
        faults: how many made the grader fail.
    """

    total: int
    alive: int
    among: float
    first: float
    exact: float
    named: int
    nameable: int
    faults: int


def shares(deaths: list[Death]) -> Shares:
    """Count them."""
    total = len(deaths)
    return Shares(
        total=total,
        alive=sum(not death.failed for death in deaths),
        among=sum(death.intended in death.failed for death in deaths) / total,
        first=sum(death.failed[:1] == (death.intended,) for death in deaths) / total,
        exact=sum(death.failed == death.fails for death in deaths) / total,
        named=sum(bool(death.named) for death in deaths),
        nameable=sum(death.named is not None for death in deaths),
        faults=sum(bool(death.faults) for death in deaths),
    )


def losses(deaths: list[Death]) -> list[int]:
    """Count those that lose up to each of STEPS, and more than the one before: a mistake is paid for once."""
    return [len(names) for names in _by_cost(deaths)]


def costs(deaths: list[Death]) -> Table:
    """Make a table of an exercise's mutants by the share of the points that each loses."""
    table = Table("points lost", "mutants", "which", title="What each mistake costs", title_justify="left")
    for high, names in zip(STEPS, _by_cost(deaths), strict=True):
        if names:
            table.add_row(f"up to {high:.0%}", str(len(names)), Text(", ".join(names)))
    return table


def _by_cost(deaths: list[Death]) -> list[list[str]]:
    """Names of those that lose up to each of STEPS, and more than the one before."""
    steps = zip((0, *STEPS), STEPS, strict=False)
    return [[death.mutant for death in deaths if low < death.lost <= high] for low, high in steps]


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
    told = [f"up to {high:.0%}: {count}" for high, count in zip(STEPS, losses(deaths), strict=True) if count]
    return Text(f"points lost: {', '.join(told)}")


def _shares(deaths: list[Death]) -> Text:
    found = shares(deaths)
    return Text(
        f"{found.total} mutants: {found.alive} alive; the intended check is among the failures of {found.among:.0%} "
        f"and the first of {found.first:.0%}; {found.exact:.0%} fail just the checks that they should; "
        f"{found.named} of {found.nameable} mistakes that have a name are named"
        + (f"; {found.faults} made the grader fail" if found.faults else "")
    )
