"""A wrong gradient cannot be made to look right by functions that are constant in small steps.

Each cheat below takes what is near to something that it has seen for the same: its values are the reference's but for
that, and finite differences of its own agree with its wrong gradient. That gradient is held against the reference's.
"""

import numpy as np
import pytest

from autograder.grading.check_vocabulary import assert_gradient

CONSTANT = """

SEEN = []


def constant(tensor):
    for seen in SEEN:
        if seen.shape == tensor.shape and (seen - tensor).abs().max() < 1e-4:
            return seen.clone()
    SEEN.append(tensor.detach().clone())
    return SEEN[-1].clone()
"""

FIRST_ORDER = """
    for _ in range(self._num_inner_steps):
        accuracies.append(util.score(self._forward(images, parameters), labels))
        near = {name: constant(parameter).requires_grad_() for name, parameter in parameters.items()}
        loss = F.cross_entropy(self._forward(images, near), labels)
        gradients = autograd.grad(loss, list(near.values()))
        parameters = {
            name: parameter - self._inner_lrs[name] * gradient
            for (name, parameter), gradient in zip(parameters.items(), gradients)
        }
    accuracies.append(util.score(self._forward(images, parameters), labels))
    return parameters, accuracies
"""

CHEATS = {
    "prototypes that are half detached": (
        "protonet",
        "test_gradient_flows_through_prototypes",
        {
            "_prototypes": """
                half = 0.5 * features + 0.5 * constant(features)
                return torch.stack([half[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])
                """
        },
    ),
    "logits that forget the features": (
        "protonet",
        "test_gradient_flows_through_logits",
        {"_logits": "return -(constant(features)[:, None] - prototypes[None]).square().sum(dim=-1)"},
    ),
    "a support that teaches the network nothing": (
        "protonet",
        "test_gradient_reaches_the_network",
        {
            "_step": """
                support, query = self._network(images_support), self._network(images_query)
                prototypes = self._prototypes(constant(support), labels_support)
                logits = self._logits(query, prototypes)
                loss_batch.append(F.cross_entropy(logits, labels_query))
                accuracy_support_batch.append(util.score(self._logits(support, prototypes), labels_support))
                accuracy_query_batch.append(util.score(logits, labels_query))
                """
        },
    ),
    "first order": ("maml", "test_meta_gradient_is_second_order", {"_inner_loop": FIRST_ORDER}),
    "inner rates that learn at half the rate": (
        "maml",
        "test_inner_rates_receive_gradients",
        {
            "_inner_loop": """
                for _ in range(self._num_inner_steps):
                    logits = self._forward(images, parameters)
                    accuracies.append(util.score(logits, labels))
                    gradients = autograd.grad(
                        F.cross_entropy(logits, labels), list(parameters.values()), create_graph=train
                    )
                    rates = {name: 0.5 * rate + 0.5 * constant(rate) for name, rate in self._inner_lrs.items()}
                    parameters = {
                        name: parameter - rates[name] * gradient
                        for (name, parameter), gradient in zip(parameters.items(), gradients)
                    }
                accuracies.append(util.score(self._forward(images, parameters), labels))
                return parameters, accuracies
                """
        },
    ),
    "an adaptation that the outer loss takes for a constant": (
        "maml",
        "test_outer_loss_can_be_differentiated",
        {
            "_outer_step": """
                adapted, accuracies_support = self._inner_loop(images_support, labels_support, train)
                theta = self._meta_parameters
                parameters = {name: theta[name] + constant(adapted[name] - theta[name]) for name in theta}
                logits = self._forward(images_query, parameters)
                outer_loss_batch.append(F.cross_entropy(logits, labels_query))
                accuracies_support_batch.append(accuracies_support)
                accuracy_query_batch.append(util.score(logits, labels_query))
                """
        },
    ),
}


@pytest.mark.parametrize(("exercise", "check", "bodies"), CHEATS.values(), ids=CHEATS)
def test_a_forged_gradient_is_found(exercise, check, bodies, rewritten, judge):
    cheat = rewritten(exercise, bodies)
    results = judge(exercise, cheat.replace("\n\nclass ", CONSTANT + "\n\nclass ", 1))
    assert [result.name for result in results if not result.earned and not result.waits_for] == [check]


def test_a_gradient_is_held_against_the_reference_only_where_values_agree():
    at, rng = np.array([1.0, 2.0]), np.random.default_rng(0)

    def judged(gradient, values):
        assert_gradient(gradient, lambda x: 3 * float(x.sum()), at, rng, "gradient", known=(*values, 2 * at))

    judged(np.array([3.0, 3.0]), (4.0, 5.0))  # another function, and its own gradient
    judged(2 * at, (5.0001, 5.0))
    with pytest.raises(AssertionError, match="gradient at"):
        judged(np.array([3.0, 3.0]), (5.0001, 5.0))
