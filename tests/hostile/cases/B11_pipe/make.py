import os


def make(folder, files):
    os.mkfifo(folder / "protonet.py")
    (folder / "maml.py").write_bytes(files["hw2/maml.py"])
    return folder
