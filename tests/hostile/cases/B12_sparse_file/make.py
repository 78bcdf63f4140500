import os


def make(folder, files):
    (folder / "protonet.py").write_bytes(files["hw2/protonet.py"])
    os.truncate(folder / "protonet.py", 2**40)
    (folder / "maml.py").write_bytes(files["hw2/maml.py"])
    return folder
