"""Checks of methods with an inner loop and an outer step, and what others like them are made of.

Everything about gradients is compared in double precision, from parameters that are given: adapted parameters and
meta-gradients are numbers that only the right method gives. _outer_step is judged twice, with the student's own
_inner_loop and with a stand-in for it, which depends on every pixel and label that it is given: if either agrees with
the reference, it is right, and a mistake in _inner_loop is paid for once. Where both loops are right, they must agree
once more when they work together.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    accuracy,
    after,
    assert_close,
    assert_either,
    assert_if_it_runs,
    assert_shape,
    hint,
    points,
)
from autograder.shapes.episodic.checks import assert_only_the_support, other_supports
from autograder.shapes.functions.checks import assert_answers_stay_apart, assert_changes, assert_flows
from autograder.shapes.gradient import network

IMAGE = (1, 16, 16)
CHANNELS = 32
RATE = 0.1


def draw_parameters(draw, way):
    """Draw a theta, by the names and shapes that the given constructor uses."""
    parameters, channels = {}, 1
    for i in range(4):
        parameters[f"conv{i}"] = draw.normal(CHANNELS, channels, 3, 3, scale=(2 / (9 * channels)) ** 0.5)
        parameters[f"b{i}"] = draw.normal(CHANNELS, scale=0.1)
        channels = CHANNELS
    return parameters | {"w4": draw.normal(way, CHANNELS, scale=0.3), "b4": draw.normal(way, scale=0.1)}


def equal_rates(parameters, rate=RATE):
    """Return one inner rate for all parameters, by name."""
    return {name: np.array(rate) for name in parameters}


def draw_rates(draw, parameters):
    """Draw an inner rate for each parameter."""
    return {name: draw.rng.uniform(0.05, 0.3, ()) for name in parameters}


def draw_support(draw, way, shot):
    """Draw a support: images and labels."""
    task = draw.task(way, shot, 1, image=IMAGE)
    return task.images_support, task.labels_support


def draw_batch(draw, way, shot, count=3, query=2):
    """Draw a batch of tasks."""
    return [draw.task(way, shot, query, image=IMAGE) for _ in range(count)]


def score(parameters, images, labels):
    """Return the accuracy of given parameters."""
    return accuracy(network.forward(images, parameters), labels)


def cross_entropy(parameters, images, labels):
    """Return the mean cross entropy of given parameters."""
    logits = network.forward(images, parameters)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


def changes(parameters, theta):
    """Return how far adaptation moved: compared instead of the parameters, most of which is theta."""
    return {name: parameters[name] - theta[name] for name in theta}


def assert_adapted(parameters, theta):
    """Assert that some parameter has changed."""
    assert any((change != 0).any() for change in changes(parameters, theta).values()), "no parameter has changed"


@points(2)
@hint("The adapted parameters are a dict with the names of self._meta_parameters, each a tensor of that shape.")
def test_inner_loop_returns_all_parameters(student, draw):
    """_inner_loop returns a dict of all parameters, in their shapes."""
    for way, shot, steps in ((3, 2, 1), (4, 1, 3)):
        theta = draw_parameters(draw, way)
        got = student.inner_loop(
            *draw_support(draw, way, shot), theta, equal_rates(theta), steps, train=True
        ).parameters
        assert set(got) == set(theta), f"parameters are named {sorted(got)}, expected {sorted(theta)}"
        for name, array in theta.items():
            assert_shape(got[name], array.shape, f"parameter {name}")


@points(4)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "An inner step goes along the gradient of the support's loss, downhill: the loss comes from the support's drawings "
    "and labels, and the step lowers it. What moves the parameters whatever the labels are adapts to nothing."
)
def test_adaptation_learns_from_the_support(student, draw):
    """Adaptation goes by the support's drawings and labels, and lowers their loss."""
    for way, shot in ((3, 2), (5, 1)):
        theta, (images, labels) = draw_parameters(draw, way), draw_support(draw, way, shot)
        small = equal_rates(theta, 0.01)  # so small that any step downhill goes down

        def adapted(images, labels, theta=theta, small=small):
            return student.inner_loop(images, labels, theta, small, 2, train=True).parameters

        got, where = adapted(images, labels), f"N = {way}, K = {shot}"
        assert_adapted(got, theta)
        others = {
            "drawings": adapted(draw.normal(*images.shape), labels),
            "labels": adapted(images, (labels + 1) % way),
        }
        for what, other in others.items():
            differs = any(bool(np.any(other[name] != got[name])) for name in theta)
            assert differs, f"{where}: with other support {what} the adapted parameters are the same"
        before, later = (cross_entropy(parameters, images, labels) for parameters in (theta, got))
        assert later < before, (
            f"{where}: two small steps change the support's loss from {before:.5g} to {later:.5g}, expected less"
        )
    if hasattr(student, "outer_losses"):  # the query of a task is for the outer loss, and for nothing else
        assert_if_it_runs(student, lambda: _assert_query_labels_are_not_adapted_to(student, draw))


def _assert_query_labels_are_not_adapted_to(student, draw):
    for way, shot, train in ((3, 2, False), (5, 1, True)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=2)

        def losses(batches, theta=theta, train=train):
            return student.outer_losses(batches, theta, equal_rates(theta), 1, train).losses

        message = (
            f"N = {way}, K = {shot}, train={train}: with another label of one query the outer loss of another query "
            "changes: parameters are adapted to the query's labels"
        )
        assert_answers_stay_apart(losses, tasks, "labels_query", message)


@points(5)
@after(test_adaptation_learns_from_the_support)
@hint(
    "phi = theta - alpha * grad L(theta, support): L is the mean cross entropy of the logits (no softmax before it) "
    "over the whole support, the gradient is with respect to all parameters, and the step goes downhill, once."
)
def test_one_inner_step(student, reference, draw):
    """One inner step is a gradient step on the support's cross entropy."""
    for way, shot in ((3, 2), (5, 1)):
        theta, support = draw_parameters(draw, way), draw_support(draw, way, shot)
        got = student.inner_loop(*support, theta, equal_rates(theta), 1, train=True).parameters
        want = reference.inner_loop(*support, theta, equal_rates(theta), 1, train=True).parameters
        assert_close(changes(got, theta), changes(want, theta), "change of")


@points(3)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Each step starts where the last one ended, phi_{i+1} = phi_i - alpha * grad L(phi_i), and there are "
    "num_inner_steps of them."
)
def test_each_inner_step_starts_from_the_last(student, draw):
    """Several inner steps follow each other, each from the result of the last."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rates = equal_rates(theta)
    halfway = student.inner_loop(*support, theta, rates, 2, train=True).parameters
    got = student.inner_loop(*support, theta, rates, 4, train=True).parameters
    want = student.inner_loop(*support, halfway, rates, 2, train=True).parameters
    assert_adapted(halfway, theta)
    assert_close(changes(got, halfway), changes(want, halfway), "from 2 to 4 steps the change of")


@points(3)
@after(test_adaptation_learns_from_the_support)
@hint("Use self._inner_lrs[name], the parameter's own rate, in its update. They differ once they are learned.")
def test_each_parameter_has_its_own_inner_rate(student, draw):
    """Each parameter is updated with its own inner learning rate."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rates = draw_rates(draw, theta)
    alike = changes(student.inner_loop(*support, theta, equal_rates(theta), 1, train=True).parameters, theta)
    got = student.inner_loop(*support, theta, rates, 1, train=True).parameters
    assert_adapted(got, theta)
    want = {name: alike[name] / RATE * rates[name] for name in theta}
    assert_close(changes(got, theta), want, "with a rate for each parameter the change of")


@points(3)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "Return (parameters, accuracies): the accuracy before each step, and once more after the last, num_inner_steps + 1 "
    "in all, each the share of the support that the parameters of that moment classify right."
)
def test_support_accuracy_before_each_step_and_after_the_last(student, draw):
    """The accuracies are those on the support before every step and after the last."""
    for _ in range(3):
        theta, support = draw_parameters(draw, 8), draw_support(draw, 8, 8)
        rates = equal_rates(theta, 0.05)  # so slow that each step shows in the accuracy
        path = [theta, *(student.inner_loop(*support, theta, rates, steps, train=True).parameters for steps in (1, 2))]
        got = student.inner_loop(*support, theta, rates, 3, train=True)
        assert_shape(got.accuracies, (4,), "accuracies for 3 inner steps")
        want = [score(parameters, *support) for parameters in (*path, got.parameters)]
        assert_close(got.accuracies, want, "accuracies of the parameters before each of 3 steps and after the last")


@points(2)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "Make new tensors: parameter - rate * gradient. An in-place update (-=, .data, .copy_) writes into theta, which "
    "belongs to the outer loop; and what is kept on self is still there in the next task."
)
def test_meta_parameters_keep_their_values(student, draw):
    """Adaptation leaves the meta-parameters as they were, and the next task starts from them."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 1)
    arguments = (*support, theta, equal_rates(theta), 2, True)
    alone = student.inner_loop(*arguments)
    assert_close(alone.meta_parameters, theta, "after _inner_loop meta-parameter", rtol=1e-9)
    second = student.inner_loop(*arguments, earlier=draw.normal(*support[0].shape))
    assert_close(second.parameters, alone.parameters, "after another task the adapted parameter")
    assert_shape(second.accuracies, alone.accuracies.shape, "after another task the accuracies")
    assert_close([0, *second.accuracies], [0, *alone.accuracies], "after another task the accuracies")


@points(7)
@after(test_adaptation_learns_from_the_support)
@hint(
    "With train=True take the inner gradients with create_graph=True in every step, so that the outer gradient runs "
    "through them (second order). retain_graph=True only keeps the graph of the loss: that is first order only. And "
    "start from theta or its clone: detach() cuts the way back."
)
def test_meta_gradient_is_second_order(student, reference, draw):
    """With train=True the gradient with respect to theta runs through the inner gradients."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    for steps in (2, 3):
        given = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": steps, "train": True}
        assert_adapted(student.inner_loop(*support, **given).parameters, theta)
        what = f"meta-gradient through {steps} inner steps"
        asked = student.inner_loop, reference.inner_loop
        assert_flows(*asked, ["parameters"], draw.rng, what, *support, less=theta, **given)


@points(2)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Use the inner learning rate as the tensor it is. .item() or float(...) makes it a number without a graph, and it "
    "is never learned."
)
def test_inner_rates_receive_gradients(student, reference, draw):
    """Learned inner learning rates receive their gradient."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = {"inner_lrs": draw_rates(draw, theta), "steps": 1, "train": True}
    assert_adapted(student.inner_loop(*support, theta, **given).parameters, theta)
    what = "gradient of the inner learning rates"
    asked = student.inner_loop, reference.inner_loop
    assert_flows(*asked, ["inner_lrs"], draw.rng, what, *support, theta, less=theta, **given)


@points(2)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Adapt when evaluating too. train decides on create_graph, and on nothing else: under no_grad() there would be no "
    "inner gradients to step along."
)
def test_adapts_when_evaluating(student, draw):
    """train=False gives the same adapted parameters and accuracies as train=True."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rates = draw_rates(draw, theta)
    trained, evaluated = (student.inner_loop(*support, theta, rates, 2, train=train) for train in (True, False))
    moves = (changes(adapted.parameters, theta) for adapted in (evaluated, trained))
    assert_close(*moves, "with train=False the change of")
    assert_close(
        evaluated.meta_parameters, trained.meta_parameters, "with train=False, after _inner_loop meta-parameter"
    )
    assert_shape(evaluated.accuracies, trained.accuracies.shape, "with train=False the accuracies")
    assert_close([0, *evaluated.accuracies], [0, *trained.accuracies], "with train=False the accuracies")


@points(3)
@after(test_adapts_when_evaluating)
@hint(
    "create_graph=train: when evaluating nobody differentiates through the inner gradients, and their graph only "
    "costs time and memory."
)
def test_evaluating_builds_no_graph_through_inner_gradients(student, draw):
    """With train=False nothing is differentiated through the inner gradients."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    weights = draw_parameters(draw, 3)
    by_name = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": 2, "train": False}
    got = student.inner_loop.gradient(weights, *support, **by_name).parameters
    # Inner gradients that are constants leave phi = theta - constant, or no graph at all.
    none = all(bool((array == 0).all()) for array in got.values())
    if not none:
        assert_close(
            got, weights, "train=False still differentiates through the inner gradients: gradient of", rtol=1e-6
        )


@points(4)
@hint(
    "Call self._inner_loop with the task's support, and judge the query with the parameters that it returns. Without "
    "them the outer loss says nothing of how well theta adapts."
)
def test_outer_step_adapts_to_the_support(student, draw):
    """The outer loss goes by what _inner_loop makes of each task's support: its drawings and its labels."""
    for way, shot in ((3, 2), (5, 1)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot)
        others, where = other_supports(draw, tasks, way), f"outer loss for N = {way}, K = {shot}"

        def compare(stand_in, theta=theta, tasks=tasks, others=others, where=where):
            def ask(batch):
                return student.outer_step(batch, theta, equal_rates(theta), 1, True, stand_in).loss

            assert_changes(ask, tasks, others, where)

        assert_either(compare)


@points(5)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "The outer loss is the query's cross entropy under the parameters that _inner_loop returned (not under "
    "self._meta_parameters, not on the support), averaged over the queries and over the tasks, once each. "
    "F.cross_entropy applies softmax itself. Adapt to each task's support, and pass train on to _inner_loop. All "
    "queries of a task go through the network in one pass, without the support: batch normalisation sees all that do."
)
def test_outer_loss_is_the_query_loss_after_adaptation(student, reference, draw):
    """The outer loss is the mean over the tasks of the query loss at the adapted parameters."""
    for way, shot, train in ((3, 2, True), (5, 1, False)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot)
        arguments = (tasks, theta, equal_rates(theta), 2, train)

        def compare(stand_in, arguments=arguments, train=train):
            got, want = (subject.outer_step(*arguments, stand_in).loss for subject in (student, reference))
            assert_close(got, want, f"outer loss with train={train}")
            if not stand_in and not train:  # the stand-in is told whether train is passed on; else the graph tells
                tasks, theta, rates, steps, train = arguments
                rest = {"inner_lrs": rates, "steps": steps, "train": train, "stand_in": stand_in}
                got, want = (
                    subject.outer_step.gradient(1.0, tasks, parameters=theta, **rest).parameters
                    for subject in (student, reference)
                )
                if any(bool((array != 0).any()) for array in got.values()):
                    assert_close(got, want, "train=False is not passed on to _inner_loop: gradient of the outer loss")

        assert_either(compare)


@points(3)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "Return two things: the support accuracies that _inner_loop returned, num_inner_steps + 1 of them, and the query's "
    "after adaptation, each from 0 to 1 and averaged over the tasks, step by step."
)
def test_accuracies_of_outer_step(student, reference, draw):
    """_outer_step returns support accuracies, step by step, and query accuracy, averaged over the tasks."""
    for way, shot in ((3, 2), (5, 2)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, query=5)
        rates = equal_rates(
            theta, 0.01
        )  # so slow that neither support nor query is all right, and their accuracies differ
        arguments = (tasks, theta, rates, 2, False)

        def compare(stand_in, arguments=arguments):
            got, want = (subject.outer_step(*arguments, stand_in) for subject in (student, reference))
            assert_close(got.accuracies_support, want.accuracies_support, "support accuracies")
            assert_close(got.accuracy_query, want.accuracy_query, "query accuracy")

        assert_either(compare)


@points(4)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "Return the loss with its graph (no .item(), detach() or no_grad() after the inner loop, and train passed on to "
    "it), and leave backward() and the optimizer's step to the caller: one backward for the mean over all tasks."
)
def test_outer_loss_can_be_differentiated(student, reference, draw):
    """The outer loss carries the graph back to theta, and _outer_step itself changes nothing."""
    theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2)

    def compare(stand_in):
        given = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": 1, "train": True, "stand_in": stand_in}
        left = student.outer_step(tasks, **given).meta_parameters
        assert_close(left, theta, "after _outer_step meta-parameter", rtol=1e-9)
        asked = student.outer_step, reference.outer_step
        assert_flows(*asked, ["parameters"], draw.rng, "meta-gradient of the outer loss", tasks, **given)

    assert_either(compare)


@points(2)
@after(
    test_one_inner_step,
    test_meta_parameters_keep_their_values,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_accuracies_of_outer_step,
    test_outer_loss_can_be_differentiated,
)
@hint(
    "Parameters are adapted to the support of one task, and to nothing else: no query, no label of a query, nothing "
    "that was kept of another task. A query's label is for the outer loss and the accuracy, after its logits are there."
)
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query labels, the other tasks and those before make no difference to the adapted parameters."""
    for way, shot, query, train in ((3, 2, 2, False), (5, 1, 5, True)):  # the latter as in training
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=2, query=query)
        (another,) = draw_batch(draw, way, shot, count=1, query=query)

        def losses(subject, batches, theta=theta, train=train):
            return subject.outer_losses(batches, theta, equal_rates(theta), 1, train).losses

        where = f"N = {way}, K = {shot}, train={train}"
        assert_only_the_support(student, reference, draw, tasks, another, losses, where, "outer loss")
