"""Why a worker gave no answer, in words: one text for the instructor, one for the student.

What a worker says of an error is the student's to write, and may hold the inputs that it was given. So there are two
texts. The student's holds only what does not depend on these inputs: where in their file it happened, as the grader's
own copy of that file reads, and of what kind it was.
"""

import builtins
import functools
import re

import numpy as np

from autograder.results import StudentError, Verdict
from autograder.untrusted import clean
from autograder.worker import look, wire

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
ADVICE = {  # what torch says, and what is behind it
    "modified by an inplace operation": (
        "A value that the gradient needs was written over (-=, .add_(), [...] = ...): make a new tensor instead."
    ),
    "does not require grad": (
        "There is no graph to differentiate: something on the way was computed under torch.no_grad(), detached, or "
        "made anew of numbers."
    ),
    "not to have been used in the graph": (
        "A gradient is asked for with respect to a tensor that was not used, or of which a copy was."
    ),
    "backward through the graph a second time": (
        "A graph is differentiated twice: is something kept from an earlier call, or was backward() called already?"
    ),
    "same dtype": "Two precisions meet. The grader computes in float64: take the precision of what is given.",
}
TODO = re.compile(r"""NotImplementedError\(\s*["'](.*?)["']\s*\)""")

Files = dict[str, bytes]


def explain(reply: wire.Reply, file: str, files: Files, *, importing: bool) -> StudentError:
    """The error that a worker's reply tells of.

    Args:
        reply: of a kind other than "result".
        file: of the exercise.
        files: the submission, from which lines are quoted.
        importing: whether the module was only being imported: then no input is in the message.
    """
    error, text = clean(reply.error, 100), clean(reply.text)
    trusted = error if error in KNOWN else "an exception"
    unreadable = reply.kind == "unreadable"  # Python's own words on a file that it reads when it imports it
    if unreadable and not importing:
        said = "What came back is not an answer."
        return StudentError(Verdict.PROTOCOL, f"{said[:-1]}: of a file that had been read.", plain=said)
    places = [place for place in reply.places if _is_in(place, files, unreadable)]
    kind = "crash" if reply.kind == "todo" and not _is_todo(places, files) else reply.kind
    verdict = VERDICTS[kind]
    if kind == "todo":
        found = TODO.search(_line(places[-1], files)) if places else None
        plain = found[1] if found else "Something is still to do."
        is_named = bool(places) and _is_named(places[-1], files)
        message = text or (f"{places[-1].function} is still to do" if is_named else plain)
    elif kind == "format":
        message, plain = text, "What your code returned is not numbers of a readable kind, or not finite."
    elif unreadable:
        at = ", ".join(f"{place.file}, line {place.line}" if place.line else place.file for place in places[-1:])
        line = "".join(_line(place, files) for place in places[-1:])
        message = plain = ": ".join(part for part in (at or file, text, line) if part)
    else:
        quoted, named = [], []
        for place in places:
            at, line = f"{place.file}, line {place.line}", _line(place, files)
            quoted.append(f"{at}: {line}" if line else at)
            named.append(f"{at}, in {place.function}: {line}" if _is_named(place, files) else quoted[-1])
        advice = [sentence for said, sentence in ADVICE.items() if said in text][:1]
        message = "\n".join([f"{error}: {text}".rstrip(": "), *advice, *named])
        plain = "\n".join([f"Your code raised {trusted}.", *advice, *quoted[-1:]])
    return StudentError(verdict, message, plain=message if importing else plain, todo=kind == "todo")


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


def notices(noticed: dict[str, np.ndarray], file: str, files: Files) -> list[str]:
    """What a look at a file found, in sentences with its lines quoted.

    Raises:
        IndexError, KeyError: it is not what look.py sends.
    """
    told = []
    for notice, line in zip(noticed["notices"].tolist(), noticed["lines"].tolist(), strict=True):
        quoted = _line(wire.Place(file, line, ""), files)
        told.append(f"{file}, line {line} {look.NOTICES[notice]}: {quoted}")
    return told


def _line(place: wire.Place, files: Files) -> str:
    """What stands in a line of the submission."""
    lines = _lines(files[place.file])
    return clean(lines[place.line - 1].strip(), SOURCE) if 0 < place.line <= len(lines) else ""


@functools.lru_cache(maxsize=8)
def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8-sig", errors="replace").splitlines()
