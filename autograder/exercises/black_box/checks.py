"""The black-box meta-learner.

What the network does is read off its outputs: what changes when a part of the input is changed. So it may join
drawings and labels in any order, and be written in any way.
"""

import numpy as np

from autograder.exercises.black_box import failures
from autograder.exercises.black_box.episodes import episodes
from autograder.grading.check_vocabulary import (
    accuracy,
    after,
    assert_close,
    assert_differ,
    assert_shape,
    hint,
    picture,
    points,
    training,
)
from autograder.grading.drawings import Drawings
from autograder.shapes.functions.checks import assert_flows

SIZES = ((3, 5, 1), (2, 3, 2), (4, 2, 3), (2, 4, 2))  # B, N, K; once N = K + 1, where a swap of the two does not show


FROM_INPUTS = "layer1.weight_ih_l0"
HIDDEN = 128


def _weights(draw, way):
    """Weights of both LSTMs, by name, such that drawings, labels and what is remembered all show in the outputs."""
    weights = {}
    for layer, inputs, size in (("layer1", 784 + way, HIDDEN), ("layer2", HIDDEN, way)):
        weights[f"{layer}.weight_ih_l0"] = draw.normal(4 * size, inputs, scale=inputs**-0.5)
        weights[f"{layer}.weight_hh_l0"] = draw.normal(4 * size, size, scale=size**-0.5)
        weights[f"{layer}.bias_ih_l0"] = draw.normal(4 * size, scale=0.5)
        weights[f"{layer}.bias_hh_l0"] = draw.normal(4 * size, scale=0.5)
    weights[FROM_INPUTS][:, [*range(way), *range(784, 784 + way)]] = draw.normal(4 * HIDDEN, 2 * way)  # of the labels
    weights["layer2.weight_ih_l0"] *= 3
    return weights


def _episodes(draw, batch, way, shot):
    """Noise for images, and labels as the data generator makes them."""
    images = draw.normal(batch, shot + 1, way, 784)
    labels = np.broadcast_to(np.eye(way), (batch, shot + 1, way, way)).copy()
    for episode in labels:
        episode[-1] = episode[-1][_other_order(draw, way)]
    return images, labels


def _redraw(draw, k, n):
    """A change: another drawing at row k, column n of every episode, with the same pixels in other places.

    So mean and deviation of all drawings stay as they are: who standardises them has another mistake.
    """

    def change(images, labels):
        images[:, k, n] = draw.rng.permuted(images[:, k, n], axis=-1)

    return change


def _relabel(k, n):
    """A change: another label at row k, column n of every episode."""

    def change(images, labels):
        labels[:, k, n] = np.roll(labels[:, k, n], 1, axis=-1)

    return change


def _answer(draw, query):
    """A change: other numbers for the label of this query of every episode."""

    def change(images, labels):
        labels[:, -1, query] = draw.normal(*labels[:, -1, query].shape)

    return change


def _made_characters(draw, characters):
    """Characters that are easy to tell apart, (characters, 20, 784): 16 stripes each, every drawing with some noise."""
    stripes = draw.normal(characters, 1, 16) + draw.normal(characters, 20, 16, scale=0.25)
    return np.repeat(stripes, 49, axis=-1).astype(np.float32)


def _accuracy_after_training(student, draw, courses, batches, held_out):
    """Train on one course of characters after the other, 2-way 1-shot, and return the query accuracy on others."""
    weights = student.train(courses, batches, way=2, shot=1, batch=64, seed=draw.seed()).weights
    images, labels = episodes(draw.rng, held_out, way=2, shot=1, count=1000)
    asked = labels[:, -1].argmax(axis=-1)
    labels[:, -1] = draw.rng.random(labels[:, -1].shape)  # the answers stay here
    logits = student.predict(weights, images, labels).logits
    assert_shape(logits, labels.shape, "logits")
    return accuracy(logits[:, -1].reshape(-1, 2), asked.reshape(-1))


def _other_order(draw, way):
    """A permutation that is not the identity and, for N > 2, not its own inverse."""
    return np.roll(np.arange(way), int(draw.rng.integers(1, way)) if way != 4 else 1)


def _variants(student, draw, images, labels, changes, **settings):
    """Outputs (V, B, K+1, N, N) for an input as it is and after each of some changes to a copy of it.

    If the shape is wrong but the size is right, row follows row: a wrong shape is one mistake, and has its own check.
    """
    pairs = [(images, labels)]
    for change in changes:
        pairs.append((images.copy(), labels.copy()))
        change(*pairs[-1])
    got = student.forward(*(np.stack(parts) for parts in zip(*pairs, strict=True)), draw.seed(), **settings).logits
    size = (len(pairs), *labels.shape)
    return got.reshape(size) if got.size == np.prod(size) else got


def _assert_all_queries_differ(logits, before, what):
    way = before.shape[-2]
    for query in range(way):
        message = f"{what} does not change the output for query {query + 1} of {way}"
        assert_differ(logits[:, -1, query], before[:, -1, query], message)


def _numbered(numbers):
    """Numbers counted from 1, in words: "1, 2 and 4"."""
    words = [str(number + 1) for number in numbers]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


@points(1)
@hint(
    "Both LSTMs answer for each drawing of the episode, support and query. Look at what forward returns, and "
    "whether a size in it is fixed: N, K and B differ from call to call.",
    mend="Run layer1 and layer2 on all (K+1) * N drawings of an episode, and return all outputs of layer2. An LSTM "
    "returns (outputs, state): leave the state out.",
)
def test_every_drawing_gets_logits(student, draw):
    """forward returns N logits for every drawing, for any B, K and N."""
    for batch, way, shot in SIZES:
        where = f"for B = {batch}, N = {way}, K = {shot}"
        got = _variants(student, draw, *_episodes(draw, batch, way, shot), [])[0]
        size = batch * (shot + 1) * way * way
        assert got.size == size, (
            f"{got.size} logits {where}, in shape {tuple(got.shape)}; expected {size}, that is N for each of the "
            f"B * (K+1) * N drawings"
        )
        assert np.ptp(got) > 0, f"all logits {where} are the same number, {got.flat[0]:g}"


@points(2)
@after(test_every_drawing_gets_logits)
@hint(
    "There is a logit for each drawing and class, but they are not laid out as the input is. Look at the last "
    "reshape in forward: an order of axes that fits for N = K + 1 need not fit for other sizes.",
    mend="Shape the outputs of layer2 back to (B, K+1, N, N), the sizes of input_labels in their order.",
)
def test_shape(student, draw):
    """The logits have shape (B, K+1, N, N)."""
    for batch, way, shot in SIZES:
        images, labels = _episodes(draw, batch, way, shot)
        got = student.forward(images[None], labels[None], draw.seed()).logits[0]
        assert_shape(got, labels.shape, f"logits for B = {batch}, N = {way}, K = {shot}", "(B, K+1, N, N)")


@points(1)
@after(test_every_drawing_gets_logits)
@hint(
    "Something is left over from an earlier call, or is drawn at random. Look in forward for what is kept on "
    "self, and for dropout.",
    mend="An LSTM that is given no state begins with an empty one: pass none, and keep none. Draw no random "
    "numbers in forward.",
)
def test_every_forward_pass_starts_afresh(student, draw):
    """A second forward pass on the same episodes gives the same outputs."""
    for batch, way, shot in SIZES[:2]:
        first, second = student.twice(*_episodes(draw, batch, way, shot), draw.seed()).logits
        assert_close(second, first, "outputs of a second forward pass on the same episodes", rtol=1e-5)


@points(3)
@after(test_every_drawing_gets_logits)
@hint(
    "Episodes of one batch get mixed. Look at each reshape in forward, and at which axis the LSTMs take for "
    "the sequence.",
    mend="Keep the batch dimension first all the way, for the LSTMs are batch_first: reshape (B, K+1, N, ...) to "
    "(B, (K+1) * N, ...), and never move numbers from one episode to another.",
)
def test_episodes_of_a_batch_are_independent(student, draw):
    """The outputs of an episode do not depend on the other episodes of its batch."""
    for batch, way, shot in SIZES:

        def replace_first(images, labels):
            images[0] = draw.rng.permuted(images[0], axis=-1)
            labels[0, :-1] = np.roll(labels[0, :-1], 1, axis=-1)

        before, got = _variants(student, draw, *_episodes(draw, batch, way, shot), [replace_first])
        assert_close(got[1:], before[1:], "outputs of the other episodes after a change of the first", rtol=1e-5)


@points(5)
@after(test_episodes_of_a_batch_are_independent)
@picture(failures.dependence)
@hint(
    "A black-box meta-learner knows a task only by the memory of its LSTMs. Look at what one sequence is: does it hold "
    "the support with its labels, and after it the query without? And along which axis are labels hidden?",
    mend="Make one sequence of all (K+1) * N drawings of an episode, each joined with its label (with zeros for "
    "the query), the support before the query. Nothing goes around the LSTMs, and nothing is looked up by "
    "hand.",
)
def test_queries_are_answered_from_memory(student, draw):
    """The support's drawings and labels make a difference to the query outputs, by the memory of the LSTMs alone."""
    told = []  # by sizes: for each episode, whether the output of each query goes by its own label
    for batch, way, shot in SIZES[:2]:

        def redraw(rows, images, labels):
            images[:, rows] = draw.rng.permuted(images[:, rows], axis=-1)

        def relabel(images, labels):
            labels[:, :-1] = np.roll(labels[:, :-1], 1, axis=-1)

        changes = {
            "other support drawings": lambda *episode, redraw=redraw: redraw(slice(-1), *episode),
            "other support labels": relabel,
            "other query drawings": lambda *episode, redraw=redraw: redraw(slice(-1, None), *episode),
        }
        given = _episodes(draw, batch, way, shot)
        before, *others = _variants(student, draw, *given, list(changes.values()))
        for change, got in zip(changes, others, strict=True):
            message = f"N = {way}, K = {shot}: {change} do not change any query output"
            assert_differ(got[:, -1], before[:, -1], message)

        # Without memory an output has at most one drawing of the support to go by, and one label: what stands at its
        # own place, the same in every episode, whatever the layout.
        places = list(np.ndindex(shot, way))
        changes = [_redraw(draw, *place) for place in places] + [_relabel(*place) for place in places]
        before, *others = _variants(student, draw, *given, changes, memory=False)
        reached = np.array([np.abs(got - before)[:, -1].max(axis=-1) for got in others]) > 1e-5 * np.abs(before).max()
        for part, what in ((reached[: len(places)], "drawings"), (reached[len(places) :], "labels")):
            assert (part.sum(axis=0) <= 1).all() and (part == part[:, :1]).all(), (
                f"N = {way}, K = {shot}: when the memory of the LSTMs is switched off, query outputs still depend on "
                f"{what} of the support"
            )

        before, *others = _variants(student, draw, *given, [_answer(draw, query) for query in range(way)])
        moved = np.array([np.abs(got - before)[:, -1, n].max(axis=-1) for n, got in enumerate(others)])
        told.append((moved > 1e-6 * np.abs(before).max()).all(axis=0))
    where = "" if all(map(np.all, told)) else f"in {told[0].sum()} of the {len(told[0])} episodes of a batch "
    assert not all(map(np.any, told)), (
        f"{where}the label of each query changes its own output: {'there ' if where else ''}no label is hidden, "
        "nothing need be remembered"
    )


@points(7)
@after(test_queries_are_answered_from_memory)
@picture(failures.dependence)
@hint(
    "The network can read the answers off its own input, and so learns nothing from the support. Look at "
    "which labels you hide: those of the whole last row, for any N and K, in training and in evaluation.",
    mend="In a copy of the labels set the whole last row to zero, input_labels[:, -1]: all N labels of it, each "
    "with all N numbers. Do it in every call, whether the network is in training mode or not.",
)
def test_query_labels_never_reach_the_network(student, draw):
    """Other query labels change nothing in the outputs."""
    for batch, way, shot in SIZES:
        changes = [_answer(draw, query) for query in range(way)]
        before, *others = _variants(student, draw, *_episodes(draw, batch, way, shot), changes)
        differences = [np.abs(got - before).max() for got in others]
        leaks = [query for query in range(way) if not differences[query] <= 1e-6 * np.abs(before).max()]
        assert not leaks, (
            f"N = {way}, K = {shot}: the outputs change by up to {max(differences):.2g} when the label of query "
            f"{_numbered(leaks)} (of {way}) is another"
        )
    (images, labels), seed = _episodes(draw, *SIZES[0]), draw.seed()
    others = labels.copy()
    others[:, -1] = draw.normal(*labels[:, -1].shape)
    before, got = (student.twice(images, shown, seed).logits[0] for shown in (labels, others))
    assert_close(got, before, "outputs after eval(), when the query labels are others", rtol=1e-5)
    # Code that goes by the first labels it was told of an episode answers all questions alike, but for the first.
    before = student.forward(images[None], labels[None], seed).logits
    student.forget()
    got = student.forward(images[None], others[None], seed).logits
    assert_close(got, before, "outputs when the query labels are others", rtol=1e-5)


@points(4)
@after(test_queries_are_answered_from_memory)
@picture(failures.dependence)
@hint(
    "A support drawing makes no difference to some query. Look at the order of the drawings in the sequence: does it "
    "run row by row, or class by class? A query that comes before a drawing knows nothing of it.",
    mend="Flatten row by row: (B, K+1, N, ...) reshaped to (B, (K+1) * N, ...) has all support drawings first, "
    "then all queries. Do the same on the way back.",
)
def test_every_query_comes_after_the_whole_support(student, draw):
    """Every support drawing makes a difference to every query output."""
    for batch, way, shot in SIZES[:3]:
        places = list(np.ndindex(shot, way))
        changes = [_redraw(draw, k, n) for k, n in places]
        before, *others = _variants(student, draw, *_episodes(draw, batch, way, shot), changes)
        for (k, n), got in zip(places, others, strict=True):
            where = f"N = {way}, K = {shot}: support drawing {k + 1} of class {n}"
            _assert_all_queries_differ(got, before, where)


@points(3)
@after(test_every_query_comes_after_the_whole_support)
@hint(
    "A support drawing is of no use without its label. Look at which labels you hide, and whether each "
    "drawing is joined with its own label.",
    mend="Hide the last row only: rows 0 to K-1 are the support. Join images and labels along the last axis before "
    "you flatten them, so that each drawing keeps its label.",
)
def test_support_labels_reach_the_network(student, draw):
    """Every support label makes a difference to every query output."""
    for batch, way, shot in SIZES[:3]:
        places = list(np.ndindex(shot, way))
        before, *others = _variants(
            student, draw, *_episodes(draw, batch, way, shot), [_relabel(*place) for place in places]
        )
        for (k, n), got in zip(places, others, strict=True):
            where = f"N = {way}, K = {shot}: the label of support drawing {k + 1} of class {n}"
            _assert_all_queries_differ(got, before, where)


@points(2)
@after(test_every_query_comes_after_the_whole_support)
@picture(failures.dependence)
@hint(
    "The output at a query's place goes by the drawing at that place, and no output of the support goes by a query. "
    "Look at which of the outputs you return, and whether something is read backwards.",
    mend="An LSTM has an output for each step of the sequence: return all of them, each at its own place, instead "
    "of the last one. None may depend on what comes later.",
)
def test_a_query_drawing_decides_its_own_output(student, draw):
    """A query drawing makes a difference to its own output, and none to the support's."""
    for batch, way, shot in SIZES:
        changes = [_redraw(draw, -1, query) for query in range(way)]
        before, *others = _variants(student, draw, *_episodes(draw, batch, way, shot), changes)
        for query, got in enumerate(others):
            where = f"N = {way}, K = {shot}: query drawing {query + 1} of {way}"
            assert_differ(got[:, -1, query], before[:, -1, query], f"{where} does not change its own output")
            assert_close(got[:, :-1], before[:, :-1], "support outputs after a change of a query drawing", rtol=1e-6)


@points(1)
@after(test_queries_are_answered_from_memory)
@hint(
    "The outputs of an LSTM lie between -1 and 1, and half of what was remembered is negative. Look at what "
    "you do with the outputs of layer1 before layer2 reads them.",
    mend="Pass the outputs of layer1 on to layer2 as they are: no ReLU between the two.",
)
def test_layer2_reads_negative_outputs_of_layer1(student, draw):
    """The second LSTM reads all that the first one says, negative numbers too."""
    for batch, way, shot in SIZES[:2]:

        def redraw_all(images, labels):
            images[:] = draw.normal(*images.shape)

        before, got = _variants(student, draw, *_episodes(draw, batch, way, shot), [redraw_all], gain=1.0, shift=-8.0)
        assert_differ(got, before, "when all outputs of layer1 are negative, other drawings give the same logits")


@points(6)
@after(test_every_drawing_gets_logits)
@hint(
    "The outputs look like probabilities. The loss applies softmax itself, and twice is once too many. Look "
    "at the end of forward.",
    mend="Return the outputs of layer2 as they are: no softmax and no sigmoid in forward.",
)
def test_outputs_are_logits(student, draw):
    """The outputs are logits, not probabilities."""
    got = np.stack([_variants(student, draw, *_episodes(draw, 3, 3, 1), []) for _ in range(6)])
    # Whatever they are normalised over. Raw outputs of an LSTM have either sign, if not those of each network.
    assert (got < 0).any(), (
        f"all outputs lie between {got.min():.3g} and {got.max():.3g}, none below 0, as after softmax or sigmoid"
    )


@points(3)
@after(test_query_labels_never_reach_the_network)
@hint(
    "The labels that forward is given are the targets of the loss, and forward writes into them. Look at "
    "where you hide the labels of the query: is that tensor a copy?",
    mend="Write into a copy, or put a new tensor together. clone() makes a copy; detach(), view() and numpy() do not.",
)
def test_the_callers_labels_stay_as_they_were(student, draw):
    """forward leaves the labels it is given as they were."""
    images, labels = _episodes(draw, 2, 3, 1)
    left = student.labels_after_forward(images, labels, draw.seed()).labels
    assert_close(left, labels, "the caller's labels after forward")


@points(3)
@hint(
    "The network has been told the labels of the support, so they say nothing of what it has learned. Look at "
    "which rows of predictions and labels are in the loss.",
    mend="Take the last row of both, the query: index -1 along the axis of length K+1.",
)
def test_loss_looks_at_the_query_only(student, draw):
    """The loss depends on the logits of the query alone."""
    for batch, way, shot in sorted(SIZES, key=lambda sizes: -sizes[-1]):  # first the one that tells most rows apart
        _, labels = _episodes(draw, batch, way, shot)
        logits = draw.normal(batch, shot + 1, way, way, scale=2)
        before = student.loss(labels, logits).loss
        changed = logits.copy()
        changed[:, :-1] = draw.normal(batch, shot, way, way, scale=2)
        got = student.loss(labels, changed).loss
        assert_close(got, before, f"N = {way}, K = {shot}: loss after a change of support logits")
        changed = logits.copy()
        changed[:, -1] = draw.normal(batch, way, way, scale=2)
        assert_differ(
            student.loss(labels, changed).loss,
            before,
            f"N = {way}, K = {shot}: other query logits leave the loss as it was",
        )


@points(4)
@after(test_loss_looks_at_the_query_only)
@picture(failures.loss_axis)
@hint(
    "The loss is -log softmax(logits)[class of the query], averaged over all B * N queries. Look at which "
    "axis your cross entropy takes for the classes, at what it averages over, and at whether softmax is "
    "applied twice.",
    mend="F.cross_entropy takes dimension 1 for the classes. In a tensor (B, N, N) dimension 1 is the position of "
    "the query, so reshape the predictions of the query to (B * N, N), and give it the B * N class numbers as "
    "targets. It applies softmax itself, and averages.",
)
def test_loss_is_cross_entropy(student, reference, draw):
    """The loss is the mean cross entropy over all queries of all episodes."""
    for batch, way, shot in SIZES:
        _, labels = _episodes(draw, batch, way, shot)
        logits = draw.normal(batch, shot + 1, way, way, scale=2)
        want = reference.loss(labels, logits)
        assert_close(student.loss(labels, logits).loss, want.loss, f"loss for B = {batch}, N = {way}, K = {shot}")


@points(1)
@after(test_loss_is_cross_entropy)
@hint(
    "The number is right, but no gradient flows back from it to the predictions. Look for where the loss "
    "stops being a tensor with a graph.",
    mend="Return the tensor as the cross entropy gives it: no .item(), no detach(), no torch.tensor(...) around it.",
)
def test_loss_can_be_differentiated(student, reference, draw):
    """The gradient of the loss reaches the predictions."""
    for batch, way, shot in SIZES[:2]:
        _, labels = _episodes(draw, batch, way, shot)
        logits = draw.normal(batch, shot + 1, way, way, scale=2)
        asked = student.loss, reference.loss
        assert_flows(*asked, ["logits"], draw.rng, "gradient of the loss", labels, logits=logits)


@points(2)
@after(test_shape, test_queries_are_answered_from_memory, test_loss_can_be_differentiated)
@hint(
    "Training would leave a part of the network as it is, since no gradient arrives there. Look at what "
    "happens between layer1, layer2 and what forward returns.",
    mend="Run layer2 directly on the outputs of layer1, and return its outputs, without detach() and torch.no_grad().",
)
def test_gradients_reach_both_layers(student, draw):
    """The gradient of the loss reaches every weight of both LSTMs."""
    images, labels = _episodes(draw, 4, 3, 2)
    largest = student.gradients(images, labels, draw.seed()).largest
    still = [name for name, value in largest.items() if not value > 0]
    assert not still, f"the gradient is 0 for {', '.join(still[:4])}"


@points(4)
@after(
    test_every_forward_pass_starts_afresh,
    test_query_labels_never_reach_the_network,
    test_support_labels_reach_the_network,
    test_a_query_drawing_decides_its_own_output,
    test_layer2_reads_negative_outputs_of_layer1,
    test_outputs_are_logits,
    test_the_callers_labels_stay_as_they_were,
)
@hint(
    "The query's logits are other numbers than the two LSTMs give for the sequence of the assignment. Look at which "
    "label stands beside which drawing, at what is done to drawings, labels and outputs (is anything drawn at random, "
    "as by dropout?), and at the state from which each LSTM starts.",
    mend="At each place layer1 reads a drawing as it is and its own label, for the query zeros. Run layer1 over the "
    "whole sequence and layer2 over all its outputs, both from an empty state; or in pieces, where both get the state "
    "that the piece before has left.",
)
def test_logits_are_those_of_the_given_layers(student, reference, draw):
    """The logits of the query are what layer1 and layer2 make of the sequence of drawings and labels."""
    for _, way, shot in SIZES[:2]:
        pair = (np.concatenate([part, part]) for part in _episodes(draw, 1, way, shot))
        first, second = _variants(student, draw, *pair, [])[0]
        assert_close(second, first, "outputs of an episode that stands in a batch twice, at the second", rtol=1e-5)
    for batch, way, shot in SIZES[:2]:
        images, labels = _episodes(draw, batch, way, shot)
        weights = _weights(draw, way)
        got = student.outputs(weights, images, labels).logits
        labels_first = weights | {FROM_INPUTS: np.roll(weights[FROM_INPUTS], -way, axis=1)}
        wanted = [reference.outputs(given, images, labels).logits[:, -1] for given in (weights, labels_first)]
        queries = got.reshape(labels.shape)[:, -1] if got.size == labels.size else got
        want = min(wanted, key=lambda other: np.abs(queries - other).max() if queries.shape == other.shape else 0)
        # What is added to all logits of a query makes no difference: log-probabilities are logits too.
        got, want = (part - part.mean(axis=-1, keepdims=True) for part in (queries, want))
        what = f"B = {batch}, N = {way}, K = {shot}, with weights that are given: logits of the query, less their mean"
        assert_close(got, want, what, place=False)


@training(seconds=90)
@points(2)
@after(
    test_query_labels_never_reach_the_network,
    test_support_labels_reach_the_network,
    test_every_query_comes_after_the_whole_support,
    test_the_callers_labels_stay_as_they_were,
    test_loss_is_cross_entropy,
    test_gradients_reach_both_layers,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn. Train it yourself "
    "with hw1/train.py: does the loss fall below log N?",
    mend="A loss that stays at log N says that the network guesses: print which labels it sees in one episode, and "
    "compare them with the targets. A loss that falls in training only says that the answers leak.",
)
def test_learns_stripes(student, draw, threshold):
    """After a short training on striped patterns it tells new ones apart, 2-way 1-shot."""
    train, held_out = _made_characters(draw, 200), _made_characters(draw, 60)
    threshold.reached_by(_accuracy_after_training(student, draw, [train], [1000], held_out), made=True)


@training(seconds=90)
@points(2)
@after(test_learns_stripes)
@hint(
    "It learns simple patterns but not handwriting. Train it yourself with hw1/train.py, and look at the curve.",
    mend="Compare your curve with the one in the README: a curve that is flat for long and then falls is normal "
    "for an LSTM. One that never falls points to a part of forward that the smaller checks do not see; print "
    "the shapes in it.",
)
def test_learns_handwriting(student, draw, threshold):
    """After a short training on stripes and drawn handwriting it tells new characters apart, 2-way 1-shot."""
    # Drawn even where Omniglot is there: on that, one training of the reference in six does not get going in this time.
    train, held_out = (_smoothed(part) for part in Drawings(None).characters(160, 60, draw.rng))
    # Stripes first: on handwriting from the start an LSTM may stay for a thousand steps where it was after two hundred,
    # before it finds out that a label belongs to the drawing beside it. On stripes it finds that out soon.
    courses = [_made_characters(draw, 200), train]
    threshold.reached_by(_accuracy_after_training(student, draw, courses, [400, 900], held_out), made=True)


def _smoothed(drawings):
    """Drawings (characters, 20, 28, 28) in tiles of 2 x 2, each as dark as its ink: (characters, 20, 784).

    Thin strokes that miss each other by a pixel have nothing in common for an LSTM: on sharp drawings accuracies vary
    three times as much.
    """
    tiles = drawings.reshape(*drawings.shape[:2], 14, 2, 14, 2).sum(axis=(3, 5)) / 2
    return tiles.repeat(2, axis=2).repeat(2, axis=3).reshape(*drawings.shape[:2], 784).astype(np.float32)
