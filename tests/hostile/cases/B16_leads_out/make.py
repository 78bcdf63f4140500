import zipfile


def make(folder, files):
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.writestr("../hw2/protonet.py", files["hw2/protonet.py"])
        archive.writestr("hw2/maml.py", files["hw2/maml.py"])
    return folder / "work.zip"
