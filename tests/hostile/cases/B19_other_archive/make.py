def make(folder, files):
    (folder / "work.zip").write_bytes(b"Rar!\x1a\x07\x00" + bytes(1000))
    return folder / "work.zip"
