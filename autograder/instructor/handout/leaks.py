"""The last look at a handout: nothing in it tells a solution, or who made it where.

It looks at the finished archive, and knows nothing of how that was made. Each file is read in every way that
disguises.py knows. Code is compared by its tokens: a line of a solution is found in a comment, in a notebook's cell,
broken in two, or (if it is long enough) with other names; and an expression by what it says, see spelling.py.

What it cannot see: a solution in other steps or words, in pictures, in ciphers, or split over files; an expression of
fewer than six words.
"""

import functools
import getpass
import io
import keyword
import re
import textwrap
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from autograder.grading import catalog
from autograder.grading.catalog import Exercise
from autograder.instructor import solution_regions
from autograder.instructor.handout import carried, disguises, spelling
from autograder.instructor.quality import mutants
from autograder.paths import COURSE

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\s\w#]|\n")
BEGINNING = re.compile(r"^(return |yield |\w+(\[\w+\])? = )")
SAME = 10  # tokens that are not found by chance
WRONG = 14  # of a mutant's, which is no secret by itself
RENAMED = 28  # if only their pattern is the same
SHORT = 6  # words of an expression in one spelling that are not found by chance, unless the given modules have them
NAMES = {*carried.HIDDEN, carried.INTRODUCTION, ".git", ".hypothesis"}
SUFFIXES = {".pyc", ".pyo", ".bundle", ".orig", ".rej", ".swp"}
PLACES = re.compile(r"(?<![\w./])/(?:root|work|home/\w+|Users/\w+|private/var)/[\w.]|[A-Z]:\\+Users\\+\w")
NOBODY = {"root", "user", "admin", "student", "runner"}  # names of users that are words
UNSEEN = (
    "The search cannot see a solution told in other steps or words, in a picture or a cipher: read what you have "
    "changed or carried yourself."
)


class Leak(NamedTuple):
    """Something that must not be in a handout."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


class Code(NamedTuple):
    """Code that must not be in a handout.

    Attributes:
        tokens: of one or several lines.
        joined: these, as text, without capital letters.
        pattern: the same without names; empty if other names make it other code.
        place: where it stands in the instructor's copy.
        words: the tokens, each once, without capital letters.
        signs: those that are no names.
    """

    tokens: tuple[str, ...]
    joined: str
    pattern: str
    place: str
    words: frozenset[str]
    signs: frozenset[str]

    @classmethod
    def of(cls, tokens: tuple[str, ...], place: str, *, renamed: bool = False) -> "Code":
        """From its tokens."""
        words = frozenset(token.casefold() for token in tokens)
        signs = frozenset(token for token in tokens if not _is_name(token))
        return cls(tokens, _joined(tokens).casefold(), _pattern(tokens) if renamed else "", place, words, signs)


def find(packed: bytes, exercises: Iterable[Exercise], secrets: Iterable[int] = ()) -> list[Leak]:
    """All leaks in a zip archive.

    Args:
        packed: the archive.
        exercises: all that there are, not only those of the handout.
        secrets: seeds that nobody is to know.
    """
    exercises, secrets = list(exercises), list(secrets)
    hidden = [code for exercise in exercises for code in _hidden(exercise)]
    spelled = {spelling: place for exercise in exercises for spelling, place in _spelled(exercise).items()}
    leaks: dict[Leak, None] = {}  # each once, in the order in which they are found
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for name in archive.namelist():
            found = [Leak(name, what) for what in _name(PurePosixPath(name))]
            content = archive.read(name)
            found += [Leak(name, what) for what in _words(content.decode("latin-1"), secrets)]
            for way, text in disguises.views(name, content):
                place = f"{name}, {way}" if way else name
                found += [Leak(place, what) for what in _code(text, hidden)] or [
                    Leak(place, what) for what in _other_spellings(text, spelled)
                ]
                if way and not way.endswith(("rot13", "backwards")):  # where words come about by chance
                    found += [Leak(place, what) for what in _words(text, secrets)]
            leaks |= dict.fromkeys(found)
    return list(leaks)


def _name(path: PurePosixPath) -> Iterator[str]:
    parts = set(path.parts)
    if parts & NAMES or "__pycache__" in parts or "instructor" in parts or path.suffix in SUFFIXES:
        yield "such a file is the instructor's, or nobody's"


def _words(text: str, secrets: Iterable[int]) -> Iterator[str]:
    """Places, people and seeds."""
    if found := PLACES.search(text):
        yield f"a path of somebody's machine, {text[found.start() : found.start() + 60].split()[0]}"
    for folder in {str(COURSE), str(Path.home())} - {"/", "/root"}:
        if folder in text:
            yield f"a path of this machine, {folder}"
    user = getpass.getuser()
    if user not in NOBODY and re.search(rf"\b{re.escape(user)}\b", text):
        yield f"the name of a user, {user}"
    for seed in secrets:
        if re.search(rf"(?<!\d){seed}(?!\d)", text):
            yield f"a secret seed, {seed}"


# Code


@functools.cache
def _hidden(exercise: Exercise) -> tuple[Code, ...]:
    """What the stub leaves out of a solution, and what stands in mutants in its place."""
    return tuple(_left_out(exercise))


def _left_out(exercise: Exercise) -> Iterator[Code]:
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    name = f"{exercise.place}/solution.py"
    given = _joined(_tokens(solution_regions.stub(solution, name)))
    for first, lines in solution_regions.hidden(solution, name):
        tokens = [_line(line) for line in lines]
        for number, line in enumerate(tokens):
            if len(line) >= SAME and _joined(line) not in given:
                yield Code.of(line, f"line {first + number} of {name}")
            window: tuple[str, ...] = ()
            for following in tokens[number:]:
                window += following
                if len(window) >= RENAMED:
                    yield Code.of(window, f"line {first + number} of {name}", renamed=True)
                    break
    if (exercise.folder / mutants.FILE).exists():
        for mutant in mutants.load(exercise):
            for line in (_line(line) for change in mutant.changes for line in change.new):
                if len(line) >= WRONG and _joined(line) not in given:
                    yield Code.of(line, f"mutant '{mutant.name}' of {exercise.name}")


@functools.cache
def _common(homework: str) -> frozenset[str]:
    """The expressions of the modules that students get, spelled."""
    names = carried.modules(homework)
    names += [f"{e.place}/{part}" for e in catalog.exercises(homework) for part in carried.parts(e)]
    texts = [(COURSE / name).read_text(encoding="utf-8") for name in names if name.endswith(".py")]
    return frozenset().union(*map(spelling.spellings, texts))


@functools.cache
def _spelled(exercise: Exercise) -> dict[str, str]:
    """The expressions that the stub leaves out, spelled as spelling.py does, and their places."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    name = f"{exercise.place}/solution.py"
    given = spelling.spellings(solution_regions.stub(solution, name))
    found = {}
    for first, lines in solution_regions.hidden(solution, name):
        for number, node in spelling.expressions(textwrap.dedent("\n".join(lines))):
            weight = spelling.weight(node)
            if node not in given and (weight > SHORT or (weight == SHORT and node not in _common(exercise.homework))):
                found[node] = f"line {first + number} of {name}"
    return found


def _other_spellings(text: str, spelled: dict[str, str]) -> Iterator[str]:
    for found in sorted(spelling.spellings(text) & spelled.keys()):
        yield f"{spelled[found]}, in another spelling: {found[:100]}"


def _code(text: str, hidden: list[Code]) -> Iterator[str]:
    tokens = _tokens(text)
    joined, pattern = _joined(tokens).casefold(), _pattern(tokens)
    signs = set(tokens)
    words = {token.casefold() for token in signs}
    for code in hidden:  # sets first: hundreds of searches through megabytes take minutes
        if code.words <= words and code.joined in joined:
            yield f"{code.place}: {' '.join(code.tokens)[:100]}"
        elif code.pattern and code.signs <= signs:
            at = pattern.find(code.pattern)
            while at >= 0:
                begin = pattern.count(" ", 0, at + 1) - 1
                if _same_but_for_names(tokens[begin : begin + len(code.tokens)], code.tokens):
                    yield f"{code.place}, with other names: {' '.join(code.tokens)[:100]}"
                    break
                at = pattern.find(code.pattern, at + 1)


def _tokens(text: str) -> list[str]:
    return [token for token in TOKEN.findall(text) if token != "\n"]


def _line(line: str) -> tuple[str, ...]:
    """Tokens of a line without its beginning: what is returned, or given a name, is the same without."""
    code = BEGINNING.sub("", line.strip())
    return () if code.startswith("#") else tuple(_tokens(code))


def _joined(tokens: Iterable[str]) -> str:
    return f" {' '.join(tokens)} "


def _pattern(tokens: Iterable[str]) -> str:
    return _joined("N" if _is_name(token) else token for token in tokens)


def _is_name(token: str) -> bool:
    return token.isidentifier() and not keyword.iskeyword(token)


def _same_but_for_names(ours: list[str], theirs: Iterable[str]) -> bool:
    """Whether each name stands for one name throughout."""
    names: dict[str, str] = {}
    for ours_one, theirs_one in zip(ours, theirs, strict=True):
        if _is_name(theirs_one):
            if names.setdefault(theirs_one, ours_one) != ours_one:
                return False
        elif ours_one != theirs_one:
            return False
    return len(set(names.values())) == len(names)
