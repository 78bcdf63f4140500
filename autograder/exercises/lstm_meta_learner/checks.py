"""The LSTM meta-learner: its preprocessing, its gates, the cell that they update, what is constant, and what it learns.

Checks of the shape are asked with gates that make a step one of gradient descent: the forget gate is 1, the input gate
the rate. Those of this exercise draw the gates' weights, with a stand-in for the student's own gate or without.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_or_name,
    assert_shape,
    hint,
    picture,
    points,
    training,
)
from autograder.results import StudentError, Verdict
from autograder.shapes.episodic.checks import assert_learns_mosaics
from autograder.shapes.functions.checks import assert_flows, assert_same
from autograder.shapes.functions.failures import gradients
from autograder.shapes.gradient import failures
from autograder.shapes.gradient.assertions import (
    assert_nothing_but_the_support_is_adapted_to,
    assert_one_inner_step,
    draw_parameters,
    draw_support,
    equal_rates,
)
from autograder.shapes.gradient.checks import (
    test_accuracies_of_outer_step,
    test_adaptation_learns_from_the_support,
    test_adapts_when_evaluating,
    test_each_inner_step_starts_from_the_last,
    test_inner_loop_returns_all_parameters,
    test_meta_parameters_keep_their_values,
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
    "test_inner_loop_returns_all_parameters",
    "test_meta_parameters_keep_their_values",
    "test_outer_loss_can_be_differentiated",
    "test_outer_loss_is_the_query_loss_after_adaptation",
    "test_outer_step_adapts_to_the_support",
    "test_support_accuracy_before_each_step_and_after_the_last",
]

P = 10
SHAPES = ((4, 3), (2, 3, 3, 2), (5,))  # of parameters
STEPS = 3
LOG_OF_X = "the logarithm is taken of x, not of |x|: it is NaN wherever x is negative"
FIRST_GATE = 0.02  # the input gate when the training begins: three steps at it adapt to little


def _loop_gates(draw):
    """Draw weights of both gates, by which they are neither 0 nor 1, and go by all that they are given."""
    return {
        "w_i": draw.normal(6),
        "b_i": np.array(draw.uniform(-1.5, -0.5)),
        "w_f": draw.normal(6),
        "b_f": np.array(draw.uniform(0.5, 1.5)),
    }


def _gate_inputs(draw, shape):
    """Draw what a gate is given, gradients of many sizes among it."""
    sizes = np.exp(draw.uniform(-12.0, 3.0, *shape))
    return {
        "gradient": np.where(draw.normal(*shape) > 0, sizes, -sizes),
        "loss": np.array(draw.uniform(0.2, 2.0)),
        "theta": draw.normal(*shape),
        "last": draw.uniform(0.1, 0.9, *shape),
        "weight": draw.normal(6),
        "bias": np.array(draw.normal()),
    }


def _of_one_sign(values, got, want):
    """Say it where all numbers that come out wrong are of one sign."""
    right = np.abs(got - want) <= 1e-3 * (1e-3 + np.abs(want))  # not so where it is NaN
    wrong = values[~right.all(axis=-1)]
    if len(wrong) < 2 or wrong.min() < 0 < wrong.max():  # one number alone has one sign by chance
        return ""
    return f" (only those of {'negative' if wrong.max() < 0 else 'positive'} x are wrong)"


def _preprocessed(student, values, what):
    """Ask for preprocessed numbers, and name what is behind NaN that comes from each negative number and from no other.

    The sizes alone have to come out right.
    """
    try:
        return student.preprocess(values).preprocessed
    except StudentError as error:
        if not _is_nan(error):
            raise
        said = str(error).partition("\n")[0]
        sizes = np.abs(
            values
        )  # what is right for them is not asked of the reference, whose answers may be recorded ones
        want = np.stack([np.log(sizes) / P, np.ones_like(sizes)], axis=-1)
        assert_close(student.preprocess(sizes).preprocessed, want, what)
        for number in values[values < 0]:
            try:
                student.preprocess(np.array([number]))
            except StudentError as alone:
                if _is_nan(alone):
                    continue
            raise
        assert_or_name(False, f"{what}: {said}, where x is {values[values < 0][0]:.5g}", LOG_OF_X)


def _is_nan(error):
    """Whether the first of a number's two is NaN, as what was returned is told of."""
    said = str(error).partition("\n")[0]
    return error.verdict is Verdict.FORMAT and " NaN" in said and said.endswith("0]")


def _assert_adapted_alike(student, reference, draw, steps, what):
    """Assert that with drawn gates the cell is the reference's after so many steps."""
    given = []
    for way, shot in ((3, 2), (5, 1)):
        theta = draw_parameters(draw, way)
        asked = (*draw_support(draw, way, shot), theta, equal_rates(theta), steps, True, None, _loop_gates(draw))
        given.append((f"N = {way}, K = {shot}: {what}", asked))

    def compare(stand_in):
        for message, asked in given:
            got, want = (subject.inner_loop(*asked, stand_in).parameters for subject in (student, reference))
            assert_close(got, want, message)

    assert_either(compare)


@points(3)
@hint(
    "The first of the two numbers is how large x is, the second which way it points. Look at what becomes of the sign "
    "in the first one, and of the size in the second, for numbers far from 0.",
    mend="Where |x| >= exp(-p): torch.log(torch.abs(x)) / p and torch.sign(x), p = 10 and the natural logarithm, "
    "stacked along a new last axis.",
)
def test_size_and_sign_of_numbers_that_are_not_small(student, reference, draw):
    """Preprocessed, a number that is not small is (log|x| / p, sgn(x)), whatever its sign."""
    for shape in SHAPES:
        sizes = np.exp(draw.uniform(-P + 0.5, 6.0, *shape))
        values = np.where(draw.normal(*shape) > 0, sizes, -sizes)
        what = f"preprocessed numbers of shape {shape}"
        got = _preprocessed(student, values, what)
        assert_shape(got, (*shape, 2), what, "(..., 2)")
        want = reference.preprocess(values).preprocessed
        assert_close(got, want, what + _of_one_sign(values, got, want))


@points(3)
@after(test_size_and_sign_of_numbers_that_are_not_small)
@hint(
    "Near 0 the logarithm runs away, and so there is another formula for small numbers. Look at where it begins, at "
    "what it says of the sign, and at 0 itself.",
    mend="Where |x| < exp(-p): -1 and exp(p) * x. Both formulas agree at the border. torch.where takes one or the "
    "other for each number; clamp the size from below before you take its logarithm.",
)
def test_small_numbers_and_zero(student, reference, draw):
    """Preprocessed, a number smaller than exp(-p) is (-1, exp(p) * x), and 0 is (-1, 0)."""
    for shape in SHAPES:
        sizes = np.exp(draw.uniform(-P - 4.0, -P + 1.0, *shape))
        values = np.where(draw.normal(*shape) > 0, sizes, -sizes)
        values.flat[0] = 0.0
        assert_same(student.preprocess, reference.preprocess, f"preprocessed small numbers of shape {shape}", values)


@points(4)
@hint(
    "Each number has a gate of its own, which goes by its own gradient, value and last gate. Look at what mixes "
    "numbers of a parameter, and at the shape that comes out.",
    mend="Put the six inputs of each number along a new last axis, (..., 6), and multiply that axis with the weights: "
    "no mean, no norm, no flattened parameter as a whole. The result has theta's shape.",
)
def test_gates_are_coordinate_wise(student, draw):
    """The gate of one number does not depend on the other numbers, and all have the same weights."""
    for shape in SHAPES:
        given = _gate_inputs(draw, shape)
        others = _gate_inputs(draw, shape)
        mixed = {**given}
        half = others["theta"].size // 2
        for name in ("gradient", "theta", "last"):  # the second half of the numbers are others
            mixed[name] = others[name].copy()
            mixed[name].flat[:half] = given[name].flat[:half]

        def compare(stand_in, given=given, mixed=mixed, shape=shape, half=half):
            got, other = (student.gate(**asked, stand_in=stand_in).gate for asked in (given, mixed))
            assert_shape(got, shape, f"gate of a parameter of shape {shape}", "theta's")
            what = f"shape {shape}: gates of the first {half} numbers, when the rest are other ones"
            assert_close(other.flat[:half], got.flat[:half], what)
            turned = {name: np.flip(part).copy() if part.shape == shape else part for name, part in given.items()}
            again = np.flip(student.gate(**turned, stand_in=stand_in).gate)
            assert_close(again, got, f"shape {shape}: with the numbers in reverse order, gate")

        assert_either(compare)


@points(5)
@after(test_gates_are_coordinate_wise)
@hint(
    "A gate is a sigmoid of a linear function of six inputs. Look at which of them are preprocessed, at their order, "
    "and at what happens to the sum.",
    mend="The inputs are the two numbers of the preprocessed gradient, the two of the preprocessed loss, theta and "
    "last as they are, in this order; the gate is torch.sigmoid of their products with weight, summed, plus bias.",
)
def test_gate_is_a_sigmoid_of_six_inputs(student, reference, draw):
    """A gate is sigmoid(weight . [preprocess(gradient), preprocess(loss), theta, last] + bias)."""
    for shape in SHAPES:
        given = _gate_inputs(draw, shape)

        def compare(stand_in, given=given, what=f"gate of a parameter of shape {shape}"):
            assert_same(student.gate, reference.gate, what, **given, stand_in=stand_in)

        assert_either(compare)


@points(3)
@after(test_gates_are_coordinate_wise)
@picture(gradients("gate", {"theta": "row of theta", "last": "row of last"}))
@hint(
    "The gates' weights are learned, and the cell is the gate's input as well as what it acts upon. Look for where "
    "the graph is cut between them and the gate.",
    mend="Compute with theta, last, weight and bias as they are: no detach(), .data, .item() or torch.no_grad().",
)
def test_gate_can_be_differentiated(student, reference, draw):
    """Gradients flow through a gate to theta, the last gate, weight and bias."""
    given = _gate_inputs(draw, (4, 3))
    fixed = given.pop("gradient"), given.pop("loss")
    names = ["theta", "last", "weight", "bias"]

    def compare(stand_in):
        asked = student.gate, reference.gate
        what = "gradient of a gate with respect to"
        assert_flows(*asked, names, draw.rng, what, *fixed, **given, stand_in=stand_in)

    assert_either(compare)


@points(4)
@after(test_adaptation_learns_from_the_support)
@picture(failures.path)
@hint(
    "A step with a forget gate of 1 and an input gate of alpha is one of gradient descent. Look at the loss whose "
    "gradient is taken, at what multiplies that gradient, and at how many steps there are.",
    mend="c_1 = f * c_0 - i * g, with g the gradient of F.cross_entropy (it applies softmax itself and averages) of "
    "the whole support with respect to all parameters: as it is, not preprocessed, not clipped. The input gate is its "
    "rate.",
)
def test_gates_of_one_and_alpha_are_gradient_descent(student, reference, draw):
    """Where f = 1 and i = alpha, a step is one of gradient descent on the support's cross entropy."""
    assert_one_inner_step(student, reference, draw)


@points(5)
@after(test_gates_of_one_and_alpha_are_gradient_descent)
@hint(
    "Each gate has weights of its own, and what it is given is of this very step. Look at what is multiplied by which "
    "gate, and at which gradient, loss, cell and last gate you hand to gate.",
    mend="i = gate(g, L, c_0, i_0, w_i, b_i) and f = gate(g, L, c_0, f_0, w_f, b_f), both last gates zeros before the "
    "first step; then c_1 = f * c_0 + i * (-g). g and L go into the gates as they are: gate preprocesses them.",
)
def test_one_step_of_the_cell(student, reference, draw):
    """After one step the cell is f * c_0 + i * (-gradient), with both gates of this step."""
    _assert_adapted_alike(student, reference, draw, 1, "cell after one step")


@points(5)
@after(test_one_step_of_the_cell, test_each_inner_step_starts_from_the_last)
@hint(
    "A gate goes by what it was in the step before, number by number: that is what makes an LSTM of it. Look at what "
    "is handed over from one step to the next.",
    mend="Keep the dict of input gates and the dict of forget gates of each step, and give them to gate in the next "
    "one as last, i to i and f to f, each parameter its own.",
)
def test_gates_are_carried_from_step_to_step(student, reference, draw):
    """In the second and third step each gate knows what it was in the step before."""
    for steps in (2, 3):
        _assert_adapted_alike(student, reference, draw, steps, f"cell after {steps} steps")


@points(3)
@after(test_adaptation_learns_from_the_support, test_meta_parameters_keep_their_values)
@hint(
    "Each task begins anew, with the learned cell and with last gates of 0. Look for gates that are still there from "
    "the task before.",
    mend="Make the zeros inside _inner_loop, at its start, and keep no gates on self.",
)
def test_each_task_begins_without_gates(student, draw):
    """After another task the adapted cell is what it is without that."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = (*support, theta, equal_rates(theta), 2, True)
    gates, another = _loop_gates(draw), draw.normal(*support[0].shape)
    alone, second = (student.inner_loop(*given, earlier, gates).parameters for earlier in (None, another))
    assert_close(second, alone, "adapted after another task, cell")


def _of_descent(draw):
    """Return what asks for the gradient of a weighted sum of the cell after two steps of descent, and the weights."""
    theta, weights, support = draw_parameters(draw, 3), draw_parameters(draw, 3), draw_support(draw, 3, 2)
    gates = {name: np.zeros(6) for name in ("w_i", "w_f")} | {"b_i": np.array(-1.0), "b_f": np.array(40.0)}
    given = {"steps": 2, "train": True, "parameters": theta, "inner_lrs": equal_rates(theta), "gates": gates}
    return lambda subject: subject.inner_loop.gradient(weights, *support, **given), weights


@points(4)
@after(test_adaptation_learns_from_the_support)
@hint(
    "The cell from which every task starts is learned, and no gradient arrives at it, or at a part of it. Look at "
    "where the way from the adapted cell back to self._meta_parameters is cut.",
    mend="Only what goes into the network to take the gradient g is detached. The cell that the gates update keeps "
    "its graph in every step, down to self._meta_parameters.",
)
def test_initial_cell_gets_a_gradient(student, reference, draw):
    """With train=True a gradient goes back from the adapted cell to all of c_0."""
    gradient, _ = _of_descent(draw)
    got, want = gradient(student), gradient(reference)
    without = [name for name, array in got.parameters.items() if not np.any(array)]
    reached, expected = got.gates["b_i"], want.gates["b_i"]
    is_right = abs(reached - expected) <= 1e-6 * abs(expected)
    also = "" if is_right else f", and to b_i one of {reached:.5g}, expected {expected:.5g}"
    assert not without, f"no gradient goes from the adapted cell to c_0 of {', '.join(sorted(without))}{also}"


@points(5)
@after(test_initial_cell_gets_a_gradient)
@hint(
    "The learner's gradients are taken for constants: how they would change with the cell is left out. Look at how "
    "the inner gradient is taken, and whether it has a graph.",
    mend="Differentiate the loss at detached copies of the cell, without create_graph. With f = 1 the adapted cell is "
    "then c_0 less constants, and its derivative with respect to c_0 is 1.",
)
def test_inner_gradients_are_constants(student, draw):
    """Where f = 1 and i = alpha, the derivative of the adapted cell with respect to c_0 is 1."""
    gradient, weights = _of_descent(draw)
    got = gradient(student).parameters
    assert_close(got, weights, "f = 1, i = alpha: gradient after 2 steps of", rtol=1e-6)


@points(6)
@after(
    test_meta_parameters_keep_their_values,
    test_inner_gradients_are_constants,
    test_gates_are_carried_from_step_to_step,
)
@hint(
    "The outer gradient runs through both gates of every step: to their weights, and through the cell and the last "
    "gates that they are given. The loss is a constant, as the gradients are. Look at what is detached, and what is "
    "not.",
    mend="Give gate the cell itself and the last gates themselves, with their graph, and g and loss without one: "
    "loss.detach(). self._gates are used as the tensors that they are.",
)
def test_gradient_runs_through_the_gates(student, reference, draw):
    """Gradients with respect to c_0 and the gates' weights run through the gates, and not through loss and gradient."""
    theta, weights, support = draw_parameters(draw, 3), draw_parameters(draw, 3), draw_support(draw, 3, 2)
    rest = {"steps": 3, "train": True, "parameters": theta, "inner_lrs": equal_rates(theta), "gates": _loop_gates(draw)}

    def compare(stand_in):
        got, want = (
            subject.inner_loop.gradient(weights, *support, **rest, stand_in=stand_in)
            for subject in (student, reference)
        )
        assert_close(got.gates, want.gates, "gradient through 3 steps with respect to the gates'", rtol=1e-3)
        assert_close(got.parameters, want.parameters, "gradient through 3 steps with respect to c_0 of", rtol=1e-3)

    assert_either(compare)


@points(2)
@after(test_adapts_when_evaluating)
@hint(
    "When evaluating, nobody differentiates through the gates, and their graph only costs time and memory. Look at "
    "what is kept with train=False.",
    mend="Compute gates and cell under torch.set_grad_enabled(train), or detach the new cell where train is False; "
    "the gradient g still has to be taken.",
)
def test_evaluating_builds_no_graph(student, draw):
    """With train=False no graph leads from the adapted cell to c_0 or to the gates' weights."""
    theta, support = draw_parameters(draw, 3), draw_support(draw, 3, 2)
    given = {"steps": 2, "train": False, "inner_lrs": equal_rates(theta), "gates": _loop_gates(draw)}
    got = student.inner_loop.gradient(draw_parameters(draw, 3), *support, parameters=theta, **given)
    for name, arrays in (("c_0", got.parameters), ("the gates' weights", got.gates)):
        reached = [part for part, array in arrays.items() if np.any(array)]
        assert not reached, f"with train=False there is a graph from the adapted cell to {name}: {', '.join(reached)}"


@points(2)
@after(
    test_meta_parameters_keep_their_values,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_accuracies_of_outer_step,
    test_outer_loss_can_be_differentiated,
    test_gates_of_one_and_alpha_are_gradient_descent,
    test_each_task_begins_without_gates,
)
@hint(
    "The cell is adapted to the support of one task, and to nothing else. Look at whether a query, a label of a "
    "query, or something that was kept of another task gets into the inner loop.",
    mend="Use the labels of the query for the outer loss and the accuracy only, after its logits are there, and keep "
    "nothing on self between tasks.",
)
def test_nothing_but_the_support_is_adapted_to(student, reference, draw):
    """Query labels, the other tasks and those before make no difference to the adapted cell."""
    assert_nothing_but_the_support_is_adapted_to(student, reference, draw)


@training(seconds=60)
@points(3)
@after(
    test_small_numbers_and_zero,
    test_gate_is_a_sigmoid_of_six_inputs,
    test_gate_can_be_differentiated,
    test_each_task_begins_without_gates,
    test_gradient_runs_through_the_gates,
    test_adapts_when_evaluating,
    test_outer_loss_is_the_query_loss_after_adaptation,
    test_outer_loss_can_be_differentiated,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print the biases of both gates now and then: that of the input gate begins low, and should rise. Where it "
    "stays, no gradient arrives at the gates.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training from a small input gate it adapts to new noisy mosaics, 5-way 1-shot."""
    rates = {"inner_lr": FIRST_GATE, "outer_lr": 1e-2, "steps": STEPS}
    assert_learns_mosaics(student, draw, threshold, batches=60, rates=rates, steps=STEPS)
