from handing_in import pack


def make(folder, files):
    return pack(folder, [*files.items(), ("protonet" + "_" * 250 + ".py", b"")])
