"""Brackets before the solution."""

from handing_in import put


def make(folder, files):
    return put(folder, files | {"hw2/protonet.py": b"(" * 100_000 + b")" * 100_000 + b"\n" + files["hw2/protonet.py"]})
