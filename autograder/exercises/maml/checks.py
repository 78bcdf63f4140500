"""MAML.

Everything about gradients is compared in double precision, from parameters that are given: adapted parameters and
meta-gradients are numbers that only the right method gives. _outer_step is judged twice, with the student's own
_inner_loop and with a stand-in for it, which depends on every pixel and label that it is given: if either agrees with
the reference, it is right, and a mistake in _inner_loop is paid for once. Where both loops are right, they must agree
once more when they work together.
"""

import numpy as np
from safetensors.numpy import load_file

from autograder.exercises.maml import network
from autograder.grading.check_vocabulary import (
    accuracy,
    after,
    assert_close,
    assert_either,
    assert_gradient,
    assert_shape,
    hint,
    points,
    training,
)
from autograder.paths import EXERCISES

IMAGE = (1, 16, 16)
CHANNELS = 32
ALPHA = 0.4
RATE = 0.1
PRETRAINED = EXERCISES / "maml" / "pretrained.safetensors"  # 5-way, on drawn handwriting


def _parameters(draw, way):
    """A random theta, by the names and shapes that the given constructor uses."""
    parameters, channels = {}, 1
    for i in range(4):
        parameters[f"conv{i}"] = draw.normal(CHANNELS, channels, 3, 3, scale=(2 / (9 * channels)) ** 0.5)
        parameters[f"b{i}"] = draw.normal(CHANNELS, scale=0.1)
        channels = CHANNELS
    return parameters | {"w4": draw.normal(way, CHANNELS, scale=0.3), "b4": draw.normal(way, scale=0.1)}


def _rates(parameters, rate=RATE):
    return {name: np.array(rate) for name in parameters}


def _own_rates(draw, parameters):
    return {name: draw.rng.uniform(0.05, 0.3, ()) for name in parameters}


def _support(draw, way, shot):
    task = draw.task(way, shot, 1, image=IMAGE)
    return task.images_support, task.labels_support


def _batch(draw, way, shot, count=3, query=2):
    return [draw.task(way, shot, query, image=IMAGE) for _ in range(count)]


def _score(parameters, images, labels):
    """Accuracy of given parameters."""
    return accuracy(network.forward(images, parameters), labels)


def _cross_entropy(parameters, images, labels):
    """Mean cross entropy of given parameters."""
    logits = network.forward(images, parameters)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


def _change(parameters, theta):
    """How far adaptation moved: compared instead of the parameters, most of which is theta."""
    return {name: parameters[name] - theta[name] for name in theta}


def _assert_adapted(parameters, theta):
    assert any((change != 0).any() for change in _change(parameters, theta).values()), "no parameter has changed"


@points(2)
@hint("Return (parameters, accuracies), the adapted parameters under the names of self._meta_parameters.")
def test_inner_loop_returns_all_parameters(student, draw):
    """_inner_loop returns a dict of all parameters, in their shapes."""
    for way, shot, steps in ((3, 2, 1), (4, 1, 3)):
        theta = _parameters(draw, way)
        got = student.inner_loop(*_support(draw, way, shot), theta, _rates(theta), steps, train=True).parameters
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
        theta, (images, labels) = _parameters(draw, way), _support(draw, way, shot)
        small = _rates(theta, 0.01)  # so small that any step downhill goes down

        def adapted(images, labels, theta=theta, small=small):
            return student.inner_loop(images, labels, theta, small, 2, train=True).parameters

        got, where = adapted(images, labels), f"N = {way}, K = {shot}"
        _assert_adapted(got, theta)
        others = {
            "drawings": adapted(draw.normal(*images.shape), labels),
            "labels": adapted(images, (labels + 1) % way),
        }
        for what, other in others.items():
            differs = any(bool(np.any(other[name] != got[name])) for name in theta)
            assert differs, f"{where}: with other support {what} the adapted parameters are the same"
        before, later = (_cross_entropy(parameters, images, labels) for parameters in (theta, got))
        assert later < before, (
            f"{where}: two small steps change the support's loss from {before:.5g} to {later:.5g}, expected less"
        )


@points(5)
@after(test_adaptation_learns_from_the_support)
@hint(
    "phi = theta - alpha * grad L(theta, support): L is the mean cross entropy of the logits (no softmax before it) "
    "over the whole support, the gradient is with respect to all parameters, and the step goes downhill, once."
)
def test_one_inner_step(student, reference, draw):
    """One inner step is a gradient step on the support's cross entropy."""
    for way, shot in ((3, 2), (5, 1)):
        theta, support = _parameters(draw, way), _support(draw, way, shot)
        got = student.inner_loop(*support, theta, _rates(theta), 1, train=True).parameters
        want = reference.inner_loop(*support, theta, _rates(theta), 1, train=True).parameters
        assert_close(_change(got, theta), _change(want, theta), "change of")


@points(3)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Each step starts where the last one ended, phi_{i+1} = phi_i - alpha * grad L(phi_i), and there are "
    "num_inner_steps of them."
)
def test_each_inner_step_starts_from_the_last(student, draw):
    """Several inner steps follow each other, each from the result of the last."""
    theta, support = _parameters(draw, 3), _support(draw, 3, 2)
    rates = _rates(theta)
    halfway = student.inner_loop(*support, theta, rates, 2, train=True).parameters
    got = student.inner_loop(*support, theta, rates, 4, train=True).parameters
    want = student.inner_loop(*support, halfway, rates, 2, train=True).parameters
    _assert_adapted(halfway, theta)
    assert_close(_change(got, halfway), _change(want, halfway), "from 2 to 4 steps the change of")


@points(3)
@after(test_adaptation_learns_from_the_support)
@hint("Use self._inner_lrs[name], the parameter's own rate, in its update. They differ once they are learned.")
def test_each_parameter_has_its_own_inner_rate(student, draw):
    """Each parameter is updated with its own inner learning rate."""
    theta, support = _parameters(draw, 3), _support(draw, 3, 2)
    rates = _own_rates(draw, theta)
    alike = _change(student.inner_loop(*support, theta, _rates(theta), 1, train=True).parameters, theta)
    got = student.inner_loop(*support, theta, rates, 1, train=True).parameters
    _assert_adapted(got, theta)
    want = {name: alike[name] / RATE * rates[name] for name in theta}
    assert_close(_change(got, theta), want, "with a rate for each parameter the change of")


@points(3)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "Return (parameters, accuracies): the accuracy before each step, and once more after the last, num_inner_steps + 1 "
    "in all, each the share of the support that the parameters of that moment classify right."
)
def test_support_accuracy_before_each_step_and_after_the_last(student, draw):
    """The accuracies are those on the support before every step and after the last."""
    for _ in range(3):
        theta, support = _parameters(draw, 8), _support(draw, 8, 8)
        rates = _rates(theta, 0.05)  # so slow that each step shows in the accuracy
        path = [theta, *(student.inner_loop(*support, theta, rates, steps, train=True).parameters for steps in (1, 2))]
        got = student.inner_loop(*support, theta, rates, 3, train=True)
        assert_shape(got.accuracies, (4,), "accuracies for 3 inner steps")
        want = [_score(parameters, *support) for parameters in (*path, got.parameters)]
        assert_close(got.accuracies, want, "accuracies of the parameters before each of 3 steps and after the last")


@points(2)
@after(test_inner_loop_returns_all_parameters)
@hint(
    "Make new tensors: parameter - rate * gradient. An in-place update (-=, .data, .copy_) writes into theta, which "
    "belongs to the outer loop; and what is kept on self is still there in the next task."
)
def test_meta_parameters_keep_their_values(student, draw):
    """Adaptation leaves the meta-parameters as they were, and the next task starts from them."""
    theta, support = _parameters(draw, 3), _support(draw, 3, 1)
    arguments = (*support, theta, _rates(theta), 2, True)
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
    "through them (second order). retain_graph=True only keeps the graph of the loss: that is first-order MAML. And "
    "start from theta or its clone: detach() cuts the way back."
)
def test_meta_gradient_is_second_order(student, reference, draw):
    """With train=True the gradient with respect to theta runs through the inner gradients."""
    theta, support = _parameters(draw, 3), _support(draw, 3, 2)
    rates, weights = _rates(theta), _parameters(draw, 3)
    for steps in (2, 3):

        def value(at, steps=steps):
            adapted = student.inner_loop(*support, at, rates, steps, train=True).parameters
            return sum(float((weights[name] * adapted[name]).sum()) for name in weights)

        adapted = student.inner_loop(*support, theta, rates, steps, train=True).parameters
        _assert_adapted(adapted, theta)
        arguments = (*support, theta, rates, steps, True)
        values = _change(adapted, theta), _change(reference.inner_loop(*arguments).parameters, theta)
        by_name = {"parameters": theta, "inner_lrs": rates, "steps": steps, "train": True}
        got, want = (
            subject.inner_loop.gradient(weights, *support, **by_name).parameters for subject in (student, reference)
        )
        what = f"meta-gradient through {steps} inner steps"
        assert_gradient(got, value, theta, draw.rng, what, known=(*values, want))


@points(2)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Use the inner learning rate as the tensor it is. .item() or float(...) makes it a number without a graph, and it "
    "is never learned."
)
def test_inner_rates_receive_gradients(student, reference, draw):
    """Learned inner learning rates receive their gradient."""
    theta, support = _parameters(draw, 3), _support(draw, 3, 2)
    weights, rates = _parameters(draw, 3), _own_rates(draw, theta)

    def value(at):
        adapted = student.inner_loop(*support, theta, at, 1, train=True).parameters
        return sum(float((weights[name] * adapted[name]).sum()) for name in weights)

    arguments = (*support, theta, rates, 1, True)
    adapted = student.inner_loop(*arguments).parameters
    _assert_adapted(adapted, theta)
    values = _change(adapted, theta), _change(reference.inner_loop(*arguments).parameters, theta)
    by_name = {"inner_lrs": rates, "steps": 1, "train": True}
    got, want = (
        subject.inner_loop.gradient(weights, *support, theta, **by_name).inner_lrs for subject in (student, reference)
    )
    assert_gradient(got, value, rates, draw.rng, "gradient of the inner learning rates", known=(*values, want))


@points(2)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Adapt when evaluating too. train decides on create_graph, and on nothing else: under no_grad() there would be no "
    "inner gradients to step along."
)
def test_adapts_when_evaluating(student, draw):
    """train=False gives the same adapted parameters and accuracies as train=True."""
    theta, support = _parameters(draw, 3), _support(draw, 3, 2)
    rates = _own_rates(draw, theta)
    trained, evaluated = (student.inner_loop(*support, theta, rates, 2, train=train) for train in (True, False))
    changes = (_change(adapted.parameters, theta) for adapted in (evaluated, trained))
    assert_close(*changes, "with train=False the change of")
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
    theta, support = _parameters(draw, 3), _support(draw, 3, 2)
    weights = _parameters(draw, 3)
    by_name = {"parameters": theta, "inner_lrs": _rates(theta), "steps": 2, "train": False}
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
        theta, tasks = _parameters(draw, way), _batch(draw, way, shot)
        redrawn = [task._replace(images_support=draw.normal(*task.images_support.shape)) for task in tasks]
        relabelled = [task._replace(labels_support=(task.labels_support + 1) % way) for task in tasks]

        def compare(stand_in, theta=theta, tasks=tasks, others=(redrawn, relabelled), where=f"N = {way}, K = {shot}"):
            before, *changed = (
                student.outer_step(batch, theta, _rates(theta), 1, True, stand_in).loss for batch in (tasks, *others)
            )
            for what, loss in zip(("drawings", "labels"), changed, strict=True):
                assert bool(np.any(loss != before)), f"{where}: with other support {what} the outer loss is the same"

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
        theta, tasks = _parameters(draw, way), _batch(draw, way, shot)
        arguments = (tasks, theta, _rates(theta), 2, train)

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
        theta, tasks = _parameters(draw, way), _batch(draw, way, shot, query=5)
        rates = _rates(theta, 0.01)  # so slow that neither support nor query is all right, and their accuracies differ
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
    theta, tasks = _parameters(draw, 3), _batch(draw, 3, 2)
    rest = (_rates(theta), 1, True)

    def compare(stand_in):
        def value(at):
            return student.outer_step(tasks, at, *rest, stand_in).loss.item()

        left = student.outer_step(tasks, theta, *rest, stand_in)
        assert_close(left.meta_parameters, theta, "after _outer_step meta-parameter", rtol=1e-9)
        values = left.loss, reference.outer_step(tasks, theta, *rest, stand_in).loss
        by_name = {"parameters": theta, "inner_lrs": rest[0], "steps": 1, "train": True, "stand_in": stand_in}
        got, want = (subject.outer_step.gradient(1.0, tasks, **by_name).parameters for subject in (student, reference))
        assert_gradient(got, value, theta, draw.rng, "meta-gradient of the outer loss", known=(*values, want))

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
        theta, tasks = _parameters(draw, way), _batch(draw, way, shot, count=2, query=query)
        relabelled = [task._replace(labels_query=draw.rng.integers(way, size=way * query)) for task in tasks]
        redrawn = [task._replace(images_query=draw.normal(*task.images_query.shape)) for task in tasks]
        batches = {
            "": tasks,
            " with other query labels": relabelled,
            " with other query drawings": redrawn,
            " with another first task": [*_batch(draw, way, shot, count=1, query=query), *tasks[1:]],
            " of a batch that was there before": tasks,
        }
        arguments = (list(batches.values()), theta, _rates(theta), 1, train)
        got, want = (subject.outer_losses(*arguments).losses for subject in (student, reference))
        assert_shape(got, (len(batches),), "outer losses of the batches")
        for i, other in enumerate(batches):
            assert_close(got[i], want[i], f"outer loss{other} for N = {way}, K = {shot}, train={train}")


@training(seconds=60)
@points(2)
@after(test_one_inner_step, test_each_inner_step_starts_from_the_last, test_adapts_when_evaluating)
@hint("One step looks right by itself. Does the loop keep its steps apart, and use the parameters of the last one?")
def test_adapts_a_trained_initialisation(student, draw, threshold):
    """From a trained initialisation it adapts to new characters, 5-way 1-shot."""
    held_out = draw.drawings.characters(0, 60, draw.rng).held_out
    threshold.reached_by(_adapted_accuracy(student, draw, load_file(PRETRAINED), held_out, steps=3, tasks=100))


@training(seconds=60)
@points(2)
@after(
    test_one_inner_step,
    test_meta_gradient_is_second_order,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_loss_can_be_differentiated,
    test_nothing_but_the_support_is_adapted_to,
)
@hint("All parts look right by themselves. Train it yourself with hw2/train.py and look at the curve.")
def test_learns_mosaics(student, draw, threshold):
    """After a short training on noisy mosaics it adapts to new ones, 5-way 1-shot."""
    train, held_out = _mosaics(draw, 200), _mosaics(draw, 60)
    rates = {"inner_lr": ALPHA, "outer_lr": 1e-2}
    weights = student.train(train, 5, 1, 5, tasks=4, batches=120, seed=draw.seed(), **rates).weights
    threshold.reached_by(_adapted_accuracy(student, draw, weights, held_out, steps=1, tasks=100), made=True)


@training(seconds=120)
@points(2)
@after(test_learns_mosaics)
@hint("It learns simple patterns but not handwriting. Train it yourself with hw2/train.py and look at the curve.")
def test_learns_handwriting(student, draw, threshold):
    """After a short training it adapts to new characters, 5-way 1-shot."""
    train, held_out = (_halved(part) for part in draw.drawings.characters(160, 60, draw.rng))
    rates = {"inner_lr": ALPHA, "outer_lr": 3e-3}
    weights = student.train(train, 5, 1, 5, tasks=4, batches=800, seed=draw.seed(), **rates).weights
    threshold.reached_by(_adapted_accuracy(student, draw, weights, held_out, steps=1, tasks=100))


def _mosaics(draw, characters):
    """Mosaics of 6 x 6 tiles, black or white, with a noise of their own in each drawing: (characters, 20, 12, 12)."""
    tiles = (draw.rng.random((characters, 1, 6, 6)) < 0.5).repeat(2, axis=2).repeat(2, axis=3)
    return (tiles + draw.normal(characters, 20, 12, 12, scale=0.4)).astype(np.float32)


def _adapted_accuracy(student, draw, theta, held_out, steps, tasks):
    """Query accuracy on tasks of held-out characters; their query labels stay here."""
    drawn = draw.tasks(held_out, 5, 1, 5, tasks)
    supports = [(task.images_support, task.labels_support) for task in drawn]
    logits = student.predict(theta, supports, [task.images_query for task in drawn], steps, ALPHA).logits
    return accuracy(logits, np.concatenate([task.labels_query for task in drawn]))


def _halved(drawings):
    """Drawings (..., 28, 28) at half the size: a quarter of the time."""
    return drawings.reshape(*drawings.shape[:2], 14, 2, 14, 2).max(axis=(3, 5))
