import zipfile


def make(folder, files):
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hw2/protonet.py", bytes(300 * 2**20))
        archive.writestr("hw2/maml.py", files["hw2/maml.py"])
    return folder / "work.zip"
