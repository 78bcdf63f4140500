"""MAML++: its schedules, what each step has of its own, the weighted loss of all steps, orders, and what it learns.

Checks of the shape are asked when all annealing is over, and then the last step's loss counts as MAML's does. Those of
this exercise draw what belongs to each step, and ask for early iterations too.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_shape,
    hint,
    picture,
    points,
    training,
)
from autograder.shapes.episodic.checks import assert_answers_close, assert_learns_mosaics
from autograder.shapes.functions.checks import assert_flows
from autograder.shapes.gradient import failures
from autograder.shapes.gradient.assertions import (
    CHANNELS,
    assert_adapted,
    assert_nothing_but_the_support_is_adapted_to,
    draw_batch,
    draw_parameters,
    draw_support,
    equal_rates,
)
from autograder.shapes.gradient.checks import (
    test_adaptation_learns_from_the_support,
    test_each_inner_step_starts_from_the_last,
    test_inner_loop_returns_all_parameters,
    test_meta_gradient_is_second_order,
    test_one_inner_step,
    test_outer_loss_can_be_differentiated,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_step_adapts_to_the_support,
)
from autograder.shapes.gradient.outer_gradient_checks import support_alone

__all__ = [
    "test_adaptation_learns_from_the_support",
    "test_each_inner_step_starts_from_the_last",
    "test_inner_loop_returns_all_parameters",
    "test_meta_gradient_is_second_order",
    "test_one_inner_step",
    "test_outer_loss_can_be_differentiated",
    "test_outer_loss_is_the_query_loss_after_adaptation",
    "test_outer_step_adapts_to_the_support",
]

OUTER_LR = 1e-3  # of the probe's objects
FIRST_ORDER = 6  # iterations, of the probe's objects
LAYERS = 4
STEPS = 3
TRAINED_STEPS = 2  # of the inner loop that is trained
FIRST_RATE = 0.03  # when the training begins: two steps at it adapt to little, so that the rates have to be learned


def _norms(draw, steps):
    """Draw a gain and a bias for each channel, layer and step."""
    rows = (steps, CHANNELS)
    gains = {f"gain{i}": draw.uniform(0.5, 1.5, *rows) for i in range(LAYERS)}
    return gains | {f"bias{i}": draw.normal(*rows, scale=0.5) for i in range(LAYERS)}


def _rates(draw, theta, steps):
    """Draw a rate for each tensor and step."""
    return {name: draw.uniform(0.05, 0.3, steps) for name in theta}


def _layer(draw, steps=3, channels=4):
    """Draw what _normalise is given: x, and the norms and running statistics of all layers."""
    rows = (steps, channels)
    x = draw.normal(6, channels, 3, 3) * draw.uniform(0.5, 2.0, channels, 1, 1) + draw.normal(channels, 1, 1)
    norms, statistics = {}, {}
    for i in range(LAYERS):
        norms |= {f"gain{i}": draw.uniform(0.5, 1.5, *rows), f"bias{i}": draw.normal(*rows)}
        statistics |= {f"mean{i}": draw.normal(*rows), f"var{i}": draw.uniform(0.5, 2.0, *rows)}
    return x, norms, statistics


def _assert_path(student, reference, draw, what, *, drawn_norms=False, **given):
    """Assert that the parameters after each of several steps are the reference's."""
    for way, shot in ((3, 2), (5, 1)):
        theta, support = draw_parameters(draw, way), draw_support(draw, way, shot)
        rates = equal_rates(theta) if drawn_norms else _rates(draw, theta, STEPS)
        asked = {"norms": _norms(draw, STEPS) if drawn_norms else None, "train": True} | given
        got, want = (each.inner_loop(*support, theta, rates, STEPS, **asked) for each in (student, reference))
        assert_shape(got.path, want.path.shape, f"parameters after each of {STEPS} steps, four sums of each tensor")
        for step in range(STEPS):
            where = f"N = {way}, K = {shot}: {what}, sums of the parameters' change until step {step + 1}"
            assert_close(got.path[step] - got.start, want.path[step] - want.start, where)


@points(2)
@hint(
    "The weights are shares: they sum to 1 at any time, are all the same in the beginning, and in the end the last "
    "step has all of it. Look at their number, at both ends, and at what becomes of them afterwards.",
    mend="p = min(progress, 1). Each step has (1 - p) / T, and the last one p more: at p = 0 all have 1 / T, at "
    "p = 1 the last has 1 and the others 0.",
)
def test_loss_weights_begin_alike_and_end_on_the_last_step(student, draw):
    """The weights of the steps' losses sum to 1, begin alike, and end wholly on the last step."""
    asked = []
    for steps in (1, 3, 5):
        for progress in (0.0, 1.0, float(draw.uniform(1.1, 3.0)), float(draw.uniform(0.1, 0.9))):
            asked.append((steps, progress, student.loss_weights(steps, progress).weights))
    for steps, progress, got in asked:  # all of which have been read: a few round numbers tell no mistake
        where = f"T = {steps}, progress = {progress:.3g}"
        assert_shape(got, (steps,), f"loss weights for {where}", "(T,)")
        assert_close(got.sum(), 1.0, f"sum of the loss weights for {where}")
        if progress == 0 or progress >= 1:
            want = np.full(steps, 1 / steps) if progress == 0 else np.eye(steps)[-1]
            assert_close(got, want, f"loss weights for {where}")


@points(2)
@after(test_loss_weights_begin_alike_and_end_on_the_last_step)
@hint(
    "Between its ends each weight goes along a straight line. Look at how it depends on progress.",
    mend="For all steps but the last v = (1 - p) / T; the last has what is left of 1.",
)
def test_loss_weights_are_annealed_along_a_line(student, reference, draw):
    """In between, the weights change linearly with progress."""
    asked = [(steps, float(draw.uniform(0.1, 0.9))) for steps in (2, 3, 5)]
    assert_answers_close(
        (
            *(subject.loss_weights(steps, progress).weights for subject in (student, reference)),
            f"loss weights for T = {steps}, progress = {progress:.3g}",
        )
        for steps, progress in asked
    )


@points(1)
@hint(
    "The rate falls from first to last. Look at what your formula gives at progress 0 and 1, and beyond.",
    mend="cos(0) = 1 and cos(pi) = -1: (1 + cos(pi * p)) / 2 goes from 1 to 0. Where progress is above 1 take 1: the "
    "cosine would rise again.",
)
def test_outer_rate_falls_from_first_to_last(student, draw):
    """The outer rate is `first` in the beginning, `last` in the end, and stays there."""
    asked = []
    for _ in range(2):
        first = float(draw.uniform(0.01, 0.1))
        last = first * float(draw.uniform(0.05, 0.3))
        for progress, want in ((0.0, first), (1.0, last), (float(draw.uniform(1.2, 2.2)), last)):
            what = f"outer rate from {first:.3g} to {last:.3g} at progress {progress:.3g}"
            asked.append((student.outer_rate(first, last, progress).rate, want, what))
    assert_answers_close(asked)


@points(2)
@after(test_outer_rate_falls_from_first_to_last)
@hint(
    "In between, the rate goes along half a wave of the cosine. Look at what is inside the cosine, and what multiplies "
    "it.",
    mend="last + (first - last) * (1 + cos(pi * p)) / 2, with cos of radians: half a wave, not a quarter of one.",
)
def test_outer_rate_goes_along_a_cosine(student, reference, draw):
    """In between, the outer rate goes along half a wave of the cosine."""
    asked = (0.5, float(draw.uniform(0.1, 0.4)), float(draw.uniform(0.6, 0.9)))
    assert_answers_close(
        (
            *(subject.outer_rate(0.1, 0.01, progress).rate for subject in (student, reference)),
            f"outer rate from 0.1 to 0.01 at progress {progress:.3g}",
        )
        for progress in asked
    )


@points(2)
@hint(
    "Each tensor of theta has a learning rate for each inner step. Look at the names, shapes and values of what "
    "_initial_rates returns.",
    mend="Return a dict with the names of self._meta_parameters; under each name a tensor of self._num_inner_steps "
    "numbers, all of them inner_lr.",
)
def test_every_tensor_has_a_rate_for_each_step(student, draw):
    """Alpha has a rate for every tensor of theta and every step, and begins as inner_lr."""
    for way, steps, inner_lr in ((3, 2, 0.25), (5, 4, 0.01)):
        theta, got = draw_parameters(draw, way), student.rates(way, inner_lr, steps).inner_lrs
        assert set(got) == set(theta), f"alpha has the names {sorted(got)}, expected {sorted(theta)}"
        for name in theta:
            assert_shape(got[name], (steps,), f"alpha of {name}", "(T,)")
        begun = {name: np.full(steps, inner_lr) for name in theta}
        assert_close(got, begun, f"for inner_lr = {inner_lr}, alpha of")


@points(2)
@after(test_every_tensor_has_a_rate_for_each_step)
@hint(
    "The optimizer of the outer loop learns alpha as it learns theta, each number by itself. Look at what a tensor "
    "must have to be learned.",
    mend="Each tensor of alpha is a leaf of its own that requires a gradient, with memory for all its numbers: no "
    "view of one number, and none that two parameters share.",
)
def test_each_rate_is_learned_by_itself(student, draw):
    """A step of the optimizer moves each rate against its own gradient."""
    drawn = {name: draw.normal(STEPS) for name in draw_parameters(draw, 3)}
    slopes = {name: slope + 0.1 * np.sign(slope) for name, slope in drawn.items()}  # Adam's epsilon shows near 0
    got = student.stepped(0.1, 3, slopes, STEPS).moves
    moved = any((move != 0).any() for move in got.values())
    assert moved, "a step of the optimizer leaves alpha as it was"
    want = {name: OUTER_LR * (1 - 2 * (slope > 0)) for name, slope in slopes.items()}  # Adam's first step
    assert_close(got, want, "move by the optimizer's first step of alpha of", rtol=1e-2)


@points(4)
@hint(
    "x is normalised by its own mean and variance, channel by channel; gain and bias are those of this layer and this "
    "step. Look at which rows you take, and at the axes of mean and variance.",
    mend="F.batch_norm with training=True, and with the row `step` of self._norms['gain' + layer] as its weight and of "
    "self._norms['bias' + layer] as its bias.",
)
def test_training_normalises_by_the_batch(student, reference, draw):
    """With train=True, x is normalised by its own statistics, at the gain and bias of its layer and step."""
    for layer, step in ((2, 1), (0, 2)):
        x, norms, statistics = _layer(draw)
        asked = (x, layer, step, norms, statistics, True)
        got, want = (subject.normalise(*asked).normalised for subject in (student, reference))
        assert_close(got, want, f"layer {layer}, step {step}, train=True: normalised x")


@points(4)
@after(test_training_normalises_by_the_batch)
@hint(
    "Each step has running statistics of its own, and only those of the step that is taken move. Look at which row is "
    "written, how far it goes, and at mean and variance of what.",
    mend="Give F.batch_norm the rows self._statistics['mean' + layer][step] and of 'var' themselves, not copies, with "
    "momentum=MOMENTUM. By hand: under torch.no_grad(), running = (1 - MOMENTUM) * running + MOMENTUM * of x.",
)
def test_running_statistics_of_this_step_follow(student, reference, draw):
    """With train=True, the running statistics of this layer and step go towards those of x, and no others."""
    for layer, step in ((1, 2), (3, 0)):
        x, norms, statistics = _layer(draw)
        asked = (x, layer, step, norms, statistics, True)
        got, want = (subject.normalise(*asked).statistics for subject in (student, reference))
        assert set(got) == set(statistics), f"running statistics are named {sorted(got)}, expected {sorted(statistics)}"
        count = x.size // x.shape[1]
        name = f"var{layer}"
        moved = want[name][step] - 0.9 * statistics[name][step]
        biased = {**want, name: want[name].copy()}
        biased[name][step] -= moved / count  # a variance that divides by all, not by all but one
        assert_shape(got[name], want[name].shape, f"layer {layer}: running variances", "(T, C)")
        nearer = np.abs(got[name] - biased[name]).sum() < np.abs(got[name] - want[name]).sum()
        assert_close(got, biased if nearer else want, f"layer {layer}, step {step}: after x, running")


@points(2)
@after(test_training_normalises_by_the_batch)
@hint(
    "x is normalised by its own mean and variance with train=False too, as in training: by the running statistics, "
    "inner gradients would be others than those for which theta was learned. Look at what depends on train.",
    mend="training=True in F.batch_norm, whatever train is.",
)
def test_evaluating_normalises_by_the_batch(student, reference, draw):
    """With train=False, x is normalised by its own statistics, too."""
    for layer, step in ((2, 1), (1, 0)):  # a later step first, which tells whose row is read
        x, norms, statistics = _layer(draw)
        asked = (x, layer, step, norms, statistics, False)
        got, want = (subject.normalise(*asked).normalised for subject in (student, reference))
        assert_close(got, want, f"layer {layer}, step {step}, train=False: normalised x")


@points(2)
@after(test_training_normalises_by_the_batch)
@hint(
    "The running statistics are those of training: what is tested leaves no trace in them. Look at what F.batch_norm "
    "is given with train=False, and writes to.",
    mend="Give F.batch_norm the rows of self._statistics with train=True only, and None for both with train=False.",
)
def test_evaluating_leaves_the_running_statistics(student, draw):
    """With train=False, the running statistics stay as they are."""
    for layer, step in ((2, 0), (1, 1)):
        x, norms, statistics = _layer(draw)
        asked = (x, layer, step, norms, statistics, False)
        what = f"layer {layer}, step {step}, train=False: after x, running"
        assert_close(student.normalise(*asked).statistics, statistics, what, rtol=1e-9)


@points(3)
@after(test_evaluating_normalises_by_the_batch)
@hint(
    "Gains and biases are learned by the outer loop, and the way back to the parameters leads through x, its mean and "
    "its variance. Look for where the graph is cut.",
    mend="Only the running statistics are constants. Compute with x, gain and bias as they are: no detach(), .data or "
    "torch.no_grad() around them.",
)
def test_normalisation_can_be_differentiated(student, reference, draw):
    """Gradients flow through the normalisation to x, gain and bias."""
    asked = student.normalise, reference.normalise
    for train in (True, False):
        x, norms, statistics = _layer(draw)
        given = {"layer": 1, "step": 2, "statistics": statistics, "train": train, "x": x, "norms": norms}
        what = f"train={train}: gradient of normalised x with respect to"
        assert_flows(*asked, ["x", "norms"], draw.rng, what, **given)


@points(8)
@after(test_one_inner_step, test_each_inner_step_starts_from_the_last)
@picture(failures.path)
@hint(
    "Step j goes at the rates of step j, each tensor at its own. Look at which rate each update takes, and at what is "
    "in the list that you return.",
    mend="self._inner_lrs[name][step] in the update of the tensor with this name. Append the new dict of each step to "
    "a list, and return the list.",
)
def test_each_step_and_tensor_has_its_own_rate(student, reference, draw):
    """Each inner step moves each tensor at the rate of this step and tensor, and all T results are returned."""
    _assert_path(student, reference, draw, "each step with rates of its own")


@points(6)
@after(test_each_step_and_tensor_has_its_own_rate)
@hint(
    "Step j is taken with the batch normalisation of step j. Look at the number that you tell self._forward.",
    mend="self._forward(images, parameters, step, train) in the loop over step = 0 .. T-1.",
)
def test_each_step_has_its_own_normalisation(student, reference, draw):
    """Each inner step is taken with its own batch normalisation."""
    _assert_path(student, reference, draw, "each step with gains and biases of its own", drawn_norms=True)


@points(2)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "Theta belongs to the outer loop, and the inner loop must leave it as it was. Look for an update that writes into "
    "a tensor, and for what is kept on self from one task to the next.",
    mend="Make new tensors, parameter - rate * gradient, in a new dict for each step. An in-place update (-=, .data, "
    ".copy_) can write into theta. Begin every task from self._meta_parameters, with an empty list.",
)
def test_theta_keeps_its_values(student, draw):
    """Adaptation leaves theta as it was, and the next task starts from it."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 1)
    arguments = (*support, theta, equal_rates(theta), 2, True)
    alone = student.inner_loop(*arguments)
    assert_close(alone.meta_parameters, theta, "theta after _inner_loop:", rtol=1e-9)
    second = student.inner_loop(*arguments, earlier=draw.normal(*support[0].shape))
    assert_close(second.path, alone.path, "after another task, sums of the parameters after each step")


@points(6)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Told second_order=False, the inner gradients are constants; the way through the parameters themselves stays. Look "
    "at what depends on second_order, and at what is detached.",
    mend="create_graph=train and second_order in autograd.grad. Update theta itself, not a detached copy: the "
    "derivative of theta - alpha * constant with respect to theta is 1.",
)
def test_first_order_where_told(student, draw):
    """With second_order=False, the derivative of the adapted parameters with respect to theta is 1."""
    for steps in (1, 3):
        theta, weights, support = (
            draw_parameters(draw, 3),
            draw_parameters(draw, 3),
            draw_support(draw, 3, 2),
        )
        given = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": steps, "train": True}
        got = student.inner_loop.gradient(weights, *support, **given, second_order=False).parameters
        assert_close(got, weights, f"second_order=False: gradient through {steps} steps with respect to", rtol=1e-6)


@points(6)
@after(
    test_one_inner_step,
    test_each_inner_step_starts_from_the_last,
    test_meta_gradient_is_second_order,
    test_first_order_where_told,
)
@hint(
    "The rates of all steps are learned, in both orders, and no right gradient arrives at them. Look at how the rate "
    "gets into the update.",
    mend="Use self._inner_lrs[name][step] as the tensor that it is: .item(), float(), .data or detach() make it a "
    "constant, and it is never learned. With second_order=False the inner gradient alone is a constant.",
)
def test_rates_receive_gradients(student, reference, draw):
    """The rate of each step and tensor receives its gradient, in first and in second order."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = {"inner_lrs": _rates(draw, theta, 2), "steps": 2, "train": True, "parameters": theta}
    assert_adapted(student.inner_loop(*support, **given).parameters, theta)
    weights = draw_parameters(draw, 3)
    for second_order in (False, True):
        got, want = (
            subject.inner_loop.gradient(weights, *support, **given, second_order=second_order).inner_lrs
            for subject in (student, reference)
        )
        what = f"second_order={second_order}: gradient through 2 steps with respect to the rates of"
        assert_close(got, want, what, rtol=1e-3)


@points(4)
@after(test_each_step_has_its_own_normalisation)
@hint(
    "With train=False it adapts all the same, by a network that is told so and leaves its running statistics. Look at "
    "what you tell self._forward, and at what else depends on train.",
    mend="Pass train on to self._forward in every step; besides that it decides on create_graph alone. Do not put the "
    "loop under torch.no_grad(): there would be no inner gradients to step along.",
)
def test_adapts_by_the_evaluating_network(student, reference, draw):
    """With train=False, it adapts to the support by the network that is told train=False."""
    for second_order in (True, False):
        what = f"train=False, second_order={second_order}"
        given = {"train": False, "second_order": second_order}
        _assert_path(student, reference, draw, what, drawn_norms=True, **given)


@points(3)
@after(test_adapts_by_the_evaluating_network)
@hint(
    "When evaluating, nobody differentiates through the inner gradients, and their graph only costs time and memory. "
    "Look at how an inner gradient is taken with train=False.",
    mend="Pass create_graph=train and second_order to autograd.grad: with train=False there is none in either order.",
)
def test_evaluating_builds_no_graph_of_inner_gradients(student, draw):
    """With train=False nothing is differentiated through the inner gradients, whatever second_order is."""
    theta, weights, support = draw_parameters(draw, 3), draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": 2, "train": False, "second_order": True}
    got = student.inner_loop.gradient(weights, *support, **given).parameters
    if any(bool((array != 0).any()) for array in got.values()):  # no graph at all is right, too
        what = "with train=False no inner gradient should have a graph: gradient with respect to"
        assert_close(got, weights, what, rtol=1e-6)


def _asked_early(draw, iteration, train=True, way=3, shot=2):
    """A question to _outer_step in an early iteration, with a batch normalisation of each step's own, by name."""
    theta = draw_parameters(draw, way)
    return {
        "tasks": draw_batch(draw, way, shot, count=2),
        "parameters": theta,
        "inner_lrs": equal_rates(theta),
        "steps": STEPS,
        "train": train,
        "iteration": iteration,
        "norms": _norms(draw, STEPS),
    }


def _assert_outer_losses(student, reference, draw, iterations, train):
    """Assert that the outer losses in early iterations are the reference's.

    With train=True all of them are judged at once: together they tell how the weights change. With train=False each is
    judged by itself: the first has the weights of the beginning, whatever is wrong with how they change.
    """
    given = [(iteration, _asked_early(draw, iteration, train)) for iteration in iterations]

    def compare(stand_in):
        judged = (
            (
                *(subject.outer_step(**asked, stand_in=stand_in).loss for subject in (student, reference)),
                f"train={train}: outer loss after {iteration} iterations",
            )
            for iteration, asked in given
        )
        if train:
            assert_answers_close(judged)
        else:
            for got, want, what in judged:
                assert_close(got, want, what)

    assert_either(compare)


@points(5)
@after(test_outer_loss_is_the_query_loss_after_adaptation)
@hint(
    "The query loss after every step is in the outer loss, at its weight and under the batch normalisation of its own "
    "step. Look at which parameters, which number of a step and which weight belong together.",
    mend="For step = 0 .. T-1: the logits self._forward(images_query, path[step], step, train), their cross entropy "
    "times the weight of the same place; the sum over the steps, and the mean over the tasks. The weights are those of "
    "loss_weights(T, self._iteration / self._num_multi_step).",
)
def test_outer_loss_weighs_the_loss_of_every_step(student, reference, draw):
    """The outer loss is the weighted sum of the query losses after all steps, each under its own normalisation."""
    _assert_outer_losses(student, reference, draw, (0, 3, 8), train=True)


@points(3)
@after(test_outer_loss_is_the_query_loss_after_adaptation)
@hint(
    "When evaluating, what counts is the method as it will be used: the last step alone, by the network that is told "
    "train=False. Look at what depends on train.",
    mend="With train=False take the weights at progress 1, and tell self._forward train=False for the queries too.",
)
def test_evaluating_judges_the_last_step(student, reference, draw):
    """With train=False the outer loss is that of the last step, in early iterations too."""
    _assert_outer_losses(student, reference, draw, (0, 3), train=False)


@points(3)
@after(test_outer_loss_weighs_the_loss_of_every_step, test_outer_loss_can_be_differentiated)
@hint(
    "Training begins with gradients of first order, and goes on with those of second order. Look at what you tell "
    "_inner_loop before, at and after the switch.",
    mend="second_order = self._iteration >= self._num_first_order: with the number of outer steps that were taken "
    "before this one.",
)
def test_order_switches_after_the_first_iterations(student, reference, draw):
    """The outer gradient is of first order in the first iterations, and of second order from then on."""
    given = [(it, _asked_early(draw, it)) for it in (0, FIRST_ORDER - 1, FIRST_ORDER, FIRST_ORDER + 3)]

    def compare(stand_in):
        answers = [  # all of them before the first is judged: together they tell which mistake it is
            [
                subject.outer_step.gradient(1.0, **asked, stand_in=stand_in).parameters
                for subject in (student, reference)
            ]
            for _, asked in given
        ]
        for (iteration, _), (got, want) in zip(given, answers, strict=True):
            what = f"iteration {iteration} of {FIRST_ORDER} of first order: gradient of the outer loss with respect to"
            assert_close(got, want, what, rtol=1e-3)

    assert_either(compare)


@points(3)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "_outer_step returns the query's accuracy after each step. Look at which parameters each is of, and at what is "
    "averaged.",
    mend="For each task T shares of the queries that are classified right, in the order of the steps; average over the "
    "tasks, each step by itself.",
)
def test_query_accuracy_after_each_step(student, reference, draw):
    """_outer_step returns the query accuracy after each step, averaged over the tasks."""
    given = []
    for way, shot, count in ((3, 2, 4), (5, 2, 2), (6, 1, 5)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count, query=5)
        given.append((f"for N = {way}, K = {shot}", (tasks, theta, equal_rates(theta, 0.02), STEPS, False)))

    def answers(subject, stand_in):
        return [subject.outer_step(*asked, stand_in).accuracies_query for _, asked in given]

    def compare(stand_in):
        judged, both = [], [answers(subject, stand_in) for subject in (student, reference)]
        for (sizes, _), got, want in zip(given, *both, strict=True):
            assert_shape(got, (STEPS,), f"query accuracies {sizes}", "(T,)")
            judged.append((got, want, f"query accuracies {sizes}"))
        assert_answers_close(judged)  # once all have been read: one accuracy tells no mistake

    assert_either(compare)


@points(3)
@after(test_adaptation_learns_from_the_support, test_outer_loss_can_be_differentiated)
@hint(
    "Labels of the query are for the loss and the accuracy only. Look at where they go before the logits of the query "
    "are there.",
    mend="Give _inner_loop the support alone, and compute all logits of the query before you look at its labels.",
)
def test_query_labels_reach_neither_logits_nor_parameters(student, draw):
    """With other query labels, adapted parameters and query logits are the same, bit for bit."""
    for train in (True, False):
        theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2, count=2)
        others = [task._replace(labels_query=(task.labels_query + 1) % 3) for task in tasks]
        got, other = (student.passes(batch, theta, equal_rates(theta), 2, train) for batch in (tasks, others))
        for what, one, two in (
            ("parameters that the network is given", got.parameters, other.parameters),
            ("logits", got.logits, other.logits),
        ):
            same = one.shape == two.shape and not bool((one != two).any())
            assert same, f"train={train}: with other labels of the queries, the {what} change"


@points(2)
@after(
    test_theta_keeps_its_values,
    test_adapts_by_the_evaluating_network,
    test_each_step_and_tensor_has_its_own_rate,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_loss_can_be_differentiated,
    test_query_labels_reach_neither_logits_nor_parameters,
)
@support_alone
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query labels, the other tasks and those before make no difference to the adapted parameters."""
    assert_nothing_but_the_support_is_adapted_to(student, reference, draw)


@training(seconds=60)
@points(3)
@after(
    test_loss_weights_are_annealed_along_a_line,
    test_outer_rate_goes_along_a_cosine,
    test_each_rate_is_learned_by_itself,
    test_running_statistics_of_this_step_follow,
    test_evaluating_leaves_the_running_statistics,
    test_normalisation_can_be_differentiated,
    test_each_step_has_its_own_normalisation,
    test_rates_receive_gradients,
    test_outer_loss_weighs_the_loss_of_every_step,
    test_order_switches_after_the_first_iterations,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print the rates now and then: they begin small, and those of each step should grow.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training from small rates it adapts to new noisy mosaics, 5-way 1-shot."""
    rates = {"inner_lr": FIRST_RATE, "outer_lr": 1e-2, "steps": TRAINED_STEPS}
    assert_learns_mosaics(student, draw, threshold, batches=120, rates=rates)
