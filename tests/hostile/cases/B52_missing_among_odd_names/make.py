import os


def make(folder, files):
    for name in (b"\xff\xfe.py", b"new\nline.py", b"\x1b[2J.py", "\u202eyp.py".encode()):
        (folder / os.fsdecode(name)).write_bytes(b"")
    return folder
