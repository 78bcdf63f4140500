def make(folder, files):
    source = files["hw2/protonet.py"]
    (folder / "protonet.py").write_bytes(source + b'name = "Schl\xfcssel"\n')
    return folder
