"""Checks let no answer out; the rules of the house that they keep are held by test_exercises.py."""

import ast
import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autograder import paths
from autograder.grading import catalog, check_vocabulary
from autograder.grading.checks import checks, described, measures, trains
from autograder.grading.definitions import Module
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.grading.scores import ACCURACY
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


@each_exercise
def test_the_points_of_an_exercise_add_up_to_what_the_list_says(exercise):
    assert total(check.points for check in described(exercise)) == exercise.worth > 0


def test_the_words_of_checks_are_the_few_that_authors_know():
    own = {
        name
        for name, f in vars(check_vocabulary).items()
        if inspect.isfunction(f) and f.__module__ == check_vocabulary.__name__
    }
    public = {name for name in own if not name.startswith("_")}
    used = {name for exercise in EXERCISES for name in called(tree(exercise))} | {
        "points",
        "hint",
        "after",
        "training",
        "tells",
    }
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


TRAINING = [(exercise, check) for exercise, check in CHECKS if trains(check) and measures(check) == ACCURACY]


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
    from autograder.shapes.gradient import assertions, network, probe

    theta, images = assertions.draw_parameters(DRAW, 5), DRAW.normal(7, *assertions.IMAGE)
    tensors = {name: torch.tensor(array) for name, array in theta.items()}
    np.testing.assert_allclose(network.forward(images, theta), probe.forward(torch.tensor(images), tensors), atol=1e-12)


def test_the_probes_network_is_the_given_one_but_smooth(monkeypatch):
    from autograder.shapes.gradient import assertions, probe
    from hw2 import network

    theta, drawn = network.initial_parameters(5), assertions.draw_parameters(DRAW, 5)
    assert {name: tuple(part.shape) for name, part in theta.items()} == {
        name: part.shape for name, part in drawn.items()
    }
    assert not any(tensor.requires_grad for tensor in theta.values())
    images = torch.tensor(DRAW.normal(7, *assertions.IMAGE), dtype=torch.float32)
    monkeypatch.setattr(network.F, "relu", torch.tanh)
    torch.testing.assert_close(network.logits(images, theta), probe.forward(images, theta))


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


def test_no_check_asks_the_reference_only_where_an_answer_is_wrong():
    """In a handout its answers are those that a right solution called for: others would be a fault of ours."""
    found = []
    for path in [*paths.EXERCISES.glob("*/checks.py"), *(paths.GRADER / "shapes").rglob("*.py")]:
        for handler in (
            node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if type(node) is ast.ExceptHandler
        ):
            names = [node for node in ast.walk(handler) if isinstance(node, ast.Name) and node.id == "reference"]
            found += [f"{path.parent.name}/{path.name}, line {name.lineno}" for name in names]
    assert found == []
