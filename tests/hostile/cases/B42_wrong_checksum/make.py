from handing_in import pack


def make(folder, files):
    path = pack(folder, files.items())
    data = bytearray(path.read_bytes())
    at = data.index(b"hw2/protonet.py") + 400
    data[at] ^= 255
    path.write_bytes(data)
    return path
