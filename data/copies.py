"""Several copies of the course on one machine: which one a program belongs to, and in which one its user stands."""

from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]  # the copy that this module belongs to


def other(files: Iterable[str], course: Path = HERE) -> Path | None:
    """Find the copy of the course in which the user stands, if it is another one than `course`.

    Args:
        files: one of them is in every copy, as "hw2/maml.py".
        course: the copy that runs.
    """
    here, files = Path.cwd(), list(files)
    for folder in (here, *here.parents):
        if folder == course:
            return None
        if any((folder / file).is_file() for file in files):
            return folder
    return None


def short(path: Path) -> str:
    """Write a path in few letters: ~ for the user's home."""
    path = path.absolute()
    try:
        return str(Path("~", path.relative_to(Path.home())))
    except (ValueError, RuntimeError):  # it lies elsewhere, or there is no home
        return str(path)


def warning(standing: Path, course: Path = HERE) -> str:
    """Say that what runs belongs to another copy than the one in which the user stands, and what to do."""
    return (
        f"You stand in {short(standing)}, but the programs that run are those of another copy, {short(course)}: "
        f"go there, or start them from the top of this one, or install this one (pip install -e {short(standing)})."
    )
