"""A conditional neural process.

Its halves are held against the reference with the same weights. The loss is held against the student's own predictions,
which other checks judge: a mistake in them is paid for once.
"""

import itertools

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_differ,
    assert_or_name,
    hint,
    points,
    training,
)
from autograder.grading.scores import NEGATIVE_LOG_LIKELIHOOD, negative_log_likelihood
from autograder.shapes.functions.checks import assert_answers_stay_apart, assert_flows, assert_same
from autograder.shapes.regression.checks import (
    AS_CONSTRUCTED,
    assert_learns_sinusoids,
    predicted,
    test_every_support_point_counts,
    test_one_prediction_for_each_query,
    test_other_tasks_make_no_difference,
    test_queries_are_answered_one_by_one,
    test_the_order_of_the_support_makes_no_difference,
)
from autograder.shapes.regression.tasks import sinusoids

HIDDEN = 64
CONSTANT = np.log(2 * np.pi) / 2
SAME = 1e-5  # losses as near as this, as a share of their size, are the same
WRONG_LOSSES = {  # of errors e, deviations d (tasks, Q, 1) and the constant c; mutants.md has the same words
    "the loss is summed over the query's points instead of averaged": lambda e, d, c: e.shape[1] * _surprise(e, d, c),
    "the mean over the query is divided by Q once more": lambda e, d, c: _surprise(e, d, c) / e.shape[1],
    "the minus sign is missing: the loss is the log-likelihood": lambda e, d, c: -_surprise(e, d, c),
    "the deviation is given where the variance is asked for": lambda e, d, c: _surprise(e, d**0.5, c),
    "the variance is given where the deviation is asked for": lambda e, d, c: _surprise(e, d**2, c),
    "log sigma^2 stands where log sigma belongs": lambda e, d, c: e**2 / d**2 / 2 + 2 * np.log(d) + c,
    "log sigma is halved, as if sigma were a variance": lambda e, d, c: e**2 / d**2 / 2 + np.log(d) / 2 + c,
    "log sigma is subtracted instead of added": lambda e, d, c: e**2 / d**2 / 2 - np.log(d) + c,
    "log sigma is left out, so that the loss is least for a deviation without bounds": lambda e, d, c: (
        e**2 / d**2 / 2 + c
    ),
    "the squared error is divided by sigma^2, not by 2 sigma^2": lambda e, d, c: e**2 / d**2 + np.log(d) + c,
    "the squared error is divided by 2 sigma, not by 2 sigma^2": lambda e, d, c: e**2 / d / 2 + np.log(d) + c,
    "the absolute error stands where the squared error belongs": lambda e, d, c: abs(e) / d**2 / 2 + np.log(d) + c,
    "the loss is the squared error, and the deviation goes into nothing": lambda e, d, c: e**2,
    "the loss is the absolute error, and the deviation goes into nothing": lambda e, d, c: abs(e),
}


def _surprise(e, d, c):
    """-log N, point by point."""
    return e**2 / d**2 / 2 + np.log(d) + c


def _wrong_loss(got, answer, targets):
    """The mistake by which a student's predictions, right or wrong, give this loss; "" if there is none, or several."""
    e, d = targets - answer.mean, answer.deviation
    found = [
        says
        for says, loss in WRONG_LOSSES.items()
        if any(abs(got - loss(e, d, c).mean()) <= SAME * abs(got) for c in (0, CONSTANT))
    ]
    return found[0] if len(found) == 1 else ""


def _weights(draw):
    """Weights of encoder and decoder, by name."""
    weights = {}
    for part, sizes in (("encoder", (2, HIDDEN, HIDDEN, HIDDEN)), ("decoder", (HIDDEN + 1, HIDDEN, HIDDEN, 2))):
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            weights[f"{part}.{2 * layer}.weight"] = draw.normal(outputs, inputs, scale=inputs**-0.5)
            weights[f"{part}.{2 * layer}.bias"] = draw.normal(outputs)
    return weights


@points(3)
@after(test_one_prediction_for_each_query)
@hint(
    "However sure the decoder is, the deviation is never below 0.1. Look at the formula in the docstring of "
    "decode: is what you return a deviation, or a variance?",
    mend="sigma = 0.1 + 0.9 softplus(s). The floor belongs to the deviation: that of the variance would be 0.01.",
)
def test_the_deviation_has_a_floor(student, draw):
    """Where the decoder's second output is far below 0, the deviation is 0.1."""
    for scale in (1, 5):
        weights = _weights(draw)
        weights["decoder.4.bias"] -= 100
        got = student.decode(weights, draw.normal(HIDDEN, scale=scale), draw.normal(5, 1)).deviation
        assert_close(got, np.full((5, 1), 0.1), "deviations where the decoder's second output is near -100")


@points(3)
@after(test_the_deviation_has_a_floor, test_queries_are_answered_one_by_one)
@hint(
    "Of the decoder's two outputs the first is the mean, and the second becomes the deviation. Look at what "
    "the decoder reads, which output you take for what, by which formula, and whether that is right for a large s too.",
    mend="Give the decoder r before x. Return its first output as it is, and of the second 0.1 + 0.9 F.softplus(s): "
    "not exp or ReLU, and with both factors. log(1 + exp(s)) by hand is infinite for a large s, where it should be s.",
)
def test_mean_and_deviation_come_from_the_decoder(student, reference, draw):
    """The decoder's first output is the mean, and the second gives the deviation by the formula."""
    for query in (6, 1):  # at several points first: one number may be right by accident
        given = _weights(draw), draw.normal(HIDDEN, scale=3), draw.normal(query, 1, scale=3)
        got, want = student.decode(*given), reference.decode(*given)
        for part in ("mean", "deviation"):
            assert_close(getattr(got, part), getattr(want, part), f"{part} for Q = {query}")
    weights = _weights(draw)
    weights["decoder.4.bias"] += 5000
    given = weights, draw.normal(HIDDEN), draw.normal(5, 1)
    what = "deviation where the decoder's second output is near 5000"
    assert_close(student.decode(*given).deviation, reference.decode(*given).deviation, what)


@points(6)
@after(test_one_prediction_for_each_query)
@hint(
    "The support tells which function it is. Look in step at what the query is predicted from: its own values "
    "may not be a part of that.",
    mend="In step call self.predict with x_support, y_support and x_query of the same task; y_query is for the "
    "loss alone.",
)
def test_the_loss_goes_by_the_support(student, draw):
    """Another y_support gives another loss, and the y of one query tells nothing of another."""
    for shot, query in ((1, 4), (6, 3)):
        tasks = sinusoids(draw.rng, 3, shot, query)
        others = [task._replace(y_support=task.y_support + draw.normal(shot, 1)) for task in tasks]
        before, got = student.losses(AS_CONSTRUCTED, [tasks, others]).losses
        assert_differ(got, before, f"K = {shot}, Q = {query}: the loss stays the same when the support has another y")
        message = (
            f"K = {shot}, Q = {query}: with another y of one query the loss of another changes: predictions go by the "
            "y of the query"
        )
        assert_answers_stay_apart(
            lambda batches: student.losses(AS_CONSTRUCTED, batches).losses, tasks, "y_query", message
        )


@points(3)
@after(test_the_loss_goes_by_the_support, test_the_order_of_the_support_makes_no_difference)
@hint(
    "A representation must not grow with the number of points: a decoder that was trained with few points "
    "would meet numbers that it has never seen. Look at how represent puts the encodings together.",
    mend="r is the mean of the encodings over the points: not their sum, and divided by K, whatever K is.",
)
def test_the_support_twice_is_the_support(student, draw):
    """A support that is given twice over gives the predictions that it gives once."""
    for shot in (1, 5):
        (task,) = sinusoids(draw.rng, 1, shot, 4)
        twice = task._replace(x_support=np.tile(task.x_support, (2, 1)), y_support=np.tile(task.y_support, (2, 1)))
        got, want = predicted(student, [twice]), predicted(student, [task])
        for part in ("mean", "deviation"):
            what = f"{part} with each of the {shot} support points given twice"
            assert_close(getattr(got, part), getattr(want, part), what, least=1)


@points(3)
@after(test_the_support_twice_is_the_support, test_every_support_point_counts)
@hint(
    "r is the mean over the points of h(x_k, y_k). Look at what the encoder reads, in which order, and at "
    "what happens to its outputs.",
    mend="Join x and y along the last axis, x first, run the encoder once on all points, and average its outputs "
    "over the points: no ReLU, no largest, no median.",
)
def test_the_representation_is_the_mean_of_the_encodings(student, reference, draw):
    """A representation is the mean of the encoder's outputs for the pairs (x, y)."""
    for shot in (1, 4, 9):
        (task,) = sinusoids(draw.rng, 1, shot, 1)
        what = f"representation for K = {shot}"
        given = _weights(draw), task.x_support, task.y_support
        assert_same(student.represent, reference.represent, what, *given)


@points(3)
@after(test_the_loss_goes_by_the_support, test_other_tasks_make_no_difference, test_the_deviation_has_a_floor)
@hint(
    "The loss is (y - mu)^2 / (2 sigma^2) + log sigma, averaged over the query. Look at the sign, at which "
    "power of sigma stands where, at whose points are in the mean, and whether a density is computed before its "
    "logarithm: far from mu it is rounded to 0.",
    mend="torch.distributions.Normal(mean, deviation).log_prob(y) takes a deviation; F.gaussian_nll_loss takes a "
    "variance. Average over the points of the query only, and check that y has the shape of the mean, (Q, 1).",
)
def test_the_loss_is_the_negative_log_likelihood_of_the_query(student, draw):
    """The loss is the mean of -log N(y; mu, sigma^2) over the query, with or without its constant."""
    for shot, query in ((1, 5), (7, 2)):
        tasks = sinusoids(draw.rng, 3, shot, query)
        weights = _weights(draw)  # larger than those of the beginning, by which all functions look much alike
        answer, targets = predicted(student, tasks, weights), np.stack([task.y_query for task in tasks])
        want = negative_log_likelihood(answer.mean, answer.deviation, targets)
        got = student.loss(weights, tasks).loss.item()
        near = want - CONSTANT if abs(got - want + CONSTANT) < abs(got - want) else want
        what = f"loss for K = {shot}, Q = {query}, by your own predictions"
        try:
            assert_close(got, near, what)
        except AssertionError as error:
            if says := _wrong_loss(got, answer, targets):
                assert_or_name(False, str(error), says)
            raise
    # Far from the mean a density is rounded to 0, and its logarithm is none.
    tasks = [task._replace(y_query=task.y_query + 5000) for task in sinusoids(draw.rng, 2, 4, 3)]
    weights = _weights(draw)
    answer, targets = predicted(student, tasks, weights), np.stack([task.y_query for task in tasks])
    want = negative_log_likelihood(answer.mean, answer.deviation, targets)
    got = student.loss(weights, tasks).loss.item()
    assert_close(got, want, "loss of values that are 5000 away, by your own predictions", rtol=1e-3)


@points(3)
@after(test_the_loss_is_the_negative_log_likelihood_of_the_query, test_mean_and_deviation_come_from_the_decoder)
@hint(
    "Encoder and decoder are learned together, from this loss alone, and the gradient of a part of them is missing or "
    "wrong. Look at whether the graph is cut between them and the loss, and where.",
    mend="No torch.no_grad(), detach() or .item() on the way from the encoder or the decoder to the loss, and no "
    "backward() in step: that is the caller's.",
)
def test_the_gradient_reaches_encoder_and_decoder(student, reference, draw):
    """The gradient of the loss reaches all weights of the encoder and of the decoder."""
    given = {"weights": _weights(draw), "tasks": sinusoids(draw.rng, 2, 3, 4)}
    assert_flows(student.loss, reference.loss, ["weights"], draw.rng, "gradient of the loss", **given)


@training(seconds=60, score=NEGATIVE_LOG_LIKELIHOOD)
@points(4)
@after(
    test_the_representation_is_the_mean_of_the_encodings,
    test_mean_and_deviation_come_from_the_decoder,
    test_the_gradient_reaches_encoder_and_decoder,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw1/train.py cnp, and look at the curve.",
    mend="Plot means and deviations for a few tasks: means that are flat say that the support is not used, "
    "deviations that stay at 0.1 or above 1 that the loss does not move them.",
)
def test_learns_sinusoids(student, draw, threshold):
    """After a short training it predicts other sinusoids from ten points, and knows how well."""
    assert_learns_sinusoids(student, draw, threshold, steps=1000, rate=5e-3)
