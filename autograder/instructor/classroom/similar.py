"""Submissions that are like each other, for a human to look at: found by copydetect, and never part of a score.

Compared is only what students wrote: the lines that are not in the handout, with the handout's own fingerprints taken
out as well. Names, comments and layout do not count.
"""

import difflib
import heapq
import importlib.util
import io
import itertools
import math
from collections.abc import Callable, Iterable
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


class Work(NamedTuple):
    """What somebody wrote in an exercise.

    Attributes:
        name: whose it is.
        source: where it lies; what lies in one place was handed in together.
        older: whether it is of the corpus, with which the class is compared, and not of the class.
        text: its fingerprint.
    """

    name: str
    source: str
    older: bool
    text: Any


def compare(
    submissions: Iterable[tuple[Row, Submission]],
    chosen: list[Exercise],
    corpus: Iterable[tuple[str, Row, Submission]] = (),
    compared: Callable[[int, int], None] = lambda done, all_of_them: None,
) -> Pairs:
    """The most similar pairs, exercise by exercise, and the groups that they form.

    Args:
        submissions: the class.
        chosen: exercises.
        corpus: other work, as of last year, with what to call where it comes from: compared with the class, not with
            itself.
        compared: is told how many comparisons are done, of how many.
    """
    written: dict[Exercise, list[Work]] = {exercise: [] for exercise in chosen}
    stubs = {e: solution_regions.stub((e.folder / "solution.py").read_text(encoding="utf-8"), e.file) for e in chosen}
    bases = {exercise: list(_fingerprint(stub).hashes) for exercise, stub in stubs.items()}
    for origin, row, handed_in in itertools.chain((("", *one) for one in submissions), corpus):
        for exercise in chosen:
            source = handed_in.files.get(exercise.file)
            if source is not None and (text := edited(source, stubs[exercise])):
                name, place = called(row), f"{origin}/{row.handed_in.source}"
                fingerprint = _fingerprint(text, bases[exercise])
                shown = f"{name}, {origin}" if origin else name
                written[exercise].append(Work(shown, place, bool(origin), fingerprint))
    everything = Pairs()
    total = sum(_count(works) for works in written.values())
    done = 0
    for exercise in chosen:
        listed = _pairs(exercise, written[exercise], lambda now, before=done: compared(before + now, total))  # type: ignore[misc]
        done += _count(written[exercise])
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


def _count(works: list[Work]) -> int:
    """How many comparisons there are to make."""
    older = sum(work.older for work in works)
    return math.comb(len(works), 2) - math.comb(older, 2)


def _pairs(exercise: Exercise, written: list[Work], compared: Callable[[int], None]) -> Pairs:
    import copydetect

    best: list[tuple[float, int, tuple[Work, Work, Any]]] = []
    alike: list[tuple[str, str]] = []
    pairs = Pairs()
    pairs_of_class = (pair for pair in itertools.combinations(written, 2) if not (pair[0].older and pair[1].older))
    for number, (one, other) in enumerate(pairs_of_class):
        compared(number + 1)
        if one.source == other.source:  # handed in together
            continue
        _, shares, slices = copydetect.compare_files(one.text, other.text)
        share = min(1.0, float(max(shares)))
        if share >= ALIKE:
            alike.append((one.name, other.name))
        if share >= LEAST:
            pairs.found += 1
            heapq.heappush(best, (share, -number, (one, other, slices)))
            if len(best) > PAIRS:
                heapq.heappop(best)
    pairs.groups = tuple(Group(exercise.title, names) for names in groups(alike))
    for share, _, (one, other, slices) in sorted(best, key=lambda found: (-found[0], -found[1])):
        texts = [_pieces(work.text.raw_code, cut) for work, cut in zip((one, other), slices, strict=True)]
        pairs.append(Pair(exercise.title, share, (one.name, texts[0]), (other.name, texts[1])))
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
