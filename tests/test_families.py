"""Families of checks: what is right passes each, and each finds what it is for. Toys stand for exercises."""

import inspect
import types
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autograder.grading import check_vocabulary, checks, questions, scores, thresholds
from autograder.grading.definitions import Module
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.grading.subjects import Subject
from autograder.instructor.quality import calibrate
from autograder.results import StudentError, Verdict
from autograder.shapes.functions import checks as functions
from autograder.shapes.regression import checks as regression
from autograder.shapes.regression.tasks import sinusoids
from autograder.worker import asking, packing

PLAIN = """
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch

from autograder.worker.values import as_tensor, in_double

Array = np.ndarray


class Means(NamedTuple):
    means: Annotated[Array, "N, D"]
    features: Annotated[Array, "features"]


@in_double
def means(module, features: Annotated[Array, "n, D"], labels: Array, way: int) -> Means:
    given = as_tensor(features)
    return Means(module.means(given, torch.tensor(labels), way), given)
"""
MEANS = """
import torch

def means(features, labels, way):
    return torch.stack([features[labels == k].mean(dim=0) for k in range(way)])
"""
BUILT = """
from autograder.shapes.regression.probe import Regressor, loss, losses, predict, train


def build(module) -> Regressor:
    method = module.Process()
    return Regressor(method, method.step, method.predict)
"""
PROCESS = """
import torch
from torch import nn


class Process(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32))
        self.decoder = nn.Sequential(nn.Linear(33, 32), nn.Tanh(), nn.Linear(32, 2))
        self.kept = 0

    def predict(self, x, y, queries):
        encoded = self.encoder(torch.cat([x, y], dim=-1))
        r = encoded.mean(dim=0)
        mean, log = self.decoder(torch.cat([r.expand(len(queries), -1), queries], dim=-1)).split(1, dim=-1)
        return mean, 0.1 + 0.9 * nn.functional.softplus(log)

    def step(self, tasks):
        values = []
        for x, y, queries, targets in tasks:
            mean, deviation = self.predict(x, y, queries)
            values.append(-torch.distributions.Normal(mean, deviation).log_prob(targets).mean())
        return torch.stack(values).mean()
"""


class Toy(Subject):
    """A solution and a probe, both given as text, in this process."""

    def __init__(self, folder, probe, solution, edits=()):
        path = folder / "probe.py"
        path.write_text(probe, encoding="utf-8")
        super().__init__(SimpleNamespace(name="toy", questions=questions.read(Module(path))))
        for old, new in edits:
            assert solution.count(old) == 1, old
            solution = solution.replace(old, new)
        self._modules = []
        for name, text in (("probe", probe), ("solution", solution)):
            module = types.ModuleType(name)
            exec(text, module.__dict__)
            self._modules.append(module)

    def answer(self, call, arguments, arrays):
        torch.manual_seed(self.seed)
        return asking.ask(*self._modules, call, packing.unpack(arguments, arrays))


def drawing(seed=0):
    return Draw(seed, "families", Drawings(None))


@pytest.fixture
def means(tmp_path):
    return lambda *edits: Toy(tmp_path, PLAIN, MEANS, edits)


def same(student, reference, draw):
    features, labels = draw.normal(6, 4), draw.labels(3, 2)
    functions.assert_same(student.means, reference.means, "means", features, labels, 3)


def flows(student, reference, draw):
    given = {"features": draw.normal(6, 4), "labels": draw.labels(3, 2), "way": 3}
    functions.assert_flows(student.means, reference.means, ["features"], draw.rng, "gradient", **given)


def order(student, reference, draw):
    parts = draw.normal(6, 4), draw.labels(3, 2)
    functions.assert_order_is_nothing(lambda *parts: student.means(*parts, 3).means, parts, draw.rng, "means")


def permuted(student, reference, draw):
    features, labels = draw.normal(6, 4), draw.labels(3, 2)
    functions.assert_classes_permute(
        lambda labels: student.means(features, labels, 3).means.T, labels, 3, draw.rng, "x"
    )


def changes(student, reference, draw):
    features, labels = draw.normal(6, 4), draw.labels(3, 2)
    others = {"labels": (features, (labels + 1) % 3), "features": (features + draw.normal(6, 4), labels)}
    functions.assert_changes(lambda given: student.means(*given, 3).means, (features, labels), others, "means")


MEAN = "torch.stack([features[labels == k].mean(dim=0) for k in range(way)])"
WRONG = {
    "another value": (same, (".mean(dim=0)", ".sum(dim=0)"), "means at"),
    "what is written into": (same, ("return ", "features *= 1; features[0] *= 1.001; return 1 * "), "means"),
    "what is written after": (same, (f"return {MEAN}", f"m = {MEAN}; features += 1; return m"), "changed its argument"),
    "no graph": (flows, (MEAN, f"{MEAN}.detach()"), "gradient at"),
    "half a graph": (flows, ("features[labels == k].mean", "(features / 2 + features.detach() / 2)[labels == k].mean"),
                     "gradient at"),
    "order": (order, (MEAN, "features.reshape(way, -1, 4).mean(dim=1)"), "in another order of the rows, means"),
    "classes": (permuted, ("range(way)", "labels.unique_consecutive()[:way]"), "with other numbers for the classes"),
    "labels that are nothing": (changes, (MEAN, "features[:way]"), "the same when the labels are others"),
    "features that are nothing": (changes, (MEAN, "1.0 * labels[:way, None]"), "the same when the features are others"),
}  # fmt: skip


@pytest.mark.parametrize("family", [same, flows, order, permuted, changes])
def test_what_is_right_passes(family, means):
    family(means(), means(), drawing())


@pytest.mark.parametrize(("family", "edit", "words"), WRONG.values(), ids=WRONG)
def test_a_family_finds_what_it_is_for(family, edit, words, means):
    with pytest.raises(AssertionError, match=words):
        family(means(edit), means(), drawing())


# Regression


@pytest.fixture
def process(tmp_path):
    return lambda *edits: Toy(tmp_path, BUILT, PROCESS, edits)


CHECKS = [check for name, check in vars(regression).items() if name.startswith("test_")]
POOL = "r = encoded.mean(dim=0)"
WRONG_PROCESS = {
    "one_prediction": ("expand(len(queries), -1)", "expand(len(queries), -1)[:1].expand(len(queries), -1)",
                       "return mean, 0.1", "return mean[:1], 0.1"),
    "every_support_point": (POOL, "r = encoded[:2].mean(dim=0)"),
    "order_of_the_support": (POOL, "r = (encoded * torch.arange(1, len(x) + 1)[:, None]).mean(dim=0)"),
    "answered_one_by_one": ("return mean, 0.1", "return mean - mean.mean(), 0.1"),
    "other_tasks": (POOL, f"{POOL}; self.kept = r = r + 0.1 * self.kept"),
}  # fmt: skip


def by_name(words):
    (check,) = (check for check in CHECKS if words in check.__name__)
    return check


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_a_neural_process_passes_each_check(check, process):
    check(process(), drawing())


@pytest.mark.parametrize("words", WRONG_PROCESS)
def test_each_check_of_regression_finds_what_it_is_for(words, process):
    edits = WRONG_PROCESS[words]
    student = process(*zip(edits[::2], edits[1::2], strict=True))
    with pytest.raises(AssertionError):
        by_name(words)(student, drawing())


def test_every_check_of_regression_has_something_that_it_finds():
    assert {by_name(words) for words in WRONG_PROCESS} == set(CHECKS)


def test_a_sum_over_the_tasks_is_no_mean(process):
    with pytest.raises(AssertionError, match="a batch of three tasks, whose own losses are"):
        by_name("other_tasks")(process(("torch.stack(values).mean()", "torch.stack(values).sum()")), drawing())


@pytest.mark.parametrize("score", [scores.EXPLAINED_VARIANCE, scores.NEGATIVE_LOG_LIKELIHOOD], ids=lambda s: s.name)
def test_what_learns_reaches_a_score_that_is_no_accuracy(score, process):
    reached = []
    threshold = SimpleNamespace(score=score, reached_by=lambda value, made: reached.append(value))
    for steps in (1, 250):
        regression.assert_learns_sinusoids(process(), drawing(), threshold, steps=steps)
    before, after = reached
    assert score.distance(after, before) > 0.1


def test_a_threshold_is_at_the_end_that_is_worse_for_the_score_of_its_check(monkeypatch):
    @check_vocabulary.training(seconds=3, score=scores.NEGATIVE_LOG_LIKELIHOOD)
    def test_learns(student, draw, threshold): ...

    assert checks.measures(test_learns) == scores.NEGATIVE_LOG_LIKELIHOOD
    table = {"test_learns": {"made": calibrate.fit([0.5, 0.52, 0.49], scores.NEGATIVE_LOG_LIKELIHOOD)}}
    table["test_learns"]["made"].mutants = {"none learned": [1.4, 1.5]}
    monkeypatch.setattr(thresholds, "load", lambda exercise: table)
    assert table["test_learns"]["made"].margin == pytest.approx(1.45 - table["test_learns"]["made"].bound)
    bar = thresholds.Bar(None, "test_learns", "glyphs", score=checks.measures(test_learns))
    bar.reached_by(0.4, made=True)
    with pytest.raises(AssertionError, match=r"negative log-likelihood 0.800, expected at most 0.5"):
        bar.reached_by(0.8, made=True)


def test_the_gradient_of_a_loss_reaches_the_weights_of_a_network(process):
    student = process()
    tasks, trained = sinusoids(drawing().rng, 2, 3, 4), student.train(2, 3, 4, 1, 1e-3, 0).weights
    weights = {name: array.astype(np.float64) for name, array in trained.items()}
    gradient = student.loss.gradient(1.0, weights=weights, tasks=tasks).weights
    assert set(gradient) == set(weights) and all(np.abs(array).max() > 0 for array in gradient.values())


# Scores


@pytest.mark.parametrize("score", scores.SCORES.values(), ids=scores.SCORES)
def test_a_threshold_lies_on_the_worse_side_of_what_was_measured(score):
    values = [0.8, 0.82, 0.78, 0.81]
    stretched = [score.stretched(value) for value in values]
    for value, point in zip(values, stretched, strict=True):
        assert score.unstretched(point) == pytest.approx(value)
    bound = score.threshold(float(np.mean(stretched)), float(np.std(stretched)), 5)
    assert all(score.reaches(value, bound) and score.distance(value, bound) > 0 for value in values)
    assert not score.reaches(bound + (1 if score.best == "low" else -1), bound)


def test_what_guessing_gets():
    targets = np.array([1.0, 2.0, 3.0])
    assert scores.explained_variance(np.full(3, 2.0), targets) == scores.EXPLAINED_VARIANCE.chance
    assert scores.explained_variance(targets, targets) == 1
    likelihood = scores.negative_log_likelihood(np.zeros(2), np.ones(2), np.zeros(2))
    assert likelihood == pytest.approx(0.5 * np.log(2 * np.pi))
    with pytest.raises(AssertionError, match="expected above 0"):
        scores.negative_log_likelihood(np.zeros(2), np.zeros(2), np.zeros(2))


# What is drawn


def test_what_is_drawn_is_what_it_says():
    draw = drawing()
    assert np.allclose(draw.shares(5, 3).sum(axis=-1), 1) and (draw.shares(5, 3) > 0).all()
    matrix = draw.positive_definite(6)
    assert (matrix == matrix.T).all() and np.linalg.eigvalsh(matrix).min() > 0.49
    assert {name: a.shape for name, a in draw.parameters({"w": (2, 3), "b": ()}).items()} == {"w": (2, 3), "b": ()}
    uniform = draw.uniform(-2, 3, 1000)
    assert uniform.shape == (1000,) and uniform.min() >= -2 and uniform.max() <= 3


def test_uniform_numbers_practically_never_fail():
    rng = np.random.default_rng(0)
    for _ in range(20_000):
        check_vocabulary.assert_uniform(rng.uniform(-1, 2, 200), -1, 2, "message")


@pytest.mark.parametrize(
    "numbers",
    [
        lambda rng: rng.uniform(-1, 2.1, 400),
        lambda rng: rng.uniform(-1, 1.5, 400),
        lambda rng: rng.normal(0.5, 0.3, 400),
    ],
    ids=["too far", "too near", "normal"],
)
def test_numbers_that_are_not_uniform_fail(numbers):
    with pytest.raises(AssertionError, match="message"):
        check_vocabulary.assert_uniform(numbers(np.random.default_rng(0)), -1, 2, "message")


def test_few_numbers_do_not_show_that_they_are_uniform():
    with pytest.raises(ValueError, match="at least 200 numbers, got 10"):
        check_vocabulary.assert_uniform(np.zeros(10), -1, 2, "message")


def test_whole_checks_of_a_shape_have_all_that_a_check_has():
    from autograder.shapes.gradient import checks as gradient

    for module in (gradient, regression):
        whole = [check for name, check in vars(module).items() if name.startswith("test_")]
        assert whole
        for check in whole:
            assert check.points > 0 and check.__doc__.endswith(".")
            assert min(len(check.hint.split()), len(check.mend.split())) > 5
            assert set(inspect.signature(check).parameters) <= {"student", "reference", "draw", "threshold"}


def test_an_error_of_the_students_passes_through_a_family(means):
    student = means()
    student.answer = lambda *rest: (_ for _ in ()).throw(StudentError(Verdict.CRASH, "no"))
    with pytest.raises(StudentError):
        same(student, means(), drawing())
