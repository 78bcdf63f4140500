"""Regression beside classification: hw2/sinusoids.py, and the methods that are trained on it."""

import json
import subprocess
import sys

import click
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.paths import COURSE
from autograder.student import training
from benchmarks import results
from hw2 import pictures, sinusoids

RECIPES = {name: recipe for name, recipe in training.recipes("hw2").items() if name.endswith("-sinusoids")}


@pytest.fixture
def network():
    torch.manual_seed(0)
    parameters = {name: tensor.double() for name, tensor in sinusoids.initial_parameters().items()}
    return {name: tensor.requires_grad_() for name, tensor in parameters.items()}


def points(count, seed=0):
    x = torch.tensor(np.random.default_rng(seed).uniform(-5, 5, (count, 1)))
    return x, 2 * torch.sin(x - 1)


def test_the_cross_entropy_of_predictions_is_their_squared_error(network):
    x, y = points(10)
    predicted = sinusoids.predictions(x, network)
    plain = predicted.as_subclass(torch.Tensor)
    for loss in (F.cross_entropy(predicted, y), torch.nn.CrossEntropyLoss()(predicted, y)):
        assert type(loss) is torch.Tensor and torch.equal(loss, (plain - y).square().mean())
    assert torch.allclose(F.cross_entropy(predicted, y, reduction="sum") / 10, (plain - y).square().mean())
    parts = torch.cat([predicted[:4], predicted[4:]]).to(torch.float64)
    assert torch.equal(F.cross_entropy(parts, y), (plain - y).square().mean())


def test_a_gradient_goes_through_the_gradient_of_that_loss(network):
    """Second order, against finite differences."""
    x, y = points(5)
    names = list(network)

    def after_a_step(*theta):
        loss = F.cross_entropy(sinusoids.predictions(x, dict(zip(names, theta, strict=True))), y)
        gradients = torch.autograd.grad(loss, theta, create_graph=True)
        phi = {n: t - 0.01 * g for n, t, g in zip(names, theta, gradients, strict=True)}
        return F.cross_entropy(sinusoids.predictions(*(points(5, seed=1)[:1]), phi), points(5, seed=1)[1])

    assert torch.autograd.gradcheck(after_a_step, tuple(network.values()), fast_mode=True)


@pytest.mark.parametrize("by_hand", [lambda p: F.log_softmax(p, dim=-1), lambda p: p.softmax(1), torch.logsumexp])
def test_a_loss_of_classes_that_is_written_out_is_one_sentence(network, by_hand):
    predicted = sinusoids.predictions(points(3)[0], network)
    with pytest.raises(click.ClickException, match=r"^Sinusoids need the loss by its name, F\.cross_entropy,"):
        by_hand(predicted, 1) if by_hand is torch.logsumexp else by_hand(predicted)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_each_method_learns_sinusoids_and_is_tested_on_others(name, tmp_path):
    words = ["--recipe", name, "--threads", "1", "--num-iterations", "150", "--log-dir", str(tmp_path)]
    for more in ([], ["--test"]):
        command = [sys.executable, "-m", "benchmarks.reference", "hw2", *words, *more]
        subprocess.run(command, check=True, cwd=COURSE)
    (result,) = tmp_path.glob("best.test*.json")
    test = json.loads(result.read_text())
    assert test["iteration"] == 150 and test["tasks"] == 600
    assert test["mean_squared_error"] < 3.5, "the sinusoids' own mean square is about 4"


@pytest.mark.parametrize("name", RECIPES)
def test_a_text_has_the_error_of_the_published_run(name):
    run = json.loads((results.DOCS / f"runs/{name}.seed_0.json").read_text(encoding="utf-8"))
    text = (COURSE / f"autograder/exercises/{run['method']}/task.md").read_text(encoding="utf-8")
    assert f"{run['mean_squared_error']:.2f} ± {run['confidence_95']:.2f}" in text


def test_the_picture_shows_what_is_predicted_and_leaves_the_method_as_it_is(network):
    class Method:
        _num_inner_steps = 3
        asked = ()

        def _forward(self, inputs, parameters):
            return sinusoids.predictions(inputs, parameters)

        def adapt(self, x, y):
            assert x.shape == y.shape == (10, 1)
            self.asked += (self._num_inner_steps,)
            return sinusoids.initial_parameters()

    method = Method()
    picture = pictures.before_and_after(method, method.adapt)
    assert method.asked == (0, 1, 10) and method._num_inner_steps == 3
    assert "after 10" in repr(picture) and picture._repr_mimebundle_()[0]["image/png"]
