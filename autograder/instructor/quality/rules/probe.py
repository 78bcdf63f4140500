"""Rules about how a solution is driven."""

import ast
from collections.abc import Iterator

from autograder.grading.catalog import Exercise
from autograder.instructor import solution_regions
from autograder.paths import COURSE

LONG = 40  # letters of a line that is not there by chance
SHARED = (
    "autograder.shapes",
    "autograder.worker.values",
    "autograder.worker.warmup",
)  # what a worker has besides the exercise's own driver


def questions(exercise: Exercise) -> Iterator[str]:
    """Look whether the probe has functions, and whether their signatures can be read."""
    if not exercise.questions:
        yield f"{exercise.place}/probe.py: There is no function to ask a solution by."


def judges_nothing(exercise: Exercise) -> Iterator[str]:
    """Look for assertions in the driver, and for imports that a worker's box does not hold."""
    own = {part.removesuffix(".py").replace("/", ".") for part in exercise.driver}
    for part in exercise.driver:
        for node in ast.walk(_tree(part)):
            if isinstance(node, ast.Assert):
                yield f"{part}:{node.lineno}: A probe judges nothing: assert in checks.py."
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograder"):
                name = node.module or ""
                if name not in own and not name.startswith(SHARED):
                    yield (
                        f"{part}:{node.lineno}: A worker has no {name}: import {' or '.join(SHARED)}, "
                        "or a module of this folder."
                    )


def no_solution(exercise: Exercise) -> Iterator[str]:
    """Look for lines of the solution in the driver."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    hidden = [
        (number, line.strip())
        for first, lines in solution_regions.hidden(solution, f"{exercise.place}/solution.py")
        for number, line in enumerate(lines, first)
        if len(line.strip()) > LONG and not line.strip().startswith("#")
    ]
    for part in exercise.driver:
        text = " ".join(ast.unparse(_tree(part)).split())
        for number, line in hidden:
            if line in text:
                yield f"{part}: It holds line {number} of solution.py, `{line}`; students read it."


def _tree(part: str) -> ast.Module:
    return ast.parse((COURSE / part).read_text(encoding="utf-8"), part)
