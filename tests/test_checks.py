"""Every exercise's checks keep the house's rules, and let no answer out."""

import ast
import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autograder.grading import catalog, check_vocabulary
from autograder.grading.checks import checks, describe, described, trains
from autograder.grading.definitions import Module
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.results import total
from autograder.shapes.episodic import checks as episodic

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
CHECKS = [(exercise, check) for exercise in EXERCISES for check in checks(exercise)]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
each_check = pytest.mark.parametrize(
    ("exercise", "check"), CHECKS, ids=[f"{exercise.name}: {check.__name__}" for exercise, check in CHECKS]
)

DRAW = Draw(1, "tests of drawing", Drawings(None))


def tree(exercise, part="checks"):
    """The text of checks or probe, with those of the shapes that it imports."""
    paths = Module(exercise.folder / f"{part}.py").files()
    body = [node for path in paths if path.name == f"{part}.py" for node in Module(path).body]
    return ast.Module(body, [])


def called(node):
    """Names of all functions that a piece of code calls."""
    calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return {name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "") for name in calls}


# House rules


@each_exercise
def test_the_points_of_an_exercise_add_up_to_what_the_list_says(exercise):
    assert total(check.points for check in described(exercise)) == exercise.worth > 0


@each_check
def test_a_check_says_what_must_hold_what_it_is_worth_and_what_is_wrong(exercise, check):
    described = describe(exercise, check)
    assert (
        check.__doc__ and described.title.endswith(".") and "\n" not in described.title and len(described.title) < 120
    )
    assert described.points > 0
    assert len(described.hint.split()) > 5 and described.hint[-1] in ".?", described.hint
    assert described.title.count('"') % 2 == 0 and ' " ' not in described.title


@each_check
def test_a_check_asks_for_no_fixture_that_there_is_not(exercise, check):
    asked = set(inspect.signature(check).parameters)
    assert "student" in asked and asked <= {"student", "reference", "draw", "threshold"}
    assert ("threshold" in asked) == trains(check)


@each_check
def test_a_check_waits_only_for_checks_above_it_in_its_file(exercise, check):
    names = [each.__name__ for each in checks(exercise)]
    for awaited in getattr(check, "after", ()):
        of_a_shape = check.__module__.startswith("autograder.shapes.")  # of whose checks an exercise imports some
        assert (of_a_shape and awaited.__name__ not in names) or (
            names.index(awaited.__name__) < names.index(check.__name__)
        ), awaited.__name__


@each_check
def test_a_check_that_trains_comes_after_all_that_do_not(exercise, check):
    flags = [trains(each) for each in checks(exercise)]
    assert flags == sorted(flags)


@each_exercise
def test_every_assert_has_a_message(exercise):
    bare = [node.lineno for node in ast.walk(tree(exercise)) if isinstance(node, ast.Assert) and node.msg is None]
    assert bare == []


@each_exercise
def test_every_check_asserts_something(exercise):
    helpers = {node.name: node for node in tree(exercise).body if isinstance(node, ast.FunctionDef)}

    def asserts(node, depth=3):
        if any(isinstance(part, ast.Assert) for part in ast.walk(node)):
            return True
        names = called(node)
        return any(name.startswith("assert_") or name == "reached_by" for name in names) or (
            depth > 0 and any(asserts(helpers[name], depth - 1) for name in names & helpers.keys())
        )

    for check in checks(exercise):
        assert asserts(helpers[check.__name__]), check.__name__


@each_exercise
def test_comparisons_that_pass_on_nan_or_broadcast_are_not_used(exercise):
    banned = {
        "allclose",
        "isclose",
        "assert_allclose",
        "array_equal",
        "assert_array_equal",
        "assert_array_almost_equal",
    }
    assert called(tree(exercise)) & banned == set()


@each_exercise
def test_checks_draw_from_their_own_stream_alone(exercise):
    text = ast.unparse(tree(exercise)).replace("np.random.Generator", "")
    assert "np.random." not in text and "import random" not in text and "torch.rand" not in text
    assert called(tree(exercise)) & {"default_rng", "manual_seed", "time", "monotonic"} == set()


@each_exercise
def test_a_probe_asserts_nothing_and_names_no_verdict(exercise):
    probe = tree(exercise, "probe")
    assert not [node for node in ast.walk(probe) if isinstance(node, ast.Assert)]
    imported = {node.module for node in ast.walk(probe) if isinstance(node, ast.ImportFrom)}
    own = {part[:-3].replace("/", ".") for part in exercise.driver}
    assert not {name for name in imported if name.startswith("autograder")} - {"autograder.worker.values"} - own


@each_exercise
def test_a_probe_is_no_solution(exercise):
    """Students can read it."""
    text = " ".join(ast.unparse(tree(exercise, "probe")).split())
    regions = (exercise.folder / "solution.py").read_text(encoding="utf-8").split("### BEGIN SOLUTION")[1:]
    lines = [line.strip() for region in regions for line in region.partition("### END")[0].splitlines()]
    long = [line for line in lines if len(line) > 40 and not line.startswith("#")]
    assert long and not [line for line in long if line in text]


@each_exercise
def test_the_exercise_has_a_title_with_its_number(exercise):
    number = [each.name for each in EXERCISES if each.homework == exercise.homework].index(exercise.name) + 1
    assert exercise.title.startswith(f"Problem {number}. ")


def test_the_words_of_checks_are_the_few_that_authors_know():
    own = {
        name
        for name, f in vars(check_vocabulary).items()
        if inspect.isfunction(f) and f.__module__ == check_vocabulary.__name__
    }
    public = {name for name in own if not name.startswith("_")}
    used = {name for exercise in EXERCISES for name in called(tree(exercise))} | {"points", "hint", "after", "training"}
    used |= {"assert_uniform"}  # for exercises to come
    assert public <= used, public - used


# What the worker is told in the checks that measure accuracy


class Spy:
    """A student that trains nothing, guesses, and keeps all that it is asked."""

    def __init__(self, exercise):
        self._exercise = exercise
        self.asked = []
        self.trained = None
        self.judged = None

    def train(self, drawings, *arguments, **options):
        self.trained = drawings
        self.asked += _arrays([drawings, *arguments])
        return SimpleNamespace(weights={"w": np.zeros(1)})

    def predict(self, weights, *arguments, **options):
        self.asked += _arrays(arguments)
        rng = np.random.default_rng(0)
        if self._exercise.name == "black_box":
            self.judged, labels = arguments
            return SimpleNamespace(logits=rng.random(labels.shape))
        self.judged = np.concatenate([*(images for images, _ in arguments[0]), *arguments[1]])
        return SimpleNamespace(logits=rng.random((sum(map(len, arguments[1])), 5)))


def _arrays(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)


TRAINING = [(exercise, check) for exercise, check in CHECKS if trains(check)]


@pytest.fixture(params=TRAINING, ids=[f"{exercise.name}: {check.__name__}" for exercise, check in TRAINING])
def spied(request, monkeypatch):
    """A training check run on a spy: what it asked, the true labels, and the accuracy of its guesses."""
    exercise, check = request.param
    seen = SimpleNamespace(labels=None, accuracy=None)
    checks = exercise.load("checks")

    def accuracy(scores, labels):
        seen.labels = labels
        return check_vocabulary.accuracy(scores, labels)

    for module in (checks, episodic):
        monkeypatch.setattr(module, "accuracy", accuracy, raising=False)
    spy = Spy(exercise)
    bar = SimpleNamespace(reached_by=lambda value, made=False: setattr(seen, "accuracy", value))
    check(student=spy, draw=Draw(3, check.__name__, Drawings(None)), threshold=bar)
    return exercise, spy, seen


def test_guessing_has_the_accuracy_of_guessing(spied):
    exercise, _, seen = spied
    way = seen.labels.max() + 1
    assert way == (2 if exercise.name == "black_box" else 5)
    assert len(seen.labels) >= 2000 and abs(seen.accuracy - 1 / way) < 0.06
    np.testing.assert_allclose(np.bincount(seen.labels), len(seen.labels) / way)


def test_query_labels_are_in_no_request(spied):
    exercise, spy, seen = spied
    if exercise.name == "black_box":
        (labels,) = [array for array in spy.asked if array.shape[-1] == 2 and array.ndim == 4]
        guesses = labels[:, -1].argmax(axis=-1).ravel()
        assert abs(np.mean(guesses == seen.labels) - 0.5) < 0.06
        assert np.unique(labels[:, -1]).size > 1000, "noise in the place of the labels"
        np.testing.assert_array_equal(labels[:, 0], np.broadcast_to(np.eye(2), (len(labels), 2, 2)))
    else:
        integers = [array for array in spy.asked if array.dtype.kind == "i"]
        assert {array.shape for array in integers} == {(5,)}, "the labels of supports, and no others"
        assert len(integers) * 25 == len(seen.labels)


def test_the_order_of_the_queries_does_not_tell_their_labels(spied):
    exercise, _, seen = spied
    per_task = 2 if exercise.name == "black_box" else 25
    orders = seen.labels.reshape(-1, per_task)
    assert len(np.unique(orders, axis=0)) > (1 if exercise.name == "black_box" else len(orders) * 0.95)
    means = orders.mean(axis=0)
    assert np.ptp(means) < (0.15 if exercise.name == "black_box" else 1.2), means


def test_what_is_judged_by_was_not_trained_on(spied):
    _, spy, _ = spied
    if spy.trained is None:
        return  # from published weights
    courses = spy.trained if isinstance(spy.trained, list) else [spy.trained]
    size = courses[0].shape[2:]
    trained, judged = (
        {image.astype(np.float32).tobytes() for images in several for image in images.reshape(-1, *size)}
        for several in (courses, [spy.judged])
    )
    assert len(trained) > 2000 and len(judged) > 500 and not trained & judged


def test_checks_are_imported_without_torch_so_that_a_grader_with_recorded_answers_is_small():
    modules = [f"{e.package}.checks" for e in EXERCISES] + ["autograder.commands", "autograder.grading.recorded"]
    program = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_network_without_torch_is_the_probes():
    from autograder.shapes.gradient import checks, network, probe

    theta, images = checks.draw_parameters(DRAW, 5), DRAW.normal(7, *checks.IMAGE)
    tensors = {name: torch.tensor(array) for name, array in theta.items()}
    np.testing.assert_allclose(network.forward(images, theta), probe.forward(torch.tensor(images), tensors), atol=1e-12)


def test_tasks_are_of_characters_and_share_no_drawing():
    drawings = np.arange(6 * 9).reshape(6, 9, 1, 1) * np.ones((1, 1, 2, 3))
    orders = set()
    for task in DRAW.tasks(drawings, 3, 2, 4, 50):
        assert task.images_support.shape == (6, 1, 2, 3) and task.images_query.shape == (12, 1, 2, 3)
        assert task.images_support.dtype == np.float32 and task.labels_support.dtype == np.int64
        support, query = (images[:, 0, 0, 0].astype(int) for images in (task.images_support, task.images_query))
        assert len({*support, *query}) == 18
        for label in range(3):
            of_label = {*(support[task.labels_support == label] // 9), *(query[task.labels_query == label] // 9)}
            assert len(of_label) == 1
        orders.add((*task.labels_query,))
    assert len(orders) > 40
