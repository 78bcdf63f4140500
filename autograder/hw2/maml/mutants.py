"""Wrong MAML, the frequent mistakes first."""

from autograder.mutants import Mutant

MUTANTS = [
    Mutant(
        "first order: retain_graph",
        (("create_graph=train", "retain_graph=train"),),
        ("test_meta_gradient_is_second_order",),
    ),
    Mutant(
        "graph built always",
        (("create_graph=train", "create_graph=True"),),
        ("test_evaluating_builds_no_graph_through_inner_gradients",),
    ),
    Mutant(
        "train not passed on",
        (
            (
                "self._inner_loop(images_support, labels_support, train)",
                "self._inner_loop(images_support, labels_support, True)",
            ),
        ),
        ("test_outer_loss_is_the_query_loss_after_adaptation",),
    ),
    Mutant(
        "no accuracy after the last step",
        (
            (
                ("        accuracies.append(util.score(self._forward(images, parameters), labels))\n        return"),
                "        return",
            ),
        ),
        ("test_support_accuracy_before_each_step_and_after_the_last",),
    ),
    Mutant(
        "accuracy after the last step is that before it",
        (
            (
                ("        accuracies.append(util.score(self._forward(images, parameters), labels))\n        return"),
                ("        accuracies.append(accuracies[-1])\n        return"),
            ),
        ),
        ("test_support_accuracy_before_each_step_and_after_the_last",),
    ),
    Mutant(
        "softmax before the inner cross entropy",
        (("loss = F.cross_entropy(logits, labels)", "loss = F.cross_entropy(logits.softmax(dim=-1), labels)"),),
        ("test_one_inner_step",),
    ),
    Mutant(
        "softmax before the outer cross entropy",
        (("F.cross_entropy(logits, labels_query)", "F.cross_entropy(logits.softmax(dim=-1), labels_query)"),),
        ("test_outer_loss_is_the_query_loss_after_adaptation",),
    ),
    Mutant(
        "inner rates without a graph",
        (("self._inner_lrs[name] * gradient", "self._inner_lrs[name].item() * gradient"),),
        ("test_inner_rates_receive_gradients",),
    ),
    Mutant(
        "inner rates ignored",
        (("self._inner_lrs[name] * gradient", "0.1 * gradient"),),
        ("test_each_parameter_has_its_own_inner_rate", "test_inner_rates_receive_gradients"),
    ),
    Mutant(
        "one inner rate for all",
        (("self._inner_lrs[name] * gradient", 'self._inner_lrs["conv0"] * gradient'),),
        ("test_each_parameter_has_its_own_inner_rate",),
    ),
    Mutant(
        "every step from theta",
        (
            (
                "name: parameter - self._inner_lrs[name] * gradient",
                "name: self._meta_parameters[name] - self._inner_lrs[name] * gradient",
            ),
        ),
        ("test_each_inner_step_starts_from_the_last",),
    ),
    Mutant(
        "only one step",
        (
            (
                "gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)",
                (
                    "gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)\n"
                    "            if len(accuracies) > 1:\n"
                    "                continue"
                ),
            ),
        ),
        ("test_each_inner_step_starts_from_the_last",),
    ),
    Mutant(
        "update without the gradient",
        (("parameter - self._inner_lrs[name] * gradient", "parameter - self._inner_lrs[name]"),),
        ("test_one_inner_step",),
    ),
    Mutant(
        "uphill",
        (("parameter - self._inner_lrs[name] * gradient", "parameter + self._inner_lrs[name] * gradient"),),
        ("test_one_inner_step",),
    ),
    Mutant(
        "no adaptation when evaluating",
        (
            (
                "        for _ in range(self._num_inner_steps):\n",
                (
                    "        for _ in range(self._num_inner_steps):\n"
                    "            if not train:\n"
                    "                accuracies.append(util.score(self._forward(images, parameters), labels))\n"
                    "                continue\n"
                ),
            ),
        ),
        ("test_adapts_when_evaluating",),
    ),
    Mutant(
        "theta overwritten",
        (
            (
                "        return parameters, accuracies\n",
                (
                    "        for name, tensor in self._meta_parameters.items():\n"
                    "            tensor.data.copy_(parameters[name])\n"
                    "        return parameters, accuracies\n"
                ),
            ),
        ),
        ("test_meta_parameters_keep_their_values",),
    ),
    Mutant(
        "outer loss at the parameters before adaptation",
        (
            (
                (
                    "logits = self._forward(images_query, parameters)\n"
                    "            outer_loss_batch.append(F.cross_entropy(logits, labels_query))"
                ),
                (
                    "logits = self._forward(images_query, parameters)\n"
                    "            outer_loss_batch.append(F.cross_entropy(self._forward(images_query, self._meta_parameters), labels_query))"
                ),
            ),
        ),
        ("test_outer_loss_is_the_query_loss_after_adaptation",),
    ),
    Mutant(
        "outer loss on the support",
        (
            (
                "F.cross_entropy(logits, labels_query)",
                "F.cross_entropy(self._forward(images_support, parameters), labels_support)",
            ),
        ),
        ("test_outer_loss_is_the_query_loss_after_adaptation",),
    ),
    Mutant(
        "adapts to the query",
        (
            (
                "self._inner_loop(images_support, labels_support, train)",
                "self._inner_loop(images_query, labels_query, train)",
            ),
        ),
        ("test_outer_loss_is_the_query_loss_after_adaptation", "test_accuracies_of_outer_step"),
    ),
    Mutant(
        "query accuracy is the support's",
        (("util.score(logits, labels_query)", "accuracies_support[-1]"),),
        ("test_accuracies_of_outer_step",),
    ),
    Mutant(
        "query accuracy before adaptation",
        (
            (
                "util.score(logits, labels_query)",
                "util.score(self._forward(images_query, self._meta_parameters), labels_query)",
            ),
        ),
        ("test_accuracies_of_outer_step",),
    ),
    Mutant(
        "only the parameters are returned",
        (("        return parameters, accuracies\n", "        return parameters\n"),),
        ("test_inner_loop_returns_all_parameters",),
    ),
    Mutant(
        "one step too many",
        (
            (
                ("        for _ in range(self._num_inner_steps):\n            logits"),
                ("        for _ in range(self._num_inner_steps + 1):\n            logits"),
            ),
        ),
        (
            "test_one_inner_step",
            "test_each_inner_step_starts_from_the_last",
            "test_each_parameter_has_its_own_inner_rate",
            "test_support_accuracy_before_each_step_and_after_the_last",
        ),
    ),
    Mutant(
        "backward and optimizer inside _outer_step",
        (
            (
                "        outer_loss = torch.mean(torch.stack(outer_loss_batch))\n",
                (
                    "        outer_loss = torch.mean(torch.stack(outer_loss_batch))\n"
                    "        if train:\n"
                    "            self._optimizer.zero_grad()\n"
                    "            outer_loss.backward(retain_graph=True)\n"
                    "            self._optimizer.step()\n"
                ),
            ),
        ),
        ("test_outer_loss_can_be_differentiated",),
    ),
    Mutant(
        "outer loss without a graph",
        (("F.cross_entropy(logits, labels_query)", "F.cross_entropy(logits, labels_query).detach()"),),
        ("test_outer_loss_can_be_differentiated",),
    ),
]
