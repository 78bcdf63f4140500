"""The committed stubs are what the solutions give, and give nothing of the solutions away."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from autograder.grading import catalog
from autograder.instructor import solution_regions

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])


def committed(exercise):
    return (ROOT / exercise.file).read_text(encoding="utf-8")


def solution(exercise):
    return (exercise.folder / "solution.py").read_text(encoding="utf-8")


def gaps(exercise):
    """The regions of a solution, each with its lines."""
    found = re.findall(
        rf"^ *{solution_regions.BEGIN}\n(.*?)^ *{solution_regions.END}$", solution(exercise), re.DOTALL | re.MULTILINE
    )
    return [[line.strip() for line in region.splitlines()] for region in found]


@each_exercise
def test_a_stub_can_be_imported(exercise):
    assert importlib.import_module(exercise.module)


@each_exercise
def test_a_stub_holds_no_line_of_the_solution(exercise):
    given = {line.strip() for line in committed(exercise).splitlines()}
    lines = [line for region in gaps(exercise) for line in region]
    secret = {line for line in lines if re.search(r"\w", line) and not line.startswith("#:")}
    assert len(secret) >= 5
    assert secret & given == set()


@each_exercise
def test_every_region_tells_what_is_to_do(exercise):
    found = gaps(exercise)
    assert found
    for region in found:
        assert region[0].startswith(f"{solution_regions.TODO} "), region[0]
    assert committed(exercise).count("# TODO: ") == len(found)
    assert "fill this in" not in committed(exercise)


@each_exercise
def test_every_todo_raises_an_error_that_names_its_function(exercise):
    named = re.findall(r'raise NotImplementedError\("([\w.]+) is still to do"\)', committed(exercise))
    assert len(named) == len(gaps(exercise)) == len(set(named))
    module = ast.parse(solution(exercise))
    functions = {
        f"{node.name}.{function.name}" if node is not module else function.name
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef | ast.Module)
        for function in node.body
        if isinstance(function, ast.FunctionDef)
    }
    assert set(named) <= functions


@each_exercise
def test_a_stub_tells_the_student_nothing_of_the_grader(exercise):
    assert not re.search(r"autograder|\bprobe\b|hidden test|reference solution", committed(exercise))


def test_solutions_lie_in_no_other_place_than_the_exercises_folders():
    secrets = {
        line for exercise in EXERCISES for region in gaps(exercise) for line in region
        if len(line) > 60 and not line.startswith("#:")
    }  # fmt: skip
    assert len(secrets) >= 8
    places = [path for folder in ("hw1", "hw2", "data", "trainer") for path in (ROOT / folder).rglob("*")]
    for path in places:
        if path.suffix in (".py", ".md", ".ipynb"):
            assert not [line for line in secrets if line in path.read_text(encoding="utf-8")], path
