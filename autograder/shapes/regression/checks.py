"""Checks of methods that learn functions from points: families, and whole checks that an exercise may import."""

import numpy as np

from autograder.grading.check_vocabulary import after, assert_close, assert_differ, assert_shape, hint, points
from autograder.grading.scores import NEGATIVE_LOG_LIKELIHOOD, explained_variance, negative_log_likelihood
from autograder.shapes.functions.checks import assert_order_is_nothing
from autograder.shapes.regression.tasks import sinusoids

AS_CONSTRUCTED = {}  # weights


def predicted(student, tasks, weights=AS_CONSTRUCTED):
    """Ask for predictions of tasks of equal sizes: means and deviations (T, Q, 1)."""
    x, y, queries, _ = (np.stack(parts) for parts in zip(*tasks, strict=True))
    return student.predict(weights, x, y, queries)


@points(2)
@hint(
    "There is one mean for each query, and one deviation where there are any, for any number of support "
    "points. Look at the shapes of what you return.",
    mend="Return (Q, 1) for Q queries: as many rows as x_query has, and one column.",
)
def test_one_prediction_for_each_query(student, draw):
    """Predictions have the shape of the queries, for supports of any size."""
    for shot, query in ((1, 3), (4, 7)):
        got = predicted(student, sinusoids(draw.rng, 2, shot, query))
        assert_shape(got.mean, (2, query, 1), f"predictions of 2 tasks with K = {shot}, Q = {query}", "(2, Q, 1)")
        assert_shape(got.deviation, (2, query, 1), f"deviations of 2 tasks with K = {shot}, Q = {query}", "(2, Q, 1)")


@points(3)
@after(test_one_prediction_for_each_query)
@hint(
    "Each point of the support tells something of the function. Look at whether x and y of all points go into "
    "the prediction.",
    mend="Use x and y of every support point: no single point, and not x or y alone.",
)
def test_every_support_point_counts(student, draw):
    """Another x or another y of any support point gives other predictions."""
    (task,) = sinusoids(draw.rng, 1, 5, 4)
    before = predicted(student, [task]).mean
    for part in ("x_support", "y_support"):
        for point in range(5):
            changed = getattr(task, part).copy()
            changed[point] += 1
            got = predicted(student, [task._replace(**{part: changed})]).mean
            message = f"the predictions stay the same when support point {point + 1} of 5 has another {part[0]}"
            assert_differ(got, before, message)


@points(3)
@after(test_one_prediction_for_each_query)
@hint(
    "A support is a set, so the order of its points must not matter. Look at how points are joined with their "
    "values, and how they are put together.",
    mend="Keep each x with its own y, and put the points together by a sum or a mean, which do not depend on their "
    "order.",
)
def test_the_order_of_the_support_makes_no_difference(student, draw):
    """With the support points in another order the predictions are the same."""
    (task,) = sinusoids(draw.rng, 1, 6, 4)

    def ask(x, y):
        answer = predicted(student, [task._replace(x_support=x, y_support=y)])
        return {"means": answer.mean, "deviations": answer.deviation}

    assert_order_is_nothing(ask, task[:2], draw.rng, "the", least=1)


@points(2)
@after(test_one_prediction_for_each_query)
@hint(
    "The prediction for a query depends on the other queries. Look for what is computed over the whole query.",
    mend="Predict each query from the support and its own x alone: nothing is averaged, normalised, sorted or cut "
    "over the queries.",
)
def test_queries_are_answered_one_by_one(student, draw):
    """The prediction for a query does not depend on the other queries."""
    (task,) = sinusoids(draw.rng, 1, 4, 5)
    whole = predicted(student, [task])
    for query in range(5):
        alone = predicted(student, [task._replace(x_query=task.x_query[query : query + 1])])
        for part in ("mean", "deviation"):
            want = getattr(whole, part)[:, query : query + 1]
            assert_close(getattr(alone, part), want, f"{part} for query {query + 1} asked alone", least=1, place=False)


@points(2)
@after(test_one_prediction_for_each_query)
@hint(
    "Each task is learned from its own support. Look for what is kept from one task to the next, on self or "
    "in a running average, and at how the losses of a batch are put together.",
    mend="Compute everything anew for each task, and return the mean of the tasks' losses.",
)
def test_other_tasks_make_no_difference(student, draw):
    """Predictions and losses do not depend on the tasks before, and a batch's loss is the mean over its tasks."""
    tasks = sinusoids(draw.rng, 3, 4, 5)
    last = predicted(student, tasks).mean[-1:]
    assert_close(
        predicted(student, tasks[-1:]).mean,
        last,
        "predictions for a task by itself, compared with those after two others",
    )
    got = student.losses(AS_CONSTRUCTED, [tasks, *([task] for task in tasks), tasks]).losses
    assert_shape(got, (5,), "losses of 5 batches")
    alone = got[1:4]
    listed = f"{alone[0]:.5g}, {alone[1]:.5g} and {alone[2]:.5g}"
    assert_close(got[0], alone.mean(), f"loss of a batch of three tasks, whose own losses are {listed}", least=1)
    assert_close(got[4], got[0], "loss of a batch after others, compared with that before", least=1)


def assert_learns_sinusoids(student, draw, threshold, *, steps, rate=3e-3):
    """Assert that after a short training the score on other sinusoids, K = 10, reaches its threshold.

    Args:
        student, draw, threshold: the check's fixtures.
        steps: of Adam, on batches of 16 tasks.
        rate: of Adam.

    The score is the check's: EXPLAINED_VARIANCE of the means or, of means and deviations, NEGATIVE_LOG_LIKELIHOOD.
    """
    trained = student.train(tasks=16, most=10, query=10, steps=steps, rate=rate, seed=draw.seed()).weights
    tasks = sinusoids(draw.rng, 200, 10, 10)
    got, targets = predicted(student, tasks, trained), np.stack([task.y_query for task in tasks])
    if threshold.score == NEGATIVE_LOG_LIKELIHOOD:
        threshold.reached_by(negative_log_likelihood(got.mean, got.deviation, targets), made=True)
    else:
        threshold.reached_by(explained_variance(got.mean, targets), made=True)
