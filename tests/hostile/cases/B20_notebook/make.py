def make(folder, files):
    (folder / "hw2.ipynb").write_text("{}")
    return folder
