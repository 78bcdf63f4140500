"""Correct solutions of homework 2 in other words: more of what test_liberal.py holds against the checks."""

PROTONET = {
    "one-hot labels by NumPy, in single precision; the layers themselves are called": {
        "imports": "import numpy as np",
        "_prototypes": """
            N = int(labels.max()) + 1
            one_hot = torch.from_numpy(np.eye(N, dtype=np.float32)[labels.numpy()])
            return (one_hot / one_hot.sum(dim=0)).T @ features
            """,
        "_step": """
            images, count = torch.cat([images_support, images_query]), len(images_support)
            support, query = (self._network._layers(part) for part in images.split([count, len(images) - count]))
            centers = self._prototypes(support, labels_support)
            logits = self._logits(query, centers)
            loss_batch.append(F.nll_loss(logits.log_softmax(dim=-1), labels_query))
            accuracy_support_batch.append(util.score(self._logits(support, centers), labels_support))
            accuracy_query_batch.append(util.score(logits, labels_query))
            """,
    },
    "sums and counts in arrays of NumPy's": {
        "imports": "import numpy as np",
        "_prototypes": """
            N = int(labels.max()) + 1
            sums = torch.from_numpy(np.zeros((N, features.shape[1]), dtype="float32"))
            sums.index_add_(0, labels, features)
            return sums / torch.bincount(labels).unsqueeze(1)
            """,
    },
    "a type named once, at the top": {
        "imports": "import torch\n\nKIND = torch.float32",
        "_prototypes": """
            weights = F.one_hot(labels).to(KIND)
            return torch.mm(weights.t(), features) / weights.sum(0)[:, None]
            """,
    },
    "single precision inside, whatever comes": {
        "imports": "from torch import float32 as single",
        "_prototypes": """
            features = features.to(single)
            return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])
            """,
        "_logits": """
            return -(features.to(single)[:, None] - prototypes.to(single)[None]).square().sum(dim=-1)
            """,
    },
    "double precision inside": {
        "_prototypes": """
            wide = features.to(torch.float64)
            means = [wide[labels == k].mean(0) for k in range(int(labels.max()) + 1)]
            return torch.vstack([mean.unsqueeze(0) for mean in means]).to(features.dtype)
            """,
        "_logits": """
            gap = features.double().unsqueeze(1) - prototypes.double().unsqueeze(0)
            return (gap * gap).sum(-1).neg().type_as(features)
            """,
    },
    "scatter_reduce; cdist without the matrix product; softmax, then its logarithm": {
        "_prototypes": """
            N, D = labels.unique().numel(), features.size(1)
            index = labels.reshape(-1, 1).repeat(1, D)
            empty = torch.zeros(N, D, dtype=features.dtype)
            return empty.scatter_reduce(0, index, features, "mean", include_self=False)
            """,
        "_logits": """
            distances = torch.cdist(features, prototypes, compute_mode="donot_use_mm_for_euclid_dist")
            return torch.neg(torch.square(distances))
            """,
        "_step": """
            embedded = self._network(images_support)
            prototypes = self._prototypes(embedded, labels_support)
            logits = self._logits(self._network(images_query), prototypes)
            p = torch.softmax(logits, dim=1)
            loss_batch.append(-torch.log(p[torch.arange(len(p)), labels_query]).mean())
            accuracy_support_batch.append(util.score(self._logits(embedded, prototypes), labels_support))
            accuracy_query_batch.append(util.score(p, labels_query))
            """,
    },
    "index_reduce; cdist with the matrix product; nll of one-hot labels": {
        "_prototypes": """
            N = int(labels.max()) + 1
            return torch.zeros(N, features.shape[1]).index_reduce(0, labels, features, "mean", include_self=False)
            """,
        "_logits": """
            return -(torch.cdist(features, prototypes, compute_mode="use_mm_for_euclid_dist") ** 2)
            """,
        "_step": """
            z, c = self._network(images_support), None
            c = self._prototypes(z, labels_support)
            logits = self._logits(self._network(images_query), c)
            target = F.one_hot(labels_query, c.shape[0])
            loss_batch.append(-(target * F.log_softmax(logits, dim=-1)).sum(dim=-1).mean())
            with torch.inference_mode():
                accuracy_support_batch.append(util.score(self._logits(z, c), labels_support))
                accuracy_query_batch.append(util.score(logits, labels_query))
            """,
    },
    "vmap over queries and prototypes; einsum with weights": {
        "_prototypes": """
            membership = F.one_hot(labels.long()).to(features.dtype)
            return torch.einsum("sn,sd->nd", membership / membership.sum(0, keepdim=True), features)
            """,
        "_logits": """
            def score(x, c):
                return -torch.dot(x - c, x - c)

            return torch.func.vmap(torch.func.vmap(score, (None, 0)), (0, None))(features, prototypes)
            """,
    },
    "sums drawing by drawing, in place in a tensor of its own; addmm": {
        "_prototypes": """
            N = int(labels.max()) + 1
            sums = torch.zeros(N, features.shape[1], device=features.device)
            counts = [0] * N
            for feature, label in zip(features, labels.tolist()):
                sums[label] += feature
                counts[label] += 1
            sums /= torch.tensor(counts).unsqueeze(1)
            return sums
            """,
        "_logits": """
            norms = features.norm(dim=1, keepdim=True) ** 2 + prototypes.norm(dim=1) ** 2
            return -torch.addmm(norms, features, prototypes.T, alpha=-2)
            """,
        "_step": """
            n = labels_support.shape[0]
            x = self._network(torch.cat((images_support, images_query), dim=0))
            c = self._prototypes(x[:n], labels_support)
            both = self._logits(x, c)
            loss_batch.append(torch.nn.functional.cross_entropy(input=both[n:], target=labels_query, reduction="mean"))
            right = both.argmax(1) == torch.cat((labels_support, labels_query))
            accuracy_support_batch.append(right[:n].double().mean().item())
            accuracy_query_batch.append(right[n:].double().mean().item())
            """,
    },
    "a dictionary of lists; pairwise_distance; sums of log-probabilities": {
        "_prototypes": """
            members = {}
            for i, label in enumerate(labels):
                members.setdefault(label.item(), []).append(features[i])
            return torch.stack([torch.stack(members[k]).mean(0) for k in sorted(members)])
            """,
        "_logits": """
            columns = [F.pairwise_distance(features, c.expand_as(features)).pow(2) for c in prototypes]
            return -torch.stack(columns, dim=1)
            """,
        "_step": """
            self._network.train()
            z_support = self._network.forward(images_support)
            z_query = self._network.forward(images_query)
            c = self._prototypes(z_support, labels_support)
            total = 0
            for logits, label in zip(self._logits(z_query, c), labels_query):
                total = total - (logits[label] - torch.logsumexp(logits, 0))
            loss_batch.append(total / len(labels_query))
            accuracy_support_batch.append(util.score(self._logits(z_support, c), labels_support))
            accuracy_query_batch.append(util.score(self._logits(z_query, c), labels_query))
            """,
    },
    "unique with inverse and counts; mse_loss without reduction": {
        "_prototypes": """
            classes, inverse, counts = torch.unique(labels, return_inverse=True, return_counts=True)
            sums = features.new_zeros(len(classes), features.shape[1])
            sums.index_add_(0, inverse, features)
            return sums.div(counts.view(-1, 1))
            """,
        "_logits": """
            Q, N = features.size(0), prototypes.size(0)
            x = features.repeat_interleave(N, dim=0)
            c = prototypes.repeat(Q, 1)
            return -F.mse_loss(x, c, reduction="none").sum(1).view(Q, N)
            """,
    },
    "sorted and split; one loss over all queries of the batch": {
        "_prototypes": """
            order = sorted(range(len(labels)), key=lambda i: int(labels[i]))
            shot = len(labels) // (int(labels.max()) + 1)
            return torch.stack([part.sum(0) / shot for part in torch.split(features[order], shot)])
            """,
        "_step": """
            if not accuracy_query_batch:
                logits_batch, labels_batch = [], []
            features_support = self._network(images_support)
            prototypes = self._prototypes(features_support, labels_support)
            logits_batch.append(self._logits(self._network(images_query), prototypes))
            labels_batch.append(labels_query)
            loss_batch = [F.cross_entropy(torch.cat(logits_batch), torch.cat(labels_batch))]
            accuracy_support_batch.append(util.score(self._logits(features_support, prototypes), labels_support))
            accuracy_query_batch.append(util.score(logits_batch[-1], labels_query))
            """,
    },
    "all tasks of the batch at once": {
        "_step": """
            if loss_batch:
                continue
            xs, ys, xq, yq = (torch.stack(parts) for parts in zip(*task_batch))
            T = len(xs)
            zs = self._network(xs.flatten(0, 1)).unflatten(0, (T, -1))
            zq = self._network(xq.flatten(0, 1)).unflatten(0, (T, -1))
            onehot = F.one_hot(ys).to(zs.dtype)
            c = torch.bmm(onehot.transpose(1, 2), zs) / onehot.sum(1).unsqueeze(-1)
            ls, lq = (-(z[:, :, None] - c[:, None]).pow(2).sum(-1) for z in (zs, zq))
            loss_batch.extend(F.cross_entropy(lq.transpose(1, 2), yq, reduction="none").mean(1))
            accuracy_support_batch.extend((ls.argmax(-1) == ys).float().mean(1).tolist())
            accuracy_query_batch.extend((lq.argmax(-1) == yq).float().mean(1).tolist())
            """,
    },
    "masked means; broadcasting the other way round; helper functions": {
        "_prototypes": """
            def mean_of(k):
                mask = (labels == k).unsqueeze(-1)
                return torch.where(mask, features, torch.zeros_like(features)).sum(0) / mask.sum()

            N = max(labels.tolist()) + 1
            return torch.cat([mean_of(k).reshape(1, -1) for k in range(N)])
            """,
        "_logits": """
            difference = prototypes.reshape(-1, 1, prototypes.shape[-1]) - features.reshape(1, -1, features.shape[-1])
            return -torch.linalg.vector_norm(difference, dim=-1).square().T.contiguous()
            """,
        "_step": """
            def judge(images, labels):
                logits = self._logits(self._network(images), prototypes)
                return F.cross_entropy(logits, labels), util.score(logits, labels)

            prototypes = self._prototypes(self._network(images_support), labels_support)
            _, accuracy_support = judge(images_support, labels_support)
            loss, accuracy_query = judge(images_query, labels_query)
            loss_batch.append(loss)
            accuracy_support_batch.append(torch.tensor(accuracy_support))
            accuracy_query_batch.append(torch.tensor(accuracy_query))
            """,
    },
    "the pseudo-inverse of the one-hot labels; a loop over prototypes": {
        "_prototypes": """
            onehot = torch.eye(int(labels.max()) + 1)[labels]
            return torch.linalg.solve(onehot.T @ onehot, onehot.T @ features)
            """,
        "_logits": """
            logits = []
            for prototype in prototypes:
                logits.append(-((features - prototype) ** 2).sum(dim=1, keepdim=True))
            return torch.hstack(logits)
            """,
    },
}

MAML = {
    "rates in a list since the constructor; leftover imports": {
        "imports": "from hw2 import pictures\nfrom trainer import TEST_TASKS",
        "kept": "self._rates = [*self._inner_lrs.values()]; self._theta = [*self._meta_parameters.values()]",
        "_inner_loop": """
            names, values = list(parameters), [tensor.clone() for tensor in self._theta]
            for step in range(self._num_inner_steps + 1):
                logits = self._forward(images, dict(zip(names, values)))
                accuracies.append(util.score(logits, labels))
                if step < self._num_inner_steps:
                    slopes = autograd.grad(F.cross_entropy(logits, labels), values, create_graph=train)
                    values = [value - rate * slope for value, rate, slope in zip(values, self._rates, slopes)]
            return dict(zip(names, values)), accuracies
            """,
    },
    "single precision inside, whatever comes": {
        "imports": "from torch import float32 as single",
        "_inner_loop": """
            images = images.to(single)
            parameters = {name: tensor.to(single) for name, tensor in self._meta_parameters.items()}
            for _ in range(self._num_inner_steps):
                logits = self._forward(images, parameters)
                accuracies.append(util.score(logits, labels))
                gradients = autograd.grad(F.cross_entropy(logits, labels), parameters.values(), create_graph=train)
                parameters = {
                    name: parameters[name] - self._inner_lrs[name].to(single) * gradient
                    for name, gradient in zip(parameters, gradients)
                }
            accuracies.append(util.score(self._forward(images, parameters), labels))
            return parameters, accuracies
            """,
        "_outer_step": """
            parameters, accuracies_support = self._inner_loop(images_support, labels_support, train)
            parameters = {name: tensor.to(single) for name, tensor in parameters.items()}
            logits = self._forward(images_query.to(single), parameters)
            outer_loss_batch.append(F.cross_entropy(logits, labels_query))
            accuracies_support_batch.append(accuracies_support)
            accuracy_query_batch.append(util.score(logits, labels_query))
            """,
    },
    "grad_and_value with the logits beside; names sorted": {
        "_inner_loop": """
            def loss(parameters):
                logits = self._forward(images, parameters)
                return F.cross_entropy(logits, labels), logits

            for _ in range(self._num_inner_steps):
                gradients, (_, logits) = torch.func.grad_and_value(loss, has_aux=True)(parameters)
                accuracies.append(util.score(logits, labels))
                if not train:
                    gradients = {name: gradient.detach() for name, gradient in gradients.items()}
                parameters = {n: parameters[n] - self._inner_lrs[n] * gradients[n] for n in sorted(parameters)}
            accuracies.append(util.score(loss(parameters)[1], labels))
            return parameters, accuracies
            """,
    },
    "functional_call on a module": {
        "_inner_loop": """
            forward = self._forward

            class Network(nn.Module):
                def __init__(self, theta):
                    super().__init__()
                    for name, tensor in theta.items():
                        self.register_parameter(name, nn.Parameter(tensor.detach().clone()))

                def forward(self, x):
                    return forward(x, dict(self.named_parameters()))

            network = Network(parameters)
            for step in range(self._num_inner_steps):
                logits = torch.func.functional_call(network, parameters, (images,))
                accuracies.append(util.score(logits, labels))
                gradients = autograd.grad(F.cross_entropy(logits, labels), parameters.values(), create_graph=train)
                parameters = {
                    name: parameters[name] - self._inner_lrs[name] * gradient
                    for name, gradient in zip(parameters, gradients)
                }
            accuracies.append(util.score(torch.func.functional_call(network, parameters, (images,)), labels))
            return parameters, accuracies
            """,
    },
    "vjp; accuracies as one tensor": {
        "_inner_loop": """
            def loss(parameters):
                return F.cross_entropy(self._forward(images, parameters), labels)

            def accuracy():
                with torch.no_grad():
                    return (self._forward(images, parameters).argmax(1) == labels).float().mean()

            accuracies = [accuracy()]
            for _ in range(self._num_inner_steps):
                value, pull = torch.func.vjp(loss, parameters)
                (gradients,) = pull(torch.ones_like(value))
                for name in gradients:
                    gradient = gradients[name] if train else gradients[name].detach()
                    parameters[name] = torch.addcmul(parameters[name], self._inner_lrs[name].neg(), gradient)
                accuracies.append(accuracy())
            return parameters, torch.stack(accuracies)
            """,
        "_outer_step": """
            parameters, accuracies = self._inner_loop(images_support, labels_support, train)
            logits = self._forward(images_query, parameters)
            outer_loss_batch.append(F.cross_entropy(logits, labels_query))
            accuracies_support_batch.append(accuracies.tolist())
            accuracy_query_batch.append(util.score(logits, labels_query))
            """,
    },
    "all tasks at once by vmap": {
        "_outer_step": """
            if outer_loss_batch:
                continue

            def loss(parameters, images, labels):
                logits = self._forward(images, parameters)
                return F.cross_entropy(logits, labels), (logits.argmax(-1) == labels).float().mean()

            def adapt(xs, ys, xq, yq):
                phi, accuracies = self._meta_parameters, []
                for _ in range(self._num_inner_steps):
                    gradients, accuracy = torch.func.grad(loss, has_aux=True)(phi, xs, ys)
                    accuracies.append(accuracy)
                    phi = {
                        n: p - self._inner_lrs[n] * (gradients[n] if train else gradients[n].detach())
                        for n, p in phi.items()
                    }
                accuracies.append(loss(phi, xs, ys)[1])
                return *loss(phi, xq, yq), torch.stack(accuracies)

            losses, queries, supports = torch.func.vmap(adapt)(*(torch.stack(parts) for parts in zip(*task_batch)))
            outer_loss_batch.extend(losses)
            accuracies_support_batch.extend(supports.tolist())
            accuracy_query_batch.extend(queries.tolist())
            """,
    },
    "backward into the parameters of the step": {
        "_inner_loop": """
            import warnings

            for _ in range(self._num_inner_steps):
                logits = self._forward(images, parameters)
                accuracies.append(util.score(logits, labels))
                current = list(parameters.values())
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    for parameter in current:
                        parameter.retain_grad()
                    F.cross_entropy(logits, labels).backward(inputs=current, create_graph=train)
                parameters = {n: p - self._inner_lrs[n] * p.grad for n, p in parameters.items()}
                for parameter in current:
                    parameter.grad = None
            accuracies.append(util.score(self._forward(images, parameters), labels))
            return parameters, accuracies
            """,
    },
    "log_softmax before cross entropy, which changes nothing; lists for dictionaries": {
        "_inner_loop": """
            names, values = zip(*self._meta_parameters.items())
            rates = [self._inner_lrs[name] for name in names]
            step = 0
            while True:
                scores = F.log_softmax(self._forward(images, dict(zip(names, values))), dim=-1)
                accuracies.append((scores.max(-1)[1] == labels).sum().item() / labels.size(0))
                if step >= self._num_inner_steps:
                    return dict(zip(names, values)), accuracies
                step += 1
                loss = F.cross_entropy(scores, labels)
                slopes = torch.autograd.grad(loss, values, create_graph=train, retain_graph=True)
                values = [value - rate * slope for value, rate, slope in zip(values, rates, slopes)]
            """,
    },
    "double precision inside; rates stacked; a generator of steps": {
        "_inner_loop": """
            rates = torch.stack([rate for rate in self._inner_lrs.values()])
            wide = {name: tensor.double() for name, tensor in parameters.items()}

            def steps(phi):
                for _ in range(self._num_inner_steps):
                    logits = self._forward(images.double(), phi)
                    yield phi, logits
                    loss = F.nll_loss(logits.log_softmax(1), labels.long())
                    gradients = autograd.grad(loss, [*phi.values()], create_graph=train, allow_unused=True)
                    phi = {
                        name: value - rates[i].double() * gradients[i] for i, (name, value) in enumerate(phi.items())
                    }
                yield phi, self._forward(images.double(), phi)

            for phi, logits in steps(wide):
                accuracies.append(util.score(logits, labels))
            return {name: phi[name].to(parameters[name].dtype) for name in phi}, accuracies
            """,
    },
    "two loops, one for each of train; nothing with a graph is returned when evaluating": {
        "_inner_loop": """
            if train:
                for _ in range(self._num_inner_steps):
                    logits = self._forward(images, parameters)
                    accuracies.append(util.score(logits, labels))
                    gradients = autograd.grad(
                        F.cross_entropy(logits, labels), list(parameters.values()), create_graph=True
                    )
                    parameters = {
                        n: p - self._inner_lrs[n] * g for (n, p), g in zip(parameters.items(), gradients)
                    }
            else:
                parameters = {n: t.detach().clone().requires_grad_(True) for n, t in self._meta_parameters.items()}
                for _ in range(self._num_inner_steps):
                    logits = self._forward(images, parameters)
                    accuracies.append(util.score(logits, labels))
                    gradients = autograd.grad(F.cross_entropy(logits, labels), list(parameters.values()))
                    with torch.no_grad():
                        for (n, p), g in zip(parameters.items(), gradients):
                            p -= self._inner_lrs[n] * g
                parameters = {n: p.detach() for n, p in parameters.items()}
            accuracies.append(util.score(self._forward(images, parameters), labels))
            return parameters, accuracies
            """,
    },
    "one loss over all queries of the batch; accuracies as an array": {
        "_inner_loop": """
            import numpy as np
            from collections import OrderedDict

            parameters = OrderedDict(self._meta_parameters)
            accuracies = np.zeros(self._num_inner_steps + 1)
            for i in range(self._num_inner_steps):
                logits = self._forward(images, parameters)
                accuracies[i] = (logits.detach().numpy().argmax(axis=-1) == labels.numpy()).mean()
                loss = nn.CrossEntropyLoss()(logits, labels)
                gradients = autograd.grad(loss, parameters.values(), retain_graph=train, create_graph=train)
                parameters = OrderedDict(
                    (name, value - self._inner_lrs[name] * gradient)
                    for (name, value), gradient in zip(parameters.items(), gradients)
                )
            final = self._forward(images, parameters).detach().numpy()
            accuracies[-1] = (final.argmax(axis=-1) == labels.numpy()).mean()
            return parameters, accuracies.tolist()
            """,
        "_outer_step": """
            if not accuracy_query_batch:
                all_logits, all_labels = [], []
            parameters, accuracies_support = self._inner_loop(images_support, labels_support, train)
            all_logits.append(self._forward(images_query, parameters))
            all_labels.append(labels_query)
            outer_loss_batch = [F.cross_entropy(torch.cat(all_logits), torch.cat(all_labels))]
            accuracies_support_batch.append(accuracies_support)
            accuracy_query_batch.append(util.score(all_logits[-1], labels_query))
            """,
    },
    "one gradient a parameter; the loss by hand; updates added into fresh tensors": {
        "_inner_loop": """
            onehot = torch.eye(self._meta_parameters[f"b{NUM_CONV_LAYERS}"].shape[0])[labels]
            for step in range(self._num_inner_steps):
                logits = self._forward(images, parameters)
                accuracies.append(util.score(logits, labels))
                centred = logits - logits.max(dim=1, keepdim=True).values.detach()
                loss = (centred.exp().sum(1).log() - (onehot * centred).sum(1)).sum() / len(images)
                fresh = {}
                for name, parameter in parameters.items():
                    gradient = autograd.grad(loss, parameter, create_graph=train, retain_graph=True)[0]
                    update = torch.zeros_like(parameter)
                    update += self._inner_lrs[name] * gradient
                    fresh[name] = parameter - update
                parameters = fresh
            with torch.no_grad():
                accuracies.append(util.score(self._forward(images, parameters), labels))
            return parameters, accuracies
            """,
    },
}
