"""Checks of methods with an inner loop and an outer step, and what others like them are made of.

Everything about gradients is compared in double precision, from parameters that are given: adapted parameters and
meta-gradients are numbers that only the right method gives. _outer_step is judged twice, with the student's own
_inner_loop and with a stand-in for it, which depends on every pixel and label that it is given: if either agrees with
the reference, it is right, and a mistake in _inner_loop is paid for once. Where both loops are right, they must agree
once more when they work together.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_finite,
    assert_if_it_runs,
    assert_shape,
    hint,
    picture,
    points,
)
from autograder.shapes.episodic.checks import assert_answers_close, other_supports
from autograder.shapes.functions.checks import assert_changes, assert_flows
from autograder.shapes.gradient import failures, network
from autograder.shapes.gradient.assertions import (
    LARGE,
    RATE,
    assert_adapted,
    assert_each_inner_step_starts_from_the_last,
    assert_meta_parameters_keep_their_values,
    assert_nothing_but_the_support_is_adapted_to,
    assert_one_inner_step,
    assert_outer_accuracies,
    assert_query_labels_are_not_adapted_to,
    assert_support_accuracies,
    changes,
    draw_batch,
    draw_parameters,
    draw_rates,
    draw_support,
    equal_rates,
    steps_follow_each_other,
)


@points(2)
@hint(
    "The adapted parameters are a dict like theta: the same names, the same shapes. Look at what _inner_loop "
    "returns, and in which order.",
    mend="Return a dict with the names of self._meta_parameters, and the adapted tensor under each: those that no "
    "step has moved too.",
)
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
@picture(failures.path)
@hint(
    "An inner step must lower the loss of the support, and know nothing of the query. Look at what the loss is made of "
    "(both drawings and labels), at the sign of the step, and at whether the parameters move at all; where the message "
    "speaks of the outer loss, at what the inner loop is given.",
    mend="Compute the logits of the support under the current parameters, their cross entropy with the support's "
    "labels, and its gradient; subtract rate times gradient from each parameter, and go on with the results. The inner "
    "loop is given the support alone.",
)
def test_adaptation_learns_from_the_support(student, draw):
    """Adaptation goes by the support's drawings and labels, and lowers their loss."""
    for way, shot in ((3, 2), (5, 1)):
        theta, (images, labels) = draw_parameters(draw, way), draw_support(draw, way, shot)
        logits, names = network.forward(images, theta), [(labels + shift) % way for shift in range(way)]
        # The names with the largest loss, no better than chance: it falls though much of theta is lost in adaptation.
        labels = min(names, key=lambda named: logits[np.arange(len(named)), named].mean())
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
            assert differs, f"{where}: the adapted parameters stay the same when the support has other {what}"
        before, later = (network.cross_entropy(parameters, images, labels) for parameters in (theta, got))
        assert later < before, (
            f"{where}: adaptation at small rates changes the support's loss from {before:.5g} to {later:.5g}, "
            "expected less"
        )
    if hasattr(student, "outer_losses"):  # the query of a task is for the outer loss, and for nothing else
        assert_if_it_runs(student, lambda: assert_query_labels_are_not_adapted_to(student, draw))


@points(5)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@hint(
    "An inner step goes along the gradient of the mean cross entropy over the support. Look at what the loss "
    "averages over, whether softmax is applied twice, whether all parameters move, how far and how often.",
    mend="phi = theta - alpha * grad L(theta, support): F.cross_entropy on the logits as they are (it applies "
    "softmax itself and averages), over the whole support, with respect to all parameters; the gradient as it is, "
    "without clipping; once for each of num_inner_steps.",
)
def test_one_inner_step(student, reference, draw):
    """One inner step is a gradient step on the support's cross entropy."""
    assert_one_inner_step(student, reference, draw)


@points(3)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@steps_follow_each_other
def test_each_inner_step_starts_from_the_last(student, draw):
    """Several inner steps follow each other, each from the result of the last."""
    assert_each_inner_step_starts_from_the_last(student, draw)


@points(3)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@hint(
    "Each parameter has an inner learning rate of its own, and they differ once they are learned. Look at "
    "which rate each update uses.",
    mend="Take the rate by the parameter's name, self._inner_lrs[name], in its update.",
)
def test_each_parameter_has_its_own_inner_rate(student, draw):
    """Each parameter is updated with its own inner learning rate."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rates = draw_rates(draw, theta)
    alike = changes(student.inner_loop(*support, theta, equal_rates(theta), 1, train=True).parameters, theta)
    got = student.inner_loop(*support, theta, rates, 1, train=True).parameters
    assert_adapted(got, theta)
    want = {name: alike[name] / RATE * rates[name] for name in theta}
    assert_close(
        changes(got, theta), want, "N = 3, K = 2, each parameter with a rate of its own: change by one step of"
    )


@points(3)
@after(test_inner_loop_returns_all_parameters)
@picture(failures.inner_accuracies)
@hint(
    "There is an accuracy before each step, and one more after the last. Look at when you compute them, under "
    "which parameters, and how many there are in the end.",
    mend="Append the accuracy of the current parameters at the start of each step, and once more after the loop: "
    "num_inner_steps + 1 floats, each the share of the support that is classified right.",
)
def test_support_accuracy_before_each_step_and_after_the_last(student, draw):
    """The accuracies are those on the support before every step and after the last."""
    assert_support_accuracies(student, draw, 3, "before each of 3 inner steps and after the last")


@points(2)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "Theta belongs to the outer loop, and the inner loop must leave it as it was. Look for an update that "
    "writes into a tensor, and for what is kept on self from one task to the next.",
    mend="Make new tensors, parameter - rate * gradient, in a new dict. An in-place update (-=, .data, .copy_) can "
    "write into theta. Begin every task from self._meta_parameters, with empty lists.",
)
def test_meta_parameters_keep_their_values(student, draw):
    """Adaptation leaves the meta-parameters as they were, and the next task starts from them."""
    assert_meta_parameters_keep_their_values(student, draw)


@points(7)
@after(test_adaptation_learns_from_the_support)
@picture(failures.meta_gradient)
@hint(
    "The gradient with respect to theta has to run through the gradients of all inner steps (second order). "
    "Look at how each inner gradient is taken, and at where the way back to theta is cut.",
    mend="With train=True nothing may cut the way back: start from theta or its clone, take every inner gradient with "
    "create_graph=True (retain_graph=True only keeps the graph of the loss), and update without detach(), .data or "
    "torch.no_grad().",
)
def test_meta_gradient_is_second_order(student, reference, draw):
    """With train=True the gradient with respect to theta runs through the inner gradients."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    for steps in (2, 3):
        given = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": steps, "train": True}
        assert_adapted(student.inner_loop(*support, **given).parameters, theta)
        what = f"gradient through {steps} inner steps with respect to"
        asked = student.inner_loop, reference.inner_loop
        assert_flows(*asked, ["parameters"], draw.rng, what, *support, less=theta, **given)


@points(2)
@after(test_adaptation_learns_from_the_support)
@picture(failures.rate_gradients)
@hint(
    "The inner learning rates can be learned too, and no right gradient arrives at them. Look at how the rate "
    "gets into the update.",
    mend="Use the rate as the tensor that it is: by .item(), float(...) or detach() it has no graph, and is never "
    "learned.",
)
def test_inner_rates_receive_gradients(student, reference, draw):
    """Learned inner learning rates receive their gradient."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = {"inner_lrs": draw_rates(draw, theta), "steps": 1, "train": True}
    assert_adapted(student.inner_loop(*support, theta, **given).parameters, theta)
    what = "gradient with respect to the inner learning rate of"
    asked = student.inner_loop, reference.inner_loop
    assert_flows(*asked, ["inner_lrs"], draw.rng, what, *support, theta, less=theta, **given)


@points(2)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@hint(
    "With train=False the result must be the same, parameters and accuracies. Look at what depends on train.",
    mend="train decides on create_graph, and on nothing else. Do not put the loop under torch.no_grad(): there "
    "would be no inner gradients to step along.",
)
def test_adapts_when_evaluating(student, draw):
    """train=False gives the same adapted parameters and accuracies as train=True."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rates = draw_rates(draw, theta)
    trained, evaluated = (student.inner_loop(*support, theta, rates, 3, train=train) for train in (True, False))
    moves = (changes(adapted.parameters, theta) for adapted in (evaluated, trained))
    assert_close(*moves, "with train=False, change by the inner loop of")
    assert_close(evaluated.meta_parameters, trained.meta_parameters, "with train=False, theta after _inner_loop:")
    assert_shape(evaluated.accuracies, trained.accuracies.shape, "with train=False, support accuracies")
    if trained.accuracies.size:
        assert_close(evaluated.accuracies, trained.accuracies, "with train=False, support accuracies")


@points(3)
@after(test_adapts_when_evaluating)
@hint(
    "When evaluating, nobody differentiates through the inner gradients, and their graph only costs time and "
    "memory. Look at how an inner gradient is taken with train=False.",
    mend="Pass create_graph=train to autograd.grad, in every inner step.",
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
            got,
            weights,
            "with train=False no inner gradient should have a graph, nor theta a factor: gradient with respect to",
            rtol=1e-6,
        )


@points(4)
@hint(
    "The outer loss says how well theta adapts, so it must depend on each task's support. Look at what you "
    "give to _inner_loop, and whether the query is judged by what comes back.",
    mend="Call self._inner_loop with the task's support images and labels, and compute the logits of the query "
    "under the parameters that it returns.",
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
    "The outer loss is the mean cross entropy of the query at the adapted parameters, averaged over the "
    "tasks. Look at whose drawings, labels and parameters are in it, at what it averages over, and at what "
    "you pass to _inner_loop.",
    mend="F.cross_entropy (it applies softmax itself) of the query's logits under the parameters that _inner_loop "
    "returned, not under self._meta_parameters; once for each task, and of all tasks the mean: their sum divided by "
    "their number. Pass train on to _inner_loop. All queries of a task go through the network in one pass, without the "
    "support: batch normalisation sees all that do.",
)
def test_outer_loss_is_the_query_loss_after_adaptation(student, reference, draw):
    """The outer loss is the mean over the tasks of the query loss at the adapted parameters."""
    given = []
    for way, shot, count, train in ((3, 2, 2, True), (5, 1, 3, False)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count)
        given.append((f"N = {way}, K = {shot}, train={train}", (tasks, theta, equal_rates(theta), 2, train)))
    far = theta | {"b4": theta["b4"] + LARGE}

    def compare(stand_in):
        assert_answers_close(
            (
                *(subject.outer_step(*asked, stand_in).loss for subject in (student, reference)),
                f"outer loss for {sizes}",
            )
            for sizes, asked in given
        )
        asked = (tasks, far, equal_rates(far), 2, train, stand_in)
        assert_finite(lambda: student.outer_step(*asked).loss, f"logits are near {LARGE}")
        if stand_in:  # which is told whether train is passed on; else the graph tells
            return
        rest = {"inner_lrs": equal_rates(theta), "steps": 2, "train": train, "stand_in": stand_in}
        got, want = (
            subject.outer_step.gradient(1.0, tasks, parameters=theta, **rest).parameters
            for subject in (student, reference)
        )
        if any(bool((array != 0).any()) for array in got.values()):
            assert_close(got, want, "_inner_loop is not told train=False: gradient of the outer loss with respect to")

    assert_either(compare)


@points(3)
@after(test_outer_step_adapts_to_the_support)
@picture(failures.outer_accuracies)
@hint(
    "_outer_step returns support accuracies step by step, and the query's accuracy after adaptation. Look at "
    "which parameters and drawings each is of, and at what is averaged.",
    mend="Append the list of num_inner_steps + 1 accuracies that _inner_loop returned, as it is, and the share of "
    "the queries that the adapted parameters classify right, for each task.",
)
def test_accuracies_of_outer_step(student, reference, draw):
    """_outer_step returns support accuracies, step by step, and query accuracy, averaged over the tasks."""
    assert_outer_accuracies(student, reference, draw, 2)


@points(4)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "The gradient of the outer loss does not arrive at theta as it should, or theta is changed on the way. Look for "
    "where the graph is cut after the inner loop, and for what belongs to the caller.",
    mend="No .item(), detach() or torch.no_grad() after the inner loop, and pass train on to it. Leave backward() "
    "and the optimizer's step to the caller, who takes one for the mean over all tasks.",
)
def test_outer_loss_can_be_differentiated(student, reference, draw):
    """The outer loss carries the graph back to theta, and _outer_step itself changes nothing."""
    theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2)

    def compare(stand_in):
        given = {"parameters": theta, "inner_lrs": equal_rates(theta), "steps": 1, "train": True, "stand_in": stand_in}
        left = student.outer_step(tasks, **given).meta_parameters
        assert_close(left, theta, "theta after _outer_step:", rtol=1e-9)
        asked = student.outer_step, reference.outer_step
        assert_flows(*asked, ["parameters"], draw.rng, "gradient of the outer loss with respect to", tasks, **given)

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
    "Parameters are adapted to the support of one task, and to nothing else. Look at whether a query, a label "
    "of a query, or something that was kept of another task gets into the inner loop.",
    mend="Give _inner_loop the support alone, use the query for the outer loss and the accuracy only, and keep nothing "
    "on self between tasks.",
)
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query labels, the other tasks and those before make no difference to the adapted parameters."""
    assert_nothing_but_the_support_is_adapted_to(student, reference, draw)
