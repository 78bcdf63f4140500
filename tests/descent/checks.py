"""Problem 3. Descent

The inner loop is judged on quadratic losses, in double precision.
"""

from autograder.grading.check_vocabulary import after, assert_close, hint, points


def _adapt(subject, task, steps):
    return subject.adapt(*task, rate=0.05, steps=steps)


def _task(draw):
    return draw.normal(4), draw.normal(3, 4), draw.normal(3)


@points(5)
@hint(
    "One step goes against the gradient of the loss at the parameters, times inner_lr.",
    mend="Subtract inner_lr times the gradient from each of the parameters.",
)
def test_one_step_descends(student, reference, draw):
    """One inner step is one step of gradient descent."""
    task = _task(draw)
    got, want = (_adapt(subject, task, 1) for subject in (student, reference))
    assert_close(got.adapted, want.adapted, "adapted parameters")


@points(5)
@after(test_one_step_descends)
@hint(
    "Each step begins where the last one ended. Look at where its gradient is taken.",
    mend="Take the gradient anew at each step, where the last one ended.",
)
def test_each_step_starts_from_the_last(student, reference, draw):
    """Each inner step starts where the last one ended, and there are num_steps of them."""
    for steps in (2, 5):
        task = _task(draw)
        got, want = (_adapt(subject, task, steps) for subject in (student, reference))
        assert_close(got.adapted, want.adapted, f"adapted parameters after {steps} steps")
        assert_close(got.given, task[0], "the parameters given", rtol=1e-9)


@points(5)
@hint(
    "The outer step leads towards the adapted parameters. Look at how far it goes.",
    mend="theta + epsilon * mean(phi - theta): by the share outer_lr of the way.",
)
def test_outer_step_moves_towards_the_mean(student, reference, draw):
    """The initialisation moves by the share outer_lr towards the mean of the adapted parameters."""
    parameters, adapted = draw.normal(4), draw.normal(3, 4)
    got, want = (subject.outer_step(parameters, adapted, rate=0.3) for subject in (student, reference))
    assert_close(got.parameters, want.parameters, "new initialisation")
