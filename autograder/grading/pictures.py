"""What failed, as a picture: a check names a function that draws what was asked and what was answered.

    @picture(prototypes)
    def test_prototype_is_the_mean_of_its_class(student, reference, draw): ...

    def prototypes(failure):
        asked = failure.asked("prototypes")[-1]
        asked.arguments["features"], asked.got.prototypes, asked.right().prototypes
        return svg.figure([...], "What to look at, in one sentence.")

It is drawn only where students grade their own work, on their own machine: what a page shows to others holds nothing
of inputs that are secret, nor of a worker's reply.
"""

import contextlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.evidence import Call
from autograder.grading.subjects import Subject
from autograder.worker import packing

MOST = 60_000  # bytes of a picture


class Asked:
    """A question that a check asked.

    Attributes:
        arguments: of the question by name, as it was asked.
        got: the student's answer: a field is an array, or a dict of arrays.
    """

    def __init__(self, call: Call, reference: Subject):
        self._call, self._reference = call, reference
        self.arguments: dict[str, Any] = packing.unpack(call.arguments, call.arrays)
        self.got = _fields(call.answer)

    def right(self) -> SimpleNamespace:
        """Return the right answer; in a handout to what the check asks whatever the student answers."""
        self._reference.seed = self._call.seed
        return _fields(self._reference.answer(self._call.function, self._call.arguments, self._call.arrays))


class Failure:
    """A check that failed: what it asked.

    Args:
        calls: questions and answers, the last one last.
        reference: answers questions, rightly.
    """

    def __init__(self, calls: Sequence[Call], reference: Subject):
        self._calls, self._reference = calls, reference

    def asked(self, function: str) -> list[Asked]:
        """Return what was asked of a function of the probe, in order; "logits.gradient" for a gradient."""
        return [Asked(call, self._reference) for call in self._calls if call.function == function]


def drawn(check: Any, calls: Sequence[Call], reference: Subject) -> str:
    """Return the picture of a failed check, or "" where it has none or cannot be drawn: no verdict depends on it."""
    picture = ""
    if hasattr(check, "picture"):
        with contextlib.suppress(Exception), np.errstate(all="ignore"):  # whatever the answers hold
            picture = str(check.picture(Failure(calls, reference)))
    return picture if len(picture.encode()) <= MOST else ""


def _fields(answer: Mapping[str, np.ndarray]) -> SimpleNamespace:
    """The arrays of an answer by field, those of a dict by name."""
    fields: dict[str, Any] = {}
    for name, array in answer.items():
        field, slash, key = name.partition("/")
        if slash:
            fields.setdefault(field, {})[key] = array
        else:
            fields[field] = array
    return SimpleNamespace(**fields)
