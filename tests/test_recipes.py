"""Recipes (trainer/recipes.py, an exercise's learner.py) and the page of what they reach (benchmarks/results.py)."""

import json
import subprocess

import click
import pytest
from click.testing import CliRunner

import hw1.train
import hw2.train
from benchmarks import recipes, results
from benchmarks.recipes import HOMEWORKS
from trainer import Recipe, option, setting, with_recipes

RECIPES = {"small": Recipe("--way 3 --name 'a b'", 0.5, "nobody", test="--way 7"), "other": Recipe("", 0.5, "nobody")}


@click.command(cls=with_recipes(click.Command, lambda: RECIPES))
@setting("--way", type=int, default=5)
@option("--name", default="")
@option("--test", is_flag=True)
def program(way, name, test):
    print(way, name, click.get_current_context().meta.get("recipe"))


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["--recipe", "small"], "3 a b small"),
        (["--recipe=small", "--way", "9"], "9 a b small"),
        (["--recipe", "small", "--test"], "7 a b small"),
        (["--recipe", "small", "--test", "--way", "9"], "9 a b small"),
        (["--recipe", "other"], "5  other"),
        (["--way", "2"], "2  None"),
    ],
)
def test_a_recipe_stands_for_its_words_and_those_that_follow_win(words, printed):
    assert CliRunner().invoke(program, words).output == f"{printed}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--recipe", "large"], "There is no recipe 'large': they are small, other."),
        (["--recipe"], "There is no recipe '': they are small, other."),
        (["--way", "2", "--recipe", "small"], "--recipe comes first"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(words, sentence):
    result = CliRunner().invoke(program, words)
    assert result.exit_code == 2 and sentence in result.output


@pytest.mark.filterwarnings("ignore:'protected_args' is deprecated")  # until Click 9, args alone is not enough
@pytest.mark.parametrize("name", HOMEWORKS)
@pytest.mark.parametrize("test", [[], ["--test"]])
def test_every_recipe_is_a_command_line_of_its_program(name, test):
    main = {"hw1": hw1.train.main, "hw2": hw2.train.main}[HOMEWORKS[name]]
    context = main.make_context("train", ["--recipe", name, *test])
    if isinstance(main, click.Group):
        method, command, rest = main.resolve_command(context, [*getattr(context, "protected_args", ()), *context.args])
        context = command.make_context(method, rest, parent=context)
    assert context.meta["recipe"] == name
    if name.startswith("paper-maml"):  # the papers' own numbers of classes and drawings
        assert f"-{context.params['num_way']}w{context.params['num_support']}s" in name
        assert context.params["num_filters"] == 64 and context.params["rotations"]


def test_a_recipe_goes_on_until_it_is_trained_and_tested(monkeypatch, tmp_path):
    folder, started = tmp_path / "course-maml-5w1s.seed_2", []
    folder.mkdir()

    def run(words, check):
        started.append([word for word in words if word in ("--resume", "--test")])
        (folder / ("best.test.json" if "--test" in words else "last.safetensors")).touch()
        return subprocess.CompletedProcess(words, status)

    monkeypatch.setattr(recipes.subprocess, "run", run)
    for status, begun in ((130, [[]]), (0, [["--resume"], ["--test"]]), (0, [["--resume"]])):
        assert recipes.run("course-maml-5w1s", 2, ["--threads", "1"], tmp_path) == status
        assert started == begun
        started.clear()


def test_recipes_that_are_trained_alike_are_trained_once(tmp_path):
    trained = tmp_path / "paper-protonet-5w1s.seed_2"
    trained.mkdir()
    for name in ("last.safetensors", "best.safetensors", "log.csv", "best.test.num_way_5.json"):
        (trained / name).write_text(name)
    for other, seed in (("paper-protonet-20w1s", 3), ("paper-protonet-20w5s", 2), ("paper-maml-5w1s", 2)):
        recipes.take_over(other, seed, tmp_path)
    assert list(tmp_path.iterdir()) == [trained]
    recipes.take_over("paper-protonet-20w1s", 2, tmp_path)
    taken = tmp_path / "paper-protonet-20w1s.seed_2"
    assert {path.name for path in taken.iterdir()} == {"last.safetensors", "best.safetensors", "log.csv"}
    (taken / "log.csv").write_text("gone on")
    recipes.take_over("paper-protonet-20w1s", 2, tmp_path)
    assert (taken / "log.csv").read_text() == "gone on"


def test_the_words_of_a_command_are_recipes_and_then_options(monkeypatch):
    begun = []
    monkeypatch.setattr(recipes, "run", lambda *arguments: begun.append(arguments[:3]))
    words = ["paper-maml-5w1s", "course-maml-5w1s", "--threads", "1", "--seed=3", "--val-interval", "5"]
    assert CliRunner().invoke(recipes.main, words).exit_code == 0
    options = ["--threads", "1", "--val-interval", "5"]
    assert begun == [("paper-maml-5w1s", 3, options), ("course-maml-5w1s", 3, options)]
    result = CliRunner().invoke(recipes.main, ["paper-mamll"])
    assert result.exit_code == 2 and "There is no recipe 'paper-mamll': they are course-blackbox-2w1s," in result.output


LOG = [
    {"iteration": "0", "train_loss": "", "train_query_accuracy": "", "val_loss": "1.6", "val_query_accuracy": "0.2"},
    {"iteration": "1", "train_loss": "1.5", "train_query_accuracy": "0.3", "val_loss": "", "val_query_accuracy": ""},
    {
        "iteration": "2",
        "train_loss": "1.1",
        "train_query_accuracy": "0.4",
        "val_loss": "1.2",
        "val_query_accuracy": "0.5",
    },
]


def a_run(name, seed, iterations):
    return {
        "recipe": name,
        "accuracy": 0.9312,
        "confidence_95": 0.0041,
        "settings": {"seed": seed, "num_way": 5},
        "iterations": iterations,
        "seconds": 5400,
        "machine": "a machine",
        "curve_way": 60,
        "curve": results.curve(LOG),
    }


def test_a_curve_has_the_validated_iterations_and_the_mean_of_training_between_them():
    assert results.curve(LOG) == {
        "iteration": [0, 2],
        "train_loss": [None, 1.3],
        "train_query_accuracy": [None, 0.35],
        "val_loss": [1.6, 1.2],
        "val_query_accuracy": [0.2, 0.5],
    }


def test_a_row_says_what_was_reached_with_seeds_hours_and_machine():
    runs = [a_run("paper-maml-5w1s", seed, 60_000) for seed in (0, 3)]
    row = results.row("paper-maml-5w1s", runs)
    assert row == (
        "| `paper-maml-5w1s` | 93.1% ± 0.4%<br>93.1% ± 0.4% | 98.7% | 0, 3 | 60,000 | 1.5<br>1.5 | a machine |"
    )


def test_a_score_that_is_no_accuracy_has_rows_curves_and_pictures_too(tmp_path):
    name = next(name for name, recipe in results.RECIPES.items() if not recipe.percent)
    log = [{key.replace("query_accuracy", "query_nll"): value for key, value in row.items()} for row in LOG]
    score = {"name": "query_nll", "words": "negative log-likelihood", "best": "low", "percent": False}
    test = {"recipe": name, "score": score, "negative_log-likelihood": 0.4834, "confidence_95": 0.0123}
    run = test | {
        "settings": {"seed": 0},
        "iterations": 5000,
        "seconds": 600,
        "machine": "a machine",
        "curve_way": None,
    }
    run["curve"] = results.curve(log, results.score_of(run))
    assert run["curve"]["val_query_nll"] == [0.2, 0.5] and run["curve"]["train_query_nll"] == [None, 0.35]
    assert f"| `{name}` | 0.483 ± 0.012 | {results.RECIPES[name].target_text} | 0 | 5,000 |" in results.row(name, [run])
    results.draw(name, [run], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5_000


def test_what_was_not_run_or_cut_short_is_marked():
    assert "| not run | 98.7% |" in results.row("paper-maml-5w1s", [])
    assert "| 700 of 60,000, cut short |" in results.row("paper-maml-5w1s", [a_run("paper-maml-5w1s", 0, 700)])


def test_the_page_holds_each_run_its_picture_and_its_command(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/x.json").write_text(json.dumps(a_run("course-maml-5w1s", 4, 15_000)))
    runs, benchmarks = results.published(tmp_path)
    page = results.page(runs, benchmarks)
    assert "93.1% ± 0.4%" in page and "![course-maml-5w1s](curves/course-maml-5w1s.png)" in page
    assert "python -m benchmarks.recipes course-maml-5w1s --seed 4  # maml --num-way 5 " in page
    results.draw("course-maml-5w1s", runs["course-maml-5w1s"], tmp_path / "curves/course-maml-5w1s.png")
    assert (tmp_path / "curves/course-maml-5w1s.png").stat().st_size > 5_000


def test_the_page_is_what_the_published_runs_give():
    runs, benchmarks = results.published(results.DOCS)
    assert (results.DOCS / "results.md").read_text(encoding="utf-8") == results.page(runs, benchmarks)
    for name in runs:
        assert (results.DOCS / f"curves/{name}.png").is_file(), name
