from autograder import catalog


def make(folder, files):
    solution = catalog.GRADER / "hw2" / "protonet" / "solution.py"
    (folder / "protonet.py").symlink_to(solution)
    (folder / "maml.py").write_bytes(files["hw2/maml.py"])
    return folder
