"""Wrong prototypical networks, the frequent mistakes first."""

from autograder.mutants import Mutant

MUTANTS = [
    Mutant(
        "distances not squared",
        ((".square().sum(dim=-1)", ".square().sum(dim=-1).sqrt()"),),
        ("test_logits_are_negative_squared_distances",),
    ),
    Mutant(
        "mean over the features",
        ((".square().sum(dim=-1)", ".square().mean(dim=-1)"),),
        ("test_logits_are_negative_squared_distances",),
    ),
    Mutant(
        "softmax in _logits",
        (
            (
                "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
                "return (-(features[:, None] - prototypes[None]).square().sum(dim=-1)).softmax(dim=-1)",
            ),
        ),
        ("test_logits_are_negative_squared_distances",),
    ),
    Mutant(
        "log-softmax in _logits",
        (
            (
                "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
                "return F.log_softmax(-(features[:, None] - prototypes[None]).square().sum(dim=-1), dim=-1)",
            ),
        ),
        ("test_logits_are_negative_squared_distances",),
    ),
    Mutant("sign", (("return -(features", "return (features"),), ("test_nearest_prototype_has_the_largest_logit",)),
    Mutant(
        "distances re-wrapped",
        (
            (
                "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
                "return torch.tensor([[-(f - c).square().sum().item() for c in prototypes] for f in features])",
            ),
        ),
        ("test_gradient_flows_through_logits",),
    ),
    Mutant(
        "prototypes detached",
        (("for k in range(int(labels.max()) + 1)])", "for k in range(int(labels.max()) + 1)]).detach()"),),
        ("test_gradient_flows_through_prototypes",),
    ),
    Mutant(
        "labels taken to be in class order",
        (
            (
                "torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])",
                "features.reshape(int(labels.max()) + 1, -1, features.shape[1]).mean(dim=1)",
            ),
        ),
        ("test_prototype_is_the_mean_of_its_class",),
    ),
    Mutant(
        "number of classes counted as number of labels",
        (("range(int(labels.max()) + 1)", "range(len(set(labels)))"),),
        ("test_one_prototype_for_each_class",),
    ),
    Mutant(
        "five classes always", (("range(int(labels.max()) + 1)", "range(5)"),), ("test_one_prototype_for_each_class",)
    ),
    Mutant(
        "every support drawing a prototype",
        (("torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])", "features"),),
        ("test_one_prototype_for_each_class",),
    ),
    Mutant(
        "mean without dim",
        (("features[labels == k].mean(dim=0)", "features[labels == k].mean()"),),
        ("test_one_prototype_for_each_class",),
    ),
    Mutant(
        "sums instead of means",
        (("features[labels == k].mean(dim=0)", "features[labels == k].sum(dim=0)"),),
        ("test_prototype_is_the_mean_of_its_class",),
    ),
    Mutant(
        "one pass for each class",
        (
            (
                "features_support = self._network(images_support)",
                (
                    "features_support = torch.zeros(len(labels_support), self._network(images_support).shape[1])\n"
                    "            for k in labels_support.unique():\n"
                    "                mine = labels_support == k\n"
                    "                features_support[mine] = self._network(images_support[mine])"
                ),
            ),
        ),
        ("test_classes_share_a_pass_through_the_network",),
    ),
    Mutant(
        "softmax before the cross entropy",
        (
            (
                "F.cross_entropy(logits_query, labels_query)",
                "F.cross_entropy(logits_query.softmax(dim=-1), labels_query)",
            ),
        ),
        ("test_loss_is_the_mean_query_cross_entropy",),
    ),
    Mutant(
        "loss of the support",
        (("F.cross_entropy(logits_query, labels_query)", "F.cross_entropy(logits_support, labels_support)"),),
        ("test_loss_is_the_mean_query_cross_entropy",),
    ),
    Mutant(
        "loss summed over the queries",
        (
            (
                "F.cross_entropy(logits_query, labels_query)",
                'F.cross_entropy(logits_query, labels_query, reduction="sum")',
            ),
        ),
        ("test_loss_is_the_mean_query_cross_entropy",),
    ),
    Mutant(
        "loss detached",
        (("F.cross_entropy(logits_query, labels_query)", "F.cross_entropy(logits_query, labels_query).detach()"),),
        ("test_gradient_reaches_the_network",),
    ),
    Mutant(
        "query embedded without a graph",
        (("features_query = self._network(images_query)", "features_query = self._network(images_query).detach()"),),
        ("test_gradient_reaches_the_network",),
    ),
    Mutant(
        "support embedded without a graph",
        (
            (
                "features_support = self._network(images_support)",
                ("with torch.no_grad():\n                features_support = self._network(images_support)"),
            ),
        ),
        ("test_gradient_reaches_the_network",),
    ),
    Mutant(
        "accuracies with the other sign",
        (("util.score(logits_query, labels_query)", "util.score(-logits_query, labels_query)"),),
        ("test_accuracies_of_support_and_query",),
    ),
    Mutant(
        "support accuracy is the query's",
        (("util.score(logits_support, labels_support)", "util.score(logits_query, labels_query)"),),
        ("test_accuracies_of_support_and_query",),
    ),
]
