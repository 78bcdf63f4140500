"""Options that a class run takes over from the last one in the same folder: no output vanishes for want of one."""

from typing import Any

from autograder.instructor.classroom.result_store import Remembered

NAMES = ("roster", "similar", "corpus", "assignment", "only", "fast", "data")


class NarrowError(Exception):
    """A run that would leave something out of the outputs that is in them; the message says what."""


def completed(given: dict[str, Any], before: Remembered | None, forgotten: tuple[str, ...]) -> dict[str, Any]:
    """Return the options that were left out now and named before.

    Args:
        given: options of this run by name; None or False where one was left out.
        before: those of the last run.
        forgotten: names of options that are not to be taken over.
    """
    if before is None:
        return {}
    old = {name: getattr(before, name) for name in NAMES if name not in forgotten}
    return {name: value for name, value in old.items() if value and not given[name]}


def check_not_narrower(only: str | None, fast: bool, before: Remembered | None) -> None:
    """Check that the outputs keep what they have.

    Raises:
        NarrowError: exercises, or the checks that train, would be missing in them.
    """
    lost = []
    if before and only and before.only != only:
        lost.append(
            f"the columns of all exercises but {only}" if before.only is None else f"the column of {before.only}"
        )
    if before and fast and not before.fast:
        lost.append("the points of the checks that train")
    if lost:
        raise NarrowError(
            f"Nothing was graded: gradebook, results and feedback would lose {' and '.join(lost)}. Name another --out, "
            "or --force."
        )


def words(taken: dict[str, Any]) -> str:
    """As "--roster class.csv, --similar"."""
    each = [(name, one) for name, value in taken.items() for one in (value if isinstance(value, list) else [value])]
    return ", ".join(f"--{name}" if value is True else f"--{name} {value}" for name, value in each)
