"""Options of a class run that are decisions: deadline, late policy and points of written questions."""

from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.instructor.classroom import people, policy
from autograder.instructor.classroom.scoring import when
from autograder.instructor.decisions.log import Decision, Kind, Log, user

OPTIONS = {"late": Kind.LATE, "due": Kind.DUE, "manual": Kind.TABLE}


def named(late: str | None, due: datetime | None, manual: Path | None, forgotten: tuple[str, ...]) -> list[Decision]:
    """Return the decisions that options name.

    Args:
        late: a late policy.
        due: the deadline.
        manual: a table of points of written questions.
        forgotten: names of options that are to hold no longer.

    Raises:
        PolicyError, TableError: one cannot be read.
    """
    found = [Decision(kind=kind) for name, kind in OPTIONS.items() if name in forgotten]
    if late:
        policy.parse(late)
        found.append(Decision(kind=Kind.LATE, value=late))
    if due:
        found.append(Decision(kind=Kind.DUE, value=due.isoformat()))
    if manual:
        table: list[list[Any]] = []
        for person, (points, comments) in people.manual(manual).items():
            names = [person.id, person.email, person.name, *sorted(person.ids)]
            table.append([list(dict.fromkeys(filter(None, names))), points, comments])
        found.append(Decision(kind=Kind.TABLE, value=table, comment=manual.name))
    return found


def take(log: Log, decisions: list[Decision]) -> list[Decision]:
    """Add those that change something; returns what holds."""
    before = {one.kind: one for one in log.current() if not one.student}
    changed = [one for one in decisions if one.value != (before[one.kind].value if one.kind in before else None)]
    if changed:
        log.add(changed, user())
    return log.current()


def words(holding: list[Decision], now: list[Decision]) -> str:
    """Say which of these options hold from an earlier run, as "--late 10%/day"."""
    told = []
    for name, kind in OPTIONS.items():
        one = next((one for one in holding if one.kind is kind and not one.student), None)
        if one and kind not in [decision.kind for decision in now]:
            value = one.value
            if kind is Kind.TABLE:
                value = f"{one.comment} as it was read at {one.time:%Y-%m-%d %H:%M} UTC"
            elif kind is Kind.DUE:
                value = when(datetime.fromisoformat(one.value))
            told.append(f"--{name} {value}")
    return ", ".join(told)
