"""Meta-SGD: checks of its shape, a rate for every number and what it may be, and what both learn."""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_shape,
    hint,
    picture,
    points,
    training,
)
from autograder.shapes.episodic.checks import assert_learns_mosaics
from autograder.shapes.functions.checks import assert_flows
from autograder.shapes.gradient import failures
from autograder.shapes.gradient.assertions import (
    RATE,
    assert_adapted,
    assert_outer_accuracies,
    assert_support_accuracies,
    changes,
    draw_parameters,
    draw_support,
    equal_rates,
)
from autograder.shapes.gradient.checks import (
    test_adaptation_learns_from_the_support,
    test_adapts_when_evaluating,
    test_evaluating_builds_no_graph_through_inner_gradients,
    test_inner_loop_returns_all_parameters,
    test_meta_parameters_keep_their_values,
    test_nothing_but_the_support_is_adapted_to,
    test_one_inner_step,
    test_outer_loss_can_be_differentiated,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_step_adapts_to_the_support,
)

__all__ = [
    "test_adaptation_learns_from_the_support",
    "test_adapts_when_evaluating",
    "test_evaluating_builds_no_graph_through_inner_gradients",
    "test_inner_loop_returns_all_parameters",
    "test_meta_parameters_keep_their_values",
    "test_nothing_but_the_support_is_adapted_to",
    "test_one_inner_step",
    "test_outer_loss_can_be_differentiated",
    "test_outer_loss_is_the_query_loss_after_adaptation",
    "test_outer_step_adapts_to_the_support",
]

OUTER_LR = 1e-3  # of the probe's objects
FIRST_RATE = 0.01  # when the training begins: one step at it adapts to nothing, so that the rates have to be learned


def _rates(draw, theta, low):
    """A rate for each number of theta, from low to 0.3."""
    return {name: draw.uniform(low, 0.3, *array.shape) for name, array in theta.items()}


def _step(subject, draw, low):
    """How far one step at drawn rates moves theta, how far it should at these rates, by one at equal rates."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    drawn = _rates(draw, theta, low)
    alike = changes(subject.inner_loop(*support, theta, equal_rates(theta), 1, train=True).parameters, theta)
    got = subject.inner_loop(*support, theta, drawn, 1, train=True).parameters
    assert_adapted(got, theta)
    return changes(got, theta), {name: alike[name] / RATE * drawn[name] for name in theta}


@points(3)
@hint(
    "Meta-SGD has a learning rate for every single number of theta, not one for each tensor of it, and all of them "
    "begin as inner_lr. Look at the names, shapes and values of what _initial_rates returns.",
    mend="Return a dict with the names of self._meta_parameters; under each name a new tensor like the parameter's, "
    "all of whose numbers are inner_lr.",
)
def test_every_number_has_a_rate(student, draw):
    """Alpha has a rate for every number of theta, and begins as inner_lr."""
    for way, inner_lr in ((3, 0.25), (5, 0.01)):
        theta, got = draw_parameters(draw, way), student.rates(way, inner_lr).inner_lrs
        assert set(got) == set(theta), f"alpha has the names {sorted(got)}, expected {sorted(theta)}"
        for name, array in theta.items():
            assert_shape(got[name], array.shape, f"alpha of {name}", "the parameter's")
        begun = {name: 0 * array + inner_lr for name, array in theta.items()}
        assert_close(got, begun, f"for inner_lr = {inner_lr}, alpha of")


@points(3)
@after(test_every_number_has_a_rate)
@hint(
    "The optimizer of the outer loop learns alpha as it learns theta, each number by itself, and a rate may come to "
    "lie below 0. Look at what the optimizer is given, and what a tensor must have to be learned.",
    mend="Each tensor of alpha is a leaf of its own that requires a gradient, with memory for all its numbers: no "
    "view of one number, and none that two parameters share.",
)
def test_each_rate_is_learned_by_itself(student, draw):
    """A step of the optimizer moves each rate against its own gradient, below 0 too."""
    theta = draw_parameters(draw, 3)
    drawn = {name: draw.normal(*array.shape) for name, array in theta.items()}
    slopes = {name: slope + 0.1 * np.sign(slope) for name, slope in drawn.items()}  # Adam's epsilon shows near 0
    got = student.stepped(OUTER_LR / 2, 3, slopes).moves
    moved = any((move != 0).any() for move in got.values())
    assert moved, "a step of the optimizer leaves alpha as it was"
    want = {name: OUTER_LR * (1 - 2 * (slope > 0)) for name, slope in slopes.items()}  # Adam's first step
    assert_close(got, want, "move by the optimizer's first step of alpha of", rtol=1e-2)


@points(5)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@hint(
    "Every number of theta moves at the rate in the same place of alpha. Look at whether rates are taken number by "
    "number, or for a whole tensor, and whether they are those of the same parameter.",
    mend="Multiply alpha of a parameter and its gradient, two tensors of one shape, with `*`: no mean, no norm, no "
    "matrix product.",
)
def test_each_number_moves_at_its_own_rate(student, draw):
    """The step moves every number of theta at its own rate."""
    got, want = _step(student, draw, 0.05)
    assert_close(got, want, "N = 3, K = 2, each number with a rate of its own: change by the step of")


@points(4)
@after(test_each_number_moves_at_its_own_rate)
@picture(failures.path)
@hint(
    "A rate may be negative: Meta-SGD learns the direction of the step too, and some numbers go uphill. Look at "
    "what your step makes of a rate below 0.",
    mend="Take alpha as it is, without abs, clamp, exp, softplus or any other function that keeps it positive.",
)
def test_rates_may_be_negative(student, draw):
    """Where a rate is negative, the step goes uphill."""
    got, want = _step(student, draw, -0.3)
    assert_close(got, want, "N = 3, K = 2, with rates of both signs: change by the step of")


@points(3)
@after(test_inner_loop_returns_all_parameters)
@picture(failures.inner_accuracies)
@hint(
    "There are two accuracies of the support, before the step and after it. Look at when you compute them, and "
    "under which parameters.",
    mend="Return a list of two shares of the support that are classified right: first under theta, then under the "
    "adapted parameters.",
)
def test_support_accuracy_before_and_after_the_step(student, draw):
    """The accuracies are those on the support before the step and after it."""
    assert_support_accuracies(student, draw, 1, "before and after the step")


@points(6)
@after(test_adaptation_learns_from_the_support)
@picture(failures.meta_gradient)
@hint(
    "The gradient with respect to theta has to run through the gradient of the step (second order), number by number "
    "at the rates. Look at how that gradient is taken, and at where the way back to theta is cut.",
    mend="With train=True nothing may cut the way back: take the inner gradient with create_graph=True "
    "(retain_graph=True only keeps the graph of the loss), and update theta itself or its clone, without detach(), "
    ".data or torch.no_grad().",
)
def test_gradient_of_theta_is_second_order(student, reference, draw):
    """With train=True the gradient with respect to theta runs through that of the step."""
    for way, shot in ((3, 2), (5, 1)):
        theta, support = draw_parameters(draw, way), draw_support(draw, way, shot)
        given = {"parameters": theta, "inner_lrs": _rates(draw, theta, 0.05), "steps": 1, "train": True}
        assert_adapted(student.inner_loop(*support, **given).parameters, theta)
        asked = student.inner_loop, reference.inner_loop
        what = f"N = {way}, K = {shot}: gradient through the step with respect to"
        assert_flows(*asked, ["parameters"], draw.rng, what, *support, less=theta, **given)


@points(5)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Every rate has a gradient of its own, and no right one arrives at alpha. Look at how the rate gets into the "
    "update, and at what is cut off there.",
    mend="Use the tensors of self._inner_lrs themselves: .data, detach() or a copy by torch.tensor have no graph, "
    "and alpha is never learned.",
)
def test_gradient_of_every_rate(student, reference, draw):
    """Every single rate receives its gradient."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = {"inner_lrs": _rates(draw, theta, 0.05), "steps": 1, "train": True}
    assert_adapted(student.inner_loop(*support, theta, **given).parameters, theta)
    asked = student.inner_loop, reference.inner_loop
    what = "gradient with respect to alpha of"
    assert_flows(*asked, ["inner_lrs"], draw.rng, what, *support, theta, less=theta, **given)


@points(3)
@after(test_outer_step_adapts_to_the_support)
@picture(failures.outer_accuracies)
@hint(
    "_outer_step returns the support accuracies before and after the step, and the query's accuracy after it. Look "
    "at which parameters and drawings each is of, and at what is averaged.",
    mend="Average over the tasks the two accuracies that _inner_loop returned, each by itself, and the share of the "
    "queries that the adapted parameters classify right.",
)
def test_accuracies_of_outer_step(student, reference, draw):
    """_outer_step returns support accuracies, before and after, and query accuracy, averaged over the tasks."""
    assert_outer_accuracies(student, reference, draw, 1)


@training(seconds=60)
@points(3)
@after(
    test_one_inner_step,
    test_each_rate_is_learned_by_itself,
    test_rates_may_be_negative,
    test_gradient_of_theta_is_second_order,
    test_gradient_of_every_rate,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_loss_can_be_differentiated,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print the mean and the smallest number of alpha now and then: the rates begin small, should grow, and some "
    "should cross 0. Where they stay, no gradient arrives at them.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training from small rates it adapts to new noisy mosaics, 5-way 1-shot."""
    rates = {"inner_lr": FIRST_RATE, "outer_lr": 1e-2}
    assert_learns_mosaics(student, draw, threshold, batches=160, rates=rates)
