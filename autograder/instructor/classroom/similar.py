"""Submissions that are like each other, for a human to look at: found by copydetect, and never part of a score.

Compared is only what students wrote: the lines that are not in the handout, with the handout's own fingerprints taken
out as well. Names, comments and layout do not count.
"""

import difflib
import heapq
import importlib.util
import io
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from autograder.grading.catalog import Exercise
from autograder.instructor import solution_regions
from autograder.instructor.classroom.class_rows import Row
from autograder.intake.submission import Submission
from autograder.untrusted import clean
from autograder.writing import write_whole

FILE = "similar.json"  # in the class's folder
GRAM, WINDOW = 25, 6  # copydetect's own: what is shorter than 25 tokens' characters is noise, 30 are always found
LEAST = 0.5  # of the shorter text
PAIRS = 50  # listed for each exercise, the most alike
ALIKE = 0.8  # of the shorter text, from which on two belong to one group
LINES, CHARACTERS = 2000, 40_000  # looked at in a file

Text = list[tuple[str, bool]]  # pieces, and whether the other one has them too


class MissingError(Exception):
    """The extra is not installed."""


class Pair(NamedTuple):
    """Two submissions that are like each other.

    Attributes:
        share: of what is written in the shorter one, how much is in the other.
        first, second: names and texts.
    """

    exercise: str
    share: float
    first: tuple[str, Text]
    second: tuple[str, Text]


class Group(NamedTuple):
    """Three submissions or more, each of which is much like another of them.

    Attributes:
        exercise: its title.
        names: of the students, sorted.
    """

    exercise: str
    names: list[str]


class Pairs(list[Pair]):
    """The most similar pairs.

    Attributes:
        found: how many there are, those that are not listed included.
        groups: the largest first, by all pairs and not only those that are listed.
    """

    found: int = 0
    groups: tuple[Group, ...] = ()


class Kept(msgspec.Struct):
    """Pairs as a file keeps them."""

    pairs: list[Pair]
    found: int
    groups: list[Group]


def keep(path: Path, pairs: Pairs) -> None:
    """Write pairs to a file."""
    write_whole(path, msgspec.json.encode(Kept(list(pairs), pairs.found, list(pairs.groups))))


def kept(path: Path) -> Pairs | None:
    """Read pairs from a file; None if there is none that can be read."""
    try:
        read = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None
    pairs = Pairs(read.pairs)
    pairs.found, pairs.groups = read.found, tuple(read.groups)
    return pairs


def check_installed() -> None:
    """Find out early.

    Raises:
        MissingError: copydetect is not there.
    """
    if importlib.util.find_spec("copydetect") is None:
        raise MissingError("--similar needs copydetect: `python -m pip install -e '.[similarity]'` installs it.")


def compare(submissions: Iterable[tuple[Row, Submission]], chosen: list[Exercise]) -> Pairs:
    """The most similar pairs, exercise by exercise, and the groups that they form."""
    written: dict[Exercise, list[tuple[Row, Any]]] = {exercise: [] for exercise in chosen}
    stubs = {e: solution_regions.stub((e.folder / "solution.py").read_text(encoding="utf-8"), e.file) for e in chosen}
    bases = {exercise: list(_fingerprint(stub).hashes) for exercise, stub in stubs.items()}
    for row, handed_in in submissions:
        for exercise in chosen:
            source = handed_in.files.get(exercise.file)
            if source is not None and (text := edited(source, stubs[exercise])):
                written[exercise].append((row, _fingerprint(text, bases[exercise])))
    everything = Pairs()
    for exercise in chosen:
        listed = _pairs(exercise, written[exercise])
        everything += listed
        everything.found += listed.found
        everything.groups += listed.groups
    return everything


def edited(source: bytes, stub: str) -> str:
    """The lines of a file that its handout does not have."""
    lines = clean(source.decode("utf-8-sig", errors="replace"), CHARACTERS).splitlines()[:LINES]
    given = stub.splitlines()
    matcher = difflib.SequenceMatcher(None, given, lines, autojunk=False)
    changed = [range(low, high) for tag, _, _, low, high in matcher.get_opcodes() if tag in ("insert", "replace")]
    return "\n".join(lines[number] for part in changed for number in part if lines[number].strip())


def groups(alike: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Put together who is alike, directly or through others; three or more, the largest group first."""
    group_of: dict[str, set[str]] = {}
    for one, other in alike:
        together = group_of.get(one, {one}) | group_of.get(other, {other})
        group_of.update(dict.fromkeys(together, together))
    different = {id(group): sorted(group) for group in group_of.values() if len(group) > 2}
    return sorted(different.values(), key=lambda names: (-len(names), names))


def _pairs(exercise: Exercise, written: list[tuple[Row, Any]]) -> Pairs:
    import copydetect

    best: list[tuple[float, int, Any]] = []
    alike: list[tuple[str, str]] = []
    pairs = Pairs()
    for number, (one, other) in enumerate(itertools.combinations(written, 2)):
        if one[0].handed_in.source == other[0].handed_in.source:  # handed in together
            continue
        _, shares, slices = copydetect.compare_files(one[1], other[1])
        share = min(1.0, float(max(shares)))
        if share >= ALIKE:
            alike.append((called(one[0]), called(other[0])))
        if share >= LEAST:
            pairs.found += 1
            heapq.heappush(best, (share, -number, (one, other, slices)))
            if len(best) > PAIRS:
                heapq.heappop(best)
    pairs.groups = tuple(Group(exercise.title, names) for names in groups(alike))
    for share, _, ((one, mine), (other, theirs), slices) in sorted(best, key=lambda found: (-found[0], -found[1])):
        texts = [_pieces(print_.raw_code, cut) for print_, cut in zip((mine, theirs), slices, strict=True)]
        first, second = zip(map(called, (one, other)), texts, strict=True)
        pairs.append(Pair(exercise.title, share, first, second))
    return pairs


def called(row: Row) -> str:
    """Return a student's name and id."""
    return f"{row.shown} ({row.id})" if row.id not in ("", row.shown) else row.shown


def _fingerprint(text: str, base: Iterable[int] = ()) -> Any:
    import copydetect

    return copydetect.CodeFingerprint(
        "work.py", GRAM, WINDOW, boilerplate=list(base), language="python", fp=io.StringIO(text)
    )


def _pieces(text: str, slices: Any) -> Text:
    """A text cut where it begins and ends to be the same."""
    pieces: Text = []
    at = 0
    for start, end in sorted(zip(*(map(int, edge) for edge in slices), strict=True)):
        start, end = max(at, start), min(len(text), end)
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = max(at, end)
    return [piece for piece in [*pieces, (text[at:], False)] if piece[0]]
