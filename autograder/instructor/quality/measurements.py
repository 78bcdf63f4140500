"""Accuracies that calibration has measured, one run a line, so that it goes on where it was interrupted.

They are kept beside the course, in .calibration/, and are no part of it: what follows from them is in thresholds.json.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from autograder.grading.catalog import Exercise
from autograder.grading.definitions import Module, imported
from autograder.instructor.quality import mutants
from autograder.paths import COURSE

Accuracies = dict[str, dict[str, float]]  # by check and by source of the drawings

KEPT = COURSE / ".calibration"
PARTS = ("checks", "probe", "solution")
DRAWN_BY = (  # what gives a check its inputs and its score
    *(f"autograder/grading/{name}.py" for name in ("draw", "drawings", "redraw", "scores")),
    *(f"data/{name}.py" for name in ("glyphs", "images", "split")),
)
WORDS = ("after", "hint", "points")  # decorators that say nothing of what is measured


class Run(NamedTuple):
    """One run of the checks that train.

    Attributes:
        mutant: whose solution; empty for the reference.
        seed: of the inputs.
        place: of the source of drawings among those that were named.
        source: its name.
    """

    mutant: str
    seed: int
    place: int
    source: str


class _Row(msgspec.Struct):
    version: str
    run: Run
    accuracies: Accuracies


def load(exercise: Exercise, versions: dict[str, str]) -> dict[Run, Accuracies]:
    """Read what has been measured of these versions of an exercise and of its mutants."""
    path = _path(exercise)
    rows = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            rows.append(msgspec.json.decode(line, type=_Row))
        except msgspec.DecodeError:  # the line that was being written when it was interrupted
            continue
    return {row.run: row.accuracies for row in rows if row.version == versions.get(row.run.mutant)}


def add(exercise: Exercise, version: str, run: Run, accuracies: Accuracies) -> None:
    """Keep what a run has measured."""
    path = _path(exercise)
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.write(b"\n" + msgspec.json.encode(_Row(version, run, accuracies)) + b"\n")


def versions(exercise: Exercise) -> dict[str, str]:
    """Name all that an accuracy depends on, for the reference, whose name is empty, and for each mutant that trains.

    These are torch, weights, the programs that measure it, and a mutant's changes. Comments, docstrings, hints, points
    and checks that do not train make no difference.
    """
    import torch

    shared = hashlib.sha256(torch.__version__.encode())
    for path in sorted(exercise.folder.glob("*.safetensors")):
        shared.update(path.name.encode() + path.read_bytes())
    for path in sorted(_programs(exercise)):
        shared.update(path.name.encode() + _what_it_does(path).encode())
    found = {"": shared.hexdigest()[:16]}
    for mutant in mutants.load(exercise):
        if mutant.measured:
            own = shared.copy()
            own.update(repr((mutant.measured, [(c.old, c.new, c.function) for c in mutant.changes])).encode())
            found[mutant.name] = own.hexdigest()[:16]
    return found


def _programs(exercise: Exercise) -> Iterator[Path]:
    """The exercise's modules that measure, those of its shape, given modules of the homework, and what draws."""
    modules = [Module(exercise.folder / f"{part}.py") for part in PARTS]
    names = {name for module in modules for name in imported(module.path.read_text(encoding="utf-8"))}
    given = {COURSE.joinpath(*name.split(".")).with_suffix(".py") for name in names if name.startswith("hw")}
    followed = {path for module in modules for path in module.files()}
    yield from followed | {path for path in given if path.is_file()} | {COURSE / name for name in DRAWN_BY}


def _what_it_does(path: Path) -> str:
    """The program of a module, without comments, docstrings, checks that do not train, and words for students."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not _measures_nothing(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.decorator_list = [each for each in node.decorator_list if _called(each) not in WORDS]
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def _measures_nothing(node: ast.stmt) -> bool:
    """Whether this is a check that does not train."""
    if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
        return False
    return "training" not in map(_called, node.decorator_list)


def _called(decorator: ast.expr) -> str:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(function, "id", "")


def _path(exercise: Exercise) -> Path:
    return KEPT / f"{exercise.name}.jsonl"
