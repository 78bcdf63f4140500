"""Signs behind the solution."""

from handing_in import put


def make(folder, files):
    return put(folder, files | {"hw2/protonet.py": files["hw2/protonet.py"] + b"x = " + b"-" * 80_000 + b"1\n"})
