"""First-order MAML: the inner loop's checks of its shape, the gradient at the adapted parameters, memory, and learning.

Memory is counted in bytes of tensors, not measured: the same numbers come out on every machine.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    hint,
    points,
    training,
)
from autograder.shapes.episodic.checks import assert_learns, assert_only_the_support, mosaics
from autograder.shapes.gradient.checks import (
    RATE,
    draw_batch,
    draw_parameters,
    draw_support,
    equal_rates,
    test_adaptation_learns_from_the_support,
    test_each_inner_step_starts_from_the_last,
    test_inner_loop_returns_all_parameters,
    test_meta_parameters_keep_their_values,
    test_one_inner_step,
    test_outer_step_adapts_to_the_support,
)

__all__ = [
    "test_adaptation_learns_from_the_support",
    "test_each_inner_step_starts_from_the_last",
    "test_inner_loop_returns_all_parameters",
    "test_meta_parameters_keep_their_values",
    "test_one_inner_step",
    "test_outer_step_adapts_to_the_support",
]

STEPS = 2
FAR, FAR_STEPS = 1.0, 3  # rate and steps that lead so far from theta that wrong gradients point elsewhere
FEW, MANY = (
    2,
    8,
)  # inner steps, and tasks: whoever keeps all graphs holds more than thrice as much with the larger number
MOST = 2  # times as much memory: a second set of parameters for each step or task may be kept, a graph may not
ALPHA = 0.4


def _flat(arrays):
    return np.concatenate([np.ravel(arrays[name]) for name in sorted(arrays)])


def _asked(subject, tasks, theta, stand_in, times=1, rate=RATE, steps=STEPS):
    """Ask for the outer gradient of a batch of tasks, so many times of one object."""
    got = subject.outer_gradient(tasks, theta, equal_rates(theta, rate), steps, stand_in, times)
    names = set(got.gradient)
    assert names == set(theta), f"the outer gradient has the names {sorted(names)}, expected {sorted(theta)}"
    return got


@points(5)
@after(test_adaptation_learns_from_the_support)
@hint(
    "Nobody will differentiate through the inner steps, and yet something of every step is kept until the last. Look "
    "at what the parameters of one step still know of the step before, and at what autograd is asked to keep.",
    mend="Take the gradient of each step without create_graph, and detach() the new parameters before the next step, "
    "so that they are leaf tensors with requires_grad_(). Detaching after the last step alone is too late.",
)
def test_memory_does_not_grow_with_the_steps(student, draw):
    """The inner loop keeps no graph: eight steps take no more memory than two."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 5)
    few, many = (student.inner_memory(*support, theta, equal_rates(theta), steps).peak for steps in (FEW, MANY))
    assert many <= MOST * few, (
        f"tensors of {few / 1e6:.2f} MB are held at once with {FEW} inner steps, and of {many / 1e6:.2f} MB with "
        f"{MANY}: a graph of all steps is kept"
    )


@points(20)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "The outer gradient is a gradient of the query's loss, taken where the inner loop ended. Look at which loss you "
    "differentiate, at which parameters, and whether anything is differentiated through the inner steps.",
    mend="With inner gradients that are constants, d phi / d theta is the identity. So differentiate the query's cross "
    "entropy with respect to phi, the adapted parameters, as leaf tensors, and return that as theta's gradient. "
    "It is neither theta - phi, nor the gradient at theta, nor the support's.",
)
def test_gradient_is_the_querys_at_the_adapted_parameters(student, reference, draw):
    """For one task, the outer gradient points along the query loss's gradient at the adapted parameters."""
    for way, shot in ((3, 2), (5, 1)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=1, query=4)

        def compare(stand_in, theta=theta, tasks=tasks, where=f"N = {way}, K = {shot}"):
            got, want = (
                _asked(subject, tasks, theta, stand_in, 1, FAR, FAR_STEPS).gradient for subject in (student, reference)
            )
            for name, array in theta.items():
                assert np.shape(got[name]) == array.shape, (
                    f"{where}: the outer gradient of {name} has shape {np.shape(got[name])}, expected {array.shape}"
                )
            flat, right = _flat(got), _flat(want)
            assert (flat != 0).any(), f"{where}: the outer gradient is 0 everywhere"
            cosine = float(flat @ right / np.linalg.norm(flat) / np.linalg.norm(right))
            assert cosine > 0.75, (
                f"{where}: the cosine between your outer gradient and the query's at the adapted parameters is "
                f"{cosine:.3f}, expected 1"
            )

        assert_either(compare)


@points(7)
@after(test_gradient_is_the_querys_at_the_adapted_parameters, test_adaptation_learns_from_the_support)
@hint(
    "The gradient points about the right way, and is not right. Look at how the gradients of the tasks come together, "
    "what each is multiplied with, where each task starts, and what exactly the loss is that you differentiate.",
    mend="Every task starts from the same theta. Add up the tasks' gradients name by name, and divide by the number of "
    "tasks: no inner rate, no number of steps, no clipping. Softmax is in F.cross_entropy already, and only the "
    "query's drawings go through the network.",
)
def test_gradient_is_averaged_over_the_tasks(student, reference, draw):
    """The outer gradient of a batch is the mean of its tasks' gradients."""
    for way, shot, count in ((3, 2, 3), (5, 1, 1)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=count, query=4)

        def compare(stand_in, theta=theta, tasks=tasks, count=count, where=f"N = {way}, K = {shot}"):
            got, want = (_asked(subject, tasks, theta, stand_in).gradient for subject in (student, reference))
            assert_close(got, want, f"{where}, {count} tasks: outer gradient of", rtol=1e-3)

        assert_either(compare)


@points(3)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "Beside the gradient there are two numbers that say how well the adapted parameters do. Look at whose drawings and "
    "labels they are of, under which parameters, and at what they are averaged over.",
    mend="The loss is F.cross_entropy of the query's logits under phi (it applies softmax itself), the accuracy the "
    "share of the queries that phi classifies right; both averaged over the tasks.",
)
def test_loss_and_accuracy_are_the_querys(student, reference, draw):
    """Loss and accuracy are those of the query after adaptation, averaged over the tasks."""
    for way, shot in ((3, 2), (5, 1)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, query=5)

        def compare(stand_in, theta=theta, tasks=tasks, where=f"for N = {way}, K = {shot}"):
            got, want = (_asked(subject, tasks, theta, stand_in) for subject in (student, reference))
            assert_close(got.loss, want.loss, f"outer loss {where}")
            assert_close([1, got.accuracy_query.item()], [1, want.accuracy_query], f"query accuracy {where}")

        assert_either(compare)


@points(2)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "The outer gradient is computed and returned, and theta is as before: who asked for it makes the step. Look for "
    "what writes into theta, and for what is left from the last time.",
    mend="No optimizer step and no update of self._meta_parameters in _outer_gradient, and a second call with the same "
    "tasks returns the same. Whoever uses backward() has to begin with gradients of zero.",
)
def test_theta_is_left_as_it_was(student, draw):
    """_outer_gradient leaves theta as it was, and returns the same when it is asked again."""
    theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2)

    def compare(stand_in):
        once, again = (_asked(student, tasks, theta, stand_in, times) for times in (1, 2))
        assert_close(once.meta_parameters, theta, "theta after _outer_gradient:", rtol=1e-9)
        assert_close(again.gradient, once.gradient, "asked for the second time, outer gradient of", rtol=1e-6)

    assert_either(compare)


@points(7)
@after(test_gradient_is_the_querys_at_the_adapted_parameters, test_adaptation_learns_from_the_support)
@hint(
    "A graph of every task's query is kept until the last task is there. Look at when the gradient is taken: for each "
    "task, or once for all.",
    mend="Take each task's gradient at once, inside the loop over the tasks, and add it up; keep losses as numbers, by "
    ".item(). The gradient of the summed losses is the same, and holds all graphs until then.",
)
def test_memory_does_not_grow_with_the_tasks(student, draw):
    """Tasks follow each other: eight in a batch take little more memory than two."""
    theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2, count=MANY, query=15)

    def compare(stand_in):
        few, many = (
            student.outer_memory(batch, theta, equal_rates(theta), STEPS, stand_in).peak
            for batch in (tasks[:FEW], tasks)
        )
        assert many <= MOST * few, (
            f"tensors of {few / 1e6:.2f} MB are held at once for a batch of {FEW} tasks, and of {many / 1e6:.2f} MB "
            f"for {MANY}: a graph of every task is kept"
        )

    assert_either(compare)


@points(2)
@after(
    test_one_inner_step,
    test_meta_parameters_keep_their_values,
    test_loss_and_accuracy_are_the_querys,
    test_theta_is_left_as_it_was,
)
@hint(
    "Parameters are adapted to the support of one task, and to nothing else. Look at whether a query, a label of a "
    "query, or something that was kept of another task gets into the inner loop.",
    mend="Give _inner_loop the support alone, use the query for the outer loss, its gradient and the accuracy, and "
    "keep nothing on self between tasks.",
)
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query labels, the other tasks and those before make no difference to the adapted parameters."""
    for way, shot, query in ((3, 2, 2), (5, 1, 5)):
        theta, tasks = draw_parameters(draw, way), draw_batch(draw, way, shot, count=2, query=query)
        (another,) = draw_batch(draw, way, shot, count=1, query=query)

        def losses(subject, batches, theta=theta):
            return subject.outer_losses(batches, theta, equal_rates(theta), 1, True).losses

        where = f"N = {way}, K = {shot}"
        assert_only_the_support(student, reference, draw, tasks, another, losses, where, "outer loss")


@training(seconds=60)
@points(3)
@after(
    test_one_inner_step,
    test_each_inner_step_starts_from_the_last,
    test_meta_parameters_keep_their_values,
    test_gradient_is_averaged_over_the_tasks,
    test_theta_is_left_as_it_was,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "Every part looks right by itself, but together they do not learn well enough. Train it yourself with "
    "hw2/train.py, and look at the curve.",
    mend="Print the norm of the outer gradient now and then, and the query's accuracy before and after adaptation: the "
    "second should rise above the first.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training it adapts to new noisy mosaics, 5-way 1-shot."""
    learned = mosaics(draw, 200), mosaics(draw, 60)
    rates = {"inner_lr": ALPHA, "outer_lr": 1e-2}
    assert_learns(student, draw, threshold, *learned, batches=100, made=True, rates=rates, steps=1, inner_lr=ALPHA)
