"""Rules about the files of an exercise as a whole."""

import re
from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.instructor import regions
from autograder.paths import COURSE

WRITE = re.compile(r"\bWRITE: (.+?)(?:\"\)|\"\"\")?$")  # stands in a template where an author is to write something


def page(exercise: Exercise) -> Iterator[str]:
    """Look whether exercise.toml can be read and is filled in."""
    for field in ("title", "paper", "shape", "homework"):
        if not getattr(exercise.page, field).strip():
            yield f"{exercise.place}/exercise.toml: {field} is empty."


def written(exercise: Exercise) -> Iterator[str]:
    """Look for what a template left to be written."""
    for path in sorted((*exercise.folder.glob("*.py"), *exercise.folder.glob("*.md"))):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := WRITE.search(line):
                yield f"{exercise.place}/{path.name}:{number}: Write {match[1].rstrip('.')}."


def stub(exercise: Exercise) -> Iterator[str]:
    """Look whether the student's file is what the solution gives."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    expected = regions.stub(solution, f"{exercise.place}/solution.py")
    found = list(regions.hidden(solution, f"{exercise.place}/solution.py"))
    if not found:
        yield f"{exercise.place}/solution.py: No part is marked {regions.BEGIN} ... {regions.END}: nothing is to do."
    lines = solution.splitlines()
    for first, _ in found:
        if not lines[first - 1].strip().startswith(f"{regions.TODO} "):
            yield f"{exercise.place}/solution.py:{first}: Say what is to do, in lines with `{regions.TODO} `."
    path = COURSE / exercise.file
    if not path.exists() or path.read_text(encoding="utf-8") != expected:
        yield f"{exercise.file}: It is not what the solution gives; run `python -m autograder stubs`."
