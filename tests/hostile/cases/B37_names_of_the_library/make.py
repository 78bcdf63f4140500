"""Only Python's own modules are meant."""

from handing_in import changed, put

PLANTED = ("random", "types", "code", "copy", "test", "string", "numpy", "torch", "sitecustomize", "conftest")


def make(folder, files):
    imports = "import code\nimport string\n\nfrom hw2 import util\n\nassert code.interact and string.digits"
    files = changed(files, "hw2/protonet.py", ("from hw2 import util", imports))
    return put(folder, files | {f"hw2/{name}.py": b"raise SystemExit('planted')" for name in PLANTED})
