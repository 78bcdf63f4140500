"""What students get wrong is found, named by the check that is there for it, and paid for once.

Each mistake is a small edit of a reference solution. `fails` names the checks that must fail, the one that explains the
mistake first; every other check must pass, or wait for one of these.
"""

from typing import NamedTuple

import pytest

from autograder import submission
from autograder.results import Verdict


class Mistake(NamedTuple):
    """An edit of a reference solution, and the checks that fail for it."""

    name: str
    old: str
    new: str
    fails: tuple[str, ...]


MISTAKES = {
    "data_generator": [
        Mistake(
            "support and query drawn by two calls",
            "get_images(characters, range(N), nb_samples=K + 1, shuffle=False):",
            "[pair for n in (K, 1) for pair in get_images(characters, range(N), nb_samples=n, shuffle=False)]:",
            ("test_query_drawings_are_not_in_the_support",),
        ),
        Mistake(
            "query never shuffled",
            "order = np.random.permutation(N)",
            "order = np.arange(N)",
            ("test_query_order_is_random",),
        ),
        Mistake(
            "one query permutation for all episodes",
            "order = np.random.permutation(N)",
            "order = np.random.RandomState(7).permutation(N)",
            ("test_query_order_is_random",),
        ),
        Mistake(
            "query rolled by a random number: few of the orders",
            "order = np.random.permutation(N)",
            "order = np.roll(np.arange(N), np.random.randint(N))",
            ("test_query_order_is_random",),
        ),
        Mistake(
            "characters drawn with replacement",
            "random.sample(self.folders, N)",
            "random.choices(self.folders, k=N)",
            ("test_characters_of_an_episode_differ",),
        ),
        Mistake(
            "support class by class, reshaped to (K, N)",
            "        order = np.random",
            "        images[:K] = images[:K].swapaxes(0, 1).reshape(K, N, -1)\n"
            "        labels[:K] = labels[:K].swapaxes(0, 1).reshape(K, N, -1)\n"
            "        order = np.random",
            ("test_rows_hold_every_class_and_support_rows_in_class_order",),
        ),
        Mistake(
            "support images class by class, its labels row by row",
            "        order = np.random",
            "        images[:K] = images[:K].swapaxes(0, 1).reshape(K, N, -1)\n        order = np.random",
            ("test_support_labels_belong_to_their_characters",),
        ),
        Mistake(
            "support shuffled",
            "        order = np.random",
            "        shuffled = np.random.permutation(N)\n"
            "        images[:K], labels[:K] = images[:K, shuffled], labels[:K, shuffled]\n"
            "        order = np.random",
            ("test_rows_hold_every_class_and_support_rows_in_class_order",),
        ),
        Mistake(
            "pool overwritten by the sample",
            "characters = random.sample(self.folders, N)",
            "characters = self.folders = random.sample(self.folders, N)",
            ("test_all_characters_of_the_split_and_no_others",),
        ),
        Mistake(
            "train split swallows validation",
            "random.sample(self.folders, N)",
            "random.sample(self.folders + self.metaval_character_folders, N)",
            ("test_all_characters_of_the_split_and_no_others",),
        ),
        Mistake(
            "flat layout",
            "return images, labels",
            "return images.reshape(-1, self.dim_input), labels.reshape(-1, N)",
            ("test_shapes",),
        ),
        Mistake(
            "roles of K and 1 swapped",
            "images[-1], labels[-1] = images[-1, order], labels[-1, order]",
            "images[1:], labels[1:] = images[1:, order], labels[1:, order]",
            ("test_rows_hold_every_class_and_support_rows_in_class_order",),
        ),
        Mistake(
            "query images and labels shuffled apart",
            "labels[-1] = images[-1, order], labels[-1, order]",
            "labels[-1] = images[-1, order], np.random.permutation(labels[-1])",
            ("test_query_labels_belong_to_their_characters",),
        ),
        Mistake(
            "labels shuffled by the inverse permutation",
            "labels[-1] = images[-1, order], labels[-1, order]",
            "labels[-1] = images[-1, order], labels[-1, np.argsort(order)]",
            ("test_query_labels_belong_to_their_characters",),
        ),
        Mistake(
            "paper is 1",
            "self.image_file_to_array(path, self.dim_input)\n            labels",
            "1 - self.image_file_to_array(path, self.dim_input)\n            labels",
            ("test_ink_is_one",),
        ),
        Mistake(
            "divided by 255",
            "self.image_file_to_array(path, self.dim_input)\n            labels",
            "self.image_file_to_array(path, self.dim_input) / 255\n            labels",
            ("test_ink_is_one",),
        ),
        Mistake(
            "images centred",
            "self.image_file_to_array(path, self.dim_input)\n            labels",
            "self.image_file_to_array(path, self.dim_input) - 0.5\n            labels",
            ("test_ink_is_one",),
        ),
        Mistake(
            "labels by the order of the folders",
            "random.sample(self.folders, N)",
            "sorted(random.sample(self.folders, N))",
            ("test_characters_get_random_labels",),
        ),
        Mistake(
            "always the first drawings",
            "get_images(characters, range(N), nb_samples=K + 1, shuffle=False):",
            "((n, str(p)) for n, c in enumerate(characters) for p in sorted(Path(c).iterdir())[: K + 1]):",
            ("test_every_drawing_has_its_turn",),
        ),
        Mistake(
            "cached images inverted in place",
            "images[k, n] = self.image_file_to_array(path, self.dim_input)",
            "image = self.image_file_to_array(path, self.dim_input)\n"
            "            images[k, n] = np.subtract(1, image, out=image)",
            ("test_ink_is_one", "test_nothing_is_damaged"),
        ),
        Mistake(
            "labels kept in one array for all episodes",
            "        labels = np.zeros((K + 1, N, N), dtype=np.float32)\n",
            '        labels = self.__dict__.setdefault("labels", np.zeros((K + 1, N, N), dtype=np.float32))\n'
            "        labels[labels == 1] = 0\n",
            ("test_nothing_is_damaged",),
        ),
        Mistake(
            "nothing is returned",
            "        return images, labels\n",
            "",
            ("test_shapes",),
        ),
        Mistake(
            "class numbers for labels",
            "return images, labels",
            "return images, labels.argmax(axis=-1)",
            ("test_shapes",),
        ),
    ],
    "black_box": [
        Mistake(
            "cross entropy over the wrong axis",
            "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
            "F.cross_entropy(preds[:, -1], labels[:, -1])",
            ("test_loss_is_cross_entropy",),
        ),
        Mistake(
            "only the last label is hidden",
            "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
            "input_labels.clone()\n        seen_labels[:, -1, -1] = 0",
            ("test_query_labels_never_reach_the_network",),
        ),
        Mistake(
            "no label is hidden",
            "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
            "input_labels",
            ("test_query_labels_never_reach_the_network",),
        ),
        Mistake(
            "all labels are hidden",
            "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
            "torch.zeros_like(input_labels)",
            ("test_support_labels_reach_the_network",),
        ),
        Mistake(
            "row 1 instead of the last is hidden",
            "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
            "input_labels.clone()\n        seen_labels[:, 1] = 0",
            ("test_query_labels_never_reach_the_network", "test_support_labels_reach_the_network"),
        ),
        Mistake(
            "the caller's labels are overwritten",
            "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
            "input_labels\n        seen_labels[:, -1] = 0",
            ("test_the_callers_labels_stay_as_they_were",),
        ),
        Mistake(
            "softmax in forward",
            "return logits.reshape(B, rows, N, N)",
            "return logits.reshape(B, rows, N, N).softmax(dim=-1)",
            ("test_outputs_are_logits",),
        ),
        Mistake(
            "softmax over the queries in forward",
            "return logits.reshape(B, rows, N, N)",
            "return logits.reshape(B, rows, N, N).softmax(dim=2)",
            ("test_outputs_are_logits",),
        ),
        Mistake(
            "a sequence is returned",
            "return logits.reshape(B, rows, N, N)",
            "return logits",
            ("test_shape",),
        ),
        Mistake(
            "a shape that fits only N = K + 1",
            "return logits.reshape(B, rows, N, N)",
            "return logits.reshape(B, N, rows, N)",
            ("test_shape",),
        ),
        Mistake(
            "class by class: queries before later support",
            "sequence = torch.cat([input_images, seen_labels], dim=-1).reshape(B, rows * N, -1)",
            "sequence = torch.cat([input_images, seen_labels], dim=-1).transpose(1, 2).reshape(B, rows * N, -1)",
            ("test_every_query_comes_after_the_whole_support",),
        ),
        Mistake(
            "the sequence runs over the batch",
            "states, _ = self.layer1(sequence)",
            "states, _ = self.layer1(sequence.transpose(0, 1))\n        states = states.transpose(0, 1)",
            ("test_episodes_of_a_batch_are_independent",),
        ),
        Mistake(
            "loss over all rows",
            "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
            "F.cross_entropy(preds.reshape(-1, N), labels.reshape(-1, N).argmax(dim=-1))",
            ("test_loss_looks_at_the_query_only",),
        ),
        Mistake(
            "loss of row 1 instead of the last",
            "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
            "F.cross_entropy(preds[:, 1].reshape(-1, N), labels[:, 1].reshape(-1, N).argmax(dim=-1))",
            ("test_loss_looks_at_the_query_only",),
        ),
        Mistake(
            "loss of the last query only",
            "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
            "F.cross_entropy(preds[:, -1, -1], labels[:, -1, -1].argmax(dim=-1))",
            ("test_loss_is_cross_entropy",),
        ),
        Mistake(
            "loss of the first episode only",
            "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
            "F.cross_entropy(preds[0, -1], labels[0, -1].argmax(dim=-1))",
            ("test_loss_is_cross_entropy",),
        ),
        Mistake(
            "softmax before the cross entropy",
            "F.cross_entropy(preds[:, -1].reshape(-1, N), ",
            "F.cross_entropy(preds[:, -1].reshape(-1, N).softmax(dim=-1), ",
            ("test_loss_is_cross_entropy",),
        ),
        Mistake(
            "summed instead of averaged",
            ".argmax(dim=-1))\n",
            '.argmax(dim=-1), reduction="sum")\n',
            ("test_loss_is_cross_entropy",),
        ),
        Mistake(
            "the loss is a number",
            "labels[:, -1].reshape(-1, N).argmax(dim=-1))\n",
            "labels[:, -1].reshape(-1, N).argmax(dim=-1)).item()\n",
            ("test_loss_can_be_differentiated",),
        ),
        Mistake(
            "detached between the layers",
            "self.layer2(states)",
            "self.layer2(states.detach())",
            ("test_gradients_reach_both_layers",),
        ),
    ],
    "protonet": [
        Mistake(
            "distances not squared",
            ".square().sum(dim=-1)",
            ".square().sum(dim=-1).sqrt()",
            ("test_logits_are_negative_squared_distances",),
        ),
        Mistake(
            "mean over the features",
            ".square().sum(dim=-1)",
            ".square().mean(dim=-1)",
            ("test_logits_are_negative_squared_distances",),
        ),
        Mistake(
            "softmax in _logits",
            "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
            "return (-(features[:, None] - prototypes[None]).square().sum(dim=-1)).softmax(dim=-1)",
            ("test_logits_are_negative_squared_distances",),
        ),
        Mistake(
            "log-softmax in _logits",
            "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
            "return F.log_softmax(-(features[:, None] - prototypes[None]).square().sum(dim=-1), dim=-1)",
            ("test_logits_are_negative_squared_distances",),
        ),
        Mistake(
            "sign",
            "return -(features",
            "return (features",
            ("test_nearest_prototype_has_the_largest_logit",),
        ),
        Mistake(
            "distances re-wrapped",
            "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)",
            "return torch.tensor([[-(f - c).square().sum().item() for c in prototypes] for f in features])",
            ("test_gradient_flows_through_logits",),
        ),
        Mistake(
            "prototypes detached",
            "for k in range(int(labels.max()) + 1)])",
            "for k in range(int(labels.max()) + 1)]).detach()",
            ("test_gradient_flows_through_prototypes",),
        ),
        Mistake(
            "labels taken to be in class order",
            "torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])",
            "features.reshape(int(labels.max()) + 1, -1, features.shape[1]).mean(dim=1)",
            ("test_prototype_is_the_mean_of_its_class",),
        ),
        Mistake(
            "number of classes counted as number of labels",
            "range(int(labels.max()) + 1)",
            "range(len(set(labels)))",
            ("test_one_prototype_for_each_class",),
        ),
        Mistake(
            "five classes always",
            "range(int(labels.max()) + 1)",
            "range(5)",
            ("test_one_prototype_for_each_class",),
        ),
        Mistake(
            "every support drawing a prototype",
            "torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])",
            "features",
            ("test_one_prototype_for_each_class",),
        ),
        Mistake(
            "mean without dim",
            "features[labels == k].mean(dim=0)",
            "features[labels == k].mean()",
            ("test_one_prototype_for_each_class",),
        ),
        Mistake(
            "sums instead of means",
            "features[labels == k].mean(dim=0)",
            "features[labels == k].sum(dim=0)",
            ("test_prototype_is_the_mean_of_its_class",),
        ),
        Mistake(
            "one pass for each class",
            "features_support = self._network(images_support)",
            "features_support = torch.zeros(len(labels_support), self._network(images_support).shape[1])\n"
            "            for k in labels_support.unique():\n"
            "                mine = labels_support == k\n"
            "                features_support[mine] = self._network(images_support[mine])",
            ("test_classes_share_a_pass_through_the_network",),
        ),
        Mistake(
            "softmax before the cross entropy",
            "F.cross_entropy(logits_query, labels_query)",
            "F.cross_entropy(logits_query.softmax(dim=-1), labels_query)",
            ("test_loss_is_the_mean_query_cross_entropy",),
        ),
        Mistake(
            "loss of the support",
            "F.cross_entropy(logits_query, labels_query)",
            "F.cross_entropy(logits_support, labels_support)",
            ("test_loss_is_the_mean_query_cross_entropy",),
        ),
        Mistake(
            "loss summed over the queries",
            "F.cross_entropy(logits_query, labels_query)",
            'F.cross_entropy(logits_query, labels_query, reduction="sum")',
            ("test_loss_is_the_mean_query_cross_entropy",),
        ),
        Mistake(
            "loss detached",
            "F.cross_entropy(logits_query, labels_query)",
            "F.cross_entropy(logits_query, labels_query).detach()",
            ("test_gradient_reaches_the_network",),
        ),
        Mistake(
            "query embedded without a graph",
            "features_query = self._network(images_query)",
            "features_query = self._network(images_query).detach()",
            ("test_gradient_reaches_the_network",),
        ),
        Mistake(
            "support embedded without a graph",
            "features_support = self._network(images_support)",
            "with torch.no_grad():\n                features_support = self._network(images_support)",
            ("test_gradient_reaches_the_network",),
        ),
        Mistake(
            "accuracies with the other sign",
            "util.score(logits_query, labels_query)",
            "util.score(-logits_query, labels_query)",
            ("test_accuracies_of_support_and_query",),
        ),
        Mistake(
            "support accuracy is the query's",
            "util.score(logits_support, labels_support)",
            "util.score(logits_query, labels_query)",
            ("test_accuracies_of_support_and_query",),
        ),
    ],
    "maml": [
        Mistake(
            "first order: retain_graph",
            "create_graph=train",
            "retain_graph=train",
            ("test_meta_gradient_is_second_order",),
        ),
        Mistake(
            "graph built always",
            "create_graph=train",
            "create_graph=True",
            ("test_evaluating_builds_no_graph_through_inner_gradients",),
        ),
        Mistake(
            "train not passed on",
            "self._inner_loop(images_support, labels_support, train)",
            "self._inner_loop(images_support, labels_support, True)",
            ("test_outer_loss_is_the_query_loss_after_adaptation",),
        ),
        Mistake(
            "no accuracy after the last step",
            "        accuracies.append(util.score(self._forward(images, parameters), labels))\n        return",
            "        return",
            ("test_support_accuracy_before_each_step_and_after_the_last",),
        ),
        Mistake(
            "accuracy after the last step is that before it",
            "        accuracies.append(util.score(self._forward(images, parameters), labels))\n        return",
            "        accuracies.append(accuracies[-1])\n        return",
            ("test_support_accuracy_before_each_step_and_after_the_last",),
        ),
        Mistake(
            "softmax before the inner cross entropy",
            "loss = F.cross_entropy(logits, labels)",
            "loss = F.cross_entropy(logits.softmax(dim=-1), labels)",
            ("test_one_inner_step",),
        ),
        Mistake(
            "softmax before the outer cross entropy",
            "F.cross_entropy(logits, labels_query)",
            "F.cross_entropy(logits.softmax(dim=-1), labels_query)",
            ("test_outer_loss_is_the_query_loss_after_adaptation",),
        ),
        Mistake(
            "inner rates without a graph",
            "self._inner_lrs[name] * gradient",
            "self._inner_lrs[name].item() * gradient",
            ("test_inner_rates_receive_gradients",),
        ),
        Mistake(
            "inner rates ignored",
            "self._inner_lrs[name] * gradient",
            "0.1 * gradient",
            ("test_each_parameter_has_its_own_inner_rate", "test_inner_rates_receive_gradients"),
        ),
        Mistake(
            "one inner rate for all",
            "self._inner_lrs[name] * gradient",
            'self._inner_lrs["conv0"] * gradient',
            ("test_each_parameter_has_its_own_inner_rate",),
        ),
        Mistake(
            "every step from theta",
            "name: parameter - self._inner_lrs[name] * gradient",
            "name: self._meta_parameters[name] - self._inner_lrs[name] * gradient",
            ("test_each_inner_step_starts_from_the_last",),
        ),
        Mistake(
            "only one step",
            "gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)",
            "gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)\n"
            "            if len(accuracies) > 1:\n                continue",
            ("test_each_inner_step_starts_from_the_last",),
        ),
        Mistake(
            "update without the gradient",
            "parameter - self._inner_lrs[name] * gradient",
            "parameter - self._inner_lrs[name]",
            ("test_one_inner_step",),
        ),
        Mistake(
            "uphill",
            "parameter - self._inner_lrs[name] * gradient",
            "parameter + self._inner_lrs[name] * gradient",
            ("test_one_inner_step",),
        ),
        Mistake(
            "no adaptation when evaluating",
            "        for _ in range(self._num_inner_steps):\n",
            "        for _ in range(self._num_inner_steps):\n"
            "            if not train:\n"
            "                accuracies.append(util.score(self._forward(images, parameters), labels))\n"
            "                continue\n",
            ("test_adapts_when_evaluating",),
        ),
        Mistake(
            "theta overwritten",
            "        return parameters, accuracies\n",
            "        for name, tensor in self._meta_parameters.items():\n"
            "            tensor.data.copy_(parameters[name])\n"
            "        return parameters, accuracies\n",
            ("test_meta_parameters_keep_their_values",),
        ),
        Mistake(
            "outer loss at the parameters before adaptation",
            "logits = self._forward(images_query, parameters)\n            outer_loss_batch.append("
            "F.cross_entropy(logits, labels_query))",
            "logits = self._forward(images_query, parameters)\n            outer_loss_batch.append("
            "F.cross_entropy(self._forward(images_query, self._meta_parameters), labels_query))",
            ("test_outer_loss_is_the_query_loss_after_adaptation",),
        ),
        Mistake(
            "outer loss on the support",
            "F.cross_entropy(logits, labels_query)",
            "F.cross_entropy(self._forward(images_support, parameters), labels_support)",
            ("test_outer_loss_is_the_query_loss_after_adaptation",),
        ),
        Mistake(
            "adapts to the query",
            "self._inner_loop(images_support, labels_support, train)",
            "self._inner_loop(images_query, labels_query, train)",
            ("test_outer_loss_is_the_query_loss_after_adaptation", "test_accuracies_of_outer_step"),
        ),
        Mistake(
            "query accuracy is the support's",
            "util.score(logits, labels_query)",
            "accuracies_support[-1]",
            ("test_accuracies_of_outer_step",),
        ),
        Mistake(
            "query accuracy before adaptation",
            "util.score(logits, labels_query)",
            "util.score(self._forward(images_query, self._meta_parameters), labels_query)",
            ("test_accuracies_of_outer_step",),
        ),
        Mistake(
            "only the parameters are returned",
            "        return parameters, accuracies\n",
            "        return parameters\n",
            ("test_inner_loop_returns_all_parameters",),
        ),
        Mistake(
            "one step too many",
            "        for _ in range(self._num_inner_steps):\n            logits",
            "        for _ in range(self._num_inner_steps + 1):\n            logits",
            (
                "test_one_inner_step",
                "test_each_inner_step_starts_from_the_last",
                "test_each_parameter_has_its_own_inner_rate",
                "test_support_accuracy_before_each_step_and_after_the_last",
            ),
        ),
        Mistake(
            "backward and optimizer inside _outer_step",
            "        outer_loss = torch.mean(torch.stack(outer_loss_batch))\n",
            "        outer_loss = torch.mean(torch.stack(outer_loss_batch))\n"
            "        if train:\n"
            "            self._optimizer.zero_grad()\n"
            "            outer_loss.backward(retain_graph=True)\n"
            "            self._optimizer.step()\n",
            ("test_outer_loss_can_be_differentiated",),
        ),
        Mistake(
            "outer loss without a graph",
            "F.cross_entropy(logits, labels_query)",
            "F.cross_entropy(logits, labels_query).detach()",
            ("test_outer_loss_can_be_differentiated",),
        ),
    ],
}
CASES = [(exercise, mistake) for exercise, mistakes in MISTAKES.items() for mistake in mistakes]


@pytest.mark.parametrize(("exercise", "mistake"), CASES, ids=[f"{e}: {mistake.name}" for e, mistake in CASES])
def test_a_mistake_is_found_and_paid_for_once(exercise, mistake, edited, judge):
    results = judge(exercise, edited(exercise, mistake.old, mistake.new))
    failed = [check for check in results if not check.earned and not check.waits_for]
    assert tuple(check.name for check in failed) == mistake.fails, [(c.name, c.message) for c in failed]
    for check in failed:
        assert check.verdict in (Verdict.WRONG, Verdict.FORMAT) and check.message and check.hint
    titles = {check.title for check in failed} | {check.title for check in results if check.waits_for}
    assert all(titles.issuperset(check.waits_for) for check in results), "a check waits for one that passes"


@pytest.mark.parametrize("exercise", MISTAKES)
def test_a_mistake_costs_nothing_in_the_other_exercise(exercise, edited, grade):
    homework = "hw1" if exercise in ("data_generator", "black_box") else "hw2"
    mistake = MISTAKES[exercise][0]
    files = submission.reference(homework)
    files[f"{homework}/{exercise}.py"] = edited(exercise, mistake.old, mistake.new).encode()
    results = grade(homework, files).exercises
    assert {result.name: result.earned == result.points for result in results} == {
        result.name: result.name != exercise for result in results
    }
    (result,) = (result for result in results if result.name == exercise)
    assert tuple(c.name for c in result.checks if not c.earned and not c.waits_for) == mistake.fails
