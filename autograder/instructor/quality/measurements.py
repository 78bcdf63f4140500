"""Accuracies that calibration has measured, one run a line, so that it goes on where it was interrupted.

They are kept beside the course, in .calibration/, and are no part of it: what follows from them is in thresholds.json.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from autograder.grading.catalog import Exercise
from autograder.instructor.quality import mutants
from autograder.paths import COURSE, GRADER

Accuracies = dict[str, dict[str, float]]  # by check and by source of the drawings

SHARED = GRADER / "shapes"


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


def load(exercise: Exercise, version: str) -> dict[Run, Accuracies]:
    """Read what has been measured of this version of an exercise."""
    path = _path(exercise)
    rows = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            rows.append(msgspec.json.decode(line, type=_Row))
        except msgspec.DecodeError:  # the line that was being written when it was interrupted
            continue
    return {row.run: row.accuracies for row in rows if row.version == version}


def add(exercise: Exercise, version: str, run: Run, accuracies: Accuracies) -> None:
    """Keep what a run has measured."""
    path = _path(exercise)
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.write(b"\n" + msgspec.json.encode(_Row(version, run, accuracies)) + b"\n")


def version(exercise: Exercise) -> str:
    """Return a name for all that an accuracy depends on: programs, weights, mutants and torch."""
    import torch

    told = hashlib.sha256(torch.__version__.encode())
    files = [*exercise.folder.glob("*.py"), *exercise.folder.glob("*.safetensors"), *SHARED.glob("*.py")]
    for path in sorted(files):
        told.update(path.name.encode() + path.read_bytes())
    for mutant in mutants.load(exercise):
        if mutant.measured:
            told.update(
                repr((mutant.name, mutant.measured, [(c.old, c.new, c.function) for c in mutant.changes])).encode()
            )
    return told.hexdigest()[:16]


def _path(exercise: Exercise) -> Path:
    return COURSE / ".calibration" / f"{exercise.name}.jsonl"
