def make(folder, files):
    real = folder.parent / "real"
    real.mkdir()
    (real / "protonet.py").write_bytes(files["hw2/protonet.py"])
    (folder / "hw2").symlink_to(real)
    (folder / "maml.py").write_bytes(files["hw2/maml.py"])
    return folder
