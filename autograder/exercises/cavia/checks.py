"""CAVIA: its FiLM layer, the inner loop over the context alone, the outer step, and what it learns.

The loops are asked about two kinds of tasks, images with labels and points of a function, with networks of the probe's.
Two checks of the outer step are those of all methods of the shape; a FiLM layer is added to the theta that they draw.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_differ,
    assert_either,
    assert_if_it_runs,
    assert_shape,
    hint,
    picture,
    points,
    training,
)
from autograder.grading.scores import EXPLAINED_VARIANCE
from autograder.shapes.episodic.checks import assert_only_the_support
from autograder.shapes.functions.checks import assert_answers_stay_apart, assert_flows, assert_same
from autograder.shapes.functions.failures import gradients
from autograder.shapes.gradient.checks import (
    draw_batch,
    draw_parameters,
    draw_support,
    equal_rates,
    test_outer_loss_can_be_differentiated,
    test_outer_step_adapts_to_the_support,
)
from autograder.shapes.regression.checks import assert_learns_sinusoids
from autograder.shapes.regression.tasks import sinusoids

__all__ = ["test_outer_loss_can_be_differentiated", "test_outer_step_adapts_to_the_support"]

CHANNELS, UNITS = 32, 6
NUM_CONTEXT = 2  # where the probe's constructor decides
ALPHA = 0.5


class Kind:
    """A kind of tasks: theta with a FiLM layer, and a support.

    Args:
        name: "images" or "points".
        theta: by name.
        inputs, targets: of the support.
    """

    def __init__(self, name, theta, inputs, targets):
        self.name, self.theta, self.inputs, self.targets = name, theta, inputs, targets

    def adapted(self, subject, steps=1, train=True, rate=ALPHA, **others):
        """Ask for the context after some steps, on this support or on others."""
        given = {"inputs": self.inputs, "targets": self.targets, "parameters": self.theta, **others}
        num_context = self.theta["film_w"].shape[1]
        return subject.inner_loop(**given, num_context=num_context, inner_lr=rate, steps=steps, train=train)


def _film_layer(draw, channels, num_context):
    """Draw weight and bias of a FiLM layer, with gamma near 1 and beta near 0 where the context is 0."""
    bias = np.concatenate([1 + draw.normal(channels, scale=0.2), draw.normal(channels, scale=0.2)])
    return {"film_w": draw.normal(2 * channels, num_context, scale=0.5), "film_b": bias}


def _points_theta(draw, num_context):
    """Draw the theta of a network from numbers to numbers."""
    sizes = (1, UNITS, UNITS, 1)
    theta = _film_layer(draw, UNITS, num_context)
    for i in range(3):
        theta[f"w{i}"] = draw.normal(sizes[i + 1], sizes[i], scale=sizes[i] ** -0.5)
        theta[f"b{i}"] = draw.normal(sizes[i + 1], scale=0.3)
    return theta


def _kinds(draw, num_context=3):
    """Draw a support of images, and one of points."""
    theta = draw_parameters(draw, 3) | _film_layer(draw, CHANNELS, num_context)
    (task,) = sinusoids(draw.rng, 1, 5, 1)
    return (
        Kind("images", theta, *draw_support(draw, 3, 2)),
        Kind("points", _points_theta(draw, num_context), task.x_support, task.y_support),
    )


def _batches(draw):
    """Draw a theta and four tasks, of images and then of points, each with a word for messages.

    Four, as N is 3 and there are two steps: what is divided by the wrong number is told.
    """
    theta = draw_parameters(draw, 3) | _film_layer(draw, CHANNELS, NUM_CONTEXT)
    yield "images", theta, draw_batch(draw, 3, 2, count=4)
    yield "points", _points_theta(draw, NUM_CONTEXT), sinusoids(draw.rng, 4, 3, 5)


def _squared_error(theta, context, x, y):
    """The loss of points under a context: the probe's network once more, in NumPy."""
    gamma, beta = np.split(theta["film_w"] @ context + theta["film_b"], 2)
    h = np.tanh(gamma * (x @ theta["w0"].T + theta["b0"]) + beta)
    h = np.tanh(h @ theta["w1"].T + theta["b1"])
    return float(np.mean((h @ theta["w2"].T + theta["b2"] - y) ** 2))


@points(4)
@hint(
    "FiLM multiplies each channel by one number and adds another, both made of the context by a linear layer. Look "
    "at which half of the layer's outputs does what, and at what else happens to them.",
    mend="gamma is the first C of the numbers weight @ context + bias, beta the last C, both as they are. Return "
    "gamma * features + beta.",
)
def test_film_scales_and_shifts_features(student, reference, draw):
    """FiLM of features (n, C) is gamma * h + beta, with gamma and beta from the context."""
    for n, channels, num_context in ((4, 5, 3), (6, 6, 1)):
        layer = _film_layer(draw, channels, num_context).values()
        given = draw.normal(n, channels), draw.normal(num_context), *layer
        assert_same(student.film, reference.film, f"FiLM of features for n = {n}, C = {channels}", *given)


@points(2)
@after(test_film_scales_and_shifts_features)
@hint(
    "A channel of an image has one gamma and one beta, the same at all its positions. Look at how their shape meets "
    "that of the features (n, C, height, width).",
    mend="Give gamma and beta the shape (C, 1, 1) for images: broadcasting goes from the last axis, and a shape (C,) "
    "would belong to the columns.",
)
def test_film_treats_a_channel_of_an_image_as_one(student, reference, draw):
    """FiLM of features (n, C, height, width) scales and shifts whole channels."""
    for channels, height, width in ((4, 4, 4), (3, 2, 5)):
        given = draw.normal(2, channels, height, width), draw.normal(3), *_film_layer(draw, channels, 3).values()
        what = f"FiLM of images for C = {channels}, height = {height}, width = {width}"
        assert_same(student.film, reference.film, what, *given)


@points(2)
@after(test_film_scales_and_shifts_features)
@picture(gradients("film", {"weight": "number of gamma and beta"}))
@hint(
    "The context is adapted by its gradient, and the FiLM layer is learned by its own. Look for where the graph is cut "
    "between them and the features that come out.",
    mend="Compute gamma and beta from the tensors themselves: no detach(), .data, .item() or torch.no_grad().",
)
def test_film_can_be_differentiated(student, reference, draw):
    """Gradients flow through FiLM to the features, the context, and the layer's weight and bias."""
    weight, bias = _film_layer(draw, 4, 3).values()
    given = {"features": draw.normal(5, 4), "context": draw.normal(3), "weight": weight, "bias": bias}
    assert_flows(student.film, reference.film, list(given), draw.rng, "gradient of FiLM with respect to", **given)


@points(2)
@hint(
    "The context is one short vector for a whole task. Look at how many numbers you begin with, and along which axes.",
    mend="Begin with num_context zeros, torch.zeros(self._num_context): no row for each input, no number for each "
    "channel, and no parameter of theta.",
)
def test_the_context_is_as_small_as_said(student, draw):
    """_inner_loop returns num_context numbers, whatever the task and its support are."""
    for num_context in (1, 4):
        for kind in _kinds(draw, num_context):
            what = f"context of {kind.name} for num_context = {num_context}, {len(kind.inputs)} in the support"
            assert_shape(kind.adapted(student).context, (num_context,), what, "(num_context,)")


@points(3)
@after(test_the_context_is_as_small_as_said)
@hint(
    "Before any step the context says nothing: it is zero. Look at what the inner loop begins with.",
    mend="Begin with torch.zeros: no random numbers, no ones, nothing that was learned. Where a context of zero leads "
    "is up to the bias of the FiLM layer, which the outer loop learns.",
)
def test_the_context_starts_at_zero(student, draw):
    """Without any inner step the context is zero."""
    for kind in _kinds(draw):
        got = kind.adapted(student, steps=0).context
        assert_close(got, np.zeros(3), f"context of {kind.name} after 0 inner steps", least=1)


@points(4)
@after(test_the_context_is_as_small_as_said)
@hint(
    "An inner step must lower the loss of the support. Look at what the loss is made of (both inputs and targets), at "
    "the sign of the step, and at whether the context moves at all.",
    mend="Compute the outputs of the support under the current context and theta, their loss with the support's "
    "targets, and its gradient with respect to the context; subtract rate times gradient from the context, and go on "
    "with the result. The inner loop is given the support alone.",
)
def test_adaptation_learns_from_the_support(student, draw):
    """Adaptation goes by the support's inputs and targets, and lowers their loss."""
    for kind in _kinds(draw):
        got, before = (kind.adapted(student, steps).context for steps in (2, 0))
        assert_differ(got, before, f"two steps on {kind.name} leave the context as it was")
        targets = (kind.targets + 1) % 3 if kind.name == "images" else kind.targets + draw.normal(*kind.targets.shape)
        for what, others in (("inputs", draw.normal(*kind.inputs.shape)), ("targets", targets)):
            other = kind.adapted(student, 2, **{what: others}).context
            assert_differ(got, other, f"{kind.name}: the context stays the same when the support has other {what}")
    before, later = (
        _squared_error(kind.theta, kind.adapted(student, steps, rate=0.001).context, kind.inputs, kind.targets)
        for steps in (0, 2)
    )
    assert later < before, f"two small steps change the support's loss from {before:.5g} to {later:.5g}, expected less"
    assert_if_it_runs(student, lambda: _assert_query_targets_are_not_adapted_to(student, draw))


def _assert_query_targets_are_not_adapted_to(student, draw):
    for name, theta, tasks in _batches(draw):
        for train in (True, False):

            def losses(batches, theta=theta, train=train):
                return student.outer_losses(batches, theta, equal_rates(theta, ALPHA), 1, train).losses

            what, field = ("label", "labels_query") if name == "images" else ("target", "y_query")
            message = (
                f"{name}, train={train}: with another {what} of one query the outer loss of another query changes: the "
                f"context is adapted to the query's {what}s"
            )
            assert_answers_stay_apart(losses, tasks, field, message)


@points(5)
@after(test_the_context_starts_at_zero, test_adaptation_learns_from_the_support)
@hint(
    "An inner step goes along the gradient of the support's loss with respect to the context. Look at which loss it "
    "is, at its rate, and at how often a step is taken.",
    mend="phi_1 = 0 - alpha * grad of the mean loss over the whole support: self._loss of the outputs as they are, "
    "which serves both kinds of tasks, with self._inner_lr, once.",
)
def test_one_inner_step(student, reference, draw):
    """One inner step is a gradient step from zero on the support's loss, for images and for points."""
    for kind in _kinds(draw):
        got, want = (kind.adapted(subject).context for subject in (student, reference))
        assert_close(got, want, f"{kind.name}: context after one inner step")


@points(5)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Only the context belongs to a task. Look at what else changes while you adapt: which parameters the network is "
    "given in each step, and what theta is afterwards.",
    mend="Take the gradient with respect to the context alone, give the network self._meta_parameters in every step, "
    "and write into none of them.",
)
def test_theta_is_the_same_in_the_inner_loop_and_after_it(student, draw):
    """theta is the same in all inner steps, and after them."""
    for kind in _kinds(draw):
        got = kind.adapted(student, steps=3)
        assert got.strayed <= 1e-9, (
            f"{kind.name}: in three inner steps the network was given parameters that differ from theta by up to "
            f"{got.strayed.item():.3g}"
        )
        assert_close(got.meta_parameters, kind.theta, f"{kind.name}: theta after _inner_loop:", rtol=1e-9)


@points(3)
@after(test_one_inner_step, test_theta_is_the_same_in_the_inner_loop_and_after_it)
@hint(
    "Several inner steps must follow each other, each from where the last one ended. Look at which context each step "
    "starts from, at which its gradient is taken, and how many steps there are.",
    mend="phi_{i+1} = phi_i - alpha * grad L(phi_i): outputs, gradient and update are of the same current context; "
    "assign the result to it, num_inner_steps times.",
)
def test_each_inner_step_starts_from_the_last(student, reference, draw):
    """Several inner steps follow each other, each from the context of the last."""
    for kind in _kinds(draw):
        for steps in (2, 4):
            got, want = (kind.adapted(subject, steps).context for subject in (student, reference))
            assert_close(got, want, f"{kind.name}: context after {steps} inner steps")


@points(3)
@after(test_adaptation_learns_from_the_support, test_theta_is_the_same_in_the_inner_loop_and_after_it)
@hint(
    "Each task begins anew, with a context of zero. Look for what is kept from one task to the next.",
    mend="Make the zeros inside _inner_loop, at its start, and keep no context, list or optimizer on self.",
)
def test_each_task_starts_from_zero(student, draw):
    """After another task the context of this one is what it is without that."""
    for kind in _kinds(draw):
        alone = kind.adapted(student, steps=2).context
        second = kind.adapted(student, steps=2, earlier=draw.normal(*kind.inputs.shape)).context
        assert_close(second, alone, f"{kind.name}: context, adapted after another task's")


@points(6)
@after(test_adaptation_learns_from_the_support, test_theta_is_the_same_in_the_inner_loop_and_after_it)
@hint(
    "theta is learned through the context, too: another theta would have led to another context. Look at how each "
    "inner gradient is taken, and at where the way from the context back to theta is cut.",
    mend="With train=True nothing may cut the way back: give the network self._meta_parameters as they are, take every "
    "inner gradient with create_graph=True (retain_graph=True only keeps the graph of the loss), and update without "
    "detach(), .data or torch.no_grad().",
)
def test_the_outer_gradient_goes_through_the_context(student, reference, draw):
    """With train=True the gradient of the adapted context with respect to theta is there, and right."""
    for kind in _kinds(draw):
        for steps in (2, 3):
            support, given = (kind.inputs, kind.targets), {"parameters": kind.theta, "num_context": 3, "train": True}
            given |= {"inner_lr": ALPHA, "steps": steps}
            what = f"{kind.name}: gradient of the context after {steps} inner steps with respect to"
            asked = student.inner_loop, reference.inner_loop
            _ = student.inner_loop(*support, **given).linked  # where the way is cut, which the gradient does not tell
            assert_flows(*asked, ["parameters"], draw.rng, what, *support, **given)


@points(2)
@after(test_adaptation_learns_from_the_support)
@hint(
    "With train=False the context must be the same. Look at what depends on train.",
    mend="train decides on create_graph, and on nothing else. Do not put the loop under torch.no_grad(): there would "
    "be no inner gradients to step along.",
)
def test_adapts_when_evaluating(student, draw):
    """train=False gives the same context as train=True."""
    for kind in _kinds(draw):
        trained, evaluated = (kind.adapted(student, steps=3, train=train).context for train in (True, False))
        assert_close(evaluated, trained, f"{kind.name}: with train=False, context after three inner steps")


@points(2)
@after(test_adapts_when_evaluating)
@hint(
    "When evaluating, nobody differentiates through the inner gradients, and their graph only costs time and memory. "
    "Look at how an inner gradient is taken with train=False.",
    mend="Pass create_graph=train to autograd.grad, in every inner step.",
)
def test_evaluating_builds_no_graph_through_inner_gradients(student, draw):
    """With train=False nothing is differentiated through the inner gradients."""
    for kind in _kinds(draw):
        given = {"parameters": kind.theta, "num_context": 3, "inner_lr": ALPHA, "steps": 2, "train": False}
        got = student.inner_loop.gradient(draw.normal(3), kind.inputs, kind.targets, **given).parameters
        reached = [name for name, array in got.items() if (array != 0).any()]
        assert not reached, f"{kind.name}: with train=False there is a graph from the context to {', '.join(reached)}"


@points(5)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "The outer loss is the query's loss under the adapted context, averaged over the tasks. Look at whose inputs, "
    "targets and context are in it, at what it averages over, and at what you pass to _inner_loop.",
    mend="self._loss of the query's outputs under the context that _inner_loop returned and self._meta_parameters; "
    "once for each task, and of all tasks the mean. Pass train on to _inner_loop. All queries of a task go through the "
    "network in one pass, without the support: batch normalisation sees all that do.",
)
def test_outer_loss_is_the_query_loss_under_the_context(student, reference, draw):
    """The outer loss is the mean over the tasks of the query's loss under the adapted context."""
    for name, theta, tasks in _batches(draw):
        for train in (True, False):
            rest = {"inner_lrs": equal_rates(theta, ALPHA), "steps": 2, "train": train}

            def compare(stand_in, name=name, theta=theta, tasks=tasks, rest=rest):
                both = [
                    subject.outer_step(tasks, theta, **rest, stand_in=stand_in).loss for subject in (student, reference)
                ]
                assert_close(*both, f"outer loss of {name}, train={rest['train']}")
                if (
                    not stand_in and not rest["train"]
                ):  # the stand-in is told whether train is passed on; else the graph
                    both = [
                        subject.outer_step.gradient(1.0, tasks, parameters=theta, **rest, stand_in=stand_in).parameters
                        for subject in (student, reference)
                    ]
                    assert_close(
                        *both, "train=False does not reach _inner_loop: gradient of the outer loss with respect to"
                    )

            assert_either(compare)


@points(2)
@after(
    test_one_inner_step,
    test_each_task_starts_from_zero,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_under_the_context,
    test_outer_loss_can_be_differentiated,
)
@hint(
    "A task's outer loss goes by its own support and query, and by nothing that was there before. Look for what is "
    "kept on self between tasks or batches, and for what else gets into the inner loop.",
    mend="Give _inner_loop the support alone, use the query for the outer loss only, and begin each batch with an "
    "empty list of losses.",
)
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query targets, the other tasks and batches before make no difference to the adapted context."""
    for train in (False, True):
        theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2, count=2)
        (another,) = draw_batch(draw, 3, 2, count=1)

        def losses(subject, batches, theta=theta, train=train):
            return subject.outer_losses(batches, theta, equal_rates(theta, ALPHA), 1, train).losses

        assert_only_the_support(student, reference, draw, tasks, another, losses, f"train={train}", "outer loss")


@training(seconds=60, score=EXPLAINED_VARIANCE)
@points(3)
@after(
    test_film_can_be_differentiated,
    test_each_inner_step_starts_from_the_last,
    test_the_outer_gradient_goes_through_the_context,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py cavia, and look at the curve.",
    mend="Compare the query's loss under the adapted context with that under a context of zero: where they are equal, "
    "nothing that the network computes goes by the context.",
)
def test_learns_sinusoids(student, draw, threshold):
    """After a short training two context parameters and one inner step tell which sinusoid it is."""
    assert_learns_sinusoids(student, draw, threshold, steps=500, rate=1e-2)
