"""Take a student's work over from this handout into a corrected one.

What was given is the base, what the student has made of it is one side, the new handout the other: a three-way merge.
Where both changed the same lines the student's stay, and what the new handout has there is shown. This folder is left
as it is.
"""

import ast
import difflib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from merge3 import Merge3

from autograder import manifest
from autograder.grading.catalog import exercises
from autograder.intake import handed_in
from autograder.intake.handed_in import UnreadableError
from autograder.manifest import Manifest
from autograder.paths import COURSE
from autograder.untrusted import clean

ANSWER = "answer"  # tag of the cells of a notebook that students fill in
MAX_HANDOUT = 64 * 2**20  # bytes of a handout's files, unpacked
MAX_FILES = 5_000
MAX_NOTEBOOK = 32 * 2**20  # bytes
ANSWERS = "answers.md"
PAPERS = (".pdf", ".md", ".png", ".jpg", ".jpeg", ".svg", ".csv")  # of a student, beside the code
FOLDERS = (".autograder", "data/omniglot_resized", "data/glyphs", "data/glyphs_few", "logs")


class UpgradeError(Exception):
    """A handout to which nothing can be taken over; the message says why."""


class Taken(NamedTuple):
    """What became of a file.

    Attributes:
        name: of the file.
        messages: what a student has to know, in sentences; empty if all of it is in place.
    """

    name: str
    messages: list[str]


def upgrade(new: Path) -> tuple[Manifest, list[Taken]]:
    """Put the work in this folder into a new handout.

    Args:
        new: its folder, or its archive, which is unpacked beside it.

    Returns:
        The new handout's manifest, and what became of each file that the student has changed.

    Raises:
        UpgradeError: it is no handout of this homework, or this folder is none.
    """
    mine = manifest.here()
    if mine is None:
        raise UpgradeError(
            "This is the instructor's copy; `upgrade` takes a student's work from one handout to the next."
        )
    folder = _unpacked(new) if new.is_file() else new
    theirs = _manifest(folder)
    if theirs.homework != mine.homework:
        raise UpgradeError(f"{new} is a handout of {theirs.homework}, and this is {mine.homework}.")
    if folder.resolve() == COURSE:
        raise UpgradeError(f"{new} is this folder itself; name the new handout's.")
    edited = {exercise.file for exercise in exercises(mine.homework)}
    already = sorted(edited & set(manifest.changed(theirs, folder, edited)))
    if already:
        raise UpgradeError(f"{new} has been worked in already ({', '.join(already)}); unpack it anew.")
    taken = []
    for name in manifest.changed(mine):
        source, target = COURSE / name, folder / name
        if name.startswith("autograder/") or not source.is_file():
            continue
        if not target.resolve().is_relative_to(folder.resolve()):
            taken.append(Taken(name, ["the new handout has a link out of it in that place: not taken over."]))
            continue
        if name in edited and name not in theirs.files:
            taken.append(Taken(name, ["the new handout has no such exercise: not taken over."]))
        elif name in edited:
            taken.append(Taken(name, _merge(COURSE / manifest.BASES / name, source, target)))
        elif name.endswith(".ipynb") and target.is_file():
            taken.append(Taken(name, _merge_notebook(source, target)))
        elif name == f"{mine.homework}/{ANSWERS}":
            other = theirs.files.get(name) not in (None, mine.files[name])
            shutil.copyfile(source, target)
            taken.append(Taken(name, ["yours is kept; the questions have changed: read them again."] if other else []))
        else:
            taken.append(Taken(name, ["you have changed it, and it is not yours to hand in: not taken over."]))
    for name in sorted(_own(mine)):
        taken.append(Taken(name, ["it is a file of your own: copy it yourself if you need it."]))
    return theirs, [*taken, *_along(mine, folder)]


def _along(given: Manifest, folder: Path) -> Iterator[Taken]:
    """Take along what is the student's and needs no merge: answers, curves, drawings, logs, the history of checks."""
    beside = (COURSE / given.homework).glob("*")
    papers = [path for path in beside if path.suffix.lower() in PAPERS]
    names = {path.relative_to(COURSE).as_posix() for path in papers} - given.files.keys()
    names |= {name for name in FOLDERS if (COURSE / name).is_dir()}
    for name in sorted(names):
        source, target = COURSE / name, folder / name
        if target.exists() or not target.resolve().is_relative_to(folder.resolve()):
            continue
        try:
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copyfile(source, target)
        except (OSError, shutil.Error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not all of it could be read"
            yield Taken(name, [f"not all of it was taken over ({reason}): copy it yourself."])
        else:
            yield Taken(name, [])


def _unpacked(archive: Path) -> Path:
    target = archive.with_suffix("")
    if target.exists():
        raise UpgradeError(f"{archive} would be unpacked to {target}, which is there already; remove it, or name it.")
    half = target.with_name(f".{target.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    try:
        with archive.open("rb") as file:
            _unpack(handed_in.archive(file, most=MAX_FILES), half)
        half.rename(target)
    except (OSError, UnreadableError) as error:
        shutil.rmtree(half, ignore_errors=True)
        raise UpgradeError(f"{archive} cannot be unpacked: {error}.") from None
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


def _unpack(entries: list[handed_in.Entry], folder: Path) -> None:
    left = MAX_HANDOUT
    folder.mkdir()
    for entry in entries:
        try:
            content = entry.read(hard_links=True, most=left)
        except UnreadableError as error:
            raise UnreadableError(f"{entry.shown} {error}") from None
        left -= len(content)
        path = folder.joinpath(*entry.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _manifest(folder: Path) -> Manifest:
    try:
        return manifest.read(handed_in.read_regular(folder / manifest.PATH, handed_in.MAX_FILE))
    except (UnreadableError, ValueError):
        raise UpgradeError(f"{folder} is no handout: {manifest.PATH} is missing or damaged.") from None


def _own(given: Manifest) -> set[str]:
    """Python files and notebooks in the homework's folder that were not given."""
    there = (COURSE / given.homework).glob("*")
    names = {f"{given.homework}/{path.name}" for path in there if path.suffix in {".py", ".ipynb"}}
    return names - given.files.keys()


def _merge(base: Path, mine: Path, theirs: Path) -> list[str]:
    """Merge a module into the new handout's; what could not be placed."""
    if mine.stat().st_size > handed_in.MAX_FILE:
        return [f"it is larger than {handed_in.MAX_FILE // 1024} KiB, and would not be graded: not taken over."]
    try:
        given, ours, new = texts = [
            io.StringIO(path.read_text(encoding="utf-8-sig")).readlines() for path in (base, mine, theirs)
        ]
    except UnicodeDecodeError:
        return ["it is not saved as UTF-8: save it so in your editor, and take it over again; not taken over."]
    merged: list[str] = []
    messages = []
    for region in Merge3(given, ours, new).merge_regions():
        kind, *bounds = region
        if kind == "conflict":
            given_from, given_to, mine_from, mine_to, theirs_from, theirs_to = bounds
            messages += _conflict(len(merged) + 1, given[given_from:given_to], new[theirs_from:theirs_to])
            merged += ours[mine_from:mine_to]
        else:
            merged += texts[{"unchanged": 0, "a": 1, "same": 1, "b": 2}[kind]][slice(*bounds[:2])]
    text = "".join(merged)
    theirs.write_text(text, encoding="utf-8")
    try:
        ast.parse(text)
    except SyntaxError as error:
        messages.append(f"line {error.lineno} is not Python now: {clean(error.msg, 200)}. Mend it by hand.")
    except (ValueError, RecursionError, MemoryError) as error:
        messages.append(f"it is not Python now: {clean(str(error), 200) or 'too deeply nested'}. Mend it by hand.")
    return messages


def _conflict(line: int, given: list[str], theirs: list[str]) -> list[str]:
    """What has changed where the student's lines stand, with marks; nothing, if all of it was taken away."""
    if not "".join(theirs).strip():
        return []
    changed = [row.rstrip("\n") for row in difflib.ndiff(given, theirs) if row[0] in "-+?"]
    rows = "\n".join(f"    {row}" for row in changed)
    return [f"from line {line} on yours is kept. There the handout has changed:\n{rows}"]


def _merge_notebook(mine: Path, theirs: Path) -> list[str]:
    """Put a student's answers into a notebook, by the ids of their cells."""
    if mine.stat().st_size > MAX_NOTEBOOK:
        return [f"it is larger than {MAX_NOTEBOOK // 2**20} MiB: clear its outputs, and take it over again."]
    try:
        ours, new = (json.loads(path.read_text(encoding="utf-8")) for path in (mine, theirs))
        answers = {cell["id"]: cell["source"] for cell in ours["cells"] if _is_answer(cell)}
        places = {cell["id"]: cell for cell in new["cells"] if _is_answer(cell)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ["it is no notebook any more: copy your answers yourself."]
    for name in answers.keys() & places.keys():
        places[name]["source"] = answers[name]
    theirs.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lost = answers.keys() - places.keys()
    messages = ["your answers are in place; what you changed in other cells is not taken over."]
    for name in sorted(lost):
        text = answers[name] if isinstance(answers[name], str) else "".join(answers[name])
        messages.append(f"this answer has no place in the new one: {clean(' '.join(text.split()), 200)}")
    return messages


def _is_answer(cell: Any) -> bool:
    return ANSWER in cell.get("metadata", {}).get("tags", [])
