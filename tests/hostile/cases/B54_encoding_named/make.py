from handing_in import put


def make(folder, files):
    return put(folder, files | {"hw2/protonet.py": b"# coding: latin-1\n# caf\xe9\n" + files["hw2/protonet.py"]})
