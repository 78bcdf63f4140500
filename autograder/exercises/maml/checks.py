"""MAML: the checks of its shape, and what it learns."""

from safetensors.numpy import load_file

from autograder.grading.check_vocabulary import after, hint, points, training
from autograder.paths import EXERCISES
from autograder.shapes.episodic.checks import assert_learns, halved, mosaics, query_accuracy
from autograder.shapes.gradient.checks import (
    test_accuracies_of_outer_step,
    test_adaptation_learns_from_the_support,
    test_adapts_when_evaluating,
    test_each_inner_step_starts_from_the_last,
    test_each_parameter_has_its_own_inner_rate,
    test_evaluating_builds_no_graph_through_inner_gradients,
    test_inner_loop_returns_all_parameters,
    test_inner_rates_receive_gradients,
    test_meta_gradient_is_second_order,
    test_meta_parameters_keep_their_values,
    test_nothing_but_the_support_is_adapted_to,
    test_one_inner_step,
    test_outer_loss_can_be_differentiated,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_step_adapts_to_the_support,
    test_support_accuracy_before_each_step_and_after_the_last,
)

__all__ = [
    "test_accuracies_of_outer_step",
    "test_adaptation_learns_from_the_support",
    "test_adapts_when_evaluating",
    "test_each_inner_step_starts_from_the_last",
    "test_each_parameter_has_its_own_inner_rate",
    "test_evaluating_builds_no_graph_through_inner_gradients",
    "test_inner_loop_returns_all_parameters",
    "test_inner_rates_receive_gradients",
    "test_meta_gradient_is_second_order",
    "test_meta_parameters_keep_their_values",
    "test_nothing_but_the_support_is_adapted_to",
    "test_one_inner_step",
    "test_outer_loss_can_be_differentiated",
    "test_outer_loss_is_the_query_loss_after_adaptation",
    "test_outer_step_adapts_to_the_support",
    "test_support_accuracy_before_each_step_and_after_the_last",
]

ALPHA = 0.4
PRETRAINED = EXERCISES / "maml" / "pretrained.safetensors"  # 5-way, on drawn handwriting


@training(seconds=60)
@points(2)
@after(test_one_inner_step, test_each_inner_step_starts_from_the_last, test_adapts_when_evaluating)
@hint(
    "One inner step looks right by itself, but several do not adapt to real characters. Look at what one step "
    "hands on to the next.",
    mend="Print the support accuracies: they should rise from step to step. If they do not, see whether the loop "
    "uses the parameters of the last step, and whether num_inner_steps of them are taken.",
)
def test_adapts_a_trained_initialisation(student, draw, threshold):
    """From a trained initialisation it adapts to new characters, 5-way 1-shot."""
    held_out = draw.drawings.characters(0, 60, draw.rng).held_out
    theta = load_file(PRETRAINED)
    threshold.reached_by(query_accuracy(student, draw, theta, held_out, steps=3, inner_lr=ALPHA))


@training(seconds=60)
@points(2)
@after(
    test_one_inner_step,
    test_meta_gradient_is_second_order,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_loss_can_be_differentiated,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn. Train it yourself "
    "with hw2/train.py, and look at the curve.",
    mend="Compare the query accuracy before and after adaptation: where they are equal, the outer loss does not "
    "see the adapted parameters.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training on noisy mosaics it adapts to new ones, 5-way 1-shot."""
    learned = mosaics(draw, 200), mosaics(draw, 60)
    rates = {"inner_lr": ALPHA, "outer_lr": 1e-2}
    assert_learns(student, draw, threshold, *learned, batches=120, made=True, rates=rates, steps=1, inner_lr=ALPHA)


@training(seconds=120)
@points(2)
@after(test_learns_mosaics)
@hint(
    "It learns simple patterns but not handwriting. Train it yourself with hw2/train.py, and look at the curve.",
    mend="Compare your curve with the one in the README. One that rises more slowly points to a meta-gradient that "
    "is only of first order; one that jumps, to a loss that is summed instead of averaged.",
)
def test_learns_handwriting(student, draw, threshold):
    """After a short training it adapts to new characters, 5-way 1-shot."""
    learned = map(halved, draw.drawings.characters(160, 60, draw.rng))
    rates = {"inner_lr": ALPHA, "outer_lr": 3e-3}
    assert_learns(student, draw, threshold, *learned, batches=800, rates=rates, steps=1, inner_lr=ALPHA)
