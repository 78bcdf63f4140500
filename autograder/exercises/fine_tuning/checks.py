"""Fine-tuning: pre-training, a frozen body, two rates, the order of the phases, and what it learns.

Each phase is judged by itself, on a small body of the probe's. _adapt is judged with stand-ins for the phases, and
_evaluate with one for _adapt, or else with the student's own: a mistake is paid for once.
"""

import numpy as np

from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_either,
    assert_or_name,
    assert_shape,
    hint,
    points,
    training,
)
from autograder.shapes.episodic.checks import (
    assert_answers_close,
    assert_only_the_support,
    mosaics,
    query_accuracy,
)
from autograder.shapes.functions.checks import assert_answers_stay_apart, assert_changes, assert_flows
from autograder.shapes.gradient.assertions import changes, cosine, flat

IMAGE = (1, 5, 5)
FEATURES = 6
CHARACTERS = 9
HEAD_LR, BODY_LR = 0.7, 0.3
STEPS, OTHER_STEPS = 3, 2
NOISE = 0.7
RANDOM = "the head begins with random numbers, such as nn.Linear draws by itself, and not with 0"


def _body(draw):
    """Draw parameters and running statistics of the probe's body."""
    body = {
        "conv.weight": draw.normal(FEATURES, 1, 3, 3, scale=0.5),
        "conv.bias": draw.normal(FEATURES, scale=0.3),
        "norm.weight": 1 + draw.normal(FEATURES, scale=0.2),
        "norm.bias": draw.normal(FEATURES, scale=0.3),
    }
    statistics = {
        "norm.running_mean": draw.normal(FEATURES, scale=0.5),
        "norm.running_var": draw.uniform(0.5, 3.0, FEATURES),
    }
    return body, statistics


def _layer(draw, outputs):
    """Draw weight and bias of a linear layer on the features."""
    return {"weight": draw.normal(outputs, FEATURES, scale=0.5), "bias": draw.normal(outputs, scale=0.3)}


def _batch(draw, count=3, way=3, shot=2, query=3):
    return [draw.task(way, shot, query, image=IMAGE) for _ in range(count)]


def _support(draw, way=3, shot=2):
    """Draw images and labels of a support."""
    (task,) = _batch(draw, 1, way, shot)
    return task.images_support, task.labels_support


def _phase(draw, way=3):
    """Draw the arguments of a phase, all but steps and mode."""
    images, labels = _support(draw, way)
    body, statistics = _body(draw)
    given = {"images": images, "labels": labels, "body": body, "statistics": statistics, "head": _layer(draw, way)}
    return {**given, "head_lr": HEAD_LR, "body_lr": BODY_LR}


def _run(question, given, steps=STEPS, other_steps=OTHER_STEPS, training=False, **others):
    return question(**{**given, **others}, steps=steps, other_steps=other_steps, training=training)


def _assert_downhill(student, reference, given, parts):
    """Assert that these parts of the network have moved, and that they go the way of the reference."""
    got, want = (_run(question, given) for question in (student, reference))
    for part in parts:
        moved, right = (flat(changes(getattr(answer, part), given[part])) for answer in (got, want))
        assert (moved != 0).any(), f"after {STEPS} steps the {part} is what it was before"
        slope = cosine(moved, right)
        assert slope > 0, (
            f"the {part} does not go where the cross entropy of the support falls: the cosine between its move and "
            f"the right one is {slope:.2f}"
        )


def _assert_one_step(student, reference, draw, parts):
    """Assert that one step of a phase moves these parts of the network as far as the reference's."""
    for way in (3, 5):
        given = _phase(draw, way)
        answers = [_run(question, given, 1, 1) for question in (student, reference)]
        moves = (
            {
                f"the {part}'s {name}": array - given[part][name]
                for part in parts
                for name, array in getattr(answer, part).items()
                if name in given[part]
            }
            for answer in answers
        )
        assert_close(*moves, f"for N = {way}, in one step the move of")


def _assert_steps_follow(student, reference, draw, parts, counts):
    """Assert that these parts of the network are the reference's after so many steps of a phase."""
    given = _phase(draw)
    for steps in counts:
        got, want = (_run(question, given, steps, 3) for question in (student, reference))
        for part in parts:
            assert_close(getattr(got, part), getattr(want, part), f"after {steps} steps, the {part}'s")


def _assert_statistics_stay(question, given):
    """Assert that the running statistics of a body that comes in training mode are as they were."""
    left = _run(question, given, training=True).statistics
    assert_close(left, given["statistics"], f"after {STEPS} steps, batch normalisation's", rtol=1e-9)


def _pretraining(draw, count=7, characters=CHARACTERS):
    """Draw the arguments of a batch of pre-training, all but the mode."""
    body, statistics = _body(draw)
    labels = draw.rng.permutation(np.resize(draw.rng.permutation(characters), count))
    given = {"images": draw.normal(count, *IMAGE), "labels": labels, "body": body, "statistics": statistics}
    return {**given, "classifier": _layer(draw, characters)}


# Pre-training


@points(0.5)
@hint(
    "In pre-training the network learns, and so do the running statistics of its batch normalisation, by which "
    "fine-tuning will go. Look at the mode in which the body sees the batch.",
    mend="Put the body into training mode at the start, self._body.train(). After an evaluation it is not.",
)
def test_pretraining_learns_the_running_statistics(student, reference, draw):
    """Pre-training sees a batch in training mode, whichever mode the body was in before."""
    given = _pretraining(draw)
    got, want = (subject.pretraining(**given, training=False).statistics for subject in (student, reference))
    assert_close(got, want, "after a batch of pre-training, batch normalisation's")


@points(1)
@after(test_pretraining_learns_the_running_statistics)
@hint(
    "Pre-training is classification as usual: the cross entropy over all characters, averaged over the batch. Look at "
    "the logits, the labels, and what is done to either.",
    mend="F.cross_entropy of the logits of all C characters as they are (it applies softmax itself, and averages) and "
    "the labels as they are.",
)
def test_pretraining_loss_is_the_cross_entropy_over_all_characters(student, reference, draw):
    """The loss of pre-training is the mean cross entropy over all training characters."""
    for count in (7, 4):
        given = _pretraining(draw, count)
        got, want = (subject.pretraining(**given, training=True).loss for subject in (student, reference))
        assert_close(got, want, f"loss of pre-training for {count} drawings and {CHARACTERS} characters")


@points(0.5)
@after(test_pretraining_learns_the_running_statistics)
@hint(
    "The accuracy is the share of the drawings whose own character is taken for the likeliest. Look at what is "
    "compared, and at what you return second.",
    mend="Return util.score of logits and labels, a float, after the loss.",
)
def test_accuracy_of_pretraining(student, reference, draw):
    """The accuracy of pre-training is the share of drawings that are classified right."""
    judged = []
    for count, characters in ((11, 4), (7, 3), (13, 5), (10, 3)):
        given = _pretraining(draw, count, characters)
        scaled = {name: 0.1 * array for name, array in given["classifier"].items()}
        got = student.pretraining(**{**given, "classifier": scaled}, training=True).accuracy
        want = reference.pretraining(**{**given, "classifier": scaled}, training=True).accuracy
        judged.append((got, want, f"accuracy of {count} drawings"))
    assert_answers_close(judged)


@points(1)
@after(test_pretraining_loss_is_the_cross_entropy_over_all_characters)
@hint(
    "The loss is right, but the network cannot learn from it. Look for where its way back to the body or to the "
    "classifier is cut.",
    mend="No torch.no_grad(), detach(), .item() or .data between the parameters and the loss. Body and classifier are "
    "both trained here.",
)
def test_gradient_of_pretraining_reaches_the_whole_network(student, reference, draw):
    """The gradient of the loss of pre-training reaches body and classifier."""
    given = _pretraining(draw)
    batch = given["images"], given["labels"], given["statistics"], True
    asked, layers = (student.pretraining, reference.pretraining), ("body", "classifier")
    what = "gradient of the loss of pre-training with respect to"
    assert_flows(*asked, layers, draw.rng, what, *batch, **{part: given[part] for part in layers})


# The head alone


@points(1)
@hint(
    "In the first phase the head goes down the cross entropy of the support. Look at the direction of a step, at "
    "whether it arrives in the head that you were given, and at what its loss is made of.",
    mend="Compute the cross entropy of the head's logits and the support's labels, take its gradient with respect to "
    "the head's weight and bias, and subtract self._head_lr times it from them, where they are.",
)
def test_the_head_learns_the_support(student, reference, draw):
    """In the first phase the head goes downhill, by the support's drawings and labels."""
    given = _phase(draw)
    _assert_downhill(student.train_head, reference.train_head, given, ["head"])
    others = {
        "drawings of the support": {**given, "images": draw.normal(*given["images"].shape)},
        "labels of the support": {**given, "labels": (given["labels"] + 1) % 3},
    }
    assert_changes(
        lambda asked: flat(changes(_run(student.train_head, asked).head, given["head"])),
        given,
        others,
        "head after phase 1",
    )


@points(1)
@after(test_the_head_learns_the_support)
@hint(
    "Frozen means that no parameter of the body moves. Look at which parameters a step of the first phase changes.",
    mend="Give the optimizer head.parameters() and nothing else, or take gradients with respect to these alone.",
)
def test_the_body_is_frozen_while_the_head_is_trained(student, draw):
    """In the first phase no parameter of the body moves."""
    given = _phase(draw)
    left = _run(student.train_head, given).body
    assert_close(left, given["body"], f"after {STEPS} steps of the head, the body's", rtol=1e-9)


@points(1)
@after(test_the_head_learns_the_support)
@hint(
    "Frozen means batch normalisation's running statistics, too. They are no parameters, and no optimizer knows them. "
    "Look at what changes them.",
    mend="Call body.eval() before the first pass. requires_grad_(False), and torch.no_grad() too, leave a body in "
    "training mode, in which each pass moves the running mean and variance.",
)
def test_running_statistics_are_frozen_with_the_body(student, draw):
    """In the first phase the running statistics of batch normalisation stay as they are."""
    _assert_statistics_stay(student.train_head, _phase(draw))


@points(1)
@after(test_the_body_is_frozen_while_the_head_is_trained, test_running_statistics_are_frozen_with_the_body)
@hint(
    "A step of the head is plain gradient descent on the mean cross entropy of the whole support, at the head's rate. "
    "Look at the loss, at what it averages over, at the rate, and at what else acts on a step.",
    mend="F.cross_entropy of the logits as they are, over all drawings of the support; weight and bias each minus "
    "self._head_lr times their gradient. No momentum, no Adam, no weight decay.",
)
def test_one_step_of_the_head(student, reference, draw):
    """One step of the head is a gradient step on the support's cross entropy, at the head's rate."""
    _assert_one_step(student.train_head, reference.train_head, draw, ["head"])


@points(0.5)
@after(test_one_step_of_the_head)
@hint(
    "The steps of the head follow each other. Look at where each gradient is taken, at what is left of the last one, "
    "and at how many steps there are.",
    mend="In each of self._num_head_steps steps: a new loss of the head as it is now, its gradient without that of the "
    "steps before, one update.",
)
def test_each_step_of_the_head_starts_from_the_last(student, reference, draw):
    """Several steps of the head follow each other, as many as num_head_steps."""
    _assert_steps_follow(student.train_head, reference.train_head, draw, ["head"], (2, 5))


# Head and body


@points(1.25)
@hint(
    "In the second phase nothing is frozen any more: head and body both go down the cross entropy of the support. "
    "Look at whether both arrive in a step, and at its direction.",
    mend="Take the gradient of the support's loss with respect to the parameters of the body and of the head, without "
    "torch.no_grad() around the body, and subtract each's rate times it, where they are.",
)
def test_body_and_head_both_learn(student, reference, draw):
    """In the second phase body and head both go downhill."""
    given = _phase(draw)
    _assert_downhill(student.train_all, reference.train_all, given, ["head", "body"])


@points(1)
@after(test_body_and_head_both_learn)
@hint(
    "In the second phase the body learns, and still the running statistics of its batch normalisation stay: those of a "
    "few drawings would be worse. Look at the mode of the body.",
    mend="Call body.eval() here, too. In evaluation mode parameters learn as they do in training mode; only "
    "statistics do not.",
)
def test_running_statistics_stay_in_the_second_phase(student, draw):
    """In the second phase the running statistics of batch normalisation stay as they are."""
    _assert_statistics_stay(student.train_all, _phase(draw))


@points(1.25)
@after(test_running_statistics_stay_in_the_second_phase)
@hint(
    "Layers have rates of their own: the new head learns fast, the body keeps most of what it knows. Look at which "
    "rate moves which parameters, whether all of them move, and at the loss.",
    mend="Every parameter of the body minus self._body_lr times its gradient, weight and bias of the head minus "
    "self._head_lr times theirs, all gradients of one loss, taken before anything moves. No momentum, no Adam.",
)
def test_body_and_head_have_rates_of_their_own(student, reference, draw):
    """One step of the second phase moves the body at body_lr and the head at head_lr."""
    _assert_one_step(student.train_all, reference.train_all, draw, ["head", "body"])


@points(0.5)
@after(test_body_and_head_have_rates_of_their_own)
@hint(
    "The steps of the second phase follow each other. Look at where each gradient is taken, at what is computed once "
    "and used in all steps, and at how many steps there are.",
    mend="The body moves, and so do its features: compute them anew in each of self._num_joint_steps steps, clear the "
    "gradients, and take one step.",
)
def test_each_joint_step_starts_from_the_last(student, reference, draw):
    """Several steps of the second phase follow each other, as many as num_joint_steps."""
    _assert_steps_follow(student.train_all, reference.train_all, draw, ["head", "body"], (2, 4))


@points(0.5)
@after(test_the_head_learns_the_support, test_body_and_head_have_rates_of_their_own)
@hint(
    "The second phase moves the body where it begins with it, but not all of the body after the first phase. Look at "
    "what the first phase leaves behind in the parameters.",
    mend="What you freeze by requires_grad_(False) in _train_head, set free by requires_grad_(True): in _train_all, at "
    "the end of _train_head, or between the two.",
)
def test_the_body_is_unfrozen_after_the_first_phase(student, draw):
    """After the first phase the second one moves every parameter of the body."""
    phase, task = _phase(draw), _task(draw)

    def compare(alone):  # one phase after the other, or both as _adapt calls them, which may do the unfreezing
        if alone:
            before, left = phase["body"], _run(student.train_all, phase, after_head=True).body
        else:
            before, left = task["body"], _adapted(student.adapt, task, stand_ins=False).body
        for name, array in before.items():
            assert (left[name] != array).any(), f"after both phases the body's {name} is what it was before"

    assert_either(compare)


# A task


def _task(draw, way=3):
    """Draw a task's arguments, all but the steps."""
    images, labels = _support(draw, way)
    body, statistics = _body(draw)
    given = {"images": images, "labels": labels, "body": body, "statistics": statistics}
    return {**given, "way": way, "characters": CHARACTERS}


def _adapted(question, given, steps=(STEPS, OTHER_STEPS), **others):
    return question(**{**given, **others}, head_steps=steps[0], joint_steps=steps[1])


def _compare(student, reference, given, steps, what):
    """Assert that what comes of a task is right."""

    def compare(stand_ins):
        got, want = (_adapted(subject.adapt, given, steps, stand_ins=stand_ins) for subject in (student, reference))
        assert_close(_parts(got), _parts(want), what)

    assert_either(compare)


def _is_drawn(weight):
    """Whether numbers may be those that nn.Linear draws: none is 0, and all lie within its bounds."""
    return bool(weight.all() and (np.abs(weight) <= 1 / np.sqrt(weight.shape[1])).all())


def _given_body(given):
    """Parameters and running statistics of a task's pre-trained body."""
    return {**given["body"], **given["statistics"]}


def _parts(answer):
    """Head and body by name."""
    return {"head weight": answer.weight, "head bias": answer.bias} | {
        f"body {name}": array for name, array in {**answer.body, **answer.statistics}.items()
    }


@points(0.5)
@after(test_the_head_learns_the_support)
@hint(
    "A task has N classes, whatever number of characters there was in pre-training. Look at the outputs of the head.",
    mend="Make an nn.Linear from the body's features to self._num_outputs.",
)
def test_the_head_has_an_output_for_each_class(student, draw):
    """The head that _adapt returns has N outputs."""
    for way in (3, 5):
        given = _task(draw, way)

        def compare(stand_ins, given=given, way=way):
            got = _adapted(student.adapt, given, stand_ins=stand_ins)
            assert_shape(got.weight, (way, FEATURES), f"weight of the head for N = {way}, {CHARACTERS} characters")
            assert_shape(got.bias, (way,), f"bias of the head for N = {way}, {CHARACTERS} characters")

        assert_either(compare)


@points(0.5)
@after(test_the_head_has_an_output_for_each_class)
@hint(
    "Before its first step a task has the pre-trained body and a head that knows nothing. Look at where both come "
    "from, and at the numbers that the head begins with.",
    mend="Copy self._body with all that it has learned, and make a new head with weight and bias 0.",
)
def test_a_task_begins_with_the_pretrained_body_and_a_new_head(student, reference, draw):
    """Without steps a task has the pre-trained body, and a head of zeros."""
    given, steps = _task(draw), (0, 0)

    def compare(stand_ins):
        got, want = (_adapted(subject.adapt, given, steps, stand_ins=stand_ins) for subject in (student, reference))
        try:
            assert_close(_parts(got), _parts(want), "without a step,")
        except AssertionError as error:
            if _is_drawn(got.weight):
                after_another = {"earlier": given["images"], "stand_ins": stand_ins}
                second = _adapted(student.adapt, given, steps, **after_another)
                is_random, numbers = (second.weight != got.weight).all(), {**got.body, **got.statistics}
                is_pretrained = all((numbers[name] == array).all() for name, array in _given_body(given).items())
                assert_or_name(not (is_random and is_pretrained), str(error), RANDOM)
            raise

    assert_either(compare)


@points(1)
@after(test_a_task_begins_with_the_pretrained_body_and_a_new_head)
@hint(
    "First the head is trained while the body is frozen, and only then all. Look at which phase comes first, at how "
    "often each is there, and at what is handed to it.",
    mend="self._train_head and then self._train_all, once each, both with the same body and head and the whole "
    "support.",
)
def test_the_head_is_trained_first_and_then_all(student, reference, draw):
    """A task has two phases: first the head alone, then all."""
    for steps in ((STEPS, OTHER_STEPS), (1, 4)):
        _compare(student, reference, _task(draw), steps, f"after {steps[0]} steps of the head and {steps[1]} of all,")


@points(1)
@after(test_the_head_is_trained_first_and_then_all)
@hint(
    "The pre-trained body is for all tasks, and no task may change it. Look at whether what you train shares its "
    "tensors.",
    mend="copy.deepcopy(self._body) copies parameters and statistics; copy.copy, another name, or a state_dict that "
    "is not loaded into another body, do not.",
)
def test_the_pretrained_body_stays(student, draw):
    """Fine-tuning leaves the pre-trained body and its statistics as they were."""
    given = _task(draw)

    def compare(stand_ins):
        got = _adapted(student.adapt, given, stand_ins=stand_ins)
        assert_close(got.pretrained, given["body"], "after a task, the pre-trained body's", rtol=1e-9)
        assert_close(got.pretrained_statistics, given["statistics"], "after a task, the pre-trained body's", rtol=1e-9)

    assert_either(compare)


@points(0.5)
@after(test_the_pretrained_body_stays)
@hint(
    "A task goes by its own support. Look for what is kept from one task to the next.",
    mend="Make body, head and optimizer anew in each call, and keep none of them on self.",
)
def test_each_task_begins_anew(student, draw):
    """After another task this one comes out as it does without that."""
    given = _task(draw)
    earlier = draw.normal(*given["images"].shape)

    def compare(stand_ins):
        alone, second = (
            _parts(_adapted(student.adapt, given, stand_ins=stand_ins, **more)) for more in ({}, {"earlier": earlier})
        )
        assert_close(second, alone, "after another task,")

    assert_either(compare)


# A batch of tasks


def _tasks(draw, **sizes):
    body, statistics = _body(draw)
    return _batch(draw, **sizes), {"body": body, "statistics": statistics, "way": 3}


def _assert_of_losses(student, given, judge):
    """Judge losses of batches, each of which is asked for by an object of its own."""

    def compare(stand_in):
        judge(lambda batches: np.array([student.evaluate(tasks, **given, stand_in=stand_in).loss for tasks in batches]))

    assert_either(compare)


@points(0.5)
@after(test_the_head_learns_the_support)
@hint(
    "The query tells how good a fine-tuned network is, and so it must not have been fine-tuned to it. Look at what "
    "you hand to _adapt.",
    mend="Give _adapt the drawings and labels of the support, and use those of the query afterwards.",
)
def test_labels_of_the_query_are_not_fine_tuned_to(student, draw):
    """What one query's label does to the loss does not depend on another query's label."""
    tasks, given = _tasks(draw)
    message = "what the label of one query does to the loss depends on the label of another: is it fine-tuned to?"
    _assert_of_losses(student, given, lambda losses: assert_answers_stay_apart(losses, tasks, "labels_query", message))


@points(0.5)
@after(test_labels_of_the_query_are_not_fine_tuned_to)
@hint(
    "A query is classified by itself: which others are asked at the same time makes no difference. Look at which body "
    "sees the query, and in which mode it is.",
    mend="Show the query to the body that _adapt returns, not to self._body. It is in evaluation mode: leave it there. "
    "In training mode batch normalisation would go by all queries at once.",
)
def test_a_query_is_classified_by_itself(student, draw):
    """The loss of a query is the same whether or not others are asked with it."""
    (task,), given = _tasks(draw, count=1)
    some = len(task.labels_query) // 3
    parts = [
        task._replace(images_query=task.images_query[rows], labels_query=task.labels_query[rows])
        for rows in (slice(None, some), slice(some, None))
    ]

    def judge(losses):
        together, first, rest = losses([[part] for part in (task, *parts)])
        share = some / len(task.labels_query)
        assert_close(together, share * first + (1 - share) * rest, "loss of all queries beside the mean of two parts")

    _assert_of_losses(student, given, judge)


@points(1)
@after(test_a_query_is_classified_by_itself)
@hint(
    "The loss is the cross entropy of the query after fine-tuning, averaged over the tasks. Look at whose drawings, "
    "labels, body and head are in it.",
    mend="F.cross_entropy of head(body(images_query)) and labels_query, with the body and the head that _adapt "
    "returned for this task's support.",
)
def test_loss_is_that_of_the_query_after_fine_tuning(student, reference, draw):
    """_evaluate returns the mean over the tasks of the query's cross entropy after fine-tuning."""
    tasks, given = _tasks(draw)

    def compare(stand_in):
        got, want = (subject.evaluate(tasks, **given, stand_in=stand_in).loss for subject in (student, reference))
        assert_close(got, want, "loss of three tasks")

    assert_either(compare)


@points(0.5)
@after(test_a_query_is_classified_by_itself)
@hint(
    "There are two accuracies, both after fine-tuning. Look at which drawings and labels each is of, and at their "
    "order.",
    mend="util.score of the logits of the support and its labels into support_accuracies, that of the query into "
    "query_accuracies, once for each task.",
)
def test_accuracies_of_support_and_query(student, reference, draw):
    """_evaluate returns the accuracies on support and query after fine-tuning, averaged over the tasks."""
    batches = [_tasks(draw, shot=shot, query=query) for shot, query in ((2, 3), (3, 5), (4, 2))]

    def compare(stand_in):
        judged = []
        for tasks, given in batches:
            got, want = (subject.evaluate(tasks, **given, stand_in=stand_in) for subject in (student, reference))
            judged.append((got.accuracy_support, want.accuracy_support, "support accuracy"))
            judged.append((got.accuracy_query, want.accuracy_query, "query accuracy"))
        assert_answers_close(judged)

    assert_either(compare)


@points(1)
@after(
    test_each_step_of_the_head_starts_from_the_last,
    test_each_joint_step_starts_from_the_last,
    test_the_body_is_unfrozen_after_the_first_phase,
    test_each_task_begins_anew,
    test_loss_is_that_of_the_query_after_fine_tuning,
    test_accuracies_of_support_and_query,
)
@hint(
    "A task is measured by its own support and query. Look for what is kept from one task, or one batch, to the next.",
    mend="Keep nothing on self between tasks, and begin each batch with empty lists.",
)
def test_nothing_but_its_own_support_and_query_counts(student, reference, draw):
    """The other queries, the other tasks and those before make no difference to what a task is fine-tuned to."""
    for shot in (1, 2):
        tasks, given = _tasks(draw, count=2, shot=shot)
        (another,), _ = _tasks(draw, count=1, shot=shot)

        def losses(subject, batches, given=given):
            return subject.losses(batches, **given).losses

        assert_only_the_support(student, reference, draw, tasks, another, losses, f"K = {shot}")


def _noisy(draw, drawings):
    """Drawings with so much more noise that a body which has learned nothing does not do."""
    return (drawings + draw.normal(*drawings.shape, scale=NOISE)).astype(np.float32)


@training(seconds=60)
@points(1)
@after(
    test_gradient_of_pretraining_reaches_the_whole_network,
    test_nothing_but_its_own_support_and_query_counts,
)
@hint(
    "The parts that this check waits for are right by themselves, but together they do not learn well enough. Train it "
    "yourself with hw2/train.py, and look at the curve.",
    mend="Look at the loss of pre-training first: it should fall far below log C. If it does and the query's accuracy "
    "does not rise, the body that is fine-tuned is not the one that was trained.",
)
def test_learns_mosaics(student, draw, threshold):
    """After a short pre-training on noisy mosaics it is fine-tuned to new ones, 5-way 1-shot."""
    learned, held_out = (_noisy(draw, mosaics(draw, characters)) for characters in (200, 60))
    weights = student.train(learned, batches=300, seed=draw.seed()).weights
    steps = {"head_steps": 20, "joint_steps": 10, "head_lr": 0.1, "body_lr": 0.005}
    threshold.reached_by(query_accuracy(student, draw, weights, held_out, **steps), made=True)
