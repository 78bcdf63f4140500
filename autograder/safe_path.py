"""Let nothing that lies beside the course, or in a stranger's folder, be imported in the place of what is meant.

`python -m` looks for modules in the current folder before all others. In the course folder a student's random.py would
hide Python's own; in the folder of a submission its click.py would run as whoever grades it. So the current folder is
taken off the path, and the course's comes after Python's own modules and gives way to installed packages: it is there
for autograder, data, trainer and the homeworks alone.

This is imported before all else, and imports only what Python itself has imported when it comes to that.
"""

import importlib
import os
import sys
from importlib.machinery import PathFinder

COURSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
OWN = ("autograder", "data", "trainer", "benchmarks", "tests")  # and hw1, hw2, ...
PACKAGES = ("site-packages", "dist-packages")
UNUSED = ("test", "this", "antigravity", "idlelib", "turtledemo")  # modules of Python's that nobody misses


def enter() -> None:
    """Put sys.path in order."""
    kept = [folder for folder in sys.path if folder != COURSE and not _is_a_strangers(folder)]
    first = next((at for at, folder in enumerate(kept) if folder.endswith(PACKAGES)), len(kept))
    if COURSE.endswith(PACKAGES):  # installed among the others
        kept.append(COURSE)
    else:
        kept.insert(first, COURSE)
        sys.meta_path.insert(0, _Others)  # type: ignore[arg-type]
    sys.path[:] = list(dict.fromkeys(kept))


def call(module: str, function: str, *arguments: object) -> None:
    """Call a function in a process that Python's multiprocessing has started, once its path is in order."""
    enter()
    getattr(importlib.import_module(module), function)(*arguments)


def strangers() -> list[str]:
    """Return a sentence if Python itself has looked for modules in the current folder, before any of the course's."""
    named = os.environ.get("PYTHONPATH", "")
    if not named or not any(not folder or _is_a_strangers(folder) for folder in named.split(os.pathsep)):
        return []
    if _is_a_strangers(COURSE):  # the current folder is the course's own
        return []
    return [
        "PYTHONPATH names the current folder (an empty part does too): Python runs a sitecustomize.py that lies there "
        "before anything else. Take it out before you grade others' work."
    ]


def hiding() -> list[str]:
    """Return a sentence for each file of the course folder that has the name of another module."""
    if COURSE.endswith(PACKAGES):
        return []
    said = []
    for entry in sorted(os.listdir(COURSE)):  # noqa: PTH208
        name, ending = os.path.splitext(entry)  # noqa: PTH122
        path = os.path.join(COURSE, entry)  # noqa: PTH118
        if _is_own(name) or name in UNUSED or (ending != ".py" and not os.path.exists(f"{path}/__init__.py")):  # noqa: PTH110
            continue
        if name in sys.stdlib_module_names:
            said.append(f"{entry} in this folder hides Python's own module {name}: rename it.")
        elif name.isidentifier() and _elsewhere(name):
            said.append(f"{entry} in this folder hides the installed package {name}: rename it.")
    return said


class _Others:
    """Finds what is not the course's own outside of its folder first, wherever that stands on the path."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        """See importlib.abc.MetaPathFinder."""
        if path is not None or _is_own(name) or name in sys.builtin_module_names:
            return None
        return _elsewhere(name)


def _elsewhere(name: str) -> object:
    return PathFinder.find_spec(name, [folder for folder in sys.path if os.path.abspath(folder) != COURSE])  # noqa: PTH100


def _is_own(name: str) -> bool:
    return name in OWN or (name.startswith("hw") and name[2:].isdecimal())


def _is_a_strangers(folder: str) -> bool:
    """Whether it is the current folder, which may be anybody's, but for that of Python's own modules."""
    try:
        here = os.path.abspath(folder) == os.getcwd()  # noqa: PTH100, PTH109
        return here and not folder.endswith(PACKAGES) and folder != os.path.dirname(os.__file__)  # noqa: PTH120
    except OSError:  # it is no more
        return folder in ("", ".")
