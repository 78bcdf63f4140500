"""The interpreter that a worker runs on: where it and its packages lie, here and inside."""

import functools
import importlib.util
import os
import sys
from pathlib import Path

PACKAGES = ("torch", "numpy", "PIL", "imageio", "safetensors", "msgspec", "matplotlib")
OPTIONS = ("-s", "-B", "--check-hash-based-pycs", "always")  # not -I: the packages are found by PYTHONPATH
ENVIRONMENT = {
    "USER": "student",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    # NumPy's threads are made on import, one for each core of a machine that may have more than the process limit.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@functools.cache
def mounts() -> dict[Path, str]:
    """Return folders of the interpreter and its packages outside /usr, and where a worker in a namespace sees them."""
    base = Path(sys.base_prefix).resolve()
    found = {} if base.is_relative_to("/usr") else {base: "/python"}
    for folder in package_folders():
        if not any(folder.is_relative_to(seen) for seen in (Path("/usr"), *found)):
            found[folder] = f"/packages{len(found)}"
    return found


@functools.cache
def package_folders() -> tuple[Path, ...]:
    """Return where this interpreter finds the packages that student code may use."""
    folders: dict[Path, None] = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            folders[Path(spec.origin).resolve().parent.parent] = None
    return tuple(folders)


@functools.cache
def copies_of_the_course() -> tuple[Path, ...]:
    """Return where packages called autograder lie beside others: a copy of the course has its solutions there."""
    folders = (*package_folders(), *(Path(folder).resolve() for folder in sys.path if folder))
    found = (folder / "autograder" for folder in folders if folder.name in ("site-packages", "dist-packages"))
    return tuple(dict.fromkeys(folder for folder in found if folder.is_dir()))


def executable() -> Path:
    """Return the interpreter itself, outside any virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def readable_by_all(path: Path) -> bool:
    """Tell whether a user without rights comes as far as this folder."""
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


def unprivileged(*folders: Path) -> int | None:
    """Return the user to start a worker as: nobody, where root may not stay; None to stay who we are.

    Root drops its rights before bubblewrap starts, so that the kernel counts the worker's processes against a limit.
    Where these folders are closed to others it stays root outside; inside it has no capability either way.
    """
    if not hasattr(os, "getuid"):  # Windows
        return None
    needed = (*folders, executable().parent, *mounts())
    return 65534 if os.getuid() == 0 and all(map(readable_by_all, needed)) else None
