"""The assignment texts agree with the grader."""

import importlib.util
import re
from pathlib import Path

import pytest

from autograder.catalog import exercises, homeworks
from autograder.report.markdown import BEGIN, END, points_tables
from autograder.results import Verdict

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.parametrize("homework", homeworks())


def text(homework):
    return (ROOT / homework / "README.md").read_text(encoding="utf-8")


def test_the_tables_of_points_are_those_of_the_checks(homework):
    written = text(homework)
    shown = written[written.index(BEGIN) : written.index(END) + len(END)]
    assert shown == points_tables(homework), f"put this into {homework}/README.md:\n\n{points_tables(homework)}"


def test_points_add_to_a_hundred(homework):
    points = re.findall(r"^\| (\d+(?:\.\d+)?) \|", points_tables(homework), re.MULTILINE)
    assert sum(map(float, points)) == 100


def test_every_file_to_edit_is_named(homework):
    assert all(f"`{exercise.file}`" in text(homework) for exercise in exercises(homework))


def test_every_verdict_that_a_student_can_get_is_explained(homework):
    words = re.findall(r"^\| ([A-Z, -]+) \|", text(homework), re.MULTILINE)
    explained = {word for entry in words for word in entry.split(", ")}
    assert explained == {verdict.value for verdict in Verdict} - {"GRADER-ERROR"}


def test_every_command_shown_exists(homework):
    for module in re.findall(r"python -m ([\w.]+)", text(homework)):
        assert importlib.util.find_spec(module), module
