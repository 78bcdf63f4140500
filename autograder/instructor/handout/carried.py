"""Which files of the course a handout carries: those that its programs import, and those that are named here.

Nothing is carried for lying in a folder. What lies there and is not carried is listed, so that nobody misses it.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from autograder.grading import box, definitions
from autograder.grading.catalog import PAGE, Exercise, exercises
from autograder.paths import COURSE
from autograder.student import question_runs

# What people start, and what the grader starts in processes of their own.
PROGRAMS = (
    *("autograder/__main__.py", "autograder/student/notebook.py", "autograder/student/pytest_plugin.py"),
    *("autograder/worker/selftest.py", "autograder/worker/template.py"),
    *(f"autograder/{name}" for name in box.WORKER),
    *("data/download.py", "data/glyphs.py", "trainer/notebook.py"),
)
HOMEWORK = (
    *("README.md", "{homework}.ipynb", "homework.toml", "__init__.py", "train.py", "runs.py"),
    *("pictures.py", "util.py"),
)
# What programs read besides modules.
BESIDE = (
    "autograder/grading/checks.ini",
    *(f"autograder/report/{name}.html.j2" for name in ("feedback", "exercises", "check", "timeline")),
)
DATA = (".json", ".safetensors")
MADE = {"__pycache__", ".ipynb_checkpoints", "omniglot_resized", "glyphs", "glyphs_few"}  # by programs, as they run
START = ("__init__.py", "checks.py", "probe.py", "learner.py")  # of an exercise's folder, and what these need
# Of an exercise's folder what nobody gets, and what has become the README and the notebook.
HIDDEN = ("solution.py", "mutants.md", "alternatives.md", "task.md", "cells.md", "tried.json")
INTRODUCTION = "introduction.md"
KEPT = ("thresholds.png", "pretrain.py")  # how an exercise's thresholds and its trained weights were made


def modules(homework: str) -> list[str]:
    """List the files that are not an exercise's own, sorted: as "trainer/loop.py"."""
    named = [f"{homework}/{name.format(homework=homework)}" for name in HOMEWORK]
    found = {name for name in (*PROGRAMS, *BESIDE, *named) if (COURSE / name).is_file()}
    waiting = [name for name in found if name.endswith((".py", ".ipynb"))]
    stubs = [exercise.file for exercise in exercises(homework)]
    waiting += stubs
    for exercise in exercises(homework):
        waiting += [f"{exercise.place}/{name}" for name in parts(exercise) if name.endswith(".py")]
    seen = set(waiting)
    while waiting:
        for name in imported(COURSE / waiting.pop()):
            if name not in seen and _allowed(name, homework):
                seen.add(name)
                found.add(name)
                waiting.append(name)
    return sorted(found - set(stubs))


def parts(exercise: Exercise) -> list[str]:
    """List the files of an exercise's folder that a handout needs, sorted: as "checks.py".

    Its checks, its probe, its learner, and what these and the notebook's cells import or read.
    """
    found: set[str] = {PAGE}
    inside = f"{exercise.place}/"
    notebook = COURSE / exercise.homework / f"{exercise.homework}.ipynb"
    shown = imported(notebook) if notebook.is_file() else ()
    waiting = [*START, *(name.removeprefix(inside) for name in shown if name.startswith(inside))]
    while waiting:
        name = waiting.pop()
        if name in found or not (exercise.folder / name).is_file():
            continue
        found.add(name)
        if name.endswith(".py"):
            waiting += [
                other.removeprefix(inside) for other in imported(exercise.folder / name) if other.startswith(inside)
            ]
            waiting += _data(exercise.folder / name)
    read = (
        "thresholds.json",
        question_runs.FILE,
    )  # by autograder/grading/thresholds.py, and by student/question_runs.py
    found.update(name for name in read if (exercise.folder / name).is_file())
    return sorted(found.difference(HIDDEN))


def left(homework: str, carried: set[str]) -> list[str]:
    """List what lies in the homework's folders and is not carried, but for what everybody knows is not."""
    folders = [
        COURSE / homework,
        COURSE / "data",
        COURSE / "trainer",
        *(exercise.folder for exercise in exercises(homework)),
    ]
    expected = {f"{exercise.place}/{name}" for exercise in exercises(homework) for name in (*HIDDEN, *KEPT)}
    expected.add(f"{homework}/{INTRODUCTION}")
    there = {
        path.relative_to(COURSE).as_posix()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not MADE & set(path.relative_to(COURSE).parts)
    }
    return sorted(there - carried - expected)


def imported(path: Path) -> Iterator[str]:
    """Find the files of the course that a module or a notebook imports, anywhere in its text."""
    for name in definitions.imported(_source(path)):
        inside = name.replace(".", "/")
        for file in (f"{inside}.py", *(f"{parent}/__init__.py" for parent in _and_parents(inside))):
            if (COURSE / file).is_file():
                yield file


def _and_parents(inside: str) -> Iterator[str]:
    path = PurePosixPath(inside)
    yield from (str(part) for part in (path, *path.parents) if str(part) != ".")


def _source(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return re.sub(r"^( *)%.*$", r"\1pass", "\n".join("".join(cell["source"]) for cell in cells), flags=re.MULTILINE)


def _data(module: Path) -> list[str]:
    """The data files beside a module that its text names."""
    strings = {
        node.value
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return [path.name for path in module.parent.iterdir() if path.suffix in DATA and path.name in strings]


def _allowed(name: str, homework: str) -> bool:
    """Whether a module may go to students: no instructor's, none of another homework, none of an exercise."""
    folders = name.split("/")
    if folders[0] == "autograder":
        return folders[1] not in ("instructor", "exercises") or name == "autograder/exercises/__init__.py"
    return folders[0] in (homework, "data", "trainer")
