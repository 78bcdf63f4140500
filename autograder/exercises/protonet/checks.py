"""Prototypical networks.

_step is judged with a linear network, in double precision, so that support and query may be embedded in one pass or in
several. It is judged twice: with the student's own _prototypes and _logits, and with stand-ins for them, which depend
on every feature and label that they are given. If either agrees with the reference, _step is right, and a mistake in
those two is paid for once. Where those two are right, all must agree once more when they work together.
"""

import contextlib

import numpy as np

from autograder.exercises.protonet import failures
from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_finite,
    assert_if_it_runs,
    assert_shape,
    hint,
    longer,
    picture,
    points,
    training,
)
from autograder.grading.evidence import assertion
from autograder.results import StudentError
from autograder.shapes.episodic.checks import (
    assert_answers_close,
    assert_learns,
    assert_only_the_support,
    halved,
    other_supports,
)
from autograder.shapes.functions.checks import assert_answers_stay_apart, assert_changes, assert_flows, assert_same
from autograder.shapes.functions.failures import gradients

SIZES = ((3, 2, 4), (5, 1, 3), (2, 4, 1))  # N, K, queries of each class
FAR = 40.0  # from support to query, in features: exp() of the negative squared distances is 0 in double precision
PIXELS = (1, 3, 4)
FEATURES = 6


def _batch(draw, count=3, way=4, shot=3, query=2):
    return [draw.task(way, shot, query, image=PIXELS) for _ in range(count)]


def _weight(draw):
    """Weight of a linear network, small enough that no softmax saturates."""
    return draw.normal(FEATURES, int(np.prod(PIXELS)), scale=0.2)


@points(1)
@hint(
    "There is one prototype for each class, with as many features as a drawing has, for any N and K. Look at "
    "what your mean runs over, how you count the classes, and whether a prototype is of one class.",
    mend="Return (N, D): average over the drawings of a class, dimension 0, and not over the features. N is the "
    "largest label plus 1; the mean of a class that does not occur is NaN. What is added has to be kept: index_add and "
    "scatter_add return a new tensor, index_add_ and scatter_add_ change the old one.",
)
def test_one_prototype_for_each_class(student, draw):
    """Prototypes have shape (N, D), and differ from class to class."""
    for way, shot, _ in SIZES:
        got = student.prototypes(draw.normal(way * shot, FEATURES), draw.labels(way, shot)).prototypes
        assert_shape(got, (way, FEATURES), f"prototypes for N = {way}, K = {shot}", "(N, D)")
        assert (got != got[:1]).any(), f"the prototypes of all {way} classes are the same, for K = {shot}"


@points(3)
@after(test_one_prototype_for_each_class)
@picture(failures.prototypes)
@hint(
    "A prototype is the mean of the support features of its class. Look at whether you go by the values of "
    "the labels or by position, at what you divide by, and whether something is left from an earlier task.",
    mend="For each class k choose the rows whose label is k, and take their mean: the sum divided by K. Write "
    "nothing into the features, and keep nothing on self.",
)
def test_prototype_is_the_mean_of_its_class(student, reference, draw):
    """A prototype is the mean of its class's features, row k for class k, for K > 1 and labels in any order."""
    # First N, K, N * K and what is one less are all different, and the median is neither the least nor the largest.
    for way, shot, _ in ((3, 5, 1), *SIZES):
        given = draw.normal(way * shot, FEATURES), draw.labels(way, shot), draw.normal(way * shot, FEATURES)
        assert_same(student.prototypes, reference.prototypes, f"prototypes for N = {way}, K = {shot}", *given)


@points(4)
@after(test_one_prototype_for_each_class)
@picture(gradients("prototypes", {"features": "support drawing"}))
@hint(
    "The network learns through the support, too, and the gradient that comes back to it from the prototypes is "
    "missing or wrong. Look for where the prototypes lose their graph.",
    mend="Compute the prototypes without torch.no_grad(), detach(), .data or NumPy.",
)
def test_gradient_flows_through_prototypes(student, reference, draw):
    """The gradient flows through the prototypes back to the support features."""
    for way, shot, _ in SIZES[:2]:
        given = {"features": draw.normal(way * shot, FEATURES), "labels": draw.labels(way, shot)}
        asked = student.prototypes, reference.prototypes
        assert_flows(*asked, ["features"], draw.rng, "gradient through the prototypes", **given)


@points(2)
@picture(failures.logits)
@hint(
    "The nearest prototype must have the largest logit. Look at the sign, at the shape (Q, N), and at whether "
    "it is a distance at all: inner products and angles are not.",
    mend="The larger the distance, the smaller the logit, so there is a minus. With a matrix product, ||x - c||^2 "
    "= ||x||^2 - 2 x.c + ||c||^2 needs all three terms.",
)
def test_nearest_prototype_has_the_largest_logit(student, draw):
    """Logits have shape (Q, N), and the nearest prototype has the largest."""
    for way, _, query in SIZES:
        prototypes = draw.normal(way, FEATURES)
        prototypes[-1] = 2 * prototypes[0]  # one direction, two distances: inner products and angles do not do
        nearest = draw.labels(way, query)
        features = prototypes[nearest] + draw.normal(way * query, FEATURES, scale=0.01)
        got = student.logits(features, prototypes).logits
        assert_shape(got, (way * query, way), f"logits for Q = {way * query}, N = {way}", "(Q, N)")
        farthest = (got.argmin(axis=1) == nearest).all()
        assert (got.argmax(axis=1) == nearest).all(), (
            f"the nearest prototype {'has the smallest' if farthest else 'does not have the largest'} logit"
        )


@points(4)
@after(test_nearest_prototype_has_the_largest_logit)
@picture(failures.logits)
@hint(
    "The nearest prototype has the largest logit where that is plain, but the numbers are not right. Compare your "
    "formula with equation 2: which distance is it, and is anything done to it afterwards?",
    mend="logit_qk = -||f(x_q) - c_k||^2: the sum over the features of the squared differences, with a minus. No "
    "square root, no mean, no other factor, no softmax (the cross entropy applies it).",
)
def test_logits_are_negative_squared_distances(student, reference, draw):
    """Logits are negative squared Euclidean distances."""
    for way, _, query in SIZES:
        given = draw.normal(way * query, FEATURES), draw.normal(way, FEATURES)
        assert_same(student.logits, reference.logits, f"logits for Q = {way * query}, N = {way}", *given)


@points(2)
@after(test_nearest_prototype_has_the_largest_logit)
@picture(gradients("logits", {"features": "query", "prototypes": "class"}))
@hint(
    "The gradient that comes back from the logits to the features and the prototypes is missing or wrong. Look for "
    "where the logits lose their graph.",
    mend="Compute the distances from the tensors themselves: torch.tensor(...), .item() and .detach() cut the graph.",
)
def test_gradient_flows_through_logits(student, reference, draw):
    """The gradient flows through the logits to the features and the prototypes."""
    given = {"features": draw.normal(6, FEATURES), "prototypes": draw.normal(3, FEATURES)}
    assert_flows(student.logits, reference.logits, list(given), draw.rng, "gradient through the logits", **given)


@points(5)
@hint(
    "The loss of the query must depend on the support: its drawings, its labels, and the network. Look at "
    "what your prototypes are made of in _step, and which path the query takes to its logits.",
    mend="Embed the support drawings of each task with the network, call self._prototypes with these features and "
    "the support's labels, and self._logits with the query's features and these prototypes.",
)
def test_step_learns_from_the_support(student, reference, draw):
    """_step goes by the support alone: other support drawings or labels, or another network, give another loss."""
    tells_classes_apart = _prototypes_differ(student, draw)
    for way, shot, query in SIZES[:2]:
        tasks, weight = _batch(draw, 3, way, shot, query), _weight(draw)
        supports = {what: (others, weight) for what, others in other_supports(draw, tasks, way).items()}
        network = {"network": (tasks, _weight(draw))}
        unlabelled = {"support drawings": supports["support drawings"], **network}

        def compare(stand_ins, others, base=(tasks, weight), what=f"loss for N = {way}, K = {shot}"):
            assert_changes(lambda given: student.step(*given, stand_ins).loss, base, others, what)

        assert_either(lambda stand_ins, compare=compare, others=supports | network: compare(stand_ins, others))
    # And by the student's own _prototypes and _logits, if these work: what they leave out nothing else brings in, and
    # the query's labels are no part of it. Last, since it may take all the time there is. Prototypes that are all alike
    # tell nothing of any class, and are paid for where they are made.
    if tells_classes_apart:
        assert_if_it_runs(student, lambda: compare(False, unlabelled))
    assert_if_it_runs(student, lambda: _assert_query_labels_make_no_prototypes(student, reference, draw))


@assertion
def _prototypes_differ(student, draw):
    """Whether the student's own prototypes of two classes differ; so too where there are none."""
    features, labels = draw.normal(6, FEATURES), draw.labels(3, 2)
    with contextlib.suppress(StudentError):
        got = student.prototypes(features, labels).prototypes
        return not bool((got == got[:1]).all())
    return True


def _assert_query_labels_make_no_prototypes(student, reference, draw):
    for way, shot, query in SIZES[:2]:
        tasks, weight = _batch(draw, 2, way, shot, query), _weight(draw)

        def losses(batches, weight=weight):
            return student.losses(batches, weight).losses

        def in_class_order(batches, weight=weight):
            moved = [[_query_in_class_order(task) for task in tasks] for tasks in batches]
            return reference.losses(moved, weight).losses

        message = (
            f"N = {way}, K = {shot}: with another label of one query the loss of another query changes: the query's "
            "labels go into the prototypes, or into the order of the logits"
        )
        assert_answers_stay_apart(losses, tasks, "labels_query", message, in_class_order)


def _query_in_class_order(task):
    """A task whose query drawings are sorted by their labels, and the labels are not."""
    return task._replace(images_query=task.images_query[np.argsort(task.labels_query, kind="stable")])


@points(4)
@after(test_step_learns_from_the_support)
@hint(
    "The loss is the cross entropy of the query, averaged over queries and tasks. Look at which logits and "
    "labels you give to the cross entropy, whether softmax is applied twice, and whether large logits overflow.",
    mend="F.cross_entropy takes the logits (Q, N) and the integer labels (Q,) of the query. It applies softmax "
    "itself, nothing overflows, and it averages over the queries. The prototypes are those of the same task's support.",
)
def test_loss_is_the_mean_query_cross_entropy(student, reference, draw):
    """The loss is the cross entropy of the query, averaged over the tasks."""
    given = [(f"N = {way}, K = {shot}", _batch(draw, 3, way, shot, query), _weight(draw)) for way, shot, query in SIZES]
    weight = _weight(draw)
    away = FAR / np.linalg.norm(weight.sum(axis=1))
    near = _batch(draw)
    far = [task._replace(images_query=task.images_query + away) for task in near]

    def compare(stand_ins):
        assert_answers_close(
            (student.step(*asked, stand_ins).loss, reference.step(*asked, stand_ins).loss, f"loss for {sizes}")
            for sizes, *asked in given
        )

    assert_either(compare)

    def assert_finite_far_away():
        student.step(near, weight, False)  # what is not finite here, other checks tell
        assert_finite(
            lambda: student.step(far, weight, False).loss,
            "all distances are large, as those of queries far from the support are",
        )

    assert_if_it_runs(student, assert_finite_far_away)


@points(2)
@after(test_step_learns_from_the_support)
@hint(
    "_step returns two accuracies, each from 0 to 1 and averaged over the tasks. Look at which logits meet "
    "which labels, and in which order you return them.",
    mend="The support's accuracy is that of the support's logits and labels, the query's that of the query's. The "
    "guess is the class with the largest logit; util.score computes the share of right ones. The support "
    "comes first.",
)
def test_accuracies_of_support_and_query(student, reference, draw):
    """_step returns the accuracies on the support and on the query, in this order, averaged over the tasks."""
    given = [
        (f"N = {way}, K = {shot}", _batch(draw, 3, way, shot, query), _weight(draw))
        for way, shot, query in (*SIZES, (4, 3, 5), (6, 2, 3))
    ]

    def compare(stand_ins):
        def judged():
            for sizes, *asked in given:
                got, want = student.step(*asked, stand_ins), reference.step(*asked, stand_ins)
                yield got.accuracy_support, want.accuracy_support, f"support accuracy for {sizes}"
                yield got.accuracy_query, want.accuracy_query, f"query accuracy for {sizes}"

        assert_answers_close(judged())

    assert_either(compare)


@points(4)
@after(test_step_learns_from_the_support)
@picture(gradients("step", {"weight": "feature, a column a pixel"}))
@hint(
    "The network does not get the whole gradient of the loss. Look for where support or query lose their graph on the "
    "way from the network to the loss.",
    mend="No torch.no_grad(), .item(), .data or detach() for features, prototypes, logits and loss. backward() and "
    "the optimizer's step are the caller's.",
)
def test_gradient_reaches_the_network(student, reference, draw):
    """The gradient of the loss reaches the network, through the support and through the query."""
    tasks, weight = _batch(draw), _weight(draw)

    def compare(stand_ins):
        given = {"weight": weight, "stand_ins": stand_ins}
        assert_close(student.step(tasks, **given).weight, weight, "after _step the network's weight", rtol=1e-9)
        assert_flows(student.step, reference.step, ["weight"], draw.rng, "gradient of the loss", tasks, **given)

    assert_either(compare)


@points(2)
@after(test_loss_is_the_mean_query_cross_entropy)
@hint(
    "Batch normalisation takes its statistics from all drawings of one pass. Those of a single class remove "
    "what tells it from the others. Look at how many drawings you give to the network at a time, and in which "
    "mode it is.",
    mend="Pass all support drawings of a task through the network in one call, and all its queries in another (or "
    "all together). Leave the mode of the network as it is: no eval().",
)
def test_classes_share_a_pass_through_the_network(student, draw):
    """The classes of a task go through a network with batch normalisation together, not one by one."""
    tasks, weight = _batch(draw), _weight(draw)

    def compare(stand_ins):
        got = student.step(tasks, weight, stand_ins, batch_norm=True).loss.item()
        if stand_ins:
            want = _losses_with_batch_norm(tasks, weight, _waves, lambda x, c: x @ c.T)
        else:
            want = _losses_with_batch_norm(tasks, weight, _means, lambda x, c: -np.square(x[:, None] - c).sum(axis=-1))
        assert any(abs(got - loss) < 1e-5 * abs(loss) for loss in want), (
            f"loss {got:.5g}, expected {want[0]:.5g} (support and query each in one pass) or {want[1]:.5g} (both in "
            f"one pass)"
        )

    assert_either(compare)


@points(4)
@longer(times=4)  # 30 steps; others have a dozen
@after(
    test_prototype_is_the_mean_of_its_class,
    test_logits_are_negative_squared_distances,
    test_loss_is_the_mean_query_cross_entropy,
    test_accuracies_of_support_and_query,
    test_gradient_reaches_the_network,
)
@hint(
    "Prototypes are made of the support of one task, and of nothing else. Look at whether a query, a label of "
    "a query, or something that was kept of another task gets into them.",
    mend="Use the labels of the query for the loss and the accuracy only, after its logits are there, and keep "
    "nothing on self between tasks.",
)
def test_nothing_but_the_support_makes_prototypes(student, reference, draw):
    """Query labels, the other queries, the other tasks and those before make no difference to a query's logits."""
    for way, shot, query, count in ((3, 2, 2, 2), (5, 1, 5, 4)):  # the latter as in training
        tasks, weight = _batch(draw, count, way, shot, query), _weight(draw)
        (another,) = _batch(draw, 1, way, shot, query)

        def losses(subject, batches, weight=weight):
            return subject.losses(batches, weight).losses

        assert_only_the_support(student, reference, draw, tasks, another, losses, f"N = {way}, K = {shot}")


@training(seconds=120)
@points(3)
@after(
    test_prototype_is_the_mean_of_its_class,
    test_logits_are_negative_squared_distances,
    test_loss_is_the_mean_query_cross_entropy,
    test_gradient_flows_through_prototypes,
    test_gradient_flows_through_logits,
    test_gradient_reaches_the_network,
    test_classes_share_a_pass_through_the_network,
    test_nothing_but_the_support_makes_prototypes,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Print loss and accuracies of some steps: a loss that stays at log N says that the gradient does not "
    "reach the network, a support accuracy well above the query's that queries take another path than the "
    "support.",
)
def test_learns_handwriting(student, draw, threshold):
    """After a short training it tells new characters apart, 5-way 1-shot."""
    learned = (halved(part, margin=1) for part in draw.drawings.characters(160, 60, draw.rng))  # for four poolings
    assert_learns(student, draw, threshold, *learned, batches=150)


def _losses_with_batch_norm(tasks, weight, prototypes, logits):
    """The loss for each way of passing support and query of the tasks through the network together, in NumPy.

    Support and query apart; support with query; all supports, all queries; everything at once.
    """
    parts = [[task.images_support, task.images_query] for task in tasks]
    apart = [[_normalised(part, weight) for part in pair] for pair in parts]
    together = [_split(_normalised(np.concatenate(pair), weight), [len(pair[0])]) for pair in parts]
    by_kind = [_stacked([pair[kind] for pair in parts], weight) for kind in (0, 1)]
    everything = _stacked([part for pair in parts for part in pair], weight)
    passes = [
        apart,
        together,
        list(zip(*by_kind, strict=True)),
        list(zip(everything[::2], everything[1::2], strict=True)),
    ]
    return [
        float(
            np.mean(
                [
                    _cross_entropy(logits(query, prototypes(support, task.labels_support)), task.labels_query)
                    for task, (support, query) in zip(tasks, features, strict=True)
                ]
            )
        )
        for features in passes
    ]


def _normalised(images, weight):
    """Features of one pass through the linear network and batch normalisation."""
    features = images.reshape(len(images), -1) @ weight.T
    return (features - features.mean(axis=0)) / np.sqrt(features.var(axis=0) + 1e-5)


def _stacked(parts, weight):
    return _split(_normalised(np.concatenate(parts), weight), np.cumsum([len(part) for part in parts])[:-1])


def _split(features, at):
    return np.split(features, at)


def _means(features, labels):
    return np.stack([features[labels == k].mean(axis=0) for k in range(labels.max() + 1)])


def _waves(features, labels):
    """The probe's stand-in for _prototypes."""
    places, classes = np.arange(len(features)), np.arange(labels.max() + 1)
    return np.cos(places + labels - classes[:, None]) / len(features) ** 0.5 @ features


def _cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return -np.mean(shifted[np.arange(len(labels)), labels] - np.log(np.exp(shifted).sum(axis=1)))
