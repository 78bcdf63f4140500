"""What checks of a method assert that computes its outer gradient by itself, and hints that they share.

See autograder.shapes.gradient.outer_gradient. Memory is counted in bytes of tensors, not measured: the same numbers
come out on every machine.
"""

from autograder.grading.check_vocabulary import assert_close, assert_either, hint
from autograder.grading.evidence import assertion
from autograder.shapes.episodic.checks import assert_answers_close
from autograder.shapes.gradient.assertions import RATE, draw_batch, draw_parameters, draw_support, equal_rates

STEPS = 2
FEW, MANY = 2, 8  # steps, or tasks: whoever keeps all graphs holds more than thrice as much with the larger number
MOST = 2  # times as much memory: a second set of parameters for each step or task may be kept, a graph may not


def asked(subject, tasks, theta, stand_in, times=1, rate=RATE, steps=STEPS):
    """Ask for the outer gradient of a batch of tasks, so many times of one object."""
    got = subject.outer_gradient(tasks, theta, equal_rates(theta, rate), steps, stand_in, times)
    _assert_named(got, theta)
    return got


@assertion
def _assert_named(got, theta):
    names = set(got.gradient)
    assert names == set(theta), f"the outer gradient has the names {sorted(names)}, expected {sorted(theta)}"


def assert_memory_does_not_grow_with_the_steps(student, draw):
    """Assert that the inner loop keeps no graph of its steps."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 5)
    few, many = (student.inner_memory(*support, theta, equal_rates(theta), steps) for steps in (FEW, MANY))
    kept = (
        "a graph of all steps is kept by the parameters that are returned, which no detach() cut off"
        if many.graphs
        else "what each step makes, its graph or its tensors, is kept until the loop ends"
    )
    assert many.peak <= MOST * few.peak, (
        f"tensors of {few.peak / 1e6:.2f} MB are held at once with {FEW} inner steps, and of {many.peak / 1e6:.2f} MB "
        f"with {MANY}: {kept}"
    )


def assert_outer_gradient_is_averaged(student, reference, draw):
    """Assert that the outer gradient of a batch is the reference's, of four tasks and of one."""
    for way, shot, count in ((3, 2, 4), (5, 1, 1)):  # tasks, classes, drawings and steps are of different numbers
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=count, query=5)

        def compare(stand_in, theta=theta, tasks=tasks, count=count, where=f"N = {way}, K = {shot}"):
            got, want = (asked(subject, tasks, theta, stand_in).gradient for subject in (student, reference))
            assert_close(got, want, f"{where}, {count} tasks: outer gradient of", rtol=1e-3)

        assert_either(compare)


def assert_loss_and_accuracy_are_the_querys(student, reference, draw):
    """Assert that loss and accuracy are those of the query after adaptation."""
    given = []
    for way, shot, count in ((3, 2, 3), (5, 1, 3), (5, 2, 3), (4, 3, 2), (6, 1, 2)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count, query=5)
        given.append((f"for N = {way}, K = {shot}", tasks, theta))

    def answers(subject, stand_in):
        rate = 0.01  # so slow that neither support nor query is all right, and they differ
        for sizes, tasks, theta in given:
            yield sizes, subject.outer_gradient(tasks, theta, equal_rates(theta, rate), STEPS, stand_in, 1)

    def compare(stand_in):
        both = list(zip(answers(student, stand_in), answers(reference, stand_in), strict=True))
        assert_answers_close((got.loss, want.loss, f"outer loss {sizes}") for (sizes, got), (_, want) in both)
        assert_answers_close(
            (got.accuracy_query, want.accuracy_query, f"query accuracy {sizes}") for (sizes, got), (_, want) in both
        )

    assert_either(compare)


def assert_theta_is_left_as_it_was(student, draw):
    """Assert that _outer_gradient changes nothing, in theta and in what it returns the next time."""
    theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2)

    def compare(stand_in):
        once, again = (asked(student, tasks, theta, stand_in, times) for times in (1, 2))
        assert_close(once.meta_parameters, theta, "theta after _outer_gradient:", rtol=1e-9)
        assert_close(again.gradient, once.gradient, "asked for the second time, outer gradient of", rtol=1e-6)

    assert_either(compare)


memory_of_steps = hint(
    "Nobody will differentiate through the inner steps, and yet something of every step is kept until the last. Look "
    "at what the parameters of one step still know of the step before, and at what autograd is asked to keep.",
    mend="Let go of the graph of each step: take its gradient without create_graph and retain_graph, or detach() the "
    "new parameters before the next step, and requires_grad_() them again. Either is enough where nothing else of a "
    "step is kept, as its loss in a list; to detach() after the last step alone is too late.",
)
theta_is_left = hint(
    "The outer gradient is computed and returned, and theta is as before: who asked for it makes the step. Look for "
    "what writes into theta, and for what is left from the last time.",
    mend="No optimizer step and no update of self._meta_parameters in _outer_gradient, and a second call with the same "
    "tasks returns the same. Whoever uses backward() has to begin with gradients of zero.",
)
support_alone = hint(
    "Parameters are adapted to the support of one task, and to nothing else. Look at whether a query, a label of a "
    "query, or something that was kept of another task gets into the inner loop.",
    mend="Give _inner_loop the support alone, use the query for the outer loss, its gradient and the accuracy, and "
    "keep nothing on self between tasks.",
)
