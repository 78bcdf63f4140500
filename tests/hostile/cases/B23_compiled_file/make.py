import importlib.util
import py_compile


def make(folder, files):
    (folder / "hw2").mkdir()
    path = folder / "hw2" / "protonet.py"
    path.write_bytes(files["hw2/protonet.py"])
    py_compile.compile(
        path, importlib.util.cache_from_source(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    path.write_bytes(files["hw2/protonet.py"].replace(b".square().sum(dim=-1)", b".abs().sum(dim=-1)"))
    return folder
