"""Marks tell arrays of every size apart, and a name is given only with the number that the report prints."""

import itertools

import numpy as np
import pytest

from autograder.grading import fingerprints, named_mistakes
from autograder.grading.evidence import Call, Evidence, Failure, Moment
from autograder.grading.fingerprints import PROJECTIONS, marks, same
from autograder.grading.named_mistakes import CLOSE
from autograder.grading.traces import Marked, Trace, fitting, given, marked

SIZES = (*range(1, 13), 15, 25, 30, 64, 75, 150, 784)
RIGHT = np.array([4.2917, 5.5369, 5.5475, 1.7908, 4.2917])  # losses of a batch of three, of each alone, of the batch


def are_same(first, second):
    return same(marks({"answer": np.asarray(first)}), marks({"answer": np.asarray(second)}), CLOSE)


@pytest.mark.parametrize("size", SIZES)
def test_the_directions_are_independent(size):
    directions = fingerprints._directions(size) * np.sqrt(size)
    assert np.linalg.svd(directions, compute_uv=False)[-1] > 0.1 and len(directions) == PROJECTIONS
    assert np.abs(directions).min() >= 0.5


@pytest.mark.parametrize("size", [*SIZES[:-1], pytest.param(SIZES[-1], marks=pytest.mark.slow)])
def test_a_value_that_is_there_twice_does_not_cancel(size):
    right = np.linspace(1, 2, size)
    for first, second in itertools.combinations(range(size), 2):
        for signs in (1, -1):
            wrong = right.copy()
            wrong[first], wrong[second] = wrong[first] + 0.3, wrong[second] + signs * 0.3
            assert not are_same(wrong, right), (first, second, signs)


@pytest.mark.parametrize("size", range(1, 7))
def test_small_arrays_of_plausible_answers_have_marks_of_their_own(size):
    every = np.array(list(itertools.product((0.0, 0.25, 0.5, 1.0), repeat=size)))
    found = np.concatenate([marks({"answer": answer}) for answer in every])
    for scale in np.unique(found[:, 0]):
        alike = found[found[:, 0] == scale, 1:]
        order = np.argsort(alike[:, 0])
        for place, row in enumerate(alike[order]):
            near = alike[order][place + 1 :]
            near = near[: np.searchsorted(near[:, 0], row[0] + CLOSE * scale, side="right")]
            assert not (np.abs(near - row) <= CLOSE * scale).all(axis=1).any(), row


@pytest.mark.parametrize("size", SIZES)
def test_random_arrays_and_their_likes_have_marks_of_their_own(size):
    rng = np.random.default_rng(size)
    for _ in range(50):
        right = rng.standard_normal(size)
        others = [np.roll(right, 1), right[::-1], -right, right / 3, right + 0.1, right.mean() + 0 * right]
        for other in others:
            assert are_same(right, other) == np.allclose(right, other)
        assert are_same(right, right * (1 + 1e-6 * rng.standard_normal(size)))


def test_the_loss_of_a_batch_does_not_cancel_where_it_is_asked_twice():
    divided, first, last = (RIGHT.copy() for _ in range(3))
    divided[[0, 4]], first[[0, 4]], last[[0, 4]] = RIGHT[0] / 3, RIGHT[1], RIGHT[3]
    answers = (RIGHT, divided, first, last)
    assert [are_same(a, b) for a, b in itertools.combinations(answers, 2)] == 6 * [False]


def failed(message):
    """A failure of losses, and a mistake with the same losses."""
    call = Call("losses", {}, {}, 0, {"losses": RIGHT}, {"losses": Moment(0, 0)})
    piece = Evidence(False, 0, [call], [{"losses": RIGHT}])
    return piece, Failure("test_x", 0, [piece], message=message)


def known(piece, seen):
    return Marked(Trace("test_x", "it is so", 0, calls=given(piece), seen=seen), marked(piece))


@pytest.mark.parametrize(
    ("seen", "of_the_mistake", "is_named"),
    [
        ("loss: got 5.5369, expected 4.2917", "loss: got 5.5369, expected 4.2917", True),
        ("loss: got 5.5369, expected 4.2917", "loss: got 5.5370, expected 4.2917", True),
        ("loss: got 5.5369, expected 4.2917", "loss: got 1.4306, expected 4.2917", False),
        ("loss at [0]: got 2, expected 1 (2 of 2 differ)", "loss at [1]: got 3, expected 2 (2 of 2 differ)", True),
        ("loss at [0]: got 2, expected 1 (2 of 2 differ)", "loss at [1]: got 9, expected 2 (2 of 2 differ)", False),
        ("loss: got 5.5369, expected 4.2917", "", False),
        ("the outputs change by up to 0.098", "", True),
        ("loss: got -1e-05, expected 2e-05", "loss: got -1.0001e-05, expected 2e-05", True),
    ],
)
def test_a_name_takes_the_number_that_the_report_prints(seen, of_the_mistake, is_named):
    piece, failure = failed(seen)
    assert bool(fitting(failure, [[known(piece, of_the_mistake)]])) is is_named
    assert named_mistakes.agree(seen, of_the_mistake) is is_named
