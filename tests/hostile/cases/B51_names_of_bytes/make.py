import os

from handing_in import put


def make(folder, files):
    for name in (b"\xff\xfe.py", b"-rf.py", b"new\nline.py", "\N{OWL}".encode() * 60, b"$(x)'\".py", b"\x1b[2J.py"):
        (folder / os.fsdecode(name)).write_bytes(b"")
    return put(folder, files)
