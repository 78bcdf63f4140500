"""Reptile: the inner loop's checks of its shape, minibatches, where theta goes, and what it learns.

The shape's questions come with no more drawings than a minibatch holds, so that chance plays no part. Minibatches are
told by where a linear layer ends: each choice of drawings leads somewhere else.
"""

import itertools

import numpy as np

from autograder.grading.check_vocabulary import after, assert_close, assert_either, hint, picture, points, training
from autograder.shapes.episodic.checks import assert_learns, mosaics
from autograder.shapes.functions.checks import assert_changes
from autograder.shapes.gradient.checks import (
    changes,
    draw_batch,
    draw_parameters,
    equal_rates,
    test_adaptation_learns_from_the_support,
    test_each_inner_step_starts_from_the_last,
    test_inner_loop_returns_all_parameters,
    test_meta_parameters_keep_their_values,
    test_one_inner_step,
)
from autograder.shapes.gradient.failures import move

__all__ = [
    "test_adaptation_learns_from_the_support",
    "test_each_inner_step_starts_from_the_last",
    "test_inner_loop_returns_all_parameters",
    "test_meta_parameters_keep_their_values",
    "test_one_inner_step",
]

EPSILON = 0.5  # when the probe's training begins
STEPS, RATE = 3, 2.0  # so far that the results lie elsewhere than the first gradient points
DRAWINGS, SIZE = 4, 2
CHOICES, RUNS = 6, 60  # so many that half of the choices are missed once in 10^16


def _flat(arrays):
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def _moved(subject, tasks, theta, done=0.0, stand_in=True):
    """How far an outer step moves theta."""
    left = subject.outer_step(tasks, theta, equal_rates(theta, RATE), STEPS, done, stand_in).meta_parameters
    assert set(left) == set(theta), f"after _outer_step theta has the names {sorted(left)}, expected {sorted(theta)}"
    return changes(left, theta)


def _batch(draw):
    """A theta, and three tasks with no more drawings than a minibatch holds."""
    return draw_parameters(draw, 3), draw_batch(draw, way=3, shot=1)


def _minibatches(student, draw, steps):
    """Which drawings each run took at each step, or None where they are no minibatches: (runs, steps)."""
    images, labels = draw.normal(DRAWINGS, 1, 1, 5), np.array([0, 1, 2, 1])
    w4, b4 = draw.normal(3, 5, scale=0.5), draw.normal(3, scale=0.5)
    chosen = list(itertools.combinations(range(DRAWINGS), SIZE))
    paths = {path: _end(images[:, 0, 0], labels, w4, b4, path) for path in itertools.product(chosen, repeat=steps)}
    got = student.minibatches(images, labels, w4, b4, SIZE, steps, RUNS).weights
    assert got.shape == (RUNS, *w4.shape), f"adapted weights: shape {got.shape[1:]}, expected {w4.shape}"
    near = [[path for path, end in paths.items() if np.abs(end - weights).max() < 1e-6] for weights in got]
    return [path[0] if path else None for path in near]


def _end(x, labels, weights, bias, path):
    """Where steps of rate 1 on these minibatches lead a linear layer."""
    for minibatch in map(list, path):
        scores = np.exp(x[minibatch] @ weights.T + bias)
        slope = (scores / scores.sum(axis=1, keepdims=True) - np.eye(len(bias))[labels[minibatch]]) / len(minibatch)
        weights, bias = weights - slope.T @ x[minibatch], bias - slope.sum(axis=0)
    return weights


@points(4)
@after(test_one_inner_step)
@hint(
    "Each inner step is on a few drawings of the task, chosen by chance. Look at how many drawings a step "
    "sees, and whether each of them can be chosen.",
    mend="Choose self._batch_size different drawings by a random permutation, and take their labels by the same "
    "indices. All at once, always the same few, or blocks of neighbours are no such minibatch.",
)
def test_a_step_is_on_a_minibatch(student, draw):
    """An inner step is on batch_size different drawings, chosen at random."""
    taken = _minibatches(student, draw, 1)
    assert None not in taken, (
        f"{taken.count(None)} of {RUNS} steps were not on exactly {SIZE} of the {DRAWINGS} drawings"
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
    assert None not in taken, f"{taken.count(None)} of {RUNS} loops were not two steps on {SIZE} of the drawings each"
    differ = sum(first != second for first, second in taken)
    assert differ, f"in {RUNS} loops of two steps both were on the same drawings"


@points(12)
@picture(move)
@hint(
    "Theta moves towards where the inner loops end. Look at the sign of the move, and at what it is made of: "
    "it is neither a gradient of the query, as in MAML, nor one step on all tasks together.",
    mend="theta becomes theta + epsilon * mean(phi - theta), with phi from self._inner_loop. Write it into the "
    "tensors of self._meta_parameters.",
)
def test_outer_step_moves_theta_towards_the_results(student, reference, draw):
    """The outer step moves theta towards what the inner loops end with."""
    theta, tasks = _batch(draw)

    def compare(stand_in):
        got, want = (_flat(_moved(subject, tasks, theta, 0.5, stand_in)) for subject in (student, reference))
        assert (got != 0).any(), "theta is where it was before the outer step"
        cosine = float(got @ want / np.linalg.norm(got) / np.linalg.norm(want))
        assert cosine > 0.98, (
            f"theta does not move towards the results: the cosine between both directions is {cosine:.2f}, expected 1"
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
            lambda batch: _flat(_moved(student, batch, theta, 0.5, stand_in)), tasks, others, "move of theta"
        )
    )


@points(7)
@after(test_all_drawings_of_a_task_are_learned_from, test_adaptation_learns_from_the_support)
@picture(move)
@hint(
    "Theta moves, but not by the right amount. Look at whether you add or average over "
    "the tasks, at which rate you use, and at where each task starts.",
    mend="Learn every task from the same theta, and move theta once, when all are done, by epsilon times the mean "
    "of phi - theta, for every parameter.",
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
    "training that is over.",
    mend="epsilon = outer_lr * (1 - done): all of outer_lr at first, half of it halfway, nothing at the end.",
)
def test_epsilon_falls_to_zero(student, draw):
    """Epsilon falls in a straight line, to zero at the end of the training."""
    theta, tasks = _batch(draw)

    def compare(stand_in):
        first = _moved(student, tasks, theta, 0.0, stand_in)
        for done in (0.25, 0.8, 1.0):
            got = {name: move + first[name] for name, move in _moved(student, tasks, theta, done, stand_in).items()}
            want = {name: (2 - done) * move for name, move in first.items()}
            assert_close(got, want, f"when {done:.0%} of the training is over, with the first move added, move of")

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
    "Every part looks right by itself, but together they do not learn well enough. Train it yourself with "
    "hw2/train.py, and look at the curve.",
    mend="Print how far theta moves in each outer step: it should become less and less, and never be 0 before the end.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training on noisy mosaics it learns new ones in a single step, 5-way 1-shot."""
    learned = mosaics(draw, 200), mosaics(draw, 60)  # more steps would learn them from any theta
    rates = {"inner_lr": 1.0}
    assert_learns(student, draw, threshold, *learned, batches=80, made=True, rates=rates, steps=1, inner_lr=1.0)
