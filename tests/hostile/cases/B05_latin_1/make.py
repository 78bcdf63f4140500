def make(folder, files):
    source = files["hw2/protonet.py"]
    (folder / "protonet.py").write_bytes(source + "# Schl\u00fcssel\n".encode("latin-1"))
    return folder
