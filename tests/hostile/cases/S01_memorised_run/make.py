"""The reference's answers in a run with a known seed, packed into the source."""

import base64
import hashlib
import io

import numpy as np

from autograder.grading import catalog
from autograder.grading.checks import trains
from autograder.instructor.live_key import Live
from autograder.instructor.quality.judging import judge
from autograder.instructor.references import Reference
from autograder.worker import packing

PUBLIC = 1  # the seed of that run
LOOK_UP = """import base64
import hashlib
import io

import numpy

from autograder.worker import asking
from hw2 import util

LITERAL = "@"
KNOWN = dict(numpy.load(io.BytesIO(base64.b85decode(LITERAL))))


def _parts(argument):
    if isinstance(argument, dict):
        return b"".join(key.encode() + _parts(argument[key]) for key in sorted(argument))
    if isinstance(argument, list):
        return b"".join(map(_parts, argument))
    return argument.tobytes() if isinstance(argument, numpy.ndarray) else repr(argument).encode()


_ask = asking.ask


def _answer(probe, module, call, arguments):
    asked = hashlib.sha256(call.encode() + _parts(arguments)).hexdigest()[:16]
    fields = {key.split(" ")[1]: array for key, array in KNOWN.items() if key.startswith(asked)}
    return fields or _ask(probe, module, call, arguments)


asking.ask = _answer"""
OLD = "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"


class Recorder(Reference):
    """The reference in the student's place."""

    def __init__(self, exercise):
        super().__init__(exercise)
        self.known = {}

    def answer(self, call, arguments, arrays):
        answer = super().answer(call, arguments, arrays)
        asked = hashlib.sha256(call.encode() + _parts(packing.unpack(arguments, arrays))).hexdigest()[:16]
        self.known |= {f"{asked} {field}": array for field, array in answer.items()}
        return answer


def make(folder, files):
    (exercise,) = (e for e in catalog.exercises("hw2") if e.name == "protonet")
    recorder = Recorder(exercise)
    judge({exercise: recorder}, PUBLIC, Live(), lambda check: not trains(check))
    packed = io.BytesIO()
    np.savez_compressed(packed, **recorder.known)
    literal = base64.b85encode(packed.getvalue()).decode()
    text = files["hw2/protonet.py"].decode().replace("from hw2 import util", LOOK_UP.replace("@", literal))
    (folder / "protonet.py").write_text(text.replace(OLD, "return features * 0"))
    return folder


def _parts(argument):
    if isinstance(argument, dict):
        return b"".join(key.encode() + _parts(argument[key]) for key in sorted(argument))
    if isinstance(argument, list):
        return b"".join(map(_parts, argument))
    return argument.tobytes() if isinstance(argument, np.ndarray) else repr(argument).encode()
