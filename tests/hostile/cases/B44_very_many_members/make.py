from handing_in import pack


def make(folder, files):
    return pack(folder, [*files.items(), *((f"{number}.txt", b"") for number in range(60_001))])
