def make(folder, files):
    (folder / "protonet.py").write_bytes(files["hw2/protonet.py"] + b"x = " + b"1 + " * 100_000 + b"1")
    return folder
