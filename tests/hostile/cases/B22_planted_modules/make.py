import py_compile


def make(folder, files):
    wrong = 'raise SystemExit("planted")'
    for name in (
        "random",
        "types",
        "numpy",
        "torch",
        "conftest",
        "sitecustomize",
        "usercustomize",
        "data",
        "autograder",
    ):
        (folder / f"{name}.py").write_text(wrong)
    (folder / "hw2" / "__pycache__").mkdir(parents=True)
    (folder / "hw2" / "__init__.py").write_text(wrong)
    (folder / "hw2" / "util.py").write_text(wrong)
    (folder / "x.pth").write_text("import sys; sys.exit()")
    (folder / "hw2" / "protonet.py").write_bytes(files["hw2/protonet.py"])
    py_compile.compile(folder / "conftest.py", folder / "hw2" / "__pycache__" / "protonet.cpython-311.pyc")
    return folder
