def make(folder, files):
    source = files["hw2/protonet.py"]
    (folder / "protonet.py").write_bytes(b"# coding: utf-7\n" + source.decode().encode("utf-7"))
    return folder
