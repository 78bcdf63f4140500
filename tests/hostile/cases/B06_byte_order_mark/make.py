def make(folder, files):
    source = files["hw2/protonet.py"]
    (folder / "protonet.py").write_bytes(b"\xef\xbb\xbf" + source)
    return folder
