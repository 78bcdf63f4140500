"""What checks of methods with an inner loop and an outer step draw, compute and assert, and a hint that they share."""

import numpy as np

from autograder.grading.check_vocabulary import accuracy, assert_close, assert_either, assert_finite, assert_shape, hint
from autograder.shapes.episodic.checks import assert_answers_close, assert_only_the_support
from autograder.shapes.functions.checks import assert_answers_stay_apart
from autograder.shapes.gradient import network

IMAGE = (1, 16, 16)
CHANNELS = 32
RATE = 0.1
DRAWS = 3  # of accuracies, at most: one tells no mistake
LARGE = 1000  # for logits: exp() overflows in double precision, as exp() of 100 does in single


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


def fitted(theta, images, labels, scale=2.0):
    """Return theta with a last layer that gives these drawings a logit of scale at their label, and 0 elsewhere."""
    features = network.features(images, theta)
    centred = np.c_[features, np.ones(len(features))]
    solved = np.linalg.lstsq(centred, scale * np.eye(len(theta["b4"]))[labels], rcond=None)[0]
    return theta | {"w4": solved[:-1].T.copy(), "b4": solved[-1]}


def changes(parameters, theta):
    """Return how far adaptation moved: compared instead of the parameters, most of which is theta."""
    return {name: parameters[name] - theta[name] for name in theta}


def assert_adapted(parameters, theta):
    """Assert that some parameter has changed."""
    assert any((change != 0).any() for change in changes(parameters, theta).values()), (
        "the adapted parameters are theta: none of them has changed"
    )


def assert_support_accuracies(student, draw, steps, when):
    """Assert that the accuracies of _inner_loop are those under the parameters of each moment, when says which."""
    judged = []
    while len(judged) < DRAWS and not _order_is_right(judged):
        theta, support = draw_parameters(draw, 8), draw_support(draw, 8, 8)
        rates = equal_rates(theta, 0.05)  # so slow that each step shows in the accuracy
        path = [student.inner_loop(*support, theta, rates, taken, train=True).parameters for taken in range(1, steps)]
        got = student.inner_loop(*support, theta, rates, steps, train=True)
        want = [score(parameters, *support) for parameters in (theta, *path, got.parameters)]
        judged.append((got.accuracies, want))
    for accuracies, want in judged:  # all of which have been read: one accuracy tells no mistake
        assert_shape(
            accuracies, (steps + 1,), f"support accuracies for num_inner_steps = {steps}", "(num_inner_steps + 1,)"
        )
        assert_close(accuracies, want, f"support accuracies {when}")


def _order_is_right(judged):
    """Whether all is right, and each two of the moments have another accuracy in some draw, by which they are told."""
    moments = list(zip(*(want for _, want in judged), strict=True))
    right = all(np.shape(got) == np.shape(want) and np.allclose(got, want) for got, want in judged)
    return right and len(set(moments)) == len(moments) > 0


def assert_outer_accuracies(student, reference, draw, steps):
    """Assert that the accuracies of _outer_step are the reference's."""
    given = []
    for way, shot, count in ((3, 2, 3), (5, 2, 3), (4, 3, 2), (6, 1, 2)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count, query=5)
        rates = equal_rates(theta, 0.01)  # so slow that neither support nor query is all right, and they differ
        given.append((f"for N = {way}, K = {shot}", (tasks, theta, rates, steps, False)))

    def compare(stand_in):
        def judged():
            for sizes, asked in given:
                got, want = (subject.outer_step(*asked, stand_in) for subject in (student, reference))
                yield got.accuracies_support, want.accuracies_support, f"support accuracies {sizes}"
                yield got.accuracy_query, want.accuracy_query, f"query accuracy {sizes}"

        assert_answers_close(judged())

    assert_either(compare)


def assert_one_inner_step(student, reference, draw):
    """Assert that one inner step is a gradient step on the cross entropy of all drawings."""
    for way, shot in ((3, 2), (5, 1)):
        theta, support = draw_parameters(draw, way), draw_support(draw, way, shot)
        _assert_one_step(student, reference, theta, support, f"N = {way}, K = {shot}")
    known = fitted(theta, *support)
    _assert_one_step(student, reference, known, support, "from a theta by which all of the support is classified right")
    far = theta | {"b4": theta["b4"] + LARGE}  # the same step, by any softmax that does not overflow
    assert_finite(
        lambda: student.inner_loop(*support, far, equal_rates(far), 1, train=True), f"logits are near {LARGE}"
    )


def assert_each_inner_step_starts_from_the_last(student, draw):
    """Assert that several inner steps follow each other."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rates = equal_rates(theta)
    halfway = student.inner_loop(*support, theta, rates, 2, train=True).parameters
    got = student.inner_loop(*support, theta, rates, 4, train=True).parameters
    want = student.inner_loop(*support, halfway, rates, 2, train=True).parameters
    assert_adapted(halfway, theta)
    assert_close(changes(got, halfway), changes(want, halfway), "N = 3, K = 2: change by the third and fourth step of")


def assert_meta_parameters_keep_their_values(student, draw):
    """Assert that adaptation leaves theta as it was, and that the next task starts from it."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 1)
    arguments = (*support, theta, equal_rates(theta), 2, True)
    alone = student.inner_loop(*arguments)
    assert_close(alone.meta_parameters, theta, "theta after _inner_loop:", rtol=1e-9)
    second = student.inner_loop(*arguments, earlier=draw.normal(*support[0].shape))
    assert_close(second.parameters, alone.parameters, "after another task, adapted parameter")
    assert_shape(second.accuracies, alone.accuracies.shape, "after another task, support accuracies")
    if alone.accuracies.size:
        assert_close(second.accuracies, alone.accuracies, "after another task, support accuracies")


def _assert_one_step(student, reference, theta, support, where):
    got, want = (
        subject.inner_loop(*support, theta, equal_rates(theta), 1, train=True).parameters
        for subject in (student, reference)
    )
    assert_close(changes(got, theta), changes(want, theta), f"{where}: change by one step of")


def assert_query_labels_are_not_adapted_to(student, draw):
    """Assert that the outer loss of one query does not depend on the label of another one."""
    for way, shot, train in ((3, 2, False), (5, 1, True)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=2)

        def losses(batches, theta=theta, train=train):
            return student.outer_losses(batches, theta, equal_rates(theta), 1, train).losses

        message = (
            f"N = {way}, K = {shot}, train={train}: with another label of one query the outer loss of another query "
            "changes, so parameters are adapted to the query's labels. Look at what _outer_step gives to _inner_loop. "
            "It should be the support alone"
        )
        assert_answers_stay_apart(losses, tasks, "labels_query", message)


def assert_nothing_but_the_support_is_adapted_to(student, reference, draw, told_train=True):
    """Assert that query labels, the other tasks and those before make no difference to the adapted parameters.

    Args:
        student, reference: answer outer_losses.
        draw: parameters and tasks.
        told_train: whether the method is told train: once False, and once True, as in training.
    """
    for way, shot, query, train in ((3, 2, 2, False), (5, 1, 5, True)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=2, query=query)
        (another,) = draw_batch(draw, way, shot, count=1, query=query)

        def losses(subject, batches, theta=theta, train=train or not told_train):
            return subject.outer_losses(batches, theta, equal_rates(theta), 1, train).losses

        where = f"N = {way}, K = {shot}" + f", train={train}" * told_train
        assert_only_the_support(student, reference, draw, tasks, another, losses, where, "outer loss")


def flat(arrays):
    """Return all numbers of arrays by name in one row."""
    return np.concatenate([np.ravel(arrays[name]) for name in sorted(arrays)])


def cosine(first, second):
    """Return the cosine between two arrays of one shape, each taken as one row of numbers."""
    return float(first.ravel() @ second.ravel() / np.linalg.norm(first) / np.linalg.norm(second))


steps_follow_each_other = hint(
    "Several inner steps must follow each other, each from where the last one ended. Look at which parameters "
    "each step starts from, at which parameters its gradient is taken, and how many steps there are.",
    mend="phi_{i+1} = phi_i - alpha * grad L(phi_i): compute logits, gradient and update from the same current "
    "parameters, assign the result to them, and do it num_inner_steps times.",
)
