"""All methods of homework 2 for the same time (benchmarks/budget.py), and the table that is made of it."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from autograder.grading.catalog import exercises
from autograder.paths import COURSE
from autograder.student import training
from benchmarks import budget, results
from data import glyphs

METHODS = budget.methods()


def test_every_exercise_with_a_recipe_of_the_courses_takes_part():
    recipes = training.recipes(budget.HOMEWORK)
    named = {recipe.words.split()[0] for name, recipe in recipes.items() if name.startswith("course-")}
    assert set(METHODS) == named
    assert list(METHODS) == [exercise.name for exercise in exercises(budget.HOMEWORK) if exercise.name in named]


@pytest.mark.filterwarnings("ignore:'protected_args' is deprecated")
@pytest.mark.parametrize("method", METHODS)
def test_settings_that_methods_have_in_common_are_equal_and_of_drawings(method):
    learner = training.load(next(e for e in exercises(budget.HOMEWORK) if e.name == method))
    settings = learner.command.make_context(method, METHODS[method][1:]).params
    for option, value in budget.COMMON.items():
        assert settings.get(option[2:].replace("-", "_"), value) == value
    assert settings.get("domain", "omniglot") == "omniglot"
    assert settings["num_iterations"] == budget.ENDLESS


def row(**changes):
    return {
        "method": "one",
        "title": "One",
        "accuracy": 0.8767,
        "confidence_95": 0.0123,
        "tasks": 600,
        "iterations": 1200,
        "best_iteration": 1000,
        "processor_seconds": 120.6,
        "memory_bytes": 12_340_000,
        "machine": "a machine",
        "settings": {"num_way": 5, "num_support": 1, "num_query": 15, "num_tasks": 4, "outer_lr": 0.003},
        **changes,
    }


def test_the_table_has_what_was_measured_and_says_what_was_not():
    other = {**row()["settings"], "num_inner_steps": 3, "outer_lr": 0.5}  # a share of the way, not Adam's rate
    rows = [row(), row(title="Two", settings=other)]
    text = results.budget({"benchmark": "budget", "budget": 2.0, "seed": 0, "rows": rows, "not_run": ["three"]})
    assert "| One | 87.7% ± 1.2% | 1,200 | 100 | 12.3 MB |" in text and f"| three | {results.NOT_RUN} | | | |" in text
    assert "--minutes 2 " in text and "2 minutes of processor time" in text and "5 ways, 1 shot" in text
    assert "it is 3 in training" in text and "an outer loop is 0.003." in text


def test_a_method_is_trained_once_and_goes_on_where_it_was_stopped(monkeypatch, tmp_path):
    started = []

    def run(words, check):
        started.append([word for word in words if word in ("--resume", "--test")])
        folder = budget.run_folder("m", 2, 0, tmp_path)
        folder.mkdir(exist_ok=True)
        if "--test" in words:
            (folder / "best.test.json").write_text('{"accuracy": 0.5}')
        else:
            (folder / "last.safetensors").touch()
        return subprocess.CompletedProcess(words, 0 if "--test" in words or "--resume" in words else 130)

    spent = iter([60.0, 120.5])
    monkeypatch.setattr(budget.subprocess, "run", run)
    monkeypatch.setattr(budget.checkpoint, "read_facts", lambda path: {"processor_seconds": next(spent)})
    for status, begun in ((130, [[]]), (0, [["--resume"], ["--test"]]), (0, [])):
        assert budget.run("m", ["m"], 2, 0, tmp_path) == status
        assert started == begun
        started.clear()


def test_an_unknown_method_is_one_sentence():
    result = CliRunner().invoke(budget.main, ["none"])
    assert result.exit_code == 2 and "There is no method 'none': they are" in result.output


def test_what_is_published_is_of_one_budget():
    path = results.DOCS / "runs/budget.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert {run["method"] for run in facts["rows"]} <= set(METHODS)
    for run in facts["rows"]:
        assert 60 * facts["budget"] <= run["processor_seconds"] < 60 * facts["budget"] + 5
        assert run["tasks"] == 600 and run["memory_bytes"] > 0


@pytest.mark.slow
def test_memory_is_that_of_a_step_of_the_reference(tmp_path):
    glyphs.write(tmp_path / "glyphs", characters=150)
    data = str(tmp_path / "glyphs")
    code = (
        "from benchmarks import budget, reference; reference.put_in(budget.HOMEWORK)\n"
        "words = budget.methods()\n"
        f"print(*(budget.peak_memory([*given, '--data', {data!r}]) for given in words.values()))"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=COURSE, capture_output=True, text=True, check=True).stdout
    assert len(said.split()) == len(METHODS) and all(int(peak) > 1e6 for peak in said.split())
