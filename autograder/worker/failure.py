"""Why a worker gave no answer, in words: one text for the instructor, one for the student.

What a worker says of an error is the student's to write, and may hold the inputs that it was given. So there are two
texts. The instructor's, which is shown to who grades their own work too, has these words, and the shapes of what stands
in the line. The student's holds only what does not depend on these inputs: where in their file it happened, as the
grader's own copy of that file reads, of what kind it was, and which of torch's own texts it was (see messages.py).
"""

import builtins
import codecs
import functools
import importlib.metadata
import itertools
import platform
import re
import sys
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from autograder.fault import PROCESS_WORDS
from autograder.results import StudentError, Verdict
from autograder.untrusted import clean
from autograder.worker import messages, operands, unusual_code, wire, wordings

VERDICTS = {
    "todo": Verdict.NOT_RUN,
    "unreadable": Verdict.NOT_RUN,  # Python cannot even parse the file
    "format": Verdict.FORMAT,
    "memory": Verdict.MEMORY,
    "crash": Verdict.CRASH,
}
KNOWN = {n for n, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}
FRAMES = {"<module>", "<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  # functions without a name
SOURCE = 160  # characters shown of a line
SHOWN = 3  # lines that led to an error
CLASSES = {  # errors whose message is the student's own, or holds a value of theirs
    "KeyError": "There is no entry of this name: print the names that there are, list(x), in the line before. An empty "
    "dict has none, and += needs one to add to.",
    "SystemExit": "Your code ends Python, by sys.exit() or exit(): let it return instead.",
    "StopIteration": "next() was called where nothing is left: a generator can be gone through only once.",
}
TOO_LARGE = (
    "Is a tensor larger than it was meant to be? Shapes (n, 1) and (n,) make (n, n) together. Or are all graphs kept, "
    "by a list of losses that grows from call to call?"
)
MISSING = re.compile(r"No module named '(\w[\w.]*)'")
OTHER_VERSION = re.compile(r"(?:module|cannot import name '\w+' from) '(\w+)[\w.]*'")
DEBUGGER = re.compile(rb"\b(breakpoint|set_trace)\s*\(")
DEFINES = ("class ", "def ", "async def ", "@", "import ", "from ")  # lines that run on import in every module
HERE = "the library of Python {}, torch, numpy, matplotlib and PIL"
MAIN = 'put it under `if __name__ == "__main__":`'
MOST = 3  # lines of a kind that are quoted
TODO = re.compile(r"""NotImplementedError\(\s*["'](.*?)["']\s*\)""")

ORIGINS = 3  # lines where values are made that are quoted
LOOK, FROM = "Look where its values are made:", "The values there come from here:"  # a given line; an own one

Files = dict[str, bytes]


class About(NamedTuple):
    """What the grader knows of a file and a question, before the student's code has been given anything.

    Attributes:
        given: lines of the file that stand in the stub, too.
        origins: lines where the values of a line are made (see origins.py).
        returned: functions of the solution that the question may call.
        numbers: whether the student may still read numbers and types of a message.
    """

    given: frozenset[int] = frozenset()
    origins: Mapping[int, list[int]] = {}
    returned: tuple[str, ...] = ()
    numbers: bool = True


NOTHING_KNOWN = About()


def explain(
    reply: wire.Reply, file: str, files: Files, *, importing: bool, about: About = NOTHING_KNOWN
) -> StudentError:
    """Return the error of which a worker's reply tells.

    Args:
        reply: of a kind other than "result".
        file: of the exercise.
        files: the submission, from which lines are quoted.
        importing: whether the module was only being imported: then no input is in the message.
        about: what is known of the file and the question.
    """
    error, text = clean(reply.error, 100), clean(reply.text)
    trusted = error if error in KNOWN else "an exception"
    unreadable = reply.kind == "unreadable"  # Python's own words on a file that it reads when it imports it
    if unreadable and not importing:
        plain = "What came back is not an answer."
        return StudentError(Verdict.PROTOCOL, f"{plain[:-1]}: of a file that had been read.", plain=plain)
    places = _each_line_once([place for place in reply.places if _is_in(place, files, unreadable)])
    kind = "crash" if reply.kind == "todo" and not _is_todo(places, files) else reply.kind
    verdict = VERDICTS[kind]
    numbers = advised = False
    if kind == "todo":
        found = TODO.search(_line(places[-1], files)) if places else None
        plain = found[1] if found else "Something is still to do."
        is_named = bool(places) and _is_named(places[-1], files)
        message = text or (f"{places[-1].function} is still to do" if is_named else plain)
    elif kind == "format":
        message, plain = text, "What your code returned is not numbers of a readable kind, or not finite."
        if said := messages.of_format(text):
            numbers = about.numbers and said.text != said.bare
            plain = f"{plain}\n{said.text if numbers else said.bare}"
        why = messages.of_no_number(text) or _without_return(said, file, files, about)
        if why:
            message, plain, advised = f"{message}\n{why}", f"{plain}\n{why}", True
    elif unreadable:
        at = ", ".join(f"{place.file}, line {place.line}" if place.line else place.file for place in places[-1:])
        line = "".join(_line(place, files) for place in places[-1:])
        message = plain = ": ".join(part for part in (at or file, text, line) if part)
        if error == "SyntaxError":
            message = plain = f"{message}\n{_versions('')}"
    else:
        match = messages.find(error, text)
        advice = _surroundings(error, text, places, files) or (_on_import(file, places, files) if importing else [])
        advice += [match.known.means] if match else [CLASSES[error]] if error in CLASSES else []
        advice += [TOO_LARGE] if kind == "memory" else []
        own = [place for place in places if not (place.file == file and place.line in about.given)]
        shown = _shown(places, [places[0]] if importing and places else own)
        named = [_quoted(place, files, with_function=True) for place in shown]
        last = [*(own[-1:] if places[-1] not in own else []), places[-1]] if places else []
        origins = _origins(places, file, files, about, always=match is not None and match.known.elsewhere)
        if not (places or importing or kind == "memory"):
            origins = _returned(file, files, about)
        here = [clean(operands.sentence(reply.operands))] if reply.operands and places else []
        message = "\n".join([f"{error}: {text}".rstrip(": "), *advice, *named, *here, *origins])
        numbers = match is not None and match.shown.text != match.shown.bare and about.numbers
        words = match.shown.text if match and numbers else match.shown.bare if match else ""
        first = f"{trusted}: {words}" if words else f"Your code raised {trusted}."
        plain = "\n".join([first, *advice, *(_quoted(place, files) for place in last), *origins])
        advised = bool(advice)
    return StudentError(
        verdict,
        message,
        plain=message if importing else plain,
        todo=kind == "todo",
        again=bool(PROCESS_WORDS.search(text)),
        advised=advised or importing,
        numbers=numbers and not importing,
        done=reply.done,
    )


def _each_line_once(places: list[wire.Place]) -> list[wire.Place]:
    """Leave out a comprehension or lambda that stands in the line before: Python up to 3.11 tells of it, too."""
    return [
        place
        for before, place in itertools.pairwise([None, *places])
        if place is not None
        and not (place.function in FRAMES and before and (before.file, before.line) == (place.file, place.line))
    ]


def _shown(places: list[wire.Place], own: list[wire.Place]) -> list[wire.Place]:
    """The places that a message shows: the last ones, with the last of own whatever follows it."""
    last = places[-SHOWN:]
    return last if not own or own[-1] in last else [own[-1], *last[1:]]


def _origins(places: list[wire.Place], file: str, files: Files, about: About, *, always: bool) -> list[str]:
    """Where the values are made that the last line met: always, or if it is not the student's to change."""
    if not places or places[-1].file != file:
        return []
    is_given = places[-1].line in about.given
    if not (always or is_given):
        return []
    here = [place.line for place in places if place.file == file]
    made, function = [*about.origins.get(here[-1], [])], _head(here[-1], files[file])
    for line in reversed(here[:-1]):  # the arguments of the calls that led here
        made += [origin for origin in about.origins.get(line, []) if _head(origin, files[file]) != function]
    lines = sorted([line for line in dict.fromkeys(made) if line not in about.given and line not in here][:ORIGINS])
    quoted = [
        _quoted(wire.Place(file, line, ""), files, whole=True) for line in lines if 0 < line <= len(_lines(files[file]))
    ]
    given = sorted({place.line for place in _shown(places, []) if place.file == file and place.line in about.given})
    subject = f"Lines {given[0]} and {given[-1]} were" if len(given) == 2 else f"Line {here[-1]} was"
    said = [f"{subject} given to you, and {'are' if len(given) == 2 else 'is'} right."] if is_given else []
    look = [LOOK if is_given else FROM, *quoted] if quoted else []
    return [" ".join([*said, *look[:1]]), *look[1:]] if said or look else []


def _head(line: int, content: bytes) -> int:
    """The line of the last def above a line."""
    lines = _lines(content)
    above = range(min(line, len(lines)), 0, -1)
    return next((number for number in above if lines[number - 1].lstrip().startswith((b"def ", b"async def "))), 0)


def _returned(file: str, files: Files, about: About) -> list[str]:
    """Whose answer it was that failed outside of the student's file."""
    listed = _asked_of(file, files, about)
    if not listed:
        return []
    return [f"It was raised when the answer was used, and by no line of {file}: look at what {listed} returned."]


def _without_return(said: wordings.Shown | None, file: str, files: Files, about: About) -> str:
    """What to do where nothing was returned; nothing to say of other answers."""
    if said is None or not said.bare.endswith(messages.NO_RETURN):
        return ""
    listed = _asked_of(file, files, about)
    where = f": look at how {listed} ends" if listed and " and " not in listed else ""
    return f"A function that ends without `return` gives None{where}."


def _asked_of(file: str, files: Files, about: About) -> str:
    """The functions of the file that the question may call, as a list in words."""
    content = files.get(file, b"")
    names = [n for n in about.returned if re.search(rb"\bdef " + re.escape(n.encode()) + rb"\b", content)]
    return " and ".join(", ".join(f"{name}()" for name in part) for part in (names[:-1], names[-1:]) if part)


def _quoted(place: wire.Place, files: Files, *, with_function: bool = False, whole: bool = False) -> str:
    """A place and its line, or the whole statement that begins there, if it is short."""
    at, line = _at(place), _line(place, files)
    following = place.line
    while whole and line.count("(") + line.count("[") + line.count("{") > sum(map(line.count, ")]}")):
        following += 1
        more = _line(wire.Place(place.file, following, ""), files)
        if not more or len(line) + len(more) > SOURCE:
            break
        line = f"{line} {more}"
    if with_function and _is_named(place, files):
        return f"{at}, in {place.function}: {line}"
    return f"{at}: {line}" if line else at


def _is_in(place: wire.Place, files: Files, unreadable: bool) -> bool:
    """Whether a place is in the submission; what Python cannot read may be nowhere, or behind the last line."""
    count = len(_lines(files[place.file])) if place.file in files else -1
    return 0 <= place.line <= count + 1 if unreadable and count >= 0 else 0 < place.line <= count


def _is_named(place: wire.Place, files: Files) -> bool:
    """Whether the file has such a function."""
    written = re.escape(f"def {place.function}").encode()
    return place.function in FRAMES or (
        place.function.isidentifier() and re.search(rb"\b" + written + rb"\b", files[place.file]) is not None
    )


def _is_todo(places: list[wire.Place], files: Files) -> bool:
    """Whether it was raised where the file says that something is still to do."""
    return not places or (_line(places[-1], files).startswith("raise") and "NotImpl" in _line(places[-1], files))


def _surroundings(error: str, text: str, places: list[wire.Place], files: Files) -> list[str]:
    """What the grader has not, or has in another version, where that is why a line fails."""
    if (missing := MISSING.match(text)) and error == "ModuleNotFoundError" and _is_mentioned(missing[1], files):
        at, line = ("Your code", "") if not places else (_at(places[-1]), _line(places[-1], files))
        verb = "imports" if line.startswith(("import ", "from ")) else "uses"
        return [
            f"{at} {verb} {missing[1]}, which is not here: there are {HERE.format(_python())}. Remove the line, "
            "or write it with these."
        ]
    if error == "BdbQuit":
        return [f"There is no terminal here for a debugger: remove {' and '.join(_debuggers(files)) or 'its call'}."]
    if error == "EOFError" and text == "EOF when reading a line":
        return ["There is nobody here to answer input(): remove the line."]
    if error in ("AttributeError", "ImportError") and (other := OTHER_VERSION.search(text)):
        return [sentence for sentence in [_versions(other[1])] if sentence]
    return []


def _is_mentioned(module: str, files: Files) -> bool:
    """Whether the submission itself says the name: then no input is in it."""
    words = re.compile(rb"\b%s\b" % re.escape(module.encode()))
    return module == "tensorboard" or any(words.search(content) for content in files.values())


def _debuggers(files: Files) -> list[str]:
    found = []
    for name, content in files.items():
        for number, line in enumerate(content.splitlines(), start=1):
            if call := DEBUGGER.search(line.partition(b"#")[0]):
                found.append(f"{call[1].decode()}() in {name}, line {number}")
    return found[:MOST]


def _on_import(file: str, places: list[wire.Place], files: Files) -> list[str]:
    """What to do about a line that runs when the file is imported, and fails."""
    for place in places:
        if place.file == file and place.function == "<module>" and not _line(place, files).startswith(DEFINES):
            return [f"{_at(place)} runs whenever the file is imported, as it is here: {MAIN}, or remove it."]
    return []


def blame_import(error: StudentError, runs: np.ndarray, file: str, files: Files) -> StudentError:
    """Return an error by which an import ended, with the lines that run on import where it names none.

    Args:
        error: as a worker gave it, or its end did.
        runs: what a look at the file found.
        file: that is imported.
        files: the submission, from which lines are quoted.
    """
    if f"{file}, line" in str(error) or error.verdict in (Verdict.NOT_RUN, Verdict.PROTOCOL):
        return error
    lines = [wire.Place(file, int(line), "") for line in runs[:MOST].tolist()]
    quoted = "\n".join(f"{_at(place)}: {text}" for place in lines if (text := _line(place, files)))
    if not quoted:
        return error
    sentences = f"It happened while the file was imported. What runs then:\n{quoted}\nIf it need not, {MAIN}."
    return StudentError(
        error.verdict,
        f"{error}\n{sentences}",
        plain=f"{error.plain}\n{sentences}",
        todo=error.todo,
        again=error.again,
        advised=True,
    )


def _versions(module: str) -> str:
    """The version of a module that is here, and of Python, in a sentence; empty for one of neither's."""
    if module in ("torch", "numpy"):
        return f"The grader has {module} {importlib.metadata.version(module)} and Python {_python()}."
    return f"The grader runs Python {_python()}." if module in ("", *sys.stdlib_module_names) else ""


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _at(place: wire.Place) -> str:
    return f"{place.file}, line {place.line}"


def notices(noticed: dict[str, np.ndarray], file: str, files: Files) -> list[str]:
    """Return what a look at a file found, in sentences with its lines quoted.

    Raises:
        IndexError, KeyError: it is not what unusual_code.py sends.
    """
    sentences = []
    for notice, line in zip(noticed["notices"].tolist(), noticed["lines"].tolist(), strict=True):
        quoted = _line(wire.Place(file, line, ""), files)
        sentences.append(f"{file}, line {line} {unusual_code.NOTICES[notice]}: {quoted}")
    return sentences


def _line(place: wire.Place, files: Files) -> str:
    """What stands in a line of the submission, as Python counts lines."""
    lines = _lines(files[place.file])
    there = lines[place.line - 1] if 0 < place.line <= len(lines) else b""
    return clean(there.decode(errors="replace").strip(), SOURCE)


@functools.lru_cache(maxsize=8)
def _lines(content: bytes) -> list[bytes]:
    """The lines of a file: bytes are split at line ends alone, as Python does."""
    return content.removeprefix(codecs.BOM_UTF8).splitlines()
