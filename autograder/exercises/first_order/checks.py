"""First-order MAML: the inner loop's checks of its shape, the gradient at the adapted parameters, memory, and learning.

Memory is counted in bytes of tensors, not measured: the same numbers come out on every machine.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_either,
    hint,
    points,
    training,
)
from autograder.shapes.episodic.checks import assert_learns_mosaics
from autograder.shapes.gradient.assertions import (
    assert_nothing_but_the_support_is_adapted_to,
    cosine,
    draw_batch,
    draw_parameters,
    equal_rates,
    flat,
)
from autograder.shapes.gradient.checks import (
    test_adaptation_learns_from_the_support,
    test_each_inner_step_starts_from_the_last,
    test_inner_loop_returns_all_parameters,
    test_meta_parameters_keep_their_values,
    test_one_inner_step,
    test_outer_step_adapts_to_the_support,
)
from autograder.shapes.gradient.outer_gradient_checks import (
    FEW,
    MANY,
    MOST,
    STEPS,
    asked,
    assert_loss_and_accuracy_are_the_querys,
    assert_memory_does_not_grow_with_the_steps,
    assert_outer_gradient_is_averaged,
    assert_theta_is_left_as_it_was,
    memory_of_steps,
    support_alone,
    theta_is_left,
)

__all__ = [
    "test_adaptation_learns_from_the_support",
    "test_each_inner_step_starts_from_the_last",
    "test_inner_loop_returns_all_parameters",
    "test_meta_parameters_keep_their_values",
    "test_one_inner_step",
    "test_outer_step_adapts_to_the_support",
]

FAR, FAR_STEPS = 1.0, 3  # rate and steps that lead so far from theta that wrong gradients point elsewhere
ALPHA = 0.4


@points(5)
@after(test_adaptation_learns_from_the_support)
@memory_of_steps
def test_memory_does_not_grow_with_the_steps(student, draw):
    """The inner loop keeps no graph: eight steps take no more memory than two."""
    assert_memory_does_not_grow_with_the_steps(student, draw)


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
                asked(subject, tasks, theta, stand_in, 1, FAR, FAR_STEPS).gradient for subject in (student, reference)
            )
            for name, array in theta.items():
                assert np.shape(got[name]) == array.shape, (
                    f"{where}: the outer gradient of {name} has shape {np.shape(got[name])}, expected {array.shape}"
                )
            row, right = flat(got), flat(want)
            assert (row != 0).any(), f"{where}: the outer gradient is 0 everywhere"
            slope = cosine(row, right)
            assert slope > 0.75, (
                f"{where}: the cosine between your outer gradient and the query's at the adapted parameters is "
                f"{slope:.3f}, expected 1"
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
    assert_outer_gradient_is_averaged(student, reference, draw)


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
    assert_loss_and_accuracy_are_the_querys(student, reference, draw)


@points(2)
@after(test_outer_step_adapts_to_the_support)
@theta_is_left
def test_theta_is_left_as_it_was(student, draw):
    """_outer_gradient leaves theta as it was, and returns the same when it is asked again."""
    assert_theta_is_left_as_it_was(student, draw)


@points(7)
@after(test_gradient_is_the_querys_at_the_adapted_parameters, test_adaptation_learns_from_the_support)
@hint(
    "Something of every task is kept until the last one is there. Look at when the gradient is taken, for each task or "
    "once for all, and at whether what you keep of a task, as its loss, has a graph.",
    mend="Take each task's gradient at once, inside the loop over the tasks, and add it up; keep losses as numbers, by "
    ".item(). The gradient of the summed losses is the same, and holds all graphs until then.",
)
def test_memory_does_not_grow_with_the_tasks(student, draw):
    """Tasks follow each other: eight in a batch take little more memory than two."""
    theta, tasks = draw_parameters(draw, 3), draw_batch(draw, 3, 2, count=MANY, query=15)

    def compare(stand_in):
        few, many = (
            student.outer_memory(batch, theta, equal_rates(theta), STEPS, stand_in) for batch in (tasks[:FEW], tasks)
        )
        why = (
            "its gradient is taken only after the next task has begun"
            if many.graphs
            else "its gradient was taken, and yet something of it is there, as a loss in a list that is no number"
        )
        assert many.peak <= MOST * few.peak, (
            f"tensors of {few.peak / 1e6:.2f} MB are held at once for a batch of {FEW} tasks, and of "
            f"{many.peak / 1e6:.2f} MB for {MANY}: a graph of every task is kept; {why}"
        )

    assert_either(compare)


@points(2)
@after(
    test_one_inner_step,
    test_meta_parameters_keep_their_values,
    test_loss_and_accuracy_are_the_querys,
    test_theta_is_left_as_it_was,
)
@support_alone
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query labels, the other tasks and those before make no difference to the adapted parameters."""
    assert_nothing_but_the_support_is_adapted_to(student, reference, draw, told_train=False)


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
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print the norm of the outer gradient now and then, and the query's accuracy before and after adaptation: the "
    "second should rise above the first.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training it adapts to new noisy mosaics, 5-way 1-shot."""
    rates = {"inner_lr": ALPHA, "outer_lr": 1e-2}
    assert_learns_mosaics(student, draw, threshold, batches=100, rates=rates, steps=1, inner_lr=ALPHA)
