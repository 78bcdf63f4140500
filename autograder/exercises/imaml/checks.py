"""iMAML: conjugate gradient, the inner loop with its proximal term, implicit gradients, the outer gradient, learning.

What has to be exact is held against NumPy, which knows the Hessian of a linear layer's cross entropy in closed form,
and in one check against the slope of the query's loss as theta moves. Memory is counted in bytes of tensors.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_or_name,
    hint,
    points,
    training,
)
from autograder.grading.draw import Task
from autograder.results import StudentError, Verdict
from autograder.shapes.episodic.checks import assert_learns_mosaics
from autograder.shapes.gradient import linear_layer
from autograder.shapes.gradient.assertions import (
    RATE,
    assert_nothing_but_the_support_is_adapted_to,
    cosine,
)
from autograder.shapes.gradient.checks import (
    test_adaptation_learns_from_the_support,
    test_inner_loop_returns_all_parameters,
    test_meta_parameters_keep_their_values,
    test_one_inner_step,
    test_outer_step_adapts_to_the_support,
)
from autograder.shapes.gradient.outer_gradient_checks import (
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
    "test_inner_loop_returns_all_parameters",
    "test_meta_parameters_keep_their_values",
    "test_one_inner_step",
    "test_outer_step_adapts_to_the_support",
]

WAY, INPUTS = 3, 4  # of the linear layer
SCALES = np.array([9.0, 3.0, 1.0, 0.3])  # of its inputs
NEAR, FAR = 1e5, 0.2  # lambdas that keep phi at theta, and that nearly let it go
DIVIDED = "a number is divided by 0 where the residual is 0, as nothing ends the loop before"  # see mutants.md


class Layer:
    """A linear layer's support, theta, phi and a gradient with respect to phi; W stands for weights and bias in one.

    The loss is curved much more in some directions than in others, so that the curvature turns a gradient.

    Args:
        draw: all of it.
    """

    def __init__(self, draw):
        self.images = draw.normal(7, 1, 1, INPUTS) * SCALES
        self.labels = draw.rng.permutation(7) % WAY
        self.theta, self.phi, slope = (draw.normal(WAY, INPUTS + 1, scale=scale) for scale in (0.1, 0.1, 1.0))
        self.slope = (slope - slope.mean(axis=0)) * [*SCALES, 1.0]  # as of drawings with such inputs

    def asked(self, subject, regularization, stand_in):
        """The implicit gradient (N, D + 1)."""
        numbers = (part for W in (self.theta, self.phi, self.slope) for part in (W[:, :-1], W[:, -1]))
        got = subject.implicit_gradient(self.images, self.labels, *numbers, regularization, stand_in)
        return np.concatenate([got.w4, got.b4[:, None]], axis=1)

    def solved(self, regularization):
        """The x that solves the linear system."""
        return _solved(self.images, self.phi, self.slope, regularization)


def _layer_task(draw):
    """Draw a task for a linear layer: drawings (n, 1, 1, D)."""
    support, query = draw.normal(7, 1, 1, INPUTS, scale=2.0), draw.normal(6, 1, 1, INPUTS)
    return Task(support, draw.rng.permutation(7) % WAY, query, draw.rng.permutation(6) % WAY)


def _solved(images, W, slope, regularization):
    """(I + H / lambda)^-1 slope, with H in closed form."""
    matrix = np.eye(W.size) + linear_layer.hessian(images, W) / regularization
    return np.linalg.solve(matrix, slope.ravel()).reshape(W.shape)


def _stepped(task, theta, rate, steps, regularization):
    """Where the inner loop's steps lead."""
    W = theta
    for _ in range(steps):
        W = W - rate * (
            linear_layer.gradient(task.images_support, task.labels_support, W) + regularization * (W - theta)
        )
    return W


def _system(draw, n):
    """Draw a symmetric, positive definite matrix and a right-hand side."""
    directions, _ = np.linalg.qr(draw.normal(n, n))
    return (directions * draw.uniform(0.5, 5.0, n)) @ directions.T, draw.normal(n)


def _bent_later(draw, n):
    """Draw a symmetric matrix with one direction of negative curvature."""
    directions, _ = np.linalg.qr(draw.normal(n, n))
    return (directions * np.array([-1.0, *draw.uniform(0.5, 5.0, n - 1)])) @ directions.T


def _best(A, b, steps):
    """The best x that so many products with A allow, or fewer, as long as the curvature is positive in all of them.

    Where it is not so in the first, b.
    """
    x = np.zeros_like(b)
    for count in range(1, min(steps, len(b)) + 1 if b.any() else 1):
        products = [b]
        while len(products) < count:
            products.append(A @ products[-1] / np.linalg.norm(products[-1]))
        space, _ = np.linalg.qr(np.stack(products, axis=1))
        if np.linalg.eigvalsh(space.T @ A @ space).min() <= 0:
            return x if count > 1 else b
        x = space @ np.linalg.solve(space.T @ A @ space, space.T @ b)
    return x


@points(6)
@hint(
    "Conjugate gradient should have solved a system of n equations after n steps, and what comes back does not. "
    "Compare each of your lines with the docstring's, signs and which residual stands where, and look at whether a "
    "line writes into a tensor that is still needed as it was: b, say, or the same tensor under another name.",
    mend="The step is <r, r> / <p, A p>; x moves along p by it, and r loses as much of A p. The next direction is the "
    "new residual plus new <r, r> / old <r, r> times the old direction: compute the old product before r is "
    "replaced.",
)
def test_conjugate_gradient_solves_the_system(student, draw):
    """After n steps conjugate_gradient has solved a system of n equations."""
    for n in (3, 6):
        matrix, b = _system(draw, n)
        x = student.conjugate_gradient(matrix, b, n).x
        assert x.shape == b.shape, f"x has shape {x.shape}, expected {b.shape}"
        assert_close(matrix @ x, b, f"n = {n}: A x after {n} steps, which should be b,")


@points(3)
@after(test_conjugate_gradient_solves_the_system)
@hint(
    "After a few steps x should be the best that so many products allow, and it should end where the docstring says "
    "so. Look at where it starts, how many steps there are, and what happens where a step would divide by 0, or lead "
    "away.",
    mend="Begin with x = 0 and take num_steps steps, each with one product. Before each, stop if <r, r> is at most "
    "1e-18 times <b, b>, also for a b of zeros; after its product, stop if <p, A p> is not above 0: with the x so far, "
    "or with b if it was the first.",
)
def test_conjugate_gradient_takes_its_steps(student, draw):
    """After fewer steps x is as near as they allow, and it ends where no step can be taken."""
    n = 7
    matrix, b = _system(draw, n)
    bent = matrix - 6.0 * np.outer(b, b) / (b @ b)  # of negative curvature where the first step would lead
    later = _bent_later(draw, n)
    asked = [(matrix, b, steps, f"after {steps} steps") for steps in (1, 2, 4)]
    asked += [(matrix, b, 5 * n, f"after {5 * n} steps"), (matrix, 0 * b, 3, "for b = 0")]
    asked += [(A, b, n, "for a matrix that is not positive definite") for A in (bent, later)]
    for A, right, steps, words in asked:
        try:
            got = student.conjugate_gradient(A, right, steps).x
        except StudentError as error:
            if error.verdict is not Verdict.FORMAT or right.any():
                raise
            said = str(error).partition("\n")[0]
            assert_or_name(" NaN" not in said, f"n = {n}, {words}: {said}, expected zeros", DIVIDED)
            raise
        assert_close(got, _best(A, right, steps), f"n = {n}: x {words}", rtol=1e-5, least=1)


@points(6)
@after(test_one_inner_step)
@hint(
    "From the second step on the proximal term pulls phi back, towards theta. Look at its sign and its factor, at what "
    "the distance is measured from, and at where each step starts.",
    mend="Its gradient is lambda * (phi - theta), with theta as it was at the beginning: the 1/2 and the square make "
    "one lambda of it. Add it to the loss before you differentiate, or to the gradient, and step from the current "
    "phi.",
)
def test_the_proximal_term_pulls_towards_theta(student, draw):
    """Each inner step goes along the gradient of the support's loss and of lambda/2 ||phi - theta||^2."""
    for steps, regularization in ((2, 1.5), (4, 0.5), (60, 3.0)):  # of 2 the square's half is 2
        task, theta = _layer_task(draw), draw.normal(WAY, INPUTS + 1, scale=0.5)
        drawings = task.images_support, task.labels_support
        got = student.layer_inner_loop(*drawings, theta[:, :-1], theta[:, -1], RATE, steps, regularization)
        want = _stepped(task, theta, RATE, steps, regularization) - theta
        moved = np.concatenate([got.w4, got.b4[:, None]], axis=1) - theta
        assert_close(moved, want, f"change of a linear layer by {steps} steps with lambda = {regularization}")


@points(4)
@after(test_adaptation_learns_from_the_support)
@memory_of_steps
def test_memory_does_not_grow_with_the_steps(student, draw):
    """The inner loop keeps no graph: eight steps take no more memory than two."""
    assert_memory_does_not_grow_with_the_steps(student, draw)


@points(22)
@after(test_adaptation_learns_from_the_support)
@hint(
    "What comes back is about the gradient that was given, or points elsewhere: the curvature of the support's loss is "
    "not in it, or not as it should be. Look at the system that you solve, at its matrix, and at its right-hand side.",
    mend="Solve (I + H / lambda) x = gradient by conjugate_gradient. Its product takes v and returns v + H v / lambda, "
    "where H v is autograd.grad of <grad L(phi), v>, with grad L(phi) taken with create_graph=True. x is a solution of "
    "the system, no product with its matrix.",
)
def test_implicit_gradient_brings_the_curvature_in(student, draw):
    """The implicit gradient points about where the linear system's solution does, with lambda = 1."""
    layers = [Layer(draw) for _ in range(6)]

    def compare(stand_in):
        got = np.stack([layer.asked(student, 1.0, stand_in) for layer in layers])
        assert got.any(), "all implicit gradients are 0"
        slope = cosine(got, np.stack([layer.solved(1.0) for layer in layers]))
        assert slope > 0.8, (
            f"the cosine between your implicit gradients and the solutions of their systems is {slope:.3f}, expected 1"
        )

    assert_either(compare)


@points(5)
@after(test_implicit_gradient_brings_the_curvature_in)
@hint(
    "The solution is about right. Look at the exact matrix: whose Hessian it is, of which drawings and labels, at "
    "which parameters, and how often the identity is in it.",
    mend="H is the Hessian of the support's mean cross entropy at phi, not at theta, without the proximal term: that "
    "is the I already. Take self._num_cg_steps steps.",
)
def test_implicit_gradient_solves_the_linear_system(student, draw):
    """The implicit gradient solves (I + H / lambda) x = gradient at phi, with lambda = 1."""
    layers = [Layer(draw) for _ in range(2)]

    def compare(stand_in):
        for layer in layers:
            assert_close(layer.asked(student, 1.0, stand_in), layer.solved(1.0), "implicit gradient of a linear layer")

    assert_either(compare)


@points(5)
@after(test_implicit_gradient_solves_the_linear_system)
@hint(
    "With lambda = 1 the solution is right, and with others it is not. Think of the limits: a phi that is held at "
    "theta moves just as theta does, one that is let go does not care for it.",
    mend="H is divided by lambda, the identity is not, and the result is not multiplied by anything: "
    "v + H v / self._regularization.",
)
def test_lambda_has_its_place_in_the_system(student, draw):
    """With a large lambda the implicit gradient is of first order, with a small one curved directions vanish."""
    layer = Layer(draw)

    def compare(stand_in):
        for regularization in (1.5, NEAR, FAR):
            got, want = layer.asked(student, regularization, stand_in), layer.solved(regularization)
            assert_close(got, want, f"implicit gradient of a linear layer with lambda = {regularization:g}")

    assert_either(compare)


@points(6)
@after(test_implicit_gradient_brings_the_curvature_in, test_outer_step_adapts_to_the_support)
@hint(
    "The outer gradient is the mean of what _implicit_gradient makes of each task. Look at what you give it, and at "
    "how the tasks come together.",
    mend="For each task give the support's drawings and labels, phi and the query's gradient at phi to "
    "self._implicit_gradient. Add up what comes back, name by name, and divide by the number of tasks.",
)
def test_outer_gradient_is_the_mean_of_implicit_gradients(student, reference, draw):
    """The outer gradient of a batch is the mean of its tasks' implicit gradients."""
    assert_outer_gradient_is_averaged(student, reference, draw)


@points(3)
@after(test_outer_step_adapts_to_the_support)
@hint(
    "Beside the gradient there are two numbers that say how well the adapted parameters do. Look at whose drawings and "
    "labels they are of, under which parameters, and at what they are averaged over.",
    mend="The loss is F.cross_entropy of the query's logits under phi (it applies softmax itself), without the "
    "proximal term, the accuracy the share of the queries that phi classifies right; both averaged over the "
    "tasks.",
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


@points(6)
@after(
    test_the_proximal_term_pulls_towards_theta,
    test_lambda_has_its_place_in_the_system,
    test_outer_gradient_is_the_mean_of_implicit_gradients,
    test_nothing_but_the_support_is_adapted_to,
)
@hint(
    "Wherever the inner loop ends, after few steps or many, the outer gradient is the implicit one at that place. Look "
    "at where the query's gradient and the Hessian are taken, and at whether anything runs back through the steps.",
    mend="Take phi from _inner_loop as it is, the query's gradient with respect to phi, and give both, with the "
    "support, to _implicit_gradient. Nothing is differentiated with respect to theta.",
)
def test_outer_gradient_does_not_know_the_path(student, draw):
    """The outer gradient is the implicit one where the inner loop ends, after few steps and after many."""
    task, theta, regularization = _layer_task(draw), draw.normal(WAY, INPUTS + 1, scale=0.5), 2.0

    def at_rest(start):  # the query's loss where the inner loop, begun at start, comes to rest
        return linear_layer.cross_entropy(
            task.images_query, task.labels_query, _stepped(task, start, RATE, 300, regularization)
        )

    direction = draw.normal(*theta.shape)
    measured = (at_rest(theta + 1e-4 * direction) - at_rest(theta - 1e-4 * direction)) / 2e-4

    def compare(stand_in):
        for steps in (3, 60):
            got = student.layer_outer_gradient(
                [task], theta[:, :-1], theta[:, -1], RATE, steps, regularization, stand_in
            )
            got = np.concatenate([got.w4, got.b4[:, None]], axis=1)
            phi = _stepped(task, theta, RATE, steps, regularization)
            slope = linear_layer.gradient(task.images_query, task.labels_query, phi)
            want = _solved(task.images_support, phi, slope, regularization)
            assert_close(got, want, f"outer gradient of a linear layer after {steps} inner steps")
        assert_close(
            float(np.sum(got * direction)), measured, "change of the query's loss as theta moves, at rest", rtol=1e-2
        )

    assert_either(compare)


@training(seconds=90)
@points(3)
@after(
    test_conjugate_gradient_takes_its_steps,
    test_outer_gradient_does_not_know_the_path,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print how far phi is from theta, and the residual of the linear system, now and then: the first should not "
    "be 0, the second well below the gradient's length.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short training it adapts to new noisy mosaics, 5-way 1-shot."""
    inner = {"steps": 2, "inner_lr": 0.4}
    assert_learns_mosaics(student, draw, threshold, batches=60, rates={**inner, "outer_lr": 1e-2}, **inner)
