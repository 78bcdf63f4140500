"""As many brackets as anyone may write."""

from handing_in import put


def make(folder, files):
    return put(folder, files | {"hw2/protonet.py": files["hw2/protonet.py"] + b"(" * 50 + b")" * 50 + b"\n"})
