def make(folder, files):
    (folder / "work.zip").touch()
    return folder / "work.zip"
