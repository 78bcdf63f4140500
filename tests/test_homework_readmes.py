"""The assignment texts agree with the grader, and with the programs whose commands they show."""

import importlib
import importlib.util
import re
from pathlib import Path

import click
import pytest

from autograder.grading.catalog import exercises, homeworks
from autograder.instructor import points
from autograder.results import Verdict

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.parametrize("homework", homeworks())


def text(homework):
    return (ROOT / homework / "README.md").read_text(encoding="utf-8")


def modules(homework):
    return sorted(set(re.findall(r"python -m (\w+(?:\.\w+)*)", text(homework))))


def options(command):
    """All options of a click command and of its subcommands."""
    own = {name for parameter in command.params for name in parameter.opts}
    inner = command.list_commands(None) if isinstance(command, click.Group) else ()
    return own.union(*(options(command.get_command(None, name)) for name in inner))


def test_the_tables_of_points_are_those_of_the_checks_and_add_to_the_homeworks(homework):
    listed = exercises(homework)
    assert "\n".join(points.tables(listed)) in text(homework)
    worths = re.findall(r"^\| (\d+(?:\.\d+)?) \|", "\n".join(points.tables(listed)), re.MULTILINE)
    assert round(sum(map(float, worths)), 6) == sum(exercise.worth for exercise in listed)


def test_every_file_to_edit_is_named(homework):
    assert all(f"`{exercise.file}`" in text(homework) for exercise in exercises(homework))


def test_every_verdict_that_a_student_can_get_is_explained(homework):
    words = re.findall(r"^\| ([A-Z, -]+) \|", text(homework), re.MULTILINE)
    explained = {word for entry in words for word in entry.split(", ")}
    assert explained == {verdict.value for verdict in Verdict} - {"GRADER-ERROR"}


def test_every_command_shown_exists(homework):
    assert {"autograder", "data.download", f"{homework}.train"} <= set(modules(homework))
    for module in modules(homework):
        assert importlib.util.find_spec(module), module


def test_every_option_shown_exists(homework):
    known = set()
    for module in modules(homework):
        is_package = importlib.util.find_spec(module).submodule_search_locations is not None
        program = importlib.import_module(f"{module}.__main__" if is_package else module).main
        assert isinstance(program, click.Command)
        known |= options(program)
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text(homework)))
    assert shown, "an assignment shows some options"
    assert shown <= known, f"no command has {sorted(shown - known)}"
