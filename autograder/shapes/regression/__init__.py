"""Tasks of functions: some points of a function in, predictions at others out. There are no classes, and no accuracy.

A probe says how the solution is built, and has all questions:

    from autograder.shapes.regression.probe import Regressor, loss, losses, predict, train

    __all__ = ["build", "loss", "losses", "predict", "train"]


    def build(module):
        method = module.CNP(hidden_dim=32, learning_rate=1e-3)
        return Regressor(method, lambda tasks: method._step(tasks)[0], method.predict)

Its checks are these, and what is the method's own:

    from autograder.shapes.regression.checks import (
        test_every_support_point_counts,
        test_other_tasks_make_no_difference,
        test_queries_are_answered_one_by_one,
        test_the_order_of_the_support_makes_no_difference,
    )
    from autograder.shapes.regression.checks import assert_learns_sinusoids

    @training(seconds=60, score=NEGATIVE_LOG_LIKELIHOOD)
    @points(2)
    @hint("...")
    def test_learns_sinusoids(student, draw, threshold):
        '''After a short training it predicts other sinusoids.'''
        assert_learns_sinusoids(student, draw, threshold, steps=500)

A task is (x_support, y_support, x_query, y_query), float (K, 1), (K, 1), (Q, 1), (Q, 1). Its score is the share of the
variance that is explained, or the negative log-likelihood, as the check's @training says (autograder.grading.scores).
"""
