import zipfile


def make(folder, files):
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.writestr("hw2/protonet.py", files["hw2/protonet.py"])
    whole = (folder / "work.zip").read_bytes()
    (folder / "work.zip").write_bytes(whole[:-40])
    return folder / "work.zip"
