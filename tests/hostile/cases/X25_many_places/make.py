"""A file of very many lines, and errors of very many places."""

from handing_in import changed, put

ASK = """from autograder.worker import wire
from hw2 import util

_encode = wire.encode


def _wordy(header, arrays):
    if header.kind == "crash":
        header.places = [wire.Place("hw2/protonet.py", 12, "")] * 2400
    return _encode(header, arrays)


wire.encode = _wordy"""
FUNCTIONS = (
    "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])",
    "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
)


def make(folder, files):
    name = "hw2/protonet.py"
    edits = [("from hw2 import util", ASK), *((function, "return 1 / 0") for function in FUNCTIONS)]
    files = changed(files, name, *edits)
    return put(folder, files | {name: files[name] + b"\n" * 500_000})
