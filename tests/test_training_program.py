"""autograder/student/training.py: a homework's methods are what its exercises' learners train. Here they are toys."""

import types

import click
import pytest
from click.testing import CliRunner

from autograder.grading import catalog
from autograder.grading.catalog import Exercise
from autograder.student import training
from trainer import Recipe, option


def learner(name):
    """A toy in the place of an exercise's learner.py."""

    @click.command(help=f"Train {name}.")
    @option("--way", type=int, default=5)
    @option("--test", is_flag=True)
    def command(way, test):
        print(name, way, click.get_current_context().meta.get("recipe"))

    return types.SimpleNamespace(command=command, RECIPES={f"course-{name}": Recipe("--way 3", 0.9, "nobody")})


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Makes the program of a homework from its exercises: name -> whether it is required. `bee` cannot be imported."""

    def load(exercise):
        if exercise.name == "bee":
            raise SyntaxError("bee.py")
        return learner(exercise.name)

    def make(listed, without_learner=()):
        monkeypatch.setattr(training, "exercises", lambda _: [Exercise("toy", *item) for item in numbered(listed)])
        for name in listed:
            (tmp_path / name).mkdir(exist_ok=True)
            if name not in without_learner:
                (tmp_path / name / "learner.py").touch()
        main = training.program("toy")
        return lambda *words: CliRunner().invoke(main, words)

    monkeypatch.setattr(catalog, "EXERCISES", tmp_path)
    monkeypatch.setattr(training, "load", load)
    return make


def numbered(listed):
    return [(name, number, 10.0, required) for number, (name, required) in enumerate(listed.items(), 1)]


def test_a_method_has_its_exercises_name_and_a_recipe_stands_for_it_with_options(program):
    run = program({"cat": True, "ant": True})
    assert run("ant", "--way", "7").output == "ant 7 None\n"
    assert run("--recipe", "course-cat").output == "cat 3 course-cat\n"
    assert run("--recipe", "course-cat", "--way", "9").output == "cat 9 course-cat\n"
    assert run("dog").exit_code == 2 and "No such command 'dog'" in run("dog").output
    assert "There is no recipe 'course-dog': they are course-cat, course-ant." in run("--recipe", "course-dog").output


def test_help_lists_methods_and_recipes_in_the_homeworks_order(program):
    run = program({"cat": True, "ant": True})
    for words in ([], ["--help"]):
        said = run(*words).output
        assert said.index("cat  Train cat.") < said.index("ant  Train ant.")
        assert said.index("course-cat  90.0%, nobody") < said.index("course-ant  90.0%, nobody")
        assert "python -m toy.train METHOD --help" in said
    assert "Recipes, --recipe NAME in the place of a method:\n    course-ant" in run("ant", "--help").output


def test_the_name_may_be_left_out_where_one_required_exercise_is_trained(program):
    run = program({"data": True, "cat": True, "ant": False}, without_learner=["data"])
    assert run().output == run("cat").output == "cat 5 None\n"
    assert run("--way", "2").output == "cat 2 None\n" and run("ant").output == "ant 5 None\n"
    assert "Commands:" in run("--help").output
    assert "--way" in program({"cat": True})("--help").output  # there is nothing to choose from
    assert "No such option" in program({"cat": True, "ant": True})("--way", "2").output


def test_code_that_cannot_be_imported_keeps_no_other_method_from_training(program):
    run = program({"bee": True, "ant": True})
    assert run("ant").output == "ant 5 None\n"
    assert isinstance(run("bee").exception, SyntaxError)


def test_a_list_that_cannot_be_read_is_one_sentence():
    said = CliRunner().invoke(training.program("hw99"), [])
    assert said.exit_code == 1 and said.output.startswith("Error: hw99/homework.toml is missing")
