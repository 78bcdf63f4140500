"""What is graded: of all that is handed in, the files that a student may edit.

A submission is a folder or a zip archive from anyone. Nothing of it is unpacked, followed or run here: files are chosen
by name, read up to a size, and handed on as bytes. What keeps one file from being read costs its own exercise alone.

Whatever the way in, the file is taken that lies nearest to where it should be: hw2/maml.py, else maml.py in as few
folders as possible. Archives in a folder or an archive are opened where a file is missing.
"""

import contextlib
import heapq
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder import manifest, untrusted
from autograder.grading.catalog import Exercise, exercises
from autograder.intake import handed_in
from autograder.intake.handed_in import Entry, UnreadableError, archive, folder, loose
from autograder.paths import COURSE

Files = dict[str, bytes]
ARCHIVES = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"!<arch>": "an ar archive",
    b"xar!": "a xar archive",
    b"MSCF": "a cabinet",
    b"\x1f\x9d": "a compress archive",
}
PACKED = (".zip", ".rar", ".7z", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".tar", ".z", ".lzma")
DOCUMENTS = (".docx", ".doc", ".pdf", ".rtf", ".odt", ".pages", ".html", ".htm", ".md", ".png", ".jpg", ".jpeg")
KNOWN = (*PACKED, *DOCUMENTS, ".py", ".txt", ".pyc", ".ipynb")
NOT_UNPACKED = (*DOCUMENTS, ".py", ".ipynb", ".pt", ".pth", ".npz", ".whl", ".jar")  # some are zip archives inside
GIVEN = PurePosixPath(manifest.BASES).parts  # the files as they were given, in a handout: nobody's work
ADDED = re.compile(r"[\s_-]|\(\d+\)|\d+|copy|final|new|solution")  # what downloads and tired people add to a name
LONGEST = 255  # characters of a name that are looked at
COPIES = 8  # files of one name and nearness that are compared
NESTED = 3  # archives in each other
OPENED = 8  # archives of one submission that are opened
MAX_PACKED = 48 * 1024 * 1024  # bytes of archives in a folder or another archive, all together
SHOWN = 5  # names in a sentence


class SubmissionError(Exception):
    """A submission of which nothing can be graded; the message says why."""


@dataclass
class Submission:
    """What is graded.

    Attributes:
        files: the student's files by their names in the handout.
        problems: why an exercise has no file, by the exercise's name; an optional one may simply have none.
        notes: what was found and left aside.
        handout: version of the handout that it says it started from; empty if it says nothing.
    """

    files: Files
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    handout: str = ""

    def problem(self, exercise: Exercise) -> str:
        """Return why there is no file for an exercise."""
        return self.problems.get(exercise.name, f"{exercise.file} is missing.")

    def lacks(self, exercise: Exercise) -> bool:
        """Tell whether an exercise is optional and not handed in: there is nothing to judge, and nothing is wrong."""
        return not (exercise.required or exercise.file in self.files or exercise.name in self.problems)


def collect(path: Path, homework: str) -> Submission:
    """Find the student's files in a folder or zip archive.

    Args:
        path: the course folder, the homework's folder, or one of them packed or inside other folders.
        homework: "hw1" or "hw2".

    Raises:
        SubmissionError: nothing there can be graded.
    """
    if path.is_file():
        return collect_loose({path.name: path}, homework)
    own = path.is_dir() and path.resolve() == COURSE
    try:
        if own:  # what lies deeper, or packed, is no work that is under way
            return _some(_choose(homework, [e for e in folder(path, depth=3) if _may_be_work(e)], own=True))
        if path.is_dir():
            return _some(_search(homework, folder(path, {f"{exercise.name}.py" for exercise in exercises(homework)})))
    except (OSError, UnreadableError) as error:
        raise _refusal(path.name, error) from None
    raise SubmissionError(f"There is no folder or archive {untrusted.name(str(path))}.")


def collect_loose(files: Mapping[str, Path], homework: str) -> Submission:
    """Find the student's files where they lie beside those of others, under names that are not their own.

    Args:
        files: by the names by which they were handed in.
        homework: "hw1" or "hw2".

    Raises:
        SubmissionError: nothing there can be graded.
    """
    with opened(files) as entries:
        return _some(_search(homework, entries))


@contextlib.contextmanager
def opened(files: Mapping[str, Path]) -> Iterator[list[Entry]]:
    """List files by the names by which they were handed in; if there is one and it is an archive, those in it.

    Raises:
        SubmissionError: it is an archive that cannot be read.
    """
    entries = [loose(path, name) for name, path in files.items()]
    with contextlib.ExitStack() as stack:
        for entry, path in zip(entries, files.values(), strict=True) if len(entries) == 1 else ():
            try:
                if _is_archive(entry):
                    entries = archive(stack.enter_context(path.open("rb")))
            except (OSError, UnreadableError) as error:
                raise _refusal(entry.name, error) from None
        yield entries


def _refusal(name: str, error: OSError | UnreadableError) -> SubmissionError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return SubmissionError(f"{untrusted.name(name)} cannot be read: {reason}.")


def _some(found: Submission) -> Submission:
    if not found.files:
        raise SubmissionError("Nothing to grade. " + " ".join(dict.fromkeys(found.problems.values())))
    return found


def _is_archive(entry: Entry) -> bool:
    """Whether all that was handed in is a zip archive.

    Raises:
        UnreadableError: it is an archive of another kind.
    """
    head, name = entry.head(), entry.name.lower()
    if kind := _kind(head):
        raise UnreadableError(f"it is {kind}; pack your homework as zip")
    return (head.startswith(b"PK") and not name.endswith(NOT_UNPACKED)) or (name.endswith(".zip") and not entry.problem)


def _kind(head: bytes) -> str:
    """What kind of archive begins like this, other than zip; empty if none does."""
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((kind for magic, kind in ARCHIVES.items() if head.startswith(magic)), "")


def _search(homework: str, entries: list[Entry]) -> Submission:
    """What is graded of some files; where one is missing, archives among them are opened."""
    entries, unread = unpacked(entries, lambda found: not _missing(homework, found))
    return _choose(homework, entries, unread)


def unpacked(entries: list[Entry], complete: Callable[[list[Entry]], bool]) -> tuple[list[Entry], list[str]]:
    """Add to some files those in the archives among them, and leave out what is nobody's work.

    Args:
        entries: the files.
        complete: tells whether all that is looked for is among some files, so that no more archives are opened.

    Returns:
        The files, and which archives cannot be read and why.
    """
    entries = [entry for entry in entries if _may_be_work(entry)]
    unread: list[str] = []
    packed = sorted((entry for entry in entries if _is_packed(entry)), key=_depth)
    count, size = OPENED, MAX_PACKED  # how much more is opened
    for _ in range(NESTED):
        if not packed or complete(entries):
            break
        inside: list[Entry] = []
        for entry in packed[:count]:
            try:
                content = _content(entry, size)
                size -= len(content)
                inside += archive(io.BytesIO(content), entry.parts, handed_in.MAX_NAMES - len(entries) - len(inside))
            except UnreadableError as error:
                unread.append(f"{entry.shown} cannot be read: {error}")
        count -= len(packed[:count])
        inside = [entry for entry in inside if _may_be_work(entry)]
        entries = entries + inside
        packed = sorted((entry for entry in inside if _is_packed(entry)), key=_depth)
    return entries, unread


def _may_be_work(entry: Entry) -> bool:
    """Whether a file is a student's, and not a system's, a tool's or one as it was given."""
    path = entry.parts
    given = GIVEN[0] in path and any(path[at : at + len(GIVEN)] == GIVEN for at in range(len(path)))
    return not given and not handed_in.is_noise(path)


def _is_packed(entry: Entry) -> bool:
    return entry.parts[-1].lower().endswith(PACKED)


def _content(entry: Entry, most: int) -> bytes:
    """The bytes of a zip archive that lies among other files."""
    if kind := _kind(entry.head()):
        raise UnreadableError(f"it is {kind}; pack your homework as zip")
    try:
        return entry.read(hard_links=False, most=most)
    except UnreadableError as error:
        raise UnreadableError(f"it {error}") from None


def _missing(homework: str, entries: Iterable[Entry]) -> set[str]:
    """Names of files of which there is none."""
    return {f"{exercise.name}.py" for exercise in exercises(homework)} - {entry.parts[-1] for entry in entries}


def _choose(homework: str, entries: list[Entry], unread: Iterable[str] = (), *, own: bool = False) -> Submission:
    """For each exercise the file that lies nearest to where it should be: hw2/maml.py, or else maml.py."""
    chosen = Submission({}, handout=_handout(entries))
    for exercise in exercises(homework):
        there = [entry for entry in entries if entry.parts[-1] == f"{exercise.name}.py"]
        if not there:
            if reason := _misnamed(exercise, entries) or (exercise.required and _absence(exercise, entries, unread)):
                chosen.problems[exercise.name] = reason
            continue
        nearest = min(_rank(entry, homework) for entry in there)
        best = [entry for entry in there if _rank(entry, homework) == nearest]
        first = best[0]
        names = _listed(best)
        if len(best) > COPIES:
            chosen.problems[exercise.name] = f"There are {len(best)} files for {exercise.file}: {names}; keep one."
            continue
        try:
            contents = {entry.read(hard_links=own) for entry in best}
        except UnreadableError as error:
            chosen.problems[exercise.name] = f"{first.shown} {error}."
            continue
        if len(contents) > 1:
            count = "two" if len(contents) == 2 else len(contents)
            chosen.problems[exercise.name] = (
                f"There are {count} different files for {exercise.file}: {names}; keep one."
            )
            continue
        (content,) = contents
        if kind := _kind(content[:512]) or ("a zip archive" if content.startswith(b"PK\3\4") else ""):
            chosen.problems[exercise.name] = f"{first.shown} is {kind}, not Python; hand in the file that is in it."
            continue
        chosen.files[exercise.file] = content
        others = [entry for entry in there if entry not in best]
        if others:
            chosen.notes.append(f"{first.shown} is graded; left aside: {_listed(others)}.")
        elif nearest > (1, True) or any(part.lower().endswith(PACKED) for part in first.parts[:-1]):
            chosen.notes.append(f"{first.shown} is graded.")
    return chosen


def _rank(entry: Entry, homework: str) -> tuple[int, bool]:
    """How far a file is from where it should be."""
    inside = entry.parts[-2:-1] == (homework,)
    return len(entry.parts) - (2 if inside else 1), not inside


def _depth(entry: Entry) -> tuple[int, tuple[str, ...]]:
    return len(entry.parts), entry.parts


def _handout(entries: Iterable[Entry]) -> str:
    manifests = sorted((entry for entry in entries if entry.parts[-1] == manifest.NAME), key=_depth)
    for entry in manifests[:COPIES]:
        with contextlib.suppress(UnreadableError, ValueError):
            return untrusted.name(manifest.read(entry.read(hard_links=True)).version)
    return ""


def _misnamed(exercise: Exercise, entries: Iterable[Entry]) -> str:
    """What is there instead of the file of an exercise and may be meant for it; empty if nothing may be."""
    near: dict[str, list[Entry]] = {}  # by their endings, those that may be meant
    for entry in entries:
        if exercise.name in entry.parts[-1][:LONGEST].lower():
            near.setdefault(_ending(entry), []).append(entry)
    for kind, advice in (
        (".py", "rename it"),
        (".txt", "rename it (Windows may hide the ending .txt)"),
        (".pyc", "that is compiled; hand in the .py file"),
        *((document, "that is a document; hand in the Python file itself") for document in DOCUMENTS),
        *((suffix, "rename it") for suffix in sorted(near) if suffix not in KNOWN),
    ):
        for entry in near.get(kind, []):
            if _means(exercise.name, entry.parts[-1]):
                return f"Expected {exercise.file}, found {entry.shown}: {advice}."
    return ""


def _absence(exercise: Exercise, there: list[Entry], unread: Iterable[str]) -> str:
    """Why there is no file for an exercise where none is misnamed, and what there is."""
    for reason in unread:
        return f"{exercise.file} is missing; {reason}."
    if python := [entry for entry in there if _ending(entry) == ".py"]:
        return f"{exercise.file} is missing; found {_listed(python)}."
    if notebooks := [entry for entry in there if _ending(entry) == ".ipynb"]:
        name = min(notebooks, key=_depth).shown
        return f"Expected {exercise.file}, found only a notebook ({name}): hand in the .py files."
    names = f" (only {_listed(there)})" if there else ""
    return f"{exercise.file} is missing; found no Python file{names}."


def _ending(entry: Entry) -> str:
    """What a file's name ends with, from its last dot on."""
    _, dot, ending = entry.parts[-1].strip().lower().rpartition(".")
    return dot + ending if dot else ""


def _means(name: str, found: str) -> bool:
    """Whether a file's name is another one with an ending, capitals, or what is added to copies."""
    stem = found[:LONGEST].lower().strip().removeprefix("copy of ").partition(".")[0]
    return stem.startswith(name) and not ADDED.sub("", stem.removeprefix(name))


def _listed(entries: list[Entry]) -> str:
    """The nearest of some files, and how many more there are."""
    shown = ", ".join(entry.shown for entry in heapq.nsmallest(SHOWN, entries, key=_depth))
    return f"{shown} and {len(entries) - SHOWN} more" if len(entries) > SHOWN else shown
