"""Mistakes are named in solutions that are written anew, and not patches of the reference: alone, and two at once."""

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import mutants
from autograder.instructor.quality.patches import Change, apply
from autograder.results import Verdict

EXERCISES = {e.name: e for homework in catalog.homeworks() for e in catalog.exercises(homework)}

# The inner loop of the LSTM meta-learner, with what is to be wrong in it left open.
DESCENT = """
with torch.set_grad_enabled({graph}):
    cell = {start}
    gates_i = {{name: torch.zeros_like(tensor) for name, tensor in cell.items()}}
    gates_f, accuracies = dict(gates_i), []
    for _ in range(self._num_inner_steps):
        with torch.enable_grad():
            theta = {{name: tensor.detach().requires_grad_() for name, tensor in cell.items()}}
            logits = self._forward(images, theta)
            loss = F.cross_entropy(logits, labels)
            gradients = autograd.grad(loss, list(theta.values()))
        accuracies.append(util.score(logits, labels))
        new_cell = {{}}
        for name, gradient in zip(theta, gradients):
            i, f = (
                gate(
                    gradient, loss.detach(), {cell}[name], last[name], self._gates[f"w_{{x}}"], self._gates[f"b_{{x}}"]
                )
                for x, last in (("i", gates_i), ("f", gates_f))
            )
            gates_i[name], gates_f[name] = i, f
            new_cell[name] = f * {cell}[name] - i * gradient
        cell = new_cell
    accuracies.append(util.score(self._forward(images, cell), labels))
return cell, accuracies
"""
DETACHED = "{name: tensor.detach().clone() for name, tensor in self._meta_parameters.items()}"

# The products with iMAML's matrix, CAVIA's steps and Meta-SGD's, with what is to be wrong in them left open.
CURVATURE = """
phi = {{name: tensor.detach().requires_grad_() for name, tensor in phi.items()}}
loss = F.cross_entropy(self._forward(images, phi), labels)
support_gradient = flat(autograd.grad(loss, list(phi.values()){first}))

def product(direction):
    Hv = flat(autograd.grad(torch.dot(support_gradient, direction), list(phi.values()), retain_graph=True))
    return {returned}

b = flat([gradient[name].detach() for name in phi])
return named(conjugate_gradient(product, b, self._num_cg_steps), phi)
"""
WHOLE = "direction + Hv / self._regularization"
STEPS = """
context = torch.zeros(self._num_context, device=self.device, requires_grad=True)
for _ in range(self._num_inner_steps):
    loss = self._loss(self._forward(inputs, context, {theta}), targets)
    (gradient,) = autograd.grad(loss, context{graph})
    context = {step}
return context
"""
THETA, STEP = "self._meta_parameters", "context - self._inner_lr * gradient"
OF_A_DICT = """
theta = self._meta_parameters
logits = self._forward(images, theta)
gradients = autograd.grad(F.cross_entropy(logits, labels), theta, create_graph=train)
phi = {{}}
for {pairs}:
    phi[name] = theta[name] - self._inner_lrs[name] * {gradient}
return phi, [util.score(logits, labels), util.score(self._forward(images, phi), labels)]
"""
AT_THE_CELL = """
accuracies, cell = [], dict(self._meta_parameters)
last_i, last_f = ({n: torch.zeros_like(c) for n, c in cell.items()} for _ in range(2))
for _ in range(self._num_inner_steps):
    logits = self._forward(images, cell)
    accuracies.append(util.score(logits, labels))
    loss = F.cross_entropy(logits, labels)
    gradients = autograd.grad(loss, list(cell.values()), create_graph=train)
    new_cell = {}
    with torch.set_grad_enabled(train):
        for (n, c), g in zip(cell.items(), gradients):
            last_i[n] = gate(g, loss, c, last_i[n], self._gates["w_i"], self._gates["b_i"])
            last_f[n] = gate(g, loss, c, last_f[n], self._gates["w_f"], self._gates["b_f"])
            new_cell[n] = last_f[n] * c - last_i[n] * g
    cell = new_cell
accuracies.append(util.score(self._forward(images, cell), labels))
return cell, accuracies
"""

# What a student writes in each function, and for checks the mutants whose mistakes are to be named.
WRITTEN = {
    "prototypes by a product under no_grad, cdist": (
        "protonet",
        {
            "_prototypes": """
with torch.no_grad():
    members = F.one_hot(labels).to(features.dtype)
    return members.T @ features / members.sum(dim=0)[:, None]
""",
            "_logits": "return -torch.cdist(features, prototypes, p=2)",
        },
        {
            "gradient_flows_through_prototypes": ["prototypes under no_grad"],
            "logits_are_negative_squared_distances": ["distances not squared"],
        },
    ),
    "all in _step, with a root": (
        "protonet",
        {
            "_step": """
x = self._network(torch.cat([images_support, images_query]))
s, q = x[: len(images_support)], x[len(images_support) :]
centres = torch.zeros(int(labels_support.max()) + 1, x.shape[1], dtype=x.dtype).index_add(0, labels_support, s)
centres = centres / torch.bincount(labels_support)[:, None]
near_s, near_q = (-((a.unsqueeze(1) - centres.unsqueeze(0)) ** 2).sum(2) ** 0.5 for a in (s, q))
loss_batch.append(-near_q.log_softmax(1).gather(1, labels_query[:, None]).mean())
accuracy_support_batch.append((near_s.argmax(1) == labels_support).double().mean().item())
accuracy_query_batch.append((near_q.argmax(1) == labels_query).double().mean().item())
"""
        },
        {"loss_is_the_mean_query_cross_entropy": ["distances not squared"]},
    ),
    "all in _step, softmax twice": (
        "protonet",
        {
            "_step": """
s, q = self._network(images_support), self._network(images_query)
centres = torch.stack([s[labels_support == k].mean(0) for k in labels_support.unique()])
scores = [-((a[:, None] - centres) ** 2).sum(-1) for a in (s, q)]
loss_batch.append(torch.nn.CrossEntropyLoss()(scores[1].softmax(-1), labels_query))
accuracy_support_batch.append(util.score(scores[0], labels_support))
accuracy_query_batch.append(util.score(scores[1], labels_query))
"""
        },
        {"loss_is_the_mean_query_cross_entropy": ["softmax before the cross entropy"]},
    ),
    "softmax twice, and a sum over the tasks": (
        "protonet",
        {
            "_step": """
s, q = self._network(images_support), self._network(images_query)
centres = self._prototypes(s, labels_support)
of_s, of_q = self._logits(s, centres), self._logits(q, centres)
probabilities = torch.exp(of_q) / torch.exp(of_q).sum(dim=1, keepdim=True)
loss_batch.append(F.cross_entropy(probabilities, labels_query) * len(task_batch))
accuracy_support_batch.append(util.score(of_s, labels_support))
accuracy_query_batch.append(util.score(of_q, labels_query))
"""
        },
        {"loss_is_the_mean_query_cross_entropy": ["softmax before the cross entropy", "loss summed over the tasks"]},
    ),
    "class by class through the network": (
        "protonet",
        {
            "_step": """
q = self._network(images_query)
centres = []
for k in range(len(set(labels_support.tolist()))):
    centres.append(self._network(images_support[labels_support == k]))
order = labels_support.argsort(stable=True)
s = torch.cat(centres)
centres = self._prototypes(s, labels_support[order])
of_q = self._logits(q, centres)
loss_batch.append(F.cross_entropy(of_q, labels_query))
accuracy_support_batch.append(util.score(self._logits(s, centres), labels_support[order]))
accuracy_query_batch.append(util.score(of_q, labels_query))
"""
        },
        {"classes_share_a_pass_through_the_network": ["prototypes class by class, the queries in one pass"]},
    ),
    "first order, and softmax inside": (
        "maml",
        {
            "_inner_loop": """
for _ in range(self._num_inner_steps):
    scores = self._forward(images, parameters).softmax(1)
    accuracies += [util.score(scores, labels)]
    g = autograd.grad(F.cross_entropy(scores, labels), parameters.values(), retain_graph=True)
    parameters = {k: p - self._inner_lrs[k] * d for (k, p), d in zip(parameters.items(), g)}
accuracies += [util.score(self._forward(images, parameters), labels)]
return parameters, accuracies
"""
        },
        {
            "one_inner_step": ["softmax before the inner cross entropy"],
            "meta_gradient_is_second_order": [
                "first order: retain_graph",
                "softmax before the inner cross entropy",
            ],
        },
    ),
    "a step too many, without a last score": (
        "maml",
        {
            "_inner_loop": """
step = 0
while step <= self._num_inner_steps:
    scores = self._forward(images, parameters)
    accuracies.append(util.score(scores, labels))
    loss = -scores.log_softmax(1)[torch.arange(len(labels)), labels].mean()
    names = list(parameters)
    g = dict(zip(names, autograd.grad(loss, [parameters[n] for n in names], create_graph=train)))
    parameters = {n: parameters[n] - self._inner_lrs[n] * g[n] for n in names}
    step += 1
return parameters, accuracies
"""
        },
        {
            "one_inner_step": ["one step too many"],
            "each_inner_step_starts_from_the_last": ["one step too many"],
            "each_parameter_has_its_own_inner_rate": ["one step too many"],
        },
    ),
    "no last score, and the graph always": (
        "maml",
        {
            "_inner_loop": """
for i in range(self._num_inner_steps):
    y = self._forward(images, parameters)
    accuracies.append((y.argmax(1) == labels).double().mean().item())
    g = autograd.grad(F.cross_entropy(y, labels), list(parameters.values()), create_graph=True)
    for (k, p), d in zip(list(parameters.items()), g):
        parameters[k] = p - self._inner_lrs[k] * d
return parameters, accuracies
"""
        },
        {
            "support_accuracy_before_each_step_and_after_the_last": ["no accuracy after the last step"],
            "evaluating_builds_no_graph_through_inner_gradients": ["graph built always"],
        },
    ),
    "an update under no_grad": (
        "maml",
        {
            "_inner_loop": """
for i in range(self._num_inner_steps):
    y = self._forward(images, parameters)
    accuracies.append(util.score(y, labels))
    g = autograd.grad(F.cross_entropy(y, labels), list(parameters.values()), create_graph=train)
    with torch.no_grad():
        parameters = {k: (p - self._inner_lrs[k] * d) for (k, p), d in zip(parameters.items(), g)}
accuracies.append(util.score(self._forward(images, parameters), labels))
return parameters, accuracies
"""
        },
        {"inner_loop_returns_all_parameters": ["update under no_grad, and nothing to differentiate afterwards"]},
    ),
    "the query at theta": (
        "maml",
        {
            "_outer_step": """
phi, scores = self._inner_loop(images_support, labels_support, train)
guess = self._forward(images_query, self._meta_parameters)
outer_loss_batch.append(torch.nn.functional.nll_loss(guess.log_softmax(-1), labels_query))
accuracies_support_batch.append(scores)
accuracy_query_batch.append(util.score(guess, labels_query))
"""
        },
        {
            "outer_step_adapts_to_the_support": [  # the loss alone does not tell the two apart, and both are named
                "outer loss and accuracy before adaptation",
                "outer loss at the parameters before adaptation",
            ]
        },
    ),
    "softmax outside, and train=True always": (
        "maml",
        {
            "_outer_step": """
phi, scores = self._inner_loop(images_support, labels_support, train=True)
guess = torch.softmax(self._forward(images_query, phi), -1)
outer_loss_batch.append(torch.nn.CrossEntropyLoss()(guess, labels_query))
accuracies_support_batch.append(scores)
accuracy_query_batch.append(util.score(guess, labels_query))
"""
        },
        {"outer_loss_is_the_query_loss_after_adaptation": ["softmax before the outer cross entropy"]},
    ),
    "cross entropy over (B, N, N), softmax in forward": (
        "black_box",
        {
            "forward": """
B, rows, N, pixels = input_images.shape
labels = input_labels.clone()
labels[:, rows - 1] *= 0
x = torch.cat((input_images, labels), -1).view(B, -1, pixels + N)
x = self.layer2(self.layer1(x)[0])[0]
return torch.softmax(x, -1).view(B, rows, N, N)
""",
            "loss_function": """
K = self.samples_per_class
return nn.CrossEntropyLoss()(preds[:, K], labels[:, K])
""",
        },
        {
            "outputs_are_logits": ["softmax in forward"],
            "loss_is_cross_entropy": ["cross entropy over the wrong axis"],
        },
    ),
    "the last label alone is hidden, class by class": (
        "black_box",
        {
            "forward": """
B, rows, N, _ = input_images.shape
labels = torch.cat([input_labels.flatten(1, 2)[:, :-1], torch.zeros_like(input_labels[:, -1, :1])], 1)
x = torch.cat([input_images, labels.view(B, rows, N, N)], 3).permute(0, 2, 1, 3).flatten(1, 2)
return self.layer2(self.layer1(x)[0])[0].view(B, rows, N, N)
"""
        },
        {
            "query_labels_never_reach_the_network": [
                "only the last label is hidden",
                "class by class: queries before later support",
            ],
            "every_query_comes_after_the_whole_support": [
                "only the last label is hidden",
                "class by class: queries before later support",
            ],
        },
    ),
    "the caller's labels, and a ReLU": (
        "black_box",
        {
            "forward": """
input_labels[:, -1] = 0
x = torch.cat([input_images, input_labels], dim=3).flatten(1, 2)
x, _ = self.layer1(x)
x, _ = self.layer2(x.relu())
return x.unflatten(1, input_images.shape[1:3])
"""
        },
        {
            "layer2_reads_negative_outputs_of_layer1": ["ReLU between the layers"],
            "the_callers_labels_stay_as_they_were": ["the caller's labels are overwritten"],
        },
    ),
    "two calls, and never shuffled": (
        "data_generator",
        {
            "_sample": """
N, K = self.num_classes, self.num_samples_per_class
chosen = random.sample(self.folders, N)
rows = []
for nb in (K, 1):
    found = sorted(get_images(chosen, range(N), nb_samples=nb, shuffle=False), key=lambda pair: pair[0])
    pixels = np.array([self.image_file_to_array(path, 784) for _, path in found])
    rows.append(pixels.reshape(N, nb, 784).swapaxes(0, 1))
labels = np.broadcast_to(np.eye(N, dtype=np.float32), (K + 1, N, N)).copy()
return np.concatenate(rows).astype(np.float32), labels
"""
        },
        {
            "query_drawings_are_not_in_the_support": ["support and query drawn by two calls"],
            "query_order_is_random": ["query never shuffled"],
        },
    ),
    "with replacement, and the support by a reshape": (
        "data_generator",
        {
            "_sample": """
N, K = self.num_classes, self.num_samples_per_class
chosen = [self.folders[i] for i in np.random.randint(len(self.folders), size=N)]
pairs = [pair for n, c in enumerate(chosen) for pair in get_images([c], [n], nb_samples=K + 1, shuffle=False)]
x = np.stack([self.image_file_to_array(path, 784) for _, path in pairs]).reshape(N, K + 1, 784)
y = np.eye(N, dtype=np.float32)[[label for label, _ in pairs]].reshape(N, K + 1, N)
places = np.random.permutation(N)
sx, sy = x[:, :K].reshape(K, N, 784), y[:, :K].reshape(K, N, N)
return np.concatenate([sx, x[None, places, K]]), np.concatenate([sy, y[None, places, K]])
"""
        },
        {
            "characters_of_an_episode_differ": ["characters drawn with replacement"],
            "layout_for_more_than_one_support_row": ["support class by class, reshaped to (K, N)"],
        },
    ),
    "rates by sorted names, from detached parameters": (
        "maml",
        {
            "_inner_loop": """
rates = [self._inner_lrs[name] for name in sorted(self._inner_lrs)]
for _ in range(self._num_inner_steps):
    out = self._forward(images, parameters)
    accuracies.append(util.score(out, labels))
    slopes = torch.autograd.grad(F.cross_entropy(out, labels), parameters.values(), create_graph=train)
    parameters = {
        name: parameters[name].detach() - rate * slope for name, rate, slope in zip(parameters, rates, slopes)
    }
accuracies.append(util.score(self._forward(images, parameters), labels))
return parameters, accuracies
"""
        },
        {
            "each_parameter_has_its_own_inner_rate": ["inner rates in the order of sorted names"],
            "meta_gradient_is_second_order": ["parameters detached in the update"],
        },
    ),
    "a stale accuracy, and train=True always": (
        "meta_sgd",
        {
            "_inner_loop": """
theta = self._meta_parameters
out = self._forward(images, theta)
slopes = autograd.grad(F.cross_entropy(out, labels), list(theta.values()), create_graph=train)
phi = {name: theta[name] - self._inner_lrs[name] * slope for name, slope in zip(theta, slopes)}
return phi, [util.score(out, labels)] * 2
""",
            "_outer_step": """
losses, supports, queries = [], [], []
for task in task_batch:
    support, support_labels, query, query_labels = self._on_device(task)
    phi, scores = self._inner_loop(support, support_labels, True)
    out = self._forward(query, phi)
    losses.append(F.cross_entropy(out, query_labels))
    supports.append(scores)
    queries.append(util.score(out, query_labels))
return sum(losses) / len(losses), [sum(one) / len(one) for one in zip(*supports)], sum(queries) / len(queries)
""",
        },
        {
            "support_accuracy_before_and_after_the_step": ["accuracy before the step twice"],
            "outer_loss_is_the_query_loss_after_adaptation": ["train not passed on"],
        },
    ),
    "gradients of length one": (
        "meta_sgd",
        {
            "_inner_loop": """
theta = self._meta_parameters
out = self._forward(images, theta)
slopes = autograd.grad(F.cross_entropy(out, labels), list(theta.values()), create_graph=train)
slopes = [slope / (slope.norm() + 1e-8) for slope in slopes]
phi = {name: theta[name] - self._inner_lrs[name] * slope for name, slope in zip(theta, slopes)}
return phi, [util.score(out, labels), util.score(self._forward(images, phi), labels)]
""",
        },
        {"one_inner_step": ["gradients of length one"]},
    ),
    "a running mean, and the support's accuracy": (
        "first_order",
        {
            "_outer_gradient": """
gradient = {name: torch.zeros_like(theta) for name, theta in self._meta_parameters.items()}
total, right = 0.0, 0.0
for support, support_labels, query, query_labels in map(self._on_device, task_batch):
    phi = {name: part.detach().requires_grad_() for name, part in self._inner_loop(support, support_labels).items()}
    loss = F.cross_entropy(self._forward(query, phi), query_labels)
    for name, slope in zip(phi, autograd.grad(loss, list(phi.values()))):
        gradient[name] = (gradient[name] + slope) / 2
    total += loss.item() / len(task_batch)
    right += util.score(self._forward(support, phi), support_labels) / len(task_batch)
return gradient, total, right
"""
        },
        {
            "gradient_is_averaged_over_the_tasks": ["running mean"],
            "loss_and_accuracy_are_the_querys": ["accuracy on the support"],
        },
    ),
    "one task after the other, and outer_lr less done": (
        "reptile",
        {
            "_outer_step": """
epsilon = max(self._outer_lr - done, 0)
for s, s_labels, q, q_labels in task_batch:
    phi = self._inner_loop(torch.cat([s, q]), torch.cat([s_labels, q_labels]))
    with torch.no_grad():
        for name, theta in self._meta_parameters.items():
            theta += epsilon * (phi[name] - theta) / len(task_batch)
"""
        },
        {
            "outer_step_is_epsilon_times_the_mean": ["one task after the other, with shares"],
            "epsilon_falls_to_zero": ["epsilon is outer_lr less done"],
        },
    ),
    "the right-hand side written over": (
        "imaml",
        {
            "conjugate_gradient": """
x = torch.zeros_like(b)
r = p = b
for count in range(num_steps):
    old = r @ r
    if old <= 1e-18 * (b @ b):
        break
    ap = product(p)
    if p @ ap <= 0:
        return x if count else b
    a = old / (p @ ap)
    x = x + a * p
    r -= a * ap
    p = r + (r @ r) / old * p
return x
"""
        },
        {"conjugate_gradient_solves_the_system": ["b written over"]},
    ),
    "softplus with a beta": (
        "cnp",
        {
            "decode": """
out = self.decoder(torch.cat([r.repeat(len(x), 1), x], dim=1))
return out[:, :1], 0.1 + F.softplus(out[:, 1:], beta=0.9)
"""
        },
        {"mean_and_deviation_come_from_the_decoder": ["softplus with a beta"]},
    ),
    "neighbouring folders, and never the last": (
        "data_generator",
        {
            "_sample": """
N, K = self.num_classes, self.num_samples_per_class
start = random.randrange(len(self.folders) - N)
pairs = [pair for n in range(N) for pair in get_images([self.folders[start + n]], [n], nb_samples=K + 1)]
x = np.stack([self.image_file_to_array(path, 784) for _, path in pairs]).reshape(N, K + 1, 784).swapaxes(0, 1).copy()
y = np.repeat(np.eye(N, dtype=np.float32)[None], K + 1, axis=0)
places = np.random.permutation(N)
x[-1], y[-1] = x[-1, places], y[-1, places]
return x, y
"""
        },
        {
            "all_characters_of_the_split_and_no_others": [
                "neighbours in the list of folders, and never the last",
                "the last character never drawn",
            ],
        },
    ),
    "label and path in the other order": (
        "data_generator",
        {
            "_sample": """
N, K = self.num_classes, self.num_samples_per_class
chosen = get_images(random.sample(self.folders, N), range(N), nb_samples=K + 1, shuffle=False)
x = np.stack([self.image_file_to_array(path, self.dim_input) for path, _ in chosen])
return x.reshape(K + 1, N, 784), np.repeat(np.eye(N)[None], K + 1, axis=0)
"""
        },
        {"sizes": ["label and path in the other order"]},
    ),
    "fewer drawings than K + 1, and a shape in brackets": (
        "data_generator",
        {
            "_sample": """
n, k = self.num_classes, self.num_samples_per_class
found = get_images(random.sample(self.folders, n), range(n), nb_samples=k, shuffle=False)
drawn = np.asarray([self.image_file_to_array(file, self.dim_input) for _, file in found])
kinds = np.array([kind for kind, _ in found])
drawn = drawn.reshape((n, k + 1, self.dim_input)).swapaxes(0, 1)
return drawn, np.eye(n)[kinds].reshape(n, k + 1, n).swapaxes(0, 1)
"""
        },
        {"sizes": ["K drawings, put into K+1 columns of dim_input"]},
    ),
    "the loss of the first phase without a graph": (
        "fine_tuning",
        {
            "_train_head": """
body.eval()
sgd = torch.optim.SGD(head.parameters(), lr=self._head_lr)
for _ in range(self._num_head_steps):
    with torch.no_grad():
        scores = head(body(images))
        wrong = F.cross_entropy(scores, labels)
    sgd.zero_grad()
    wrong.backward()
    sgd.step()
"""
        },
        {"the_head_learns_the_support": ["the head computed under no_grad"]},
    ),
    "the query seen by the pre-trained body": (
        "fine_tuning",
        {
            "_evaluate": """
tuned, last = self._adapt(images_support, labels_support)
with torch.no_grad():
    s, q = last(self._body(images_support)), last(self._body(images_query))
    query_losses.append(F.cross_entropy(q, labels_query))
support_accuracies.append(util.score(s, labels_support))
query_accuracies.append(util.score(q, labels_query))
"""
        },
        {"a_query_is_classified_by_itself": ["self._body at the query"]},
    ),
    "the prototypes' squares as a column": (
        "protonet",
        {
            "_logits": """
squares = features.pow(2).sum(dim=1, keepdim=True) + prototypes.pow(2).sum(dim=1, keepdim=True)
return -(squares - 2 * features @ prototypes.t())
"""
        },
        {"nearest_prototype_has_the_largest_logit": ["the prototypes' squares as a column"]},
    ),
    "steps under no_grad, one name after the other": (
        "first_order",
        {
            "_inner_loop": """
phi = {key: value.clone() for key, value in self._meta_parameters.items()}
for step in range(self._num_inner_steps):
    logits = self._forward(images, phi)
    slopes = autograd.grad(F.cross_entropy(logits, labels), phi.values())
    with torch.no_grad():
        for key, slope in zip(phi, slopes):
            phi[key] = phi[key] - self._inner_lr * slope
return phi
"""
        },
        {"inner_loop_returns_all_parameters": ["each step's result detached, and not required again"]},
    ),
    "steps under no_grad, after backward": (
        "reptile",
        {
            "_inner_loop": """
phi = {key: value.detach().clone().requires_grad_() for key, value in self._meta_parameters.items()}
for step in range(self._num_inner_steps):
    chosen = torch.randperm(len(images))[: self._batch_size]
    loss = F.cross_entropy(self._forward(images[chosen], phi), labels[chosen])
    loss.backward()
    with torch.no_grad():
        phi = {key: value - self._inner_lr * value.grad for key, value in phi.items()}
return phi
"""
        },
        {"inner_loop_returns_all_parameters": ["each step's result without a graph, and backward()"]},
    ),
    "rates multiplied after requires_grad": (
        "meta_sgd",
        {
            "_initial_rates": """
rates = {}
for key, value in self._meta_parameters.items():
    ones = torch.ones_like(value, requires_grad=True)
    rates[key] = ones * inner_lr
return rates
"""
        },
        {"every_number_has_a_rate": ["alpha multiplied after requires_grad_"]},
    ),
    "the labels of the support for the query's": (
        "meta_sgd",
        {
            "_outer_step": """
losses, before_after, right = [], [], []
for task in task_batch:
    x_support, y_support, x_query, y_query = self._on_device(task)
    phi, both = self._inner_loop(x_support, y_support, train)
    scores = self._forward(x_query, phi)
    losses.append(torch.nn.CrossEntropyLoss()(scores, y_support))
    before_after.append(both)
    right.append(util.score(scores, y_query))
return sum(losses) / len(losses), torch.tensor(before_after).mean(0).tolist(), sum(right) / len(right)
"""
        },
        {"outer_step_adapts_to_the_support": ["query with the support's labels"]},
    ),
    "theta given another tensor": (
        "reptile",
        {
            "_outer_step": """
ends = []
for x_support, y_support, x_query, y_query in task_batch:
    ends.append(self._inner_loop(torch.cat([x_support, x_query]), torch.cat([y_support, y_query])))
for key, theta in self._meta_parameters.items():
    mean = sum(end[key] for end in ends) / len(ends)
    theta.data.add((mean - theta) * self._outer_lr * (1 - done))
"""
        },
        {"outer_step_moves_theta_towards_the_results": ["theta stays where it is"]},
    ),
    "encodings averaged over their numbers": (
        "cnp",
        {
            "represent": "return self.encoder(torch.cat((x, y), dim=-1)).mean(dim=1)",
            "decode": """
representations = r.expand(len(x), -1)
outputs = self.decoder(torch.cat((representations, x), dim=-1))
return outputs[:, :1], MIN_DEVIATION + (1 - MIN_DEVIATION) * F.softplus(outputs[:, 1:])
""",
        },
        {"one_prediction_for_each_query": ["mean over the features"]},
    ),
    "encodings summed over their numbers": (
        "cnp",
        {
            "represent": "return torch.sum(self.encoder(torch.cat((x, y), 1)), 1)",
            "decode": """
r = r.repeat(x.shape[0], 1)
outputs = self.decoder(torch.cat((r, x), 1))
return outputs[:, :1], MIN_DEVIATION + (1 - MIN_DEVIATION) * F.softplus(outputs[:, 1:])
""",
        },
        {"one_prediction_for_each_query": ["mean over the features", "one number for r, repeated"]},
    ),
    "query judged under the next step's number": (
        "maml_plus_plus",
        {
            "_outer_step": """
weights = loss_weights(self._num_inner_steps, self._iteration / self._num_multi_step if train else 1.0)
losses, accuracies = [], []
for task in task_batch:
    images_support, labels_support, images_query, labels_query = self._on_device(task)
    results = self._inner_loop(images_support, labels_support, train, self._iteration >= self._num_first_order)
    task_loss, scores = 0, []
    for step, parameters in enumerate(results):
        logits = self._forward(images_query, parameters, step + 1, train)
        task_loss = task_loss + weights[step] * F.cross_entropy(logits, labels_query)
        scores.append(util.score(logits, labels_query))
    losses.append(task_loss)
    accuracies.append(scores)
return torch.stack(losses).mean(), torch.tensor(accuracies).mean(dim=0).tolist()
"""
        },
        {
            "outer_loss_weighs_the_loss_of_every_step": ["queries judged by the next step"],
            "evaluating_judges_the_last_step": ["queries judged by the next step"],
        },
    ),
    "query judged under the number of the step before": (
        "maml_plus_plus",
        {
            "_outer_step": """
weights = loss_weights(self._num_inner_steps, self._iteration / self._num_multi_step if train else 1.0)
losses, accuracies = [], []
for task in task_batch:
    images_support, labels_support, images_query, labels_query = self._on_device(task)
    results = self._inner_loop(images_support, labels_support, train, self._iteration >= self._num_first_order)
    task_loss, scores = 0, []
    for step, parameters in enumerate(results):
        logits = self._forward(images_query, parameters, step - 1, train)
        task_loss = task_loss + weights[step] * F.cross_entropy(logits, labels_query)
        scores.append(util.score(logits, labels_query))
    losses.append(task_loss)
    accuracies.append(scores)
return torch.stack(losses).mean(), torch.tensor(accuracies).mean(dim=0).tolist()
"""
        },
        {
            "outer_loss_weighs_the_loss_of_every_step": ["queries judged by the step before"],
            "evaluating_judges_the_last_step": ["queries judged by the step before"],
        },
    ),
    "the logarithm of x": (
        "lstm_meta_learner",
        {
            "preprocess": """
large = values.abs() >= math.exp(-P)
safe = torch.where(large, values, torch.ones_like(values))
first = torch.where(large, safe.log() / P, -torch.ones_like(values))
second = torch.where(large, values.sign(), math.exp(P) * values)
return torch.stack((first, second), dim=-1)
"""
        },
        {"size_and_sign_of_numbers_that_are_not_small": ["the logarithm without the absolute value"]},
    ),
    "the new cell of a detached theta": (
        "lstm_meta_learner",
        {"_inner_loop": DESCENT.format(graph="train", start="dict(self._meta_parameters)", cell="theta")},
        {"initial_cell_gets_a_gradient": ["the cell detached in every step"]},
    ),
    "a detached copy of the first cell": (
        "lstm_meta_learner",
        {
            "_inner_loop": DESCENT.format(
                graph="train",
                start=DETACHED,
                cell="cell",
            )
        },
        {"initial_cell_gets_a_gradient": ["the initial cell detached"]},
    ),
    "the inner loop without a graph": (
        "lstm_meta_learner",
        {"_inner_loop": DESCENT.format(graph="False", start="dict(self._meta_parameters)", cell="cell")},
        {"initial_cell_gets_a_gradient": ["the update under no_grad"]},
    ),
    "grad L(phi) with its loss's graph kept": (
        "imaml",
        {"_implicit_gradient": CURVATURE.format(first=", retain_graph=True", returned=WHOLE)},
        {"implicit_gradient_brings_the_curvature_in": ["no second graph"]},
    ),
    "grad L(phi) without a graph": (
        "imaml",
        {"_implicit_gradient": CURVATURE.format(first="", returned=WHOLE)},
        {"implicit_gradient_brings_the_curvature_in": ["no second graph"]},
    ),
    "a product without v": (
        "imaml",
        {"_implicit_gradient": CURVATURE.format(first=", create_graph=True", returned="Hv / self._regularization")},
        {"implicit_gradient_brings_the_curvature_in": ["the product without v"]},
    ),
    "each step's context detached": (
        "cavia",
        {
            "_inner_loop": STEPS.format(
                theta=THETA, graph=", create_graph=train", step=f"({STEP}).detach().requires_grad_()"
            )
        },
        {"the_outer_gradient_goes_through_the_context": ["each step's context detached"]},
    ),
    "inner gradients of a context without a graph": (
        "cavia",
        {"_inner_loop": STEPS.format(theta=THETA, graph="", step=STEP)},
        {"the_outer_gradient_goes_through_the_context": ["first order: retain_graph"]},
    ),
    "a detached theta for the steps of a context": (
        "cavia",
        {
            "_inner_loop": STEPS.format(
                theta=f"{{n: t.detach() for n, t in {THETA}.items()}}", graph=", create_graph=train", step=STEP
            )
        },
        {"the_outer_gradient_goes_through_the_context": ["theta detached in the inner loop"]},
    ),
    "gradients of a dict, gone through by names": (
        "meta_sgd",
        {"_inner_loop": OF_A_DICT.format(pairs="name, gradient in zip(theta, gradients)", gradient="gradient")},
        {"inner_loop_returns_all_parameters": ["the dict given to autograd"]},
    ),
    "gradients of a dict, asked by numbers": (
        "meta_sgd",
        {"_inner_loop": OF_A_DICT.format(pairs="i, name in enumerate(theta)", gradient="gradients[i]")},
        {"inner_loop_returns_all_parameters": ["the dict given to autograd, and its gradients asked by numbers"]},
    ),
    "gradients at the cell itself": (
        "lstm_meta_learner",
        {
            "_inner_loop": AT_THE_CELL,
        },
        {
            "adapts_when_evaluating": ["no cell with a graph when evaluating, create_graph"],
            "inner_gradients_are_constants": ["second order"],
        },
    ),
    "weights and bias of the input gate for the forget gate": (
        "lstm_meta_learner",
        {
            "_inner_loop": DESCENT.format(graph="train", start="dict(self._meta_parameters)", cell="cell")
            .replace("w_{x}", "w_i")
            .replace("b_{x}", "b_i")
        },
        {"gates_of_one_and_alpha_are_gradient_descent": ["weights and bias of the input gate for both gates"]},
    ),
    "two mistakes in the weights of the steps' losses": (
        "maml_plus_plus",
        {
            "_outer_step": """
weights = loss_weights(self._num_inner_steps, self._iteration / self._num_iterations)
second_order = self._iteration >= self._num_first_order
losses, accuracies = [], []
for task in task_batch:
    x_support, y_support, x_query, y_query = self._on_device(task)
    total, shares = 0, []
    for step, phi in enumerate(self._inner_loop(x_support, y_support, train, second_order)):
        logits = self._forward(x_query, phi, step, train)
        total = total + weights[step] * F.cross_entropy(logits, y_query)
        shares.append(util.score(logits, y_query))
    losses.append(total)
    accuracies.append(shares)
return sum(losses) / len(losses), torch.tensor(accuracies).mean(0).tolist()
"""
        },
        {
            "outer_loss_weighs_the_loss_of_every_step": ["weights by the whole training"],
            "evaluating_judges_the_last_step": ["weights annealed when evaluating"],
        },
    ),
}


@pytest.mark.parametrize(("exercise", "functions", "named"), WRITTEN.values(), ids=WRITTEN)
def test_each_mistake_is_named_and_no_other(exercise, functions, named, judge, solution):
    changes = [Change(new=tuple(text.strip().splitlines()), function=name) for name, text in functions.items()]
    results = judge(exercise, apply(tuple(changes), solution(exercise)))
    known = {mutant.name: mutant.says for mutant in mutants.load(EXERCISES[exercise])}
    said = {check.name.removeprefix("test_"): check.likely for check in results}
    made = {known[name] for names in named.values() for name in names}
    for check, names in named.items():
        told = {says for says in known.values() if says and says in said[check]}
        assert {known[name] for name in names} <= told, (check, said[check])
    for check, likely in said.items():
        left = likely
        for says in sorted(made, key=len, reverse=True):
            left = left.replace(says, "")
        assert not any(says and says in left for says in known.values()), (check, likely)


def test_a_head_of_random_numbers_is_told_by_the_check_itself(judge, solution):
    (made,) = (m for m in mutants.load(EXERCISES["fine_tuning"]) if m.name == "weights and bias of nn.Linear")
    results = judge("fine_tuning", apply(made.changes, solution("fine_tuning")))
    (said,) = (check.likely for check in results if check.verdict is Verdict.WRONG)
    assert said.startswith("You get exactly this if the head begins with random numbers")


@pytest.mark.parametrize(
    ("exercise", "pair"),
    [
        ("maml", ("accuracy after the last step is that before it", "train not passed on")),
        ("meta_sgd", ("accuracy before the step twice", "train not passed on")),
    ],
)
def test_two_mistakes_that_fail_a_check_neither_alone_do_not_fail_it_together(exercise, pair, judge, solution):
    made = [mutant for mutant in mutants.load(EXERCISES[exercise]) if mutant.name in pair]
    assert len(made) == 2
    results = judge(exercise, apply(tuple(change for mutant in made for change in mutant.changes), solution(exercise)))
    failed = {check.name.removeprefix("test_") for check in results if check.verdict in (Verdict.WRONG, Verdict.CRASH)}
    assert failed == {name.removeprefix("test_") for mutant in made for name in mutant.fails}
