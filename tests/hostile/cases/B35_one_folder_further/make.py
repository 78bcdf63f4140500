def make(folder, files):
    for name in ("my work/hw2/protonet.py", "my work/hw2/._protonet.py", "__MACOSX/hw2/protonet.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(files["hw2/protonet.py"] if name.startswith("my work/hw2/p") else b"\0")
    return folder
