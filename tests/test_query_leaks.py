"""A query reaches what it is judged by in no way: not by a label, not by another query, not by what is kept.

The mutants have the plain cases. Here are those that hide: from the stand-ins, at some sizes, in one mode only.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autograder.exercises.protonet import checks as protonet_checks
from autograder.exercises.protonet import probe as protonet
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.shapes.gradient import probe as gradient

DRAW = Draw(1, "leaks", Drawings(None))
PROTOTYPES = "prototypes = self._prototypes(features_support, labels_support)"
MIXED = (
    "prototypes = self._prototypes(\n"
    "                torch.cat([features_support, features_query]), torch.cat([labels_support, labels_query])\n"
    "            )"
)
ADAPTED = "parameters, accuracies_support = self._inner_loop(images_support, labels_support, train)"
ON_BOTH = (
    "parameters, accuracies_support = self._inner_loop(\n"
    "                torch.cat([images_support, images_query]), torch.cat([labels_support, labels_query]), train\n"
    "            )"
)
LITTLE = (
    f"{PROTOTYPES}\n            prototypes = 0.99 * prototypes + 0.01 * self._prototypes(features_query, labels_query)"
)
ADAPTED_A_LITTLE = (
    f"{ADAPTED}\n"
    "            known, _ = self._inner_loop(images_query, labels_query, train)\n"
    "            parameters = {name: 0.99 * tensor + 0.01 * known[name] for name, tensor in parameters.items()}"
)
PREDICTED = "mean, deviation = self.predict(x_support, y_support, x_query)"
HIDDEN = "hidden_labels = torch.zeros_like(input_labels[:, -1:])"


def only_if(condition, honest, leak):
    """Code that leaks under a condition."""
    return f"{honest}\n            if {condition}:\n                " + leak.replace("\n", "\n    ")


LEAKS = {
    "protonet: for one shot only": (
        "protonet",
        PROTOTYPES,
        only_if("len(labels_support.unique()) == len(labels_support)", PROTOTYPES, MIXED),
    ),
    "protonet: for five ways only": (
        "protonet",
        PROTOTYPES,
        only_if("len(labels_support.unique()) == 5", PROTOTYPES, MIXED),
    ),
    "protonet: from the second task on": ("protonet", PROTOTYPES, only_if("loss_batch", PROTOTYPES, MIXED)),
    "protonet: where its own functions are": (
        "protonet",
        PROTOTYPES,
        only_if('"_prototypes" not in vars(self)', PROTOTYPES, MIXED),
    ),
    "protonet: from the last batch": (
        "protonet",
        PROTOTYPES,
        f"{PROTOTYPES}\n"
        '            if hasattr(self, "last") and self.last.shape == prototypes.shape:\n'
        "                prototypes = 0.9 * prototypes + 0.1 * self.last\n"
        "            self.last = self._prototypes(features_query, labels_query).detach()",
    ),
    "protonet: a little": ("protonet", PROTOTYPES, LITTLE),
    "maml: a little": ("maml", ADAPTED, ADAPTED_A_LITTLE),
    "cnp: the first query only": (
        "cnp",
        PREDICTED,
        PREDICTED.replace(
            "x_support, y_support", "torch.cat([x_support, x_query[:1]]), torch.cat([y_support, y_query[:1]])"
        ),
    ),
    "maml: for one shot only": (
        "maml",
        ADAPTED,
        only_if("len(labels_support.unique()) == len(labels_support)", ADAPTED, ON_BOTH),
    ),
    "maml: when training only": ("maml", ADAPTED, only_if("train", ADAPTED, ON_BOTH)),
    "maml: when evaluating only": ("maml", ADAPTED, only_if("not train", ADAPTED, ON_BOTH)),
    "maml: from the second task on": ("maml", ADAPTED, only_if("outer_loss_batch", ADAPTED, ON_BOTH)),
    "maml: where its own inner loop is": (
        "maml",
        ADAPTED,
        only_if('"_inner_loop" not in vars(self)', ADAPTED, ON_BOTH),
    ),
    "black_box: where gradients are taken only": (
        "black_box",
        HIDDEN,
        f"{HIDDEN}\n        if torch.is_grad_enabled():\n            hidden_labels = input_labels[:, -1:]",
    ),
    "black_box: where they are not": (
        "black_box",
        HIDDEN,
        f"{HIDDEN}\n        if not self.training:\n            hidden_labels = input_labels[:, -1:]",
    ),
}


DEAR = [name for name in LEAKS if not name.startswith("black_box") and name != "protonet: from the last batch"]
FOUND_BY = {
    "protonet": {"test_step_learns_from_the_support", "test_nothing_but_the_support_makes_prototypes"},
    "maml": {"test_adaptation_learns_from_the_support"},
    "cnp": {"test_the_loss_goes_by_the_support"},
    "black_box": {"test_query_labels_never_reach_the_network"},
}


# Some of each exercise are among the quick tests.
SLOW = {
    "protonet: for five ways only",
    "protonet: from the second task on",
    "protonet: from the last batch",
    "maml: a little",
    "maml: when training only",
    "maml: when evaluating only",
    "maml: from the second task on",
    "maml: where its own inner loop is",
}
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in LEAKS]


@pytest.mark.parametrize("name", EACH)
def test_a_leak_is_found_and_who_knows_the_labels_of_the_query_loses_half_of_the_points(name, edited, judge):
    exercise, old, new = LEAKS[name]
    judged = judge(exercise, edited(exercise, old, new))
    failed = {check.name for check in judged if not check.earned}
    assert FOUND_BY[exercise] & failed, failed or "it has all points"
    if name in DEAR:
        assert sum(check.earned for check in judged) <= sum(check.points for check in judged) / 2


HONEST = {  # wrong losses that are sums over the queries, or do not say which answer is whose
    "protonet: summed": (
        "protonet",
        "F.cross_entropy(logits_query, labels_query)",
        'F.cross_entropy(logits_query, labels_query, reduction="sum")',
    ),
    "protonet: sorted": (
        "protonet",
        "F.cross_entropy(logits_query, labels_query)",
        "F.cross_entropy(logits_query, labels_query.sort().values)",
    ),
    "protonet: by chance": (
        "protonet",
        "F.cross_entropy(logits_query, labels_query)",
        "F.cross_entropy(F.dropout(logits_query), labels_query)",
    ),
    "maml: of probabilities": (
        "maml",
        "F.cross_entropy(logits, labels_query)",
        "F.cross_entropy(logits.softmax(dim=-1), labels_query)",
    ),
    "cnp: likelihood": ("cnp", ".log_prob(y_query).mean()", ".log_prob(y_query).exp().mean()"),
}


@pytest.mark.parametrize(("exercise", "old", "new"), HONEST.values(), ids=HONEST)
def test_a_wrong_loss_is_not_taken_for_a_leak(exercise, old, new, edited, judge):
    roots = {
        "protonet": "test_step_learns_from_the_support",
        "maml": "test_adaptation_learns_from_the_support",
        "cnp": "test_the_loss_goes_by_the_support",
    }
    verdicts = {check.name: check.verdict.value for check in judge(exercise, edited(exercise, old, new))}
    assert verdicts[roots[exercise]] == "PASS"
    assert set(verdicts.values()) != {"PASS"}


# Stand-ins depend on all that they are given


def test_the_stand_in_for_prototypes_depends_on_every_feature_label_and_place():
    features, labels = torch.tensor(DRAW.normal(8, 3)), torch.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    before = protonet.waves(features, labels)
    for i in range(len(features)):
        for j in range(3):
            changed = features.clone()
            changed[i, j] += 1
            assert (protonet.waves(changed, labels)[:, j] != before[:, j]).all(), f"feature {j} of drawing {i}"
        relabelled = labels.clone()
        relabelled[i] = (labels[i] + 1) % 4
        assert (protonet.waves(features, relabelled) != before).all(), f"label {i}"
    turned = torch.arange(8).roll(1)
    assert (protonet.waves(features[turned], labels[turned]) != before).all()
    more = protonet.waves(torch.cat([features, features[:1]]), torch.cat([labels, labels[:1]]))
    assert (more != before).all(), "one more drawing"


def test_the_stand_in_for_prototypes_without_torch_is_the_probes():
    features, labels = DRAW.normal(6, 4), np.array([2, 0, 1, 1, 0, 2])
    ours = protonet.waves(torch.tensor(features), torch.tensor(labels)).numpy()
    np.testing.assert_allclose(protonet_checks._waves(features, labels), ours, atol=1e-12)


def test_the_stand_in_for_the_inner_loop_depends_on_every_pixel_label_and_place():
    solution = SimpleNamespace(_meta_parameters={"w": torch.ones(3, dtype=torch.float64)})
    adapt = gradient._stand_in(solution, 1, 2)
    images, labels = torch.tensor(DRAW.normal(4, 1, 3, 3)), torch.tensor([0, 1, 0, 1])
    before = adapt(images, labels, True)[0]["w"]
    for place in np.ndindex(*images.shape):
        changed = images.clone()
        changed[place] += 1
        assert (adapt(changed, labels, True)[0]["w"] != before).all(), place
    for i in range(4):
        relabelled = labels.clone()
        relabelled[i] = 1 - labels[i]
        assert (adapt(images, relabelled, True)[0]["w"] != before).all(), i
    turned = torch.arange(4).roll(1)
    assert (adapt(images[turned], labels[turned], True)[0]["w"] != before).all()
    assert (adapt(images, labels, False)[0]["w"] != before).all()
