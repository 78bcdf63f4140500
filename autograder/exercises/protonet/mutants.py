"""Wrong prototypical networks, the frequent mistakes first."""

from autograder.instructor.quality.mutants import Mutant

MEANS = "torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"
DISTANCES = "-(features[:, None] - prototypes[None]).square().sum(dim=-1)"
PROTOTYPES = "            prototypes = self._prototypes(features_support, labels_support)\n"
LOSS = "F.cross_entropy(logits_query, labels_query)"
LOGITS_SUPPORT = "logits_support = self._logits(features_support, prototypes)"
LOGITS_QUERY = "logits_query = self._logits(features_query, prototypes)"
SUPPORT = "features_support = self._network(images_support)"
QUERY = "features_query = self._network(images_query)"
WAYS = "range(int(labels.max()) + 1)"
SCORE_SUPPORT = "util.score(logits_support, labels_support)"
SCORE_QUERY = "util.score(logits_query, labels_query)"

SHAPE = ("test_one_prototype_for_each_class",)
MEAN = ("test_prototype_is_the_mean_of_its_class",)
THROUGH_PROTOTYPES = ("test_gradient_flows_through_prototypes",)
NEAREST = ("test_nearest_prototype_has_the_largest_logit",)
LOGITS = ("test_logits_are_negative_squared_distances",)
THROUGH_LOGITS = ("test_gradient_flows_through_logits",)
CROSS_ENTROPY = ("test_loss_is_the_mean_query_cross_entropy",)
ACCURACIES = ("test_accuracies_of_support_and_query",)
NETWORK = ("test_gradient_reaches_the_network",)
FROM_SUPPORT = ("test_step_learns_from_the_support",)
SUPPORT_ALONE = ("test_nothing_but_the_support_makes_prototypes",)
PASS = ("test_classes_share_a_pass_through_the_network",)

MUTANTS = [
    # The logits
    Mutant(
        "distances not squared",
        ((".square().sum(dim=-1)", ".square().sum(dim=-1).sqrt()"),),
        LOGITS,
        "the logits are Euclidean distances, not squared",
    ),
    Mutant(
        "mean over the features",
        ((".square().sum(dim=-1)", ".square().mean(dim=-1)"),),
        LOGITS,
        "the squared differences are averaged over the features, not summed",
    ),
    Mutant(
        "softmax in _logits",
        ((DISTANCES, f"({DISTANCES}).softmax(dim=-1)"),),
        LOGITS,
        "_logits applies softmax, and returns probabilities",
    ),
    Mutant(
        "softmax of distances not squared",
        ((DISTANCES, "(-torch.cdist(features, prototypes)).softmax(dim=-1)"),),
        LOGITS,
        "the logits are Euclidean distances, not squared, and softmax is applied to them",
    ),
    Mutant(
        "log-softmax in _logits",
        ((DISTANCES, f"F.log_softmax({DISTANCES}, dim=-1)"),),
        LOGITS,
        "_logits applies log-softmax, and returns log-probabilities",
    ),
    Mutant(
        "sign",
        (("return -(features", "return (features"),),
        NEAREST,
        "the logits are the squared distances without the minus sign",
    ),
    Mutant(
        "sign, and not squared",
        ((DISTANCES, "torch.cdist(features, prototypes)"),),
        NEAREST,
        "the logits are Euclidean distances, neither squared nor negative",
    ),
    Mutant(
        "inner products",
        ((DISTANCES, "features @ prototypes.T"),),
        NEAREST,
        "the logits are inner products of query and prototype",
    ),
    Mutant(
        "cosine similarity",
        ((DISTANCES, "F.cosine_similarity(features[:, None], prototypes[None], dim=-1)"),),
        NEAREST,
        "the logits are cosine similarities",
    ),
    Mutant(
        "Manhattan distance",
        ((".square().sum(dim=-1)", ".abs().sum(dim=-1)"),),
        LOGITS,
        "the logits are Manhattan distances, sums of absolute differences",
    ),
    Mutant(
        "half the squared distance",
        ((DISTANCES, f"0.5 * {DISTANCES}"),),
        LOGITS,
        "the squared distances are halved",
    ),
    Mutant(
        "scaled by the root of D",
        ((DISTANCES, f"{DISTANCES} / features.shape[1] ** 0.5"),),
        LOGITS,
        "the squared distances are divided by the square root of D",
    ),
    Mutant(
        "features of length one",
        ((DISTANCES, "-(F.normalize(features)[:, None] - F.normalize(prototypes)[None]).square().sum(dim=-1)"),),
        NEAREST,
        "features and prototypes are brought to length one first",
    ),
    Mutant(
        "the norms forgotten in the matrix product's form",
        ((DISTANCES, "2 * features @ prototypes.T - features.square().sum(dim=1, keepdim=True)"),),
        NEAREST,
        "the prototypes' own squared norms are left out of ||x||^2 - 2 x.c + ||c||^2",
    ),
    Mutant(
        "the cross term once",
        (
            (
                DISTANCES,
                "features @ prototypes.T - features.square().sum(dim=1, keepdim=True) - prototypes.square().sum(dim=1)",
            ),
        ),
        NEAREST,
        "the cross term of ||x||^2 - 2 x.c + ||c||^2 is counted once, not twice",
    ),
    Mutant("logits transposed", ((DISTANCES, f"({DISTANCES}).T"),), NEAREST, "the logits are transposed, (N, Q)"),
    Mutant(
        "sum over the prototypes",
        ((".square().sum(dim=-1)", ".square().sum(dim=1)"),),
        NEAREST,
        "the sum is over the prototypes",
    ),
    Mutant(
        "distances re-wrapped",
        ((DISTANCES, "torch.tensor([[-(f - c).square().sum().item() for c in prototypes] for f in features])"),),
        THROUGH_LOGITS,
        "the logits are made of plain numbers, without a graph",
    ),
    Mutant(
        "logits that forget the prototypes' graph",
        ((DISTANCES, DISTANCES.replace("prototypes", "prototypes.detach()")),),
        THROUGH_LOGITS,
        "_logits detaches the prototypes",
    ),
    # The prototypes
    Mutant(
        "prototypes detached",
        ((MEANS, f"{MEANS}.detach()"),),
        THROUGH_PROTOTYPES,
        "the prototypes have no graph, by detach() or under no_grad()",
    ),
    Mutant(
        "prototypes under no_grad",
        ((f"        return {MEANS}", f"        with torch.no_grad():\n            return {MEANS}"),),
        THROUGH_PROTOTYPES,
        "the prototypes have no graph, by detach() or under no_grad()",
    ),
    Mutant(
        "labels taken to be in class order",
        ((MEANS, "features.reshape(int(labels.max()) + 1, -1, features.shape[1]).mean(dim=1)"),),
        MEAN,
        "the support is taken to be in class order, whatever its labels",
    ),
    Mutant(
        "labels taken to be in turns",
        ((MEANS, "features.reshape(-1, int(labels.max()) + 1, features.shape[1]).mean(dim=0)"),),
        MEAN,
        "the support is taken to be K rows of N classes in order, whatever its labels",
    ),
    Mutant(
        "sorted by label, then N and K swapped",
        ((MEANS, "features[labels.argsort()].reshape(-1, int(labels.max()) + 1, features.shape[1]).mean(dim=0)"),),
        MEAN,
        "the support is sorted by label and then reshaped to (K, N, D), not (N, K, D)",
    ),
    Mutant(
        "prototypes in the order in which classes appear",
        ((WAYS, "dict.fromkeys(labels.tolist())"),),
        MEAN,
        "the prototypes are in the order in which classes appear, so that row k is not class k",
    ),
    Mutant(
        "the first drawing of each class",
        (("features[labels == k].mean(dim=0)", "features[labels == k][0]"),),
        MEAN,
        "a prototype is the first drawing of its class",
    ),
    Mutant(
        "sums instead of means",
        (("features[labels == k].mean(dim=0)", "features[labels == k].sum(dim=0)"),),
        MEAN,
        "a prototype is the sum of its class, not divided by K",
    ),
    Mutant(
        "divided by N",
        (("features[labels == k].mean(dim=0)", "features[labels == k].sum(dim=0) / (labels.max() + 1)"),),
        MEAN,
        "the sums are divided by N, the number of classes, and not by K",
    ),
    Mutant(
        "divided by all drawings",
        (("features[labels == k].mean(dim=0)", "features[labels == k].sum(dim=0) / len(labels)"),),
        MEAN,
        "the sums are divided by N * K, the number of all support drawings, and not by K",
    ),
    Mutant(
        "median",
        (("features[labels == k].mean(dim=0)", "features[labels == k].median(dim=0).values"),),
        MEAN,
        "a prototype is the median of its class",
    ),
    Mutant(
        "mean over all other classes",
        (("features[labels == k].mean(dim=0)", "features[labels != k].mean(dim=0)"),),
        MEAN,
        "a prototype is the mean of all the other classes",
    ),
    Mutant(
        "prototypes of length one",
        ((MEANS, f"F.normalize({MEANS})"),),
        MEAN,
        "the prototypes are brought to length one",
    ),
    Mutant(
        "prototypes written into the support features",
        (
            (
                f"        return {MEANS}",
                f"        prototypes = {MEANS}\n"
                "        for k, prototype in enumerate(prototypes):\n"
                "            features[labels == k] = prototype\n"
                "        return prototypes",
            ),
        ),
        MEAN,
        "_prototypes overwrites the support features with their prototypes",
    ),
    Mutant(
        "means written over the first features",
        (
            (
                f"        return {MEANS}",
                "        ways = int(labels.max()) + 1\n"
                "        for k in range(ways):\n"
                "            features[k] = features[labels == k].mean(dim=0)\n"
                "        return features[:ways]",
            ),
        ),
        MEAN,
        "the means are written into the features of which later means are made",
    ),
    Mutant(
        "prototypes of the first task kept",
        (
            (
                f"        return {MEANS}",
                f'        if not hasattr(self, "_kept"):\n            self._kept = {MEANS}\n        return self._kept',
            ),
        ),
        MEAN,
        "the prototypes are still those of an earlier task",
    ),
    Mutant(
        "order of the first task kept",
        (
            (
                f"        return {MEANS}",
                '        if not hasattr(self, "_order"):\n            self._order = labels.argsort()\n'
                "        N, D = len(labels.unique()), features.shape[1]\n"
                "        return features[self._order].reshape(N, -1, D).mean(dim=1)",
            ),
        ),
        MEAN,
        "the features are put in the order of an earlier task's labels",
    ),
    Mutant(
        "features and prototypes centred in place",
        (
            (
                f"        return {DISTANCES}",
                "        center = prototypes.mean(dim=0)\n        features -= center\n        prototypes -= center\n"
                f"        return {DISTANCES}",
            ),
        ),
        LOGITS,
    ),
    Mutant(
        "number of classes counted as number of labels",
        ((WAYS, "range(len(set(labels)))"),),
        SHAPE,
    ),
    Mutant("five classes always", ((WAYS, "range(5)"),), SHAPE),
    Mutant("the last class missing", ((WAYS, "range(int(labels.max()))"),), SHAPE, "the last class has no prototype"),
    Mutant("every support drawing a prototype", ((MEANS, "features"),), SHAPE, "every support drawing is a prototype"),
    Mutant("a prototype for each drawing", ((WAYS, "labels"),), SHAPE, "each drawing has the prototype of its class"),
    Mutant(
        "mean without dim",
        (("features[labels == k].mean(dim=0)", "features[labels == k].mean()"),),
        SHAPE,
        "the mean is over features too, so that a prototype is a number",
    ),
    Mutant(
        "mean over the features of a drawing",
        (("features[labels == k].mean(dim=0)", "features[labels == k].mean(dim=1)"),),
        SHAPE,
        "the mean is over the features of a drawing, not over the drawings of a class",
    ),
    Mutant(
        "one prototype for all",
        ((MEANS, "features.mean(dim=0, keepdim=True)"),),
        SHAPE,
        "there is one mean for all classes",
    ),
    # The step
    Mutant(
        "softmax before the cross entropy",
        ((LOSS, "F.cross_entropy(logits_query.softmax(dim=-1), labels_query)"),),
        CROSS_ENTROPY,
        "softmax is applied before the cross entropy, which applies it again",
    ),
    Mutant(
        "one pass for each class",
        (
            (
                SUPPORT,
                "features_support = torch.zeros(len(labels_support), self._network(images_support).shape[1])\n"
                "            for k in labels_support.unique():\n"
                "                mine = labels_support == k\n"
                "                features_support[mine] = self._network(images_support[mine])",
            ),
        ),
        PASS,
        "each class goes through the network in a pass of its own",
    ),
    Mutant(
        "prototypes class by class, the queries in one pass",
        (
            (
                PROTOTYPES,
                "            ways = range(int(labels_support.max()) + 1)\n"
                "            passes = [self._network(images_support[labels_support == k]) for k in ways]\n"
                "            sorted_labels = labels_support.sort().values\n"
                "            prototypes = self._prototypes(torch.cat(passes), sorted_labels)\n",
            ),
        ),
        PASS,
        "each class goes through the network in a pass of its own",
    ),
    Mutant(
        "one pass for each drawing",
        (
            (
                QUERY,
                "twice = (image[None].repeat(2, 1, 1, 1) for image in images_query)\n"
                "            features_query = torch.cat([self._network(images)[:1] for images in twice])",
            ),
        ),
        PASS,
        "each query goes through the network in a pass of its own",
    ),
    Mutant(
        "network in evaluation mode",
        ((SUPPORT, f"self._network.eval()\n            {SUPPORT}"),),
        PASS,
        "the network is in evaluation mode, and batch normalisation uses its running averages",
    ),
    Mutant(
        "loss of the support",
        ((LOSS, "F.cross_entropy(logits_support, labels_support)"),),
        CROSS_ENTROPY,
        "the loss is that of the support",
    ),
    Mutant(
        "loss of support and query",
        ((LOSS, f"{LOSS} + F.cross_entropy(logits_support, labels_support)"),),
        CROSS_ENTROPY,
        "the support's loss is added to the query's",
    ),
    Mutant(
        "loss summed over the queries",
        ((LOSS, 'F.cross_entropy(logits_query, labels_query, reduction="sum")'),),
        CROSS_ENTROPY,
        "the loss is summed over the queries, not averaged",
    ),
    Mutant(
        "loss summed over the tasks",
        (("torch.mean(torch.stack(loss_batch))", "torch.sum(torch.stack(loss_batch))"),),
        CROSS_ENTROPY,
        "the loss is summed over the tasks, not averaged",
    ),
    Mutant(
        "loss of the last task",
        ((f"loss_batch.append({LOSS})", f"loss_batch = [{LOSS}]"),),
        CROSS_ENTROPY,
        "only the last task of the batch is in the loss",
    ),
    Mutant(
        "no logarithm",
        ((LOSS, "F.nll_loss(logits_query, labels_query)"),),
        CROSS_ENTROPY,
        "nll_loss gets the logits themselves, without log_softmax",
    ),
    Mutant(
        "binary cross entropy",
        (
            (
                LOSS,
                "F.binary_cross_entropy_with_logits(logits_query, F.one_hot(labels_query, len(prototypes)).float())",
            ),
        ),
        CROSS_ENTROPY,
        "the loss is a binary cross entropy for each class",
    ),
    Mutant(
        "classes along the wrong axis",
        ((LOSS, "F.cross_entropy(logits_query.T, labels_query)"),),
        FROM_SUPPORT,
    ),
    Mutant(
        "labels of the support for the query",
        ((LOSS, "F.cross_entropy(logits_query, labels_support)"),),
        FROM_SUPPORT,
    ),
    Mutant(
        "query taken to be in class order",
        ((LOSS, "F.cross_entropy(logits_query, labels_query.sort().values)"),),
        CROSS_ENTROPY,
        "the query is taken to be in class order, whatever its labels",
    ),
    Mutant(
        "label smoothing",
        ((LOSS, "F.cross_entropy(logits_query, labels_query, label_smoothing=0.1)"),),
        CROSS_ENTROPY,
        "the labels are smoothed by 0.1",
    ),
    Mutant(
        "labels as numbers with a point",
        ((LOSS, "F.cross_entropy(logits_query, labels_query.float())"),),
        FROM_SUPPORT,
    ),
    Mutant(
        "prototypes of the query",
        ((PROTOTYPES, "            prototypes = self._prototypes(features_query, labels_query)\n"),),
        FROM_SUPPORT,
        "the prototypes are made of the query, and know its labels",
        without_idea=True,
    ),
    Mutant(
        "prototypes of support and query",
        (
            (
                PROTOTYPES,
                "            prototypes = self._prototypes(\n"
                "                torch.cat([features_query, features_support]),\n"
                "                torch.cat([labels_query, labels_support]),\n"
                "            )\n",
            ),
        ),
        (*CROSS_ENTROPY, *ACCURACIES),
        "the prototypes are made of support and query together, and know the query's labels",
    ),
    Mutant(
        "prototypes of support and query, the support first",
        (
            (
                PROTOTYPES,
                "            prototypes = self._prototypes(\n"
                "                torch.cat([features_support, features_query]),\n"
                "                torch.cat([labels_support, labels_query]),\n"
                "            )\n",
            ),
        ),
        (*CROSS_ENTROPY, *ACCURACIES),
        "the prototypes are made of support and query together, and know the query's labels",
    ),
    Mutant(
        "query left for _prototypes, which adds it",
        (
            (PROTOTYPES, f"            self._query = features_query, labels_query\n{PROTOTYPES}"),
            (
                f"        return {MEANS}",
                '        for more, their_labels in [self._query] if hasattr(self, "_query") else []:\n'
                "            features, labels = torch.cat([features, more]), torch.cat([labels, their_labels])\n"
                f"        return {MEANS}",
            ),
        ),
        SUPPORT_ALONE,
        "the prototypes are made of support and query together, and know the query's labels",
    ),
    Mutant(
        "prototypes moved towards the queries that are near",
        (
            (
                LOGITS_QUERY,
                "near = self._logits(features_query, prototypes).softmax(dim=0)\n"
                "            prototypes = (prototypes + near.T @ features_query) / 2\n"
                f"            {LOGITS_QUERY}",
            ),
        ),
        (*CROSS_ENTROPY, *ACCURACIES),
        "the queries move the prototypes by which they are judged",
    ),
    Mutant(
        "a classifier without a support",
        (
            (LOGITS_SUPPORT, "logits_support = features_support[:, : len(prototypes)]"),
            (LOGITS_QUERY, "logits_query = features_query[:, : len(prototypes)]"),
        ),
        FROM_SUPPORT,
        "the network's own outputs are the logits, and the support is not asked",
        without_idea=True,
    ),
    Mutant(
        "raw pixels for features",
        (
            (SUPPORT, "features_support = images_support.flatten(1)"),
            (QUERY, "features_query = images_query.flatten(1)"),
        ),
        FROM_SUPPORT,
        "the pixels are the features, without the network",
        without_idea=True,
    ),
    Mutant(
        "prototypes that do not look at the support",
        (
            (
                MEANS,
                "torch.linspace(-1, 1, int(labels.max()) + 1, dtype=features.dtype)[:, None] + 0 * features[:1]",
            ),
        ),
        (*MEAN, *THROUGH_PROTOTYPES, *FROM_SUPPORT),
        "the prototypes are the same for every support",
        without_idea=True,
    ),
    Mutant(
        "logits that do not look at the prototypes",
        ((DISTANCES, "features[:, : len(prototypes)]"),),
        (*NEAREST, *FROM_SUPPORT),
        "the features themselves are the logits, whatever the prototypes",
        without_idea=True,
    ),
    Mutant(
        "prototypes of the batch's first task",
        ((PROTOTYPES, f"            if not loss_batch:\n    {PROTOTYPES}"),),
        (*CROSS_ENTROPY, *ACCURACIES),
        "the prototypes of the first task serve for all tasks of the batch",
    ),
    Mutant(
        "loss detached",
        ((LOSS, f"{LOSS}.detach()"),),
        NETWORK,
        "the loss has no graph, by detach(), .item() or no_grad()",
    ),
    Mutant(
        "loss as a number",
        ((LOSS, f"torch.tensor({LOSS}.item())"),),
        NETWORK,
        "the loss has no graph, by detach(), .item() or no_grad()",
    ),
    Mutant(
        "query embedded without a graph",
        ((QUERY, f"{QUERY}.detach()"),),
        NETWORK,
        "the query is embedded without a graph, so that the network learns through the support alone",
    ),
    Mutant(
        "support embedded without a graph",
        ((SUPPORT, f"with torch.no_grad():\n                {SUPPORT}"),),
        NETWORK,
        "the support is embedded without a graph, so that the network learns through the query alone",
    ),
    Mutant(
        "optimizer stepped inside _step",
        (
            (
                "        return (\n            torch.mean(torch.stack(loss_batch)),\n",
                "        loss = torch.mean(torch.stack(loss_batch))\n"
                "        self._optimizer.zero_grad()\n"
                "        loss.backward(retain_graph=True)\n"
                "        self._optimizer.step()\n"
                "        return (\n            loss,\n",
            ),
        ),
        NETWORK,
    ),
    Mutant(
        "query accuracy with the other sign",
        ((SCORE_QUERY, "util.score(-logits_query, labels_query)"),),
        ACCURACIES,
        "the query's accuracy counts the farthest prototype, not the nearest",
    ),
    Mutant(
        "both accuracies with the other sign",
        (
            (SCORE_SUPPORT, "util.score(-logits_support, labels_support)"),
            (SCORE_QUERY, "util.score(-logits_query, labels_query)"),
        ),
        ACCURACIES,
        "both accuracies count the farthest prototype, not the nearest",
    ),
    Mutant("support accuracy is the query's", ((SCORE_SUPPORT, SCORE_QUERY),), ACCURACIES),
    Mutant(
        "accuracies swapped",
        (
            ("            sum(accuracy_support_batch)", "            sum(accuracy_query_batch)"),
            (
                "            sum(accuracy_query_batch) / len(task_batch),\n        )",
                "            sum(accuracy_support_batch) / len(task_batch),\n        )",
            ),
        ),
        ACCURACIES,
        "the accuracies are returned in the other order, first the query's",
    ),
    Mutant(
        "accuracies counted, not averaged",
        ((SCORE_QUERY, "(logits_query.argmax(dim=-1) == labels_query).sum().item()"),),
        ACCURACIES,
        "the query's accuracy is the number of right answers, not their share",
    ),
    Mutant(
        "accuracies in percent",
        ((SCORE_QUERY, f"100 * {SCORE_QUERY}"), (SCORE_SUPPORT, f"100 * {SCORE_SUPPORT}")),
        ACCURACIES,
        "the accuracies are in percent",
    ),
    Mutant(
        "accuracy of the last task",
        ((f"accuracy_query_batch.append({SCORE_QUERY})", f"accuracy_query_batch = [{SCORE_QUERY}]"),),
        ACCURACIES,
        "only the last task of the batch is in the query's accuracy",
    ),
    Mutant(
        "runs on a GPU only",
        ((LOSS, "F.cross_entropy(logits_query.cuda(), labels_query.cuda())"),),
        FROM_SUPPORT,
    ),
]

# What each check that trains should tell from the reference by its accuracy, for `python -m autograder calibrate`.
LEARNING = {"test_learns_handwriting": ("sign", "query taken to be in class order")}
