"""Why a worker gave no answer, in words: one text for the instructor, one for the student.

What a worker says of an error is the student's to write, and may hold the inputs that it was given. So there are two
texts. The student's holds only what does not depend on these inputs: where in their file it happened, as the grader's
own copy of that file reads, and of what kind it was.
"""

import builtins
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
KNOWN = {name for name, value in vars(builtins).items() if isinstance(value, type)} | {"OutOfMemoryError"}
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
    verdict = VERDICTS[reply.kind]
    error, text = clean(reply.error, 100), clean(reply.text)
    trusted = error if error in KNOWN else "an exception"
    places = [place for place in reply.places if place.file in files]
    if reply.kind == "todo":
        found = TODO.search(_line(places[-1], files)) if places else None
        plain = found[1] if found else "Something is still to do."
        message = text or (f"{clean(places[-1].function, 80)} is still to do" if places else plain)
    elif reply.kind == "format":
        message, plain = text, "What your code returned is not numbers of a readable kind, or not finite."
    elif reply.kind == "unreadable":
        at = ", ".join(f"{place.file}, line {place.line}" if place.line else place.file for place in places[-1:])
        line = "".join(_line(place, files) for place in places[-1:])
        message = plain = ": ".join(part for part in (at or file, text, line) if part)
    else:
        quoted, named = [], []
        for place in places:
            at, line = f"{place.file}, line {place.line}", _line(place, files)
            quoted.append(f"{at}: {line}".rstrip(": "))
            named.append(f"{at}, in {clean(place.function, 80)}: {line}" if place.function else quoted[-1])
        advice = [sentence for said, sentence in ADVICE.items() if said in text][:1]
        message = "\n".join([f"{error}: {text}".rstrip(": "), *advice, *named])
        plain = "\n".join([f"Your code raised {trusted}.", *advice, *quoted])
    return StudentError(verdict, message, plain=message if importing else plain, todo=reply.kind == "todo")


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
    lines = files[place.file].decode("utf-8-sig", errors="replace").splitlines()
    return clean(lines[place.line - 1].strip(), SOURCE) if 0 < place.line <= len(lines) else ""
