"""Reptile: the inner loop's checks of its shape, minibatches, where theta goes, and what it learns.

The shape's questions come with no more drawings than a minibatch holds, so that chance plays no part. Minibatches are
told by where a linear layer ends: each choice of drawings leads somewhere else.
"""

import itertools
import math

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_or_name,
    hint,
    picture,
    points,
    tells,
    training,
)
from autograder.shapes.episodic.checks import assert_learns_mosaics
from autograder.shapes.functions.checks import assert_changes
from autograder.shapes.gradient import failures, linear_layer
from autograder.shapes.gradient.assertions import (
    assert_each_inner_step_starts_from_the_last,
    assert_meta_parameters_keep_their_values,
    assert_one_inner_step,
    changes,
    cosine,
    draw_batch,
    draw_parameters,
    equal_rates,
    flat,
    steps_follow_each_other,
)
from autograder.shapes.gradient.checks import (
    test_adaptation_learns_from_the_support,
    test_inner_loop_returns_all_parameters,
)
from autograder.shapes.gradient.failures import move

__all__ = ["test_adaptation_learns_from_the_support", "test_inner_loop_returns_all_parameters"]

EPSILON = 0.4  # outer_lr of the probe's objects
UNDER_WAY = 0.3  # a share of the training at which no usual schedule is at 0, nor two of them at the same epsilon
STEPS, RATE = 4, 1.5  # so far that the results lie elsewhere than the first gradient points; no number twice in a batch
DRAWINGS, SIZE = 4, 2
WITH_REPLACEMENT = "drawings are drawn with replacement, and some come twice"
LEFT_OVER = "later steps take what is left of a permutation, and fewer drawings than there should be"
CHOICES, RUNS = 6, 60  # so many that half of the choices are missed once in 10^16


def _moved(subject, tasks, theta, done=0.0, stand_in=True, **more):
    """How far an outer step moves theta."""
    left = subject.outer_step(tasks, theta, equal_rates(theta, RATE), STEPS, done, stand_in, **more).meta_parameters
    assert set(left) == set(theta), f"after _outer_step theta has the names {sorted(left)}, expected {sorted(theta)}"
    return changes(left, theta)


def _share(move, first):
    """How far a move goes along another one, as a share of that."""
    row = flat(first)
    return float(flat(move) @ row / (row @ row))


def _batch(draw, count=2):
    """A theta, and two tasks, or so many, with no more drawings than a minibatch holds."""
    return draw_parameters(draw, 3), draw_batch(draw, way=3, shot=1, count=count)


def _minibatches(student, draw, steps, drawings=DRAWINGS, size=SIZE):
    """Which drawings each run took at each step, in order, or None where that cannot be told: (runs, steps).

    Some may come twice, and there may be fewer or more than there should be, or none.
    """
    images, labels = draw.normal(drawings, 1, 1, 5), np.array([0, 1, 2, 1][:drawings])
    w4, b4 = draw.normal(3, 5, scale=0.5), draw.normal(3, scale=0.5)
    W = np.c_[w4, b4]
    chosen = [
        minibatch
        for count in range(max(drawings, size), -1, -1)  # of paths with one end those that begin with most drawings
        for minibatch in itertools.combinations_with_replacement(range(drawings), count)
        if math.gcd(*map(minibatch.count, minibatch)) <= 1  # all of them twice is what they are once
    ]
    paths = {path: _end(images, labels, W, path) for path in itertools.product(chosen, repeat=steps)}
    ends = np.stack(list(paths.values()))
    got = student.minibatches(images, labels, w4, b4, size, steps, RUNS).weights
    assert got.shape == (RUNS, *w4.shape), f"adapted weights: shape {got.shape[1:]}, expected {w4.shape}"
    near = [np.flatnonzero(np.abs(ends - weights).max(axis=(1, 2)) < 1e-6) for weights in got]
    return [list(paths)[found[0]] if len(found) else None for found in near]


def _is_right(minibatch, drawings=DRAWINGS, size=SIZE):
    return len(set(minibatch)) == len(minibatch) == min(drawings, size)


def _described(minibatch, drawings=DRAWINGS):
    """What a step was on, in words that go on after "was on"."""
    if minibatch is None:
        return "something else: is it a gradient step on the mean cross entropy of a minibatch?"
    if not minibatch:
        return "no drawing at all"
    if len(set(minibatch)) < len(minibatch):
        return f"{len(minibatch)}, of which some were the same drawing"
    return f"{len(minibatch)} of the {drawings}"


def _end(images, labels, W, path):
    """Where steps of rate 1 on these minibatches lead a linear layer's weights."""
    for minibatch in filter(None, map(list, path)):
        W = W - linear_layer.gradient(images[minibatch], labels[minibatch], W)
    return W[:, :-1]


@tells
@points(2)
@after(test_adaptation_learns_from_the_support)
@hint(
    "A minibatch has batch_size different drawings, or all of them where there are no more. Look at how the drawings "
    "of a step are chosen, of the first one and of later ones.",
    mend="Take the first self._batch_size numbers of a random permutation of all n, and do so anew in each step. "
    "Numbers that are drawn one by one come twice; a permutation that is cut into pieces runs out.",
)
def test_a_minibatch_has_different_drawings(student, draw):
    """A minibatch has no drawing twice, and is no smaller than it can be."""
    drawings, size = 3, 4
    taken = [path for path in _minibatches(student, draw, 2, drawings, size) if path]  # others tell what else is wrong
    for step in range(2):
        # A step on no drawing changes nothing, as one that is not taken: that is for the next checks to tell.
        wrong = [path[step] for path in taken if path[step] and not _is_right(path[step], drawings, size)]
        if wrong:
            twice = any(len(set(minibatch)) < len(minibatch) for minibatch in wrong)
            assert_or_name(
                False,
                f"batch_size is {size}, and there are {drawings} drawings: in {len(wrong)} of {len(taken)} runs step "
                f"{step + 1} was not on each of them once; it was on {_described(wrong[0], drawings)}",
                WITH_REPLACEMENT if twice else LEFT_OVER if step else "",
            )
    # With a drawing left over, a second step on what is left is no step on nothing, and can be told from none.
    taken = [path for path in _minibatches(student, draw, 2, drawings, drawings - 1) if path and path[1]]
    left = [path for path in taken if len(path[1]) < len(path[0]) and not set(path[0]) & set(path[1])]
    assert_or_name(
        not taken or len(left) < len(taken),
        f"batch_size is {drawings - 1}, and there are {drawings} drawings: in all of {len(taken)} runs the second step "
        "was on fewer drawings than the first, on those that the first had left over",
        LEFT_OVER,
    )


@points(5)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@hint(
    "An inner step goes along the gradient of the mean cross entropy over the minibatch. Look at what the loss "
    "averages over, whether softmax is applied twice, whether all parameters move, how far and how often.",
    mend="phi = theta - alpha * grad L(theta, minibatch): F.cross_entropy on the logits as they are (it applies "
    "softmax itself and averages), over the whole minibatch, with respect to all parameters; the gradient as it is, "
    "without clipping; once for each of num_inner_steps.",
)
def test_one_inner_step(student, reference, draw):
    """One inner step is a gradient step on the minibatch's cross entropy."""
    assert_one_inner_step(student, reference, draw)


@points(3)
@after(test_adaptation_learns_from_the_support, test_a_minibatch_has_different_drawings)
@picture(failures.path)
@steps_follow_each_other
def test_each_inner_step_starts_from_the_last(student, draw):
    """Several inner steps follow each other, each from the result of the last."""
    assert_each_inner_step_starts_from_the_last(student, draw)


@points(2)
@after(test_inner_loop_returns_all_parameters, test_a_minibatch_has_different_drawings)
@hint(
    "Theta belongs to the outer step, and the inner loop must leave it as it was. Look for an update that "
    "writes into a tensor, and for what is kept on self from one task to the next.",
    mend="Begin every task with copies of the tensors in self._meta_parameters, detach().clone(). detach() alone is "
    "no copy: an in-place update of it (-=, .data, .copy_) writes into theta.",
)
def test_meta_parameters_keep_their_values(student, draw):
    """The inner loop leaves theta as it was, and the next task starts from it."""
    assert_meta_parameters_keep_their_values(student, draw)


@points(2)
@after(test_one_inner_step, test_a_minibatch_has_different_drawings)
@hint(
    "Each inner step is on a few drawings of the task, chosen by chance. Look at how many drawings a step "
    "sees, and whether each of them can be chosen.",
    mend="Choose self._batch_size different drawings by a random permutation, and take their labels by the same "
    "indices. All at once, always the same few, or blocks of neighbours are no such minibatch.",
)
def test_a_step_is_on_a_minibatch(student, draw):
    """An inner step is on batch_size different drawings, chosen at random."""
    taken = _minibatches(student, draw, 1)
    wrong = [path and path[0] for path in taken if not path or not _is_right(path[0])]
    assert not wrong, (
        f"{len(wrong)} of {RUNS} steps were not on exactly {SIZE} of the {DRAWINGS} drawings: the first of them was on "
        f"{_described(wrong[0])}"
    )
    seen = len(set(taken))
    assert seen > CHOICES / 2, f"in {RUNS} runs only {seen} of {CHOICES} possible minibatches were ever chosen"


@points(3)
@after(test_a_step_is_on_a_minibatch, test_each_inner_step_starts_from_the_last)
@hint(
    "Reptile brings the gradients of different minibatches of a task to agree, and that is what it has over "
    "joint training. Look at where the minibatch is chosen.",
    mend="Choose a new minibatch inside the loop over the steps.",
)
def test_minibatches_differ_from_step_to_step(student, draw):
    """Each inner step has a minibatch of its own."""
    taken = _minibatches(student, draw, 2)
    wrong = [path for path in taken if not path or not all(map(_is_right, path))]
    assert not wrong, (
        f"{len(wrong)} of {RUNS} loops were not two steps on {SIZE} of the drawings each: the second step of "
        f"the first of them was on {_described(wrong[0] and wrong[0][1])}"
    )
    differ = sum(first != second for first, second in taken)
    assert differ, f"in {RUNS} loops of two steps both were on the same drawings"


@points(12)
@picture(move)
@hint(
    "Theta moves towards where the inner loops end. Look at the sign of the move, and at what it is made of: "
    "it is neither a gradient of the query, as in MAML, nor one step on all tasks together.",
    mend="theta becomes theta + epsilon * mean(phi - theta), with phi from self._inner_loop. Write it into the "
    "tensors of self._meta_parameters, in place (+=, copy_), under torch.no_grad().",
)
def test_outer_step_moves_theta_towards_the_results(student, reference, draw):
    """The outer step moves theta towards what the inner loops end with."""
    theta, tasks = _batch(draw)

    def compare(stand_in):
        got, want = (flat(_moved(subject, tasks, theta, UNDER_WAY, stand_in)) for subject in (student, reference))
        assert (got != 0).any(), (
            f"theta is where it was before the outer step, when {UNDER_WAY:.0%} of the training is over"
        )
        slope = cosine(got, want)
        assert slope > 0.98, (
            f"theta does not move towards the results: the cosine between both directions is {slope:.2f}, expected 1"
        )

    assert_either(compare)


@points(4)
@after(test_outer_step_moves_theta_towards_the_results)
@picture(move)
@hint(
    "Reptile does not divide a task into support and query. Look at which drawings and labels you give to _inner_loop.",
    mend="Join the drawings of support and query, and their labels in the same order, and let _inner_loop choose "
    "its minibatches from all of them.",
)
def test_all_drawings_of_a_task_are_learned_from(student, draw):
    """The outer step learns from a task's support and query, drawings and labels."""
    theta, tasks = _batch(draw)
    others = {
        f"{part} {what}": [
            task._replace(**{f"{what}_{part}": value(getattr(task, f"{what}_{part}"))}) for task in tasks
        ]
        for part in ("support", "query")
        for what, value in (("images", lambda x: draw.normal(*x.shape)), ("labels", lambda y: (y + 1) % 3))
    }
    assert_either(
        lambda stand_in: assert_changes(
            lambda batch: flat(_moved(student, batch, theta, UNDER_WAY, stand_in)), tasks, others, "move of theta"
        )
    )


@points(7)
@after(test_all_drawings_of_a_task_are_learned_from, test_adaptation_learns_from_the_support)
@picture(move)
@hint(
    "Theta does not move by epsilon times the mean of phi - theta. Look at whether you add or average over the tasks, "
    "at which rate you use, and what it is when the training begins, at where each task starts, and in the inner loop "
    "at whether each drawing keeps its own label.",
    mend="Learn every task from the same theta, with drawings and labels joined in the same order. Move theta once, "
    "when all are done, by epsilon times the mean of phi - theta over all of them, for every parameter. epsilon is "
    "outer_lr * (1 - done): all of outer_lr when the training begins, and 0 at its end.",
)
def test_outer_step_is_epsilon_times_the_mean(student, reference, draw):
    """Theta moves by epsilon times the mean over the tasks of phi - theta."""
    theta, tasks = _batch(draw)

    def compare(stand_in):
        got, want = (_moved(subject, tasks, theta, 0.0, stand_in) for subject in (student, reference))
        assert_close(got, want, f"with epsilon = {EPSILON}, move of")

    assert_either(compare)


@points(5)
@after(test_outer_step_moves_theta_towards_the_results)
@picture(move)
@hint(
    "Epsilon falls in a straight line from outer_lr to 0. Look at how it depends on done, the share of the "
    "training that is over, and at whether an outer step leaves anything but theta changed.",
    mend="epsilon = outer_lr * (1 - done): all of outer_lr at first, half of it halfway, nothing at the end. Keep it "
    "in a variable of its own: self._outer_lr stays as it is.",
)
def test_epsilon_falls_to_zero(student, draw):
    """Epsilon falls in a straight line, to zero at the end of the training."""
    theta, tasks = _batch(draw, count=1)  # whose place in a batch, and share of it, are for another check

    def compare(stand_in):
        first = _moved(student, tasks, theta, 0.0, stand_in)
        assert flat(first).any(), (
            "the first outer step leaves theta as it was, and epsilon should be all of outer_lr then"
        )
        for done in (0.25, 0.8, 1.0):
            share = _share(_moved(student, tasks, theta, done, stand_in), first)
            assert abs(share - (1 - done)) < 1e-4, (
                f"when {done:.0%} of the training is over theta moves {share:.3g} times as far as at its beginning, "
                f"expected {1 - done:.3g} times"
            )
            got = {name: move + first[name] for name, move in _moved(student, tasks, theta, done, stand_in).items()}
            want = {name: (2 - done) * move for name, move in first.items()}
            assert_close(got, want, f"when {done:.0%} of the training is over, with the first move added, move of")
        alone, later = (_moved(student, tasks, theta, 0.25, stand_in, **more) for more in ({}, {"earlier": 0.8}))
        assert_close(later, alone, "when 25% of the training is over, after another outer step at 80%, move of")

    assert_either(compare)


@training(seconds=120)
@points(3)
@after(
    test_minibatches_differ_from_step_to_step,
    test_meta_parameters_keep_their_values,
    test_outer_step_is_epsilon_times_the_mean,
    test_epsilon_falls_to_zero,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print how far theta moves in each outer step: it should become less and less, and never be 0 before the end.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training on noisy mosaics it learns new ones in a single step, 5-way 1-shot."""
    rate = {"inner_lr": 1.0}  # and one step: more would learn them from any theta
    assert_learns_mosaics(student, draw, threshold, batches=80, rates=rate, steps=1, **rate)
