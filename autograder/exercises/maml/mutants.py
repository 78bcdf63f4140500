"""Wrong MAML, the frequent mistakes first."""

from autograder.instructor.quality.mutants import Mutant

CLONES = "{name: torch.clone(tensor) for name, tensor in self._meta_parameters.items()}"
STEPS = "        for _ in range(self._num_inner_steps):\n"
LOGITS = "            logits = self._forward(images, parameters)\n"
BEFORE = "            accuracies.append(util.score(logits, labels))\n"
LOSS = "loss = F.cross_entropy(logits, labels)"
GRADIENTS = "gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)"
UPDATE = "parameter - self._inner_lrs[name] * gradient"
UPDATED = (
    "            parameters = {\n"
    "                name: parameter - self._inner_lrs[name] * gradient\n"
    "                for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True)\n"
    "            }\n"
)
AFTER = "        accuracies.append(util.score(self._forward(images, parameters), labels))\n"
RETURN = "        return parameters, accuracies\n"
ADAPTED = "self._inner_loop(images_support, labels_support, train)"
QUERY_LOGITS = "logits = self._forward(images_query, parameters)"
QUERY_LOSS = "F.cross_entropy(logits, labels_query)"
QUERY_SCORE = "util.score(logits, labels_query)"
MEAN = "        outer_loss = torch.mean(torch.stack(outer_loss_batch))\n"

RETURNS = ("test_inner_loop_returns_all_parameters",)
LEARNS = ("test_adaptation_learns_from_the_support",)
ADAPTS = ("test_outer_step_adapts_to_the_support",)
SUPPORT_ALONE = ("test_nothing_but_the_support_is_adapted_to",)
ONE_STEP = ("test_one_inner_step",)
EACH_STEP = ("test_each_inner_step_starts_from_the_last",)
OWN_RATE = ("test_each_parameter_has_its_own_inner_rate",)
ACCURACIES = ("test_support_accuracy_before_each_step_and_after_the_last",)
THETA = ("test_meta_parameters_keep_their_values",)
SECOND_ORDER = ("test_meta_gradient_is_second_order",)
RATES = ("test_inner_rates_receive_gradients",)
EVALUATING = ("test_adapts_when_evaluating",)
NO_GRAPH = ("test_evaluating_builds_no_graph_through_inner_gradients",)
OUTER_LOSS = ("test_outer_loss_is_the_query_loss_after_adaptation",)
OUTER_ACCURACIES = ("test_accuracies_of_outer_step",)
OUTER_GRADIENT = ("test_outer_loss_can_be_differentiated",)

FIRST_ORDER = "the meta-gradient is that of first-order MAML, with inner gradients that are constants"
IN_THETA = "the adapted parameters end up in theta itself, where the next task starts"

MUTANTS = [
    # What is differentiated
    Mutant("first order: retain_graph", (("create_graph=train", "retain_graph=train"),), SECOND_ORDER, FIRST_ORDER),
    Mutant(
        "first order: gradients detached",
        ((UPDATE, "parameter - self._inner_lrs[name] * gradient.detach()"),),
        SECOND_ORDER,
        FIRST_ORDER,
    ),
    Mutant(
        "first order: create_graph when evaluating",
        (("create_graph=train", "create_graph=not train"),),
        (*SECOND_ORDER, *NO_GRAPH),
    ),
    Mutant(
        "second order through the last step only",
        (("create_graph=train", "create_graph=train and len(accuracies) == self._num_inner_steps"),),
        SECOND_ORDER,
        "only the last inner step's gradient has a graph, the earlier ones are constants",
    ),
    Mutant(
        "second order through the first step only",
        (("create_graph=train", "create_graph=train and len(accuracies) == 1"),),
        SECOND_ORDER,
        "only the first inner step's gradient has a graph, the later ones are constants",
    ),
    Mutant(
        "theta detached at the start",
        (
            (
                CLONES,
                "{name: tensor.detach().clone().requires_grad_() for name, tensor in self._meta_parameters.items()}",
            ),
        ),
        SECOND_ORDER,
        "the inner loop starts from a detached copy of theta, and no gradient returns to it",
    ),
    Mutant(
        "every step's result detached",
        ((UPDATE, f"({UPDATE}).detach().requires_grad_()"),),
        (*SECOND_ORDER, *RATES),
        "the result of each inner step is detached, and no gradient returns",
    ),
    Mutant(
        "graph built always",
        (("create_graph=train", "create_graph=True"),),
        NO_GRAPH,
        "create_graph is on with train=False too",
    ),
    Mutant(
        "inner rates without a graph",
        ((UPDATE, "parameter - self._inner_lrs[name].item() * gradient"),),
        RATES,
        "the inner learning rates are plain numbers, by .item() or detach(), and are never learned",
    ),
    Mutant(
        "inner rates detached",
        ((UPDATE, "parameter - self._inner_lrs[name].detach() * gradient"),),
        RATES,
        "the inner learning rates are plain numbers, by .item() or detach(), and are never learned",
    ),
    Mutant(
        "gradient with respect to theta in every step",
        (
            (
                "list(parameters.values()), create_graph=train",
                "list(self._meta_parameters.values()), create_graph=train",
            ),
        ),
        (*EACH_STEP, *SECOND_ORDER, *EVALUATING),  # third derivatives of batch_norm, which torch has wrong
    ),
    # The steps
    Mutant(
        "softmax before the inner cross entropy",
        ((LOSS, "loss = F.cross_entropy(logits.softmax(dim=-1), labels)"),),
        ONE_STEP,
        "softmax is applied before the inner cross entropy, which applies it again",
    ),
    Mutant(
        "inner loss summed over the support",
        ((LOSS, 'loss = F.cross_entropy(logits, labels, reduction="sum")'),),
        ONE_STEP,
        "the inner loss is summed over the support, not averaged",
    ),
    Mutant(
        "squared error inside",
        ((LOSS, "loss = F.mse_loss(logits, F.one_hot(labels, logits.shape[1]).to(logits.dtype))"),),
        ONE_STEP,
        "the inner loss is the squared error to one-hot labels",
    ),
    Mutant(
        "no logarithm inside",
        ((LOSS, "loss = F.nll_loss(logits, labels)"),),
        ONE_STEP,
        "nll_loss gets the logits themselves, without log_softmax",
    ),
    Mutant(
        "support taken to be in class order",
        ((LOSS, "loss = F.cross_entropy(logits, labels.sort().values)"),),
        LEARNS,
        "the support is taken to be in class order, whatever its labels",
        without_idea=True,
    ),
    Mutant(
        "one drawing of the support left out",
        ((LOSS, "loss = F.cross_entropy(logits[:-1], labels[:-1])"),),
        ONE_STEP,
        "the last support drawing is not in the inner loss",
    ),
    Mutant(
        "only the last layer adapted",
        ((UPDATE, f'{UPDATE} * (name in ("w4", "b4"))'),),
        ONE_STEP,
        "only the last layer is adapted",
    ),
    Mutant(
        "biases not adapted",
        ((UPDATE, f'{UPDATE} * (not name.startswith("b"))'),),
        ONE_STEP,
        "the biases are not adapted",
    ),
    Mutant(
        "gradients clipped",
        ((UPDATE, "parameter - self._inner_lrs[name] * gradient.clamp(-0.01, 0.01)"),),
        ONE_STEP,
        "the inner gradients are clipped",
    ),
    Mutant(
        "update without the gradient",
        ((UPDATE, "parameter - self._inner_lrs[name]"),),
        LEARNS,
        "the inner learning rate itself is subtracted, not rate times gradient",
        without_idea=True,
    ),
    Mutant(
        "uphill",
        ((UPDATE, "parameter + self._inner_lrs[name] * gradient"),),
        LEARNS,
        "the gradient is added, not subtracted: a step uphill",
        without_idea=True,
    ),
    Mutant(
        "weight decay for a gradient",
        ((UPDATE, "parameter - self._inner_lrs[name] * parameter"),),
        LEARNS,
        "the parameters themselves are subtracted, as in weight decay, and no gradient of the support's loss",
        without_idea=True,
    ),
    Mutant(
        "random numbers for a gradient",
        ((UPDATE, "parameter - self._inner_lrs[name] * torch.randn_like(gradient)"),),
        (*LEARNS, *THETA),
        without_idea=True,
    ),
    Mutant(
        "labels ignored inside",
        ((LOSS, "loss = -F.softmax(logits, dim=-1).log_softmax(dim=-1).mean()"),),
        LEARNS,
        "the inner loss does not look at the labels",
        without_idea=True,
    ),
    Mutant(
        "labels for drawings by their places",
        ((LOSS, "loss = F.cross_entropy(logits, torch.arange(len(labels)) % logits.shape[1])"),),
        LEARNS,
        "the support is taken to be in turns, whatever its labels",
        without_idea=True,
    ),
    Mutant(
        "update under no_grad",
        (
            (
                LOGITS,
                "            for parameter in parameters.values():\n"
                f"                parameter.requires_grad_()\n{LOGITS}",
            ),
            (
                UPDATED,
                "            with torch.no_grad():\n" + "".join(f"    {line}\n" for line in UPDATED.splitlines()),
            ),
        ),
        (*SECOND_ORDER, *RATES),
        "the result of each inner step is detached, and no gradient returns",
    ),
    Mutant(
        "every step from theta",
        ((UPDATE, "self._meta_parameters[name] - self._inner_lrs[name] * gradient"),),
        EACH_STEP,
        "every inner step is taken from theta, and only the last one counts",
    ),
    Mutant(
        "the gradient at theta in every step",
        (
            (LOSS, LOSS.replace("logits,", "self._forward(images, self._meta_parameters),")),
            (GRADIENTS, GRADIENTS.replace("parameters.", "self._meta_parameters.")),
        ),
        EACH_STEP,
        "the gradient at theta is taken again in every inner step",
    ),
    Mutant(
        "momentum",
        (
            (
                GRADIENTS,
                f"{GRADIENTS}\n"
                "            if len(accuracies) > 1:\n"
                "                gradients = [g + v for g, v in zip(gradients, velocity)]\n"
                "            velocity = gradients",
            ),
        ),
        EACH_STEP,
        "each inner step takes the gradients of the earlier ones again",
    ),
    Mutant(
        "rate that decays",
        ((UPDATE, f"{UPDATE} / len(accuracies)"),),
        EACH_STEP,
        "the inner rate becomes smaller from step to step",
    ),
    Mutant(
        "only one step",
        ((GRADIENTS, f"{GRADIENTS}\n            if len(accuracies) > 1:\n                continue"),),
        EACH_STEP,
        "only the first inner step changes the parameters",
    ),
    Mutant(
        "one step, whatever their number",
        ((STEPS, "        for _ in range(1):\n"),),
        (*EACH_STEP, *ACCURACIES),
        "there is one inner step, whatever num_inner_steps is",
    ),
    Mutant(
        "one step too many",
        ((STEPS, "        for _ in range(self._num_inner_steps + 1):\n"),),
        (*ONE_STEP, *EACH_STEP, *OWN_RATE, *ACCURACIES),
        "there is one inner step too many",
    ),
    Mutant(
        "one step too many, and no accuracy after the last",
        ((STEPS, "        for _ in range(self._num_inner_steps + 1):\n"), (AFTER, "")),
        (*ONE_STEP, *EACH_STEP, *OWN_RATE, *ACCURACIES),
        "there is one inner step too many",
    ),
    Mutant(
        "one step too few",
        ((STEPS, "        for _ in range(self._num_inner_steps - 1):\n"),),
        (*ONE_STEP, *EACH_STEP, *OWN_RATE, *ACCURACIES, *RATES),
        "there is one inner step too few",
    ),
    Mutant(
        "inner rates ignored",
        ((UPDATE, "parameter - 0.1 * gradient"),),
        (*OWN_RATE, *RATES),
        "a constant stands in the place of the inner learning rates",
    ),
    Mutant(
        "one inner rate for all",
        ((UPDATE, 'parameter - self._inner_lrs["conv0"] * gradient'),),
        OWN_RATE,
        "all parameters are updated with the first one's rate",
    ),
    Mutant(
        "mean of the inner rates",
        ((UPDATE, "parameter - sum(self._inner_lrs.values()) / len(self._inner_lrs) * gradient"),),
        OWN_RATE,
        "all parameters are updated with the mean of the rates",
    ),
    Mutant(
        "inner rates in the other order",
        (
            (UPDATE, "parameter - rate * gradient"),
            (
                "for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True)",
                "for (name, parameter), gradient, rate in zip(\n"
                "                    parameters.items(), gradients, reversed(self._inner_lrs.values()), strict=True\n"
                "                )",
            ),
        ),
        OWN_RATE,
        "the rates are taken in another order than the parameters",
    ),
    # The accuracies
    Mutant(
        "no accuracy after the last step", ((AFTER, ""),), ACCURACIES, "the accuracy after the last step is missing"
    ),
    Mutant(
        "accuracy after the last step is that before it",
        ((AFTER, "        accuracies.append(accuracies[-1])\n"),),
        ACCURACIES,
        "the last accuracy is that before the last step again",
    ),
    Mutant(
        "accuracy before the first step missing",
        (
            (BEFORE, ""),
            (
                UPDATED,
                f"{UPDATED}            accuracies.append(util.score(self._forward(images, parameters), labels))\n",
            ),
            (AFTER + RETURN, RETURN),
        ),
        ACCURACIES,
        "the accuracy before the first step is missing",
    ),
    Mutant(
        "accuracies one step late",
        (
            (BEFORE, ""),
            (
                UPDATED,
                f"{UPDATED}            accuracies.append(util.score(self._forward(images, parameters), labels))\n",
            ),
            (AFTER + RETURN, f"{AFTER}{RETURN}"),
        ),
        ACCURACIES,
        "the accuracies are one step late, each after the step, and the last one twice",
    ),
    Mutant(
        "accuracies at theta",
        (
            (
                BEFORE,
                "            accuracies.append(util.score(self._forward(images, self._meta_parameters), labels))\n",
            ),
        ),
        ACCURACIES,
        "the accuracies before the steps are all those of theta",
    ),
    Mutant(
        "accuracies only before and after",
        ((BEFORE, "            if not accuracies:\n    " + BEFORE),),
        ACCURACIES,
        "there is one accuracy before all steps and one after them",
    ),
    Mutant(
        "losses for accuracies",
        ((LOSS, f"{LOSS}\n            accuracies[-1] = loss.item()"),),
        ACCURACIES,
        "the accuracies before the steps are losses",
    ),
    Mutant(
        "right answers counted",
        ((BEFORE, "            accuracies.append((logits.argmax(dim=-1) == labels).sum().item())\n"),),
        ACCURACIES,
        "the accuracies before the steps are numbers of right answers, not their share",
    ),
    # What is returned, and what is kept
    Mutant(
        "only the parameters are returned",
        (
            (RETURN, "        return parameters\n"),
            (f"parameters, accuracies_support = {ADAPTED}", f"parameters, accuracies_support = {ADAPTED}, [0.0]"),
        ),
        (*ACCURACIES, *OUTER_ACCURACIES),
    ),
    Mutant(
        "parameters without their names",
        ((RETURN, "        return list(parameters.values()), accuracies\n"),),
        RETURNS,
    ),
    Mutant("answers swapped", ((RETURN, "        return accuracies, parameters\n"),), RETURNS),
    Mutant(
        "theta overwritten",
        (
            (
                RETURN,
                "        for name, tensor in self._meta_parameters.items():\n"
                "            tensor.data.copy_(parameters[name])\n"
                f"{RETURN}",
            ),
        ),
        THETA,
        IN_THETA,
    ),
    Mutant(
        "theta updated in place",
        (
            (CLONES, "dict(self._meta_parameters)"),
            (
                UPDATED,
                "            for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):\n"
                "                parameter.data -= self._inner_lrs[name] * gradient\n",
            ),
        ),
        (*THETA, *SECOND_ORDER, *RATES),
        IN_THETA,
    ),
    Mutant(
        "adapted parameters kept for the next task",
        ((RETURN, f"        self._meta_parameters = parameters\n{RETURN}"),),
        THETA,
        IN_THETA,
    ),
    Mutant(
        "adapted parameters of the first task kept",
        (
            (
                RETURN,
                '        if not hasattr(self, "_adapted"):\n'
                "            self._adapted = parameters\n"
                "        return self._adapted, accuracies\n",
            ),
        ),
        THETA,
        "every task gets the parameters that were adapted to the first",
    ),
    Mutant(
        "accuracies of all tasks in one list",
        (
            (
                RETURN,
                '        self._all = getattr(self, "_all", []) + accuracies\n        return parameters, self._all\n',
            ),
        ),
        THETA,
        "the accuracies of earlier tasks are still in the list",
    ),
    Mutant(
        "no adaptation at all",
        ((UPDATED, UPDATED.replace("parameters =", "adapted =")),),
        LEARNS,
        "no inner step changes the parameters",
        without_idea=True,
    ),
    # Evaluating
    Mutant(
        "no adaptation when evaluating",
        ((STEPS, f"{STEPS}            if not train:\n    {LOGITS}    {BEFORE}                continue\n"),),
        EVALUATING,
        "nothing is adapted with train=False",
    ),
    Mutant(
        "one step when evaluating",
        ((STEPS, "        for _ in range(self._num_inner_steps if train else 1):\n"),),
        EVALUATING,
        "there is one inner step with train=False, whatever num_inner_steps is",
    ),
    Mutant(
        "one rate for all when evaluating",
        ((UPDATE, 'parameter - self._inner_lrs[name if train else "conv0"] * gradient'),),
        EVALUATING,
        "with train=False all parameters are updated with the inner learning rate of the first",
    ),
    Mutant(
        "no accuracies when evaluating",
        ((BEFORE, "            accuracies.append(util.score(logits, labels) if train else 0.0)\n"),),
        EVALUATING,
        "with train=False the accuracies before the steps are 0",
    ),
    Mutant(
        "no gradients when evaluating",
        ((LOGITS, f"            with torch.set_grad_enabled(train):\n    {LOGITS}"),),
        EVALUATING,
    ),
    # The outer step
    Mutant(
        "train not passed on",
        ((ADAPTED, "self._inner_loop(images_support, labels_support, True)"),),
        OUTER_LOSS,
        "_inner_loop is always told train=True",
    ),
    Mutant(
        "train=False always",
        ((ADAPTED, "self._inner_loop(images_support, labels_support, False)"),),
        OUTER_GRADIENT,
        "_inner_loop is always told train=False, which makes it first-order MAML",
    ),
    Mutant(
        "softmax before the outer cross entropy",
        ((QUERY_LOSS, "F.cross_entropy(logits.softmax(dim=-1), labels_query)"),),
        OUTER_LOSS,
        "softmax is applied before the outer cross entropy, which applies it again",
    ),
    Mutant(
        "outer loss at the parameters before adaptation",
        ((QUERY_LOSS, "F.cross_entropy(self._forward(images_query, self._meta_parameters), labels_query)"),),
        ADAPTS,
        "the outer loss is that of theta, before adaptation",
    ),
    Mutant(
        "outer loss and accuracy before adaptation",
        ((QUERY_LOGITS, "logits = self._forward(images_query, self._meta_parameters)"),),
        ADAPTS,
        "the query is judged under theta, before adaptation",
    ),
    Mutant(
        "outer loss on the support",
        ((QUERY_LOSS, "F.cross_entropy(self._forward(images_support, parameters), labels_support)"),),
        OUTER_LOSS,
        "the outer loss is that of the support at the adapted parameters",
    ),
    Mutant(
        "outer loss on support and query",
        ((QUERY_LOSS, f"{QUERY_LOSS} + F.cross_entropy(self._forward(images_support, parameters), labels_support)"),),
        OUTER_LOSS,
        "the support's loss is added to the query's",
    ),
    Mutant(
        "outer loss summed over the queries",
        ((QUERY_LOSS, 'F.cross_entropy(logits, labels_query, reduction="sum")'),),
        OUTER_LOSS,
        "the outer loss is summed over the queries, not averaged",
    ),
    Mutant(
        "outer loss summed over the tasks",
        ((MEAN, "        outer_loss = torch.sum(torch.stack(outer_loss_batch))\n"),),
        OUTER_LOSS,
        "the outer loss is summed over the tasks, not averaged",
    ),
    Mutant(
        "outer loss divided twice",
        ((QUERY_LOSS, f"{QUERY_LOSS} / len(task_batch)"),),
        OUTER_LOSS,
        "the outer loss is divided by the number of tasks twice",
    ),
    Mutant(
        "outer loss of the last task",
        ((f"outer_loss_batch.append({QUERY_LOSS})", f"outer_loss_batch = [{QUERY_LOSS}]"),),
        OUTER_LOSS,
        "only the last task of the batch is in the outer loss",
    ),
    Mutant(
        "query with the support's labels",
        ((QUERY_LOSS, "F.cross_entropy(logits, labels_support[: len(logits)])"),),
        ADAPTS,
    ),
    Mutant(
        "query taken to be in class order",
        ((QUERY_LOSS, "F.cross_entropy(logits, labels_query.sort().values)"),),
        OUTER_LOSS,
        "the query is taken to be in class order, whatever its labels",
    ),
    Mutant(
        "adapts to the query",
        ((ADAPTED, "self._inner_loop(images_query, labels_query, train)"),),
        ADAPTS,
        "the parameters are adapted to the query, and know its labels",
    ),
    Mutant(
        "adapts to support and query",
        (
            (
                ADAPTED,
                "self._inner_loop(\n"
                "                torch.cat([images_support, images_query]),\n"
                "                torch.cat([labels_support, labels_query]),\n"
                "                train,\n"
                "            )",
            ),
        ),
        (*OUTER_LOSS, *OUTER_ACCURACIES),
        "the parameters are adapted to support and query together, and know the query's labels",
    ),
    Mutant(
        "adapts to the support, then to the query",
        (
            (
                f"parameters, accuracies_support = {ADAPTED}\n",
                f"theta, (parameters, accuracies_support) = self._meta_parameters, {ADAPTED}\n"
                "            self._meta_parameters = parameters\n"
                "            parameters, _ = self._inner_loop(images_query, labels_query, train)\n"
                "            self._meta_parameters = theta\n",
            ),
        ),
        (*OUTER_LOSS, *OUTER_ACCURACIES),
        "the parameters are adapted to support and query in turn, and know the query's labels",
    ),
    Mutant(
        "query left for _inner_loop, which adds it",
        (
            (
                f"parameters, accuracies_support = {ADAPTED}\n",
                f"self._query = images_query, labels_query\n            parameters, accuracies_support = {ADAPTED}\n",
            ),
            (
                STEPS,
                '        for more, their_labels in [self._query] if hasattr(self, "_query") else []:\n'
                "            images, labels = torch.cat([images, more]), torch.cat([labels, their_labels])\n"
                f"{STEPS}",
            ),
        ),
        SUPPORT_ALONE,
        "the parameters are adapted to support and query together, and know the query's labels",
    ),
    Mutant(
        "adapted to the batch's first task only",
        (
            (
                f"parameters, accuracies_support = {ADAPTED}\n",
                f"if not outer_loss_batch:\n                parameters, accuracies_support = {ADAPTED}\n",
            ),
        ),
        (*OUTER_LOSS, *OUTER_ACCURACIES),
        "the parameters adapted to the first task serve for all tasks of the batch",
    ),
    Mutant(
        "query accuracy is the support's",
        ((QUERY_SCORE, "accuracies_support[-1]"),),
        OUTER_ACCURACIES,
        "the query's accuracy is the support's after the last step",
    ),
    Mutant(
        "query accuracy before adaptation",
        ((QUERY_SCORE, "util.score(self._forward(images_query, self._meta_parameters), labels_query)"),),
        OUTER_ACCURACIES,
        "the query's accuracy is that of theta, before adaptation",
    ),
    Mutant(
        "queries counted, not averaged",
        ((QUERY_SCORE, "(logits.argmax(dim=-1) == labels_query).sum().item()"),),
        OUTER_ACCURACIES,
        "the query's accuracy is the number of right answers, not their share",
    ),
    Mutant(
        "query accuracy of the last task",
        ((f"accuracy_query_batch.append({QUERY_SCORE})", f"accuracy_query_batch = [{QUERY_SCORE}]"),),
        OUTER_ACCURACIES,
        "only the last task of the batch is in the query's accuracy",
    ),
    Mutant(
        "support accuracy after adaptation only",
        (
            (
                "accuracies_support_batch.append(accuracies_support)",
                "accuracies_support_batch.append(accuracies_support[-1])",
            ),
        ),
        OUTER_ACCURACIES,
        "there is one support accuracy, that after the last step",
    ),
    Mutant(
        "support accuracies of the last task",
        (("accuracies_support_batch.append(accuracies_support)", "accuracies_support_batch = [accuracies_support]"),),
        OUTER_ACCURACIES,
        "the support accuracies are those of the last task of the batch",
    ),
    Mutant(
        "support accuracies averaged over the steps",
        (("torch.tensor(accuracies_support_batch).mean(dim=0)", "torch.tensor(accuracies_support_batch).mean(dim=1)"),),
        OUTER_ACCURACIES,
        "the support accuracies are averaged over the steps, not over the tasks",
    ),
    Mutant(
        "outer loss without a graph",
        ((QUERY_LOSS, f"{QUERY_LOSS}.detach()"),),
        OUTER_GRADIENT,
        "the outer loss has no graph, by detach(), .item() or no_grad()",
    ),
    Mutant(
        "query under no_grad",
        ((QUERY_LOGITS, f"with torch.no_grad():\n                {QUERY_LOGITS}"),),
        OUTER_GRADIENT,
        "the outer loss has no graph, by detach(), .item() or no_grad()",
    ),
    Mutant(
        "adapted parameters detached for the query",
        ((QUERY_LOGITS, "logits = self._forward(images_query, {name: p.detach() for name, p in parameters.items()})"),),
        OUTER_GRADIENT,
        "the outer loss has no graph, by detach(), .item() or no_grad()",
    ),
    Mutant(
        "backward inside _outer_step",
        ((MEAN, f"{MEAN}        if train:\n            outer_loss.backward()\n"),),
        OUTER_GRADIENT,
    ),
    Mutant(
        "backward and optimizer inside _outer_step",
        (
            (
                MEAN,
                f"{MEAN}"
                "        if train:\n"
                "            self._optimizer.zero_grad()\n"
                "            outer_loss.backward(retain_graph=True)\n"
                "            self._optimizer.step()\n",
            ),
        ),
        OUTER_GRADIENT,
    ),
    Mutant(
        "runs on a GPU only",
        ((QUERY_LOSS, "F.cross_entropy(logits.cuda(), labels_query.cuda())"),),
        ADAPTS,
    ),
]

# What each check that trains should tell from the reference by its accuracy, for `python -m autograder calibrate`.
# First-order MAML is not there: in a training so short it learns as well, and only its gradient tells it.
NOT_ADAPTED = ("uphill", "update without the gradient")
NOT_LEARNED = (*NOT_ADAPTED, "outer loss at the parameters before adaptation")
LEARNING = {
    "test_adapts_a_trained_initialisation": NOT_ADAPTED,
    "test_learns_mosaics": NOT_LEARNED,
    "test_learns_handwriting": NOT_LEARNED,
}
