import zipfile


def make(folder, files):
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.writestr('-rf \U0001f989\n"quoted"/hw2/protonet.py', files["hw2/protonet.py"])
        archive.writestr("n" * 250 + ".txt", b"")
    return folder / "work.zip"
