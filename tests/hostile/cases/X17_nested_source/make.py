def make(folder, files):
    (folder / "protonet.py").write_bytes(files["hw2/protonet.py"] + b"x = " + b"(" * 100_000 + b")" * 100_000)
    return folder
