"""Who handed in what: the folders that Canvas, Gradescope and GitHub Classroom export, and plain ones.

    Canvas            doejane_LATE_4711_98765_maml-2.py, all files beside each other; -2 is the third attempt. Where
                      grading is anonymous LATE_anon_x7Kq2_98765_maml.py
    Gradescope        submission_98765/ and submission_metadata.yml, perhaps with the table of scores
    GitHub Classroom  hw2-submissions/hw2-janedoe/, clones of repositories, perhaps with the table of grades
    Moodle            Jane Doe_657801_assignsubmission_file_/, a folder for each, or files of such names
    plain             a folder or an archive for each student, named after them

Every submission becomes a row, whatever it is. Nothing of a submission is opened here, but for a clone's last commit,
and the names in a folder that lies alone.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

from autograder import untrusted
from autograder.grading import catalog
from autograder.instructor.classroom import clones, people
from autograder.intake import handed_in

CANVAS = re.compile(
    r"(?:(?P<anon_late>LATE)_)?anon_(?:(?P<anon_late_after>LATE)_)?(?P<anon>[A-Za-z0-9]+)_(?:\d+_(?P<anon_file>.+)|(?P<anon_said>text|link)\.html)"
    r"|(?P<name>.+?)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?:\d+_(?P<file>.+)|(?P<said>text|link)\.html)",
    re.DOTALL,
)
MOODLE = re.compile(r"(?P<name>.+)_(?P<user>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.DOTALL)
ANOTHER = re.compile(r"-(\d+)(?=\.[^.]*$)")  # what Canvas adds to a name when a file is handed in again
METADATA = "submission_metadata.yml"
CLONES = "-submissions"  # how the folder ends into which GitHub Classroom clones
HIDDEN = (".", "__MACOSX", "Thumbs.db")
MAX_TABLE = 4 * 2**20  # bytes of an export's own table
MAX_AROUND = 4  # folders around an export, each in the other
MAX_LOOKED = 50  # items in a folder that lies alone whose names are read


class LayoutError(Exception):
    """A folder in which there is no class; the message says what to do."""


class HandedIn(msgspec.Struct, kw_only=True):
    """One student's submission, as the export tells of it. Text in it may be of the student's choosing.

    Attributes:
        id: of the student, in the system that exported it.
        source: where it lies, as the instructor finds it.
        path: the folder or archive; None if there is none, or only loose files.
        loose: files by the names by which they were handed in.
        submitted: when; None where it is not told.
        late: by how much; None where it is not known whether or by how much.
        marked_late: whether the system calls it late.
        attempt: the how manieth it is; None where it is not told.
        notes: what the instructor may want to know of it.
    """

    id: str
    name: str = ""
    email: str = ""
    source: str = ""
    path: Path | None = None
    loose: dict[str, Path] = {}
    submitted: datetime | None = None
    late: timedelta | None = None
    marked_late: bool = False
    attempt: int | None = None
    notes: list[str] = []


def find(folder: Path) -> tuple[str, list[HandedIn]]:
    """The layout of a folder, and the submissions in it, sorted by name.

    Args:
        folder: as exported and unpacked.

    Raises:
        LayoutError: there is no submission, or what the export says of itself cannot be read.
    """
    if not folder.is_dir():
        raise LayoutError(f"There is no folder {folder}.")
    folder = next(filter(_is_an_export, _folders_alone(folder)), folder)  # as it was packed
    items = _items(folder)
    layout, reader = _layout(folder, items)
    found = sorted(reader(folder, items), key=lambda one: (one.name.lower(), one.id))
    if not found:
        raise LayoutError(f"There is no submission in {folder}: it needs a folder or an archive for each student.")
    for one in found:
        one.marked_late |= bool(one.late)
    return layout, found


Reader = Callable[[Path, list[Path]], Iterator[HandedIn]]


def _layout(folder: Path, items: list[Path]) -> tuple[str, Reader]:
    if (folder / METADATA).is_file():
        return "Gradescope", _gradescope
    if items and 2 * sum(bool(CANVAS.fullmatch(item.name)) for item in items) > len(items):
        return "Canvas", _canvas
    if items and 2 * sum(bool(MOODLE.fullmatch(item.name)) for item in items) > len(items):
        return "Moodle", _moodle
    folders = [item for item in items if item.is_dir()]
    if _table(folder, "github_username") or (folders and all((item / ".git").exists() for item in folders)):
        return "GitHub Classroom", _github
    return "plain", _plain


def _folders_alone(folder: Path) -> Iterator[Path]:
    """A folder that lies alone in this one, one that lies alone in that, and so on."""
    for _ in range(MAX_AROUND):
        match _items(folder):
            case [inner] if inner.is_dir() and not inner.is_symlink():
                yield inner
                folder = inner
            case _:
                return


def _is_an_export(folder: Path) -> bool:
    """Whether a folder that lies alone is an export, and no student's."""
    items = _items(folder)
    reader = _layout(folder, items)[1]
    if reader is not _plain:
        return reader is not _github or len(items) > 1 or folder.name.endswith(CLONES)  # and no student's one clone
    names = {item.stem for item in items}
    if names & set(catalog.homeworks()) or not all(item.is_dir() or item.suffix == ".zip" for item in items):
        return False
    seen: set[str] = set()
    for item in items[:MAX_LOOKED]:
        if seen & (works := _works(item)):
            return True
        seen |= works
    return False


def _works(item: Path) -> set[str]:
    """The names of an exercise's files that lie in a folder or an archive."""
    wanted = {Path(exercise.file).name for name in catalog.homeworks() for exercise in catalog.exercises(name)}
    try:
        if item.is_symlink():
            return set()
        if item.is_dir():
            return wanted & {entry.parts[-1] for entry in handed_in.folder(item)}
        with item.open("rb") as file:
            return wanted & {entry.parts[-1] for entry in handed_in.archive(file) if entry.parts}
    except (OSError, handed_in.UnreadableError):
        return set()


def _items(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(HIDDEN))


def _plain(folder: Path, items: list[Path]) -> Iterator[HandedIn]:
    for item in items:
        name = item.name if item.is_dir() else item.name.removesuffix(item.suffix)
        yield HandedIn(id=untrusted.name(name), name=untrusted.name(name), source=untrusted.name(item.name), path=item)


def _canvas(folder: Path, items: list[Path]) -> Iterator[HandedIn]:
    students: dict[str, HandedIn] = {}
    for item in items:
        match = CANVAS.fullmatch(item.name)
        if not match:
            yield from _plain(folder, [item])
            continue
        user, name = match["user"] or match["anon"], match["name"] or f"anonymous {match['anon']}"
        student = students.setdefault(user, HandedIn(id=user, name=untrusted.name(name)))
        student.marked_late |= bool(match["late"] or match["anon_late"] or match["anon_late_after"])
        name = match["file"] or match["anon_file"] or f"{match['said'] or match['anon_said']}.html"
        again = ANOTHER.search(name)
        student.attempt = max(student.attempt or 1, int(again[1]) + 1 if again else 1)
        student.loose[untrusted.name(ANOTHER.sub("", name))] = item
    for student in students.values():
        student.source = untrusted.name(", ".join(path.name for path in student.loose.values()))
        if len(student.loose) == 1 and all(name.lower().endswith(".zip") for name in student.loose):
            (student.path,) = student.loose.values()
        yield student


def _moodle(folder: Path, items: list[Path]) -> Iterator[HandedIn]:
    students: dict[str, HandedIn] = {}
    for item in items:
        match = MOODLE.fullmatch(item.name)
        if not match:
            yield from _plain(folder, [item])
            continue
        student = students.setdefault(match["user"], HandedIn(id=match["user"], name=untrusted.name(match["name"])))
        if item.is_dir():
            student.path = item
        else:
            student.loose[untrusted.name(match["file"] or "onlinetext.html")] = item
        student.source = untrusted.name(", ".join(filter(None, [student.source, item.name])))
    for student in students.values():
        if student.path and student.loose:
            student.notes.append("Handed in as text, too, which is not graded: see the export.")
            student.loose = {}
        elif len(student.loose) == 1 and all(name.lower().endswith(".zip") for name in student.loose):
            (student.path,) = student.loose.values()
        yield student


def _gradescope(folder: Path, items: list[Path]) -> Iterator[HandedIn]:
    told = _metadata(folder / METADATA)
    scores = {row.get("submission id", ""): row for row in _table(folder, "submission id")}
    tables = {METADATA, *(path.name for path in folder.glob("*.csv"))}
    for item in (item for item in items if item.name not in tables):
        submission = told.pop(item.name, None)
        if not isinstance(submission, dict):
            yield from _plain(folder, [item])
            continue
        yield from _group(item.name, item, submission, scores.get(item.name.removeprefix("submission_"), {}))
    for name, submission in told.items():  # handed in without a file
        if isinstance(submission, dict):
            yield from _group(str(name), None, submission, scores.get(str(name).removeprefix("submission_"), {}))


def _group(name: str, path: Path | None, told: dict[str, Any], score: dict[str, str]) -> Iterator[HandedIn]:
    """A submission of one student, or of several together: a row for each."""
    created = told.get(":created_at")
    submitted = created if isinstance(created, datetime) else _time(str(created or score.get("submission time", "")))
    if submitted and submitted.tzinfo is None:
        submitted = submitted.replace(tzinfo=timezone.utc)
    late = _duration(score.get("lateness (h:m:s)", "") or str(told.get(":lateness") or ""))
    history = told.get(":history")
    attempt = score.get("submission count") or (len(history) + 1 if isinstance(history, list) else "")
    people_in_it = told.get(":submitters")
    listed = people_in_it if isinstance(people_in_it, list) and people_in_it else [{}]
    for one in listed:
        who = one if isinstance(one, dict) else {}
        identity, full, email = (untrusted.name(str(who.get(key) or "")) for key in (":sid", ":name", ":email"))
        yield HandedIn(
            id=identity or email or name,
            name=full,
            email=email,
            source=name,
            path=path,
            submitted=submitted,
            late=late,
            attempt=int(attempt) if str(attempt).isdecimal() else None,
            notes=[f"Handed in by {len(listed)} students together."] if len(listed) > 1 else [],
        )


def _metadata(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise LayoutError(
            "Reading an export of Gradescope needs PyYAML: `python -m pip install -e '.[class]'`."
        ) from None
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        told = yaml.load(file.read_bytes(), Loader=loader)
    except yaml.YAMLError as error:
        raise LayoutError(f"{file} cannot be read: {untrusted.clean(str(error), 300)}.") from None
    if not isinstance(told, dict):
        raise LayoutError(f"{file} does not list submissions.")
    return told


def _github(folder: Path, items: list[Path]) -> Iterator[HandedIn]:
    table = {row.get("student_repository_name", ""): row for row in _table(folder, "github_username")}
    cloned = [item for item in items if item.suffix != ".csv"]
    prefix = _prefix([item.name for item in cloned], folder.name, table)
    with clones.empty_repository() as empty:
        clocks = {item: clones.clock(item, empty) for item in cloned}
    for item, (committed, commits) in clocks.items():
        row = table.pop(item.name, {})
        account = row.get("github_username") or item.name.removeprefix(prefix)
        yield HandedIn(
            id=untrusted.name(account),
            name=untrusted.name(row.get("roster_identifier") or account),
            source=untrusted.name(item.name),
            path=item,
            submitted=_time(row.get("submission_timestamp", "")) or committed,
            attempt=commits,
            notes=[] if row or not committed else ["The time is that of the student's own clock."],
        )
    for row in table.values():
        account = untrusted.name(row.get("github_username", ""))
        yield HandedIn(id=account, name=untrusted.name(row.get("roster_identifier") or account), source="no clone")


def _prefix(names: list[str], folder: str, table: dict[str, dict[str, str]]) -> str:
    """What stands before the account in the names of the repositories: that of the assignment."""
    for name, row in table.items():
        account = row.get("github_username", "")
        if account and name.endswith(f"-{account}"):
            return name.removesuffix(account)
    if folder.endswith(CLONES):
        return folder.removesuffix("submissions")
    shared = os.path.commonprefix(names) if len(names) > 1 else ""  # noqa: RUF071 - characters are meant
    return shared[: shared.rfind("-") + 1]


def _table(folder: Path, column: str) -> people.Rows:
    """The lines of the first table in a folder that has this column."""
    for path in sorted(folder.glob("*.csv")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_TABLE:  # a student's, perhaps
            continue
        try:
            rows = people.rows(path)
        except people.TableError:
            continue
        if rows and column in rows[0]:
            return rows
    return []


def _time(text: str) -> datetime | None:
    """A time as exports write them: 2026-03-01T23:59:00Z, 2026-03-01 23:59:00 -0800, 2026-03-01 23:59:00 UTC."""
    plain = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", text.strip().replace(" UTC", "+00:00").replace("Z", "+00:00"))
    plain = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", plain)
    try:
        time = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _duration(text: str) -> timedelta | None:
    """Hours, minutes and seconds, as 25:00:00."""
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d)", text.strip())
    return timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3])) if match else None
