"""Learners that exercises of homework 2 share: what the trainer is told of an outer loss, or of an outer gradient."""

from types import SimpleNamespace

import click
import pytest
import torch

from hw2 import training


def method(**more):
    theta = {"w": torch.tensor([1.0, 2.0], requires_grad=True), "b": torch.tensor(3.0, requires_grad=True)}
    return SimpleNamespace(_meta_parameters=theta, _optimizer=torch.optim.SGD(theta.values(), lr=1.0), **more)


def test_a_computed_outer_gradient_is_what_the_optimizer_steps_along():
    gradient = {"b": torch.tensor(-1.0), "w": torch.tensor([0.5, 7.0])}
    adapted = method(_outer_gradient=lambda batch: (gradient, 0.25, 0.75))
    learner = training.OuterGradientLearner(adapted, 5)
    loss, scores = learner.measure([], train=True)
    assert loss.item() == 0.25 and scores == {"query_accuracy": 0.75} and learner.labels.keys() == scores.keys()
    loss.backward()
    learner.optimizer.step()
    assert learner.tensors()["theta.w"].tolist() == [0.5, -5.0] and learner.tensors()["theta.b"].item() == 4.0
    assert not learner.measure([], train=False)[0].requires_grad


def test_a_learner_of_parts_names_all_that_is_learned_and_each_score():
    adapted = method(_rates={"w": torch.ones(2)})
    adapted._outer_step = lambda batch, train: (adapted._meta_parameters["b"] * 2, [0.2, 0.5, 0.8], 0.6)
    learner = training.OuterLossLearner(adapted, 5, {"theta": "_meta_parameters", "alpha": "_rates"})
    assert set(learner.tensors()) == {"theta.w", "theta.b", "alpha.w"}
    loss, scores = learner.measure([], train=True)
    assert loss.item() == 6.0
    assert scores == {"query_accuracy": 0.6, "support_accuracy": 0.8, "unadapted_support_accuracy": 0.2}
    assert learner.labels.keys() == scores.keys()


def test_an_outer_loss_without_a_graph_is_said_with_the_file_in_which_it_is_cut():
    class Method:
        __module__ = "hw2.example"
        _optimizer = None

        def _outer_step(self, batch, train):
            return torch.tensor(1.0), [0.5, 0.5], 0.5

    learner = training.OuterLossLearner(Method(), 5, {})
    assert learner.measure([], train=False)[0].item() == 1.0
    with pytest.raises(click.ClickException, match=r"has no graph.*detached in hw2/example\.py\?"):
        learner.measure([], train=True)
