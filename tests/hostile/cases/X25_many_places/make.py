"""A very long file."""

from handing_in import changed, put

ASK = """from autograder.worker import wire
from hw2 import util

_encode = wire.encode


def _wordy(header, arrays):
    if header.kind == "crash":
        header.places = [wire.Place("hw2/protonet.py", 1, "")] * 2400
    return _encode(header, arrays)


wire.encode = _wordy"""
OLD = "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)"


def make(folder, files):
    name = "hw2/protonet.py"
    files = changed(files, name, ("from hw2 import util", ASK), (OLD, "return 1 / 0"))
    return put(folder, files | {name: files[name] + b"\n" * 500_000})
