from autograder import paths


def make(folder, files):
    solution = paths.EXERCISES / "protonet" / "solution.py"
    (folder / "protonet.py").symlink_to(solution)
    (folder / "maml.py").write_bytes(files["hw2/maml.py"])
    return folder
