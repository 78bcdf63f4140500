from handing_in import pack


def make(folder, files):
    return pack(folder, [("C:\\a\\b\\c\\" + name.replace("/", "\\"), content) for name, content in files.items()])
