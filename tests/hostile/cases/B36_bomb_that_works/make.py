from handing_in import pack


def make(folder, files):
    files["hw2/protonet.py"] += b"\n" * 2**23
    return pack(folder, files.items())
