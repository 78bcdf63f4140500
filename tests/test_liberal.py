"""Correct solutions in other words get full marks.

Each solution below is written another way than the reference: other operations, other types, another order of random
draws or of computation. They are gathered from what people really hand in.
"""

import alternatives_hw1
import alternatives_hw2
import pytest

from autograder.grading import catalog
from autograder.instructor.live_key import Live

DATA_GENERATOR = {
    "class by class, then transposed; float64": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            folders = np.random.choice(self.folders, size=N, replace=False)
            images = np.zeros((N, K + 1, self.dim_input))
            for n in range(N):
                names = os.listdir(str(folders[n]))
                picked = np.random.permutation(len(names))[: K + 1]
                for k in range(K + 1):
                    images[n, k] = self.image_file_to_array(os.path.join(folders[n], names[picked[k]]), self.dim_input)
            images = images.transpose(1, 0, 2)
            labels = np.tile(np.eye(N), (K + 1, 1, 1))
            order = list(range(N))
            random.shuffle(order)
            images[K] = images[K][order]
            labels[K] = labels[K][order]
            return images, labels
            """,
        "imports": "import os",
    },
    "torch tensors, labels of one_hot": {
        "_sample": """
            import torch
            N, K = self.num_classes, self.num_samples_per_class
            support, query = [], []
            for label, folder in enumerate(random.sample(self.folders, N)):
                pairs = get_images([folder], [label], nb_samples=K + 1, shuffle=True)
                pictures = [torch.from_numpy(self.image_file_to_array(path, 784)) for _, path in pairs]
                query.append((pictures.pop(), label))
                support.append(torch.stack(pictures))
            random.shuffle(query)
            support = torch.stack(support, dim=1)
            images = torch.cat([support, torch.stack([picture for picture, _ in query])[None]])
            classes = torch.arange(N).repeat(K + 1, 1)
            classes[-1] = torch.tensor([label for _, label in query])
            return images, torch.nn.functional.one_hot(classes, N)
            """,
    },
    "query order chosen first; generator made for each episode; int32 labels": {
        "_sample": '''
            """One episode."""
            rng = np.random.default_rng(random.getrandbits(64))
            N, rows = self.num_classes, self.num_samples_per_class + 1
            columns = [np.arange(N)] * (rows - 1) + [rng.permutation(N)]
            folders = [self.folders[i] for i in rng.permutation(len(self.folders))[:N]]
            files = [rng.permutation(sorted(Path(folder).iterdir()))[:rows] for folder in folders]
            images = [[self.image_file_to_array(str(files[n][row]), 784) for n in columns[row]]
                      for row in range(rows)]
            return np.float32(images), np.array([np.eye(N, dtype=np.int32)[order] for order in columns])
            ''',
    },
    "reads the files by itself, prints, boolean labels": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            print("sampling an episode of", N, "characters")
            chosen = get_images(random.sample(self.folders, N), np.eye(N) == 1, nb_samples=K + 1, shuffle=False)
            images = np.stack([1 - iio.imread(path).astype("float32").ravel()
                               for _, path in chosen])
            labels = np.stack([label for label, _ in chosen])
            images, labels = (x.reshape(N, K + 1, -1).swapaxes(0, 1) for x in (images, labels))
            order = np.argsort(np.random.rand(N))
            return (np.concatenate([images[:K], images[K:, order]]), np.concatenate([labels[:K], labels[K:, order]]))
            """,
    },
    "shuffled until the query is a row of its own": {
        "_sample": """
            support, query = [[] for _ in range(self.num_samples_per_class)], []
            for folder in random.sample(self.folders, self.num_classes):
                label = len(query)
                paths = random.sample([str(path) for path in Path(folder).glob("*.png")], len(support) + 1)
                for row in [*support, query]:
                    row.append((self.image_file_to_array(paths.pop(), self.dim_input).copy(), label))
            random.shuffle(query)
            rows = [list(zip(*row)) for row in [*support, query]]
            labels = np.zeros((len(rows), self.num_classes, self.num_classes), dtype=np.float32)
            for k, (_, classes) in enumerate(rows):
                labels[k, range(self.num_classes), classes] = 1
            return np.array([pictures for pictures, _ in rows]), labels
            """,
    },
}

BLACK_BOX = {
    "labels before images; soft targets over the class dimension": {
        "forward": """
            B, K1, N, D = input_images.size()
            labels = input_labels.clone()
            labels[:, -1, :, :] = 0
            x = torch.cat((labels, input_images), dim=3).view(B, K1 * N, D + N)
            out, _ = self.layer2(self.layer1(x)[0])
            return out.view(B, K1, N, N)
            """,
        "loss_function": """
            return F.cross_entropy(preds[:, -1].transpose(1, 2), labels[:, -1].transpose(1, 2))
            """,
    },
    "support first, then the queries from its state; log-softmax by hand": {
        "forward": """
            print(input_images.shape)
            B, K1, N, _ = input_images.shape
            known = torch.cat([input_images[:, :-1], input_labels[:, :-1]], -1).flatten(1, 2)
            asked = torch.cat([input_images[:, -1], torch.zeros(B, N, N)], -1)
            hidden1, state1 = self.layer1(known)
            out1, state2 = self.layer2(hidden1)
            hidden2, _ = self.layer1(asked, state1)
            out2, _ = self.layer2(hidden2, state2)
            return torch.cat([out1, out2], dim=1).unflatten(1, (K1, N))
            """,
        "loss_function": """
            return -(F.log_softmax(preds[:, -1], dim=-1) * labels[:, -1]).sum(dim=-1).mean()
            """,
    },
    "masked by a product; index targets, averaged over the episodes one by one": {
        "forward": """
            mask = torch.ones_like(input_labels)
            mask[:, self.samples_per_class:] = 0.0
            x = torch.cat([input_images, input_labels * mask], dim=-1)
            x = x.reshape(x.shape[0], -1, x.shape[-1])
            x, _ = self.layer1(x)
            x, _ = self.layer2(x)
            return x.reshape(*input_labels.shape)
            """,
        "loss_function": """
            total = 0
            for p, l in zip(preds, labels):
                total = total + nn.CrossEntropyLoss()(p[-1], torch.argmax(l[-1], dim=1))
            return total / preds.size(0)
            """,
    },
    "step by step through time, NumPy for the labels": {
        "forward": """
            shown = input_labels.detach().numpy().copy()
            shown[:, -1] = 0
            x = torch.cat([input_images, torch.from_numpy(shown)], dim=-1)
            state1 = state2 = None
            rows = []
            for k in range(x.shape[1]):
                row = []
                for n in range(x.shape[2]):
                    h, state1 = self.layer1(x[:, k, n].unsqueeze(1), state1)
                    h, state2 = self.layer2(h, state2)
                    row.append(h.squeeze(1))
                rows.append(torch.stack(row, dim=1))
            return torch.stack(rows, dim=1)
            """,
        "loss_function": """
            preds, labels = preds[:, -1:], labels[:, -1:].float()
            correct = (preds * labels).sum(-1)
            loss = torch.logsumexp(preds, dim=-1) - correct
            return loss.mean().reshape(1)
            """,
    },
    "padded labels; one-hot targets flattened": {
        "forward": """
            labels = F.pad(input_labels[:, :-1], (0, 0, 0, 0, 0, 1))
            x = torch.cat([input_images.float(), labels.float()], dim=-1)
            x = torch.flatten(x, start_dim=1, end_dim=2)
            for layer in (self.layer1, self.layer2):
                x = layer(x)[0]
            return x.view_as(input_labels)
            """,
        "loss_function": """
            N = labels.shape[-1]
            return F.cross_entropy(preds[:, -1, :, :].reshape(-1, N), labels[:, -1, :, :].reshape(-1, N))
            """,
    },
}

PROTONET = {
    "one_hot.T @ features; cdist; negative log likelihood; accuracies as tensors": {
        "_prototypes": """
            onehot = F.one_hot(labels).float()
            return (onehot.T @ features) / onehot.sum(dim=0).unsqueeze(1)
            """,
        "_logits": """
            return -torch.cdist(features, prototypes) ** 2
            """,
        "_step": """
            z, q = self._network(images_support), self._network(images_query)
            c = self._prototypes(z, labels_support)
            logits = self._logits(q, c)
            loss_batch.append(F.nll_loss(F.log_softmax(logits, dim=1), labels_query))
            accuracy_query_batch.append((logits.argmax(1) == labels_query).float().mean())
            accuracy_support_batch.append((self._logits(z, c).argmax(1) == labels_support).float().mean())
            """,
    },
    "loops that fill float32 tensors; NumPy accuracies": {
        "_prototypes": """
            N = len(torch.unique(labels))
            prototypes = torch.zeros(N, features.shape[1])
            for n in range(N):
                prototypes[n] = torch.mean(features[labels == n], dim=0)
            return prototypes
            """,
        "_logits": """
            logits = torch.zeros((features.size(0), prototypes.size(0)))
            for i in range(features.size(0)):
                for j in range(prototypes.size(0)):
                    logits[i, j] = -torch.sum((features[i] - prototypes[j]) ** 2)
            return logits
            """,
        "_step": """
            import numpy as np
            print("task of", len(labels_support), "drawings")
            support = self._network(images_support)
            prototypes = self._prototypes(support, labels_support)
            for images, labels, batch in ((images_support, labels_support, accuracy_support_batch),
                                          (images_query, labels_query, accuracy_query_batch)):
                logits = self._logits(self._network(images), prototypes)
                guesses = logits.detach().numpy().argmax(axis=1)
                batch.append(np.float32((guesses == labels.numpy()).mean()))
            loss_batch.append(F.cross_entropy(logits, labels_query))
            """,
    },
    "index_add; the matrix-product form; support and query in one pass": {
        "_prototypes": """
            N = int(labels.max().item()) + 1
            sums = torch.zeros(N, features.shape[-1]).index_add(0, labels, features)
            return sums / torch.bincount(labels)[:, None].float()
            """,
        "_logits": """
            cross = features @ prototypes.t()
            return 2 * cross - features.pow(2).sum(1, keepdim=True) - prototypes.pow(2).sum(1)[None, :]
            """,
        "_step": """
            features = self._network(torch.cat([images_support, images_query]))
            features_support, features_query = features.split([len(images_support), len(images_query)])
            prototypes = self._prototypes(features_support, labels_support)
            logits = self._logits(features_query, prototypes)
            onehot = F.one_hot(labels_query, len(prototypes)).to(torch.float32)
            loss_batch.append(F.cross_entropy(logits, onehot))
            accuracy_support_batch.append(util.score(self._logits(features_support, prototypes), labels_support))
            accuracy_query_batch.append(util.score(logits, labels_query))
            """,
    },
    "sorted and reshaped; einsum; everything inside _step": {
        "_prototypes": """
            order = torch.argsort(labels)
            ways = int(labels.max()) + 1
            return features[order].view(ways, -1, features.shape[1]).mean(1)
            """,
        "_logits": """
            difference = features.unsqueeze(1).expand(-1, len(prototypes), -1) - prototypes
            return -torch.einsum("qnd,qnd->qn", difference, difference)
            """,
        "_step": """
            support, query = self._network(images_support), self._network(images_query)
            N = len(labels_support.unique())
            means = torch.stack([support[(labels_support == n).nonzero(as_tuple=True)[0]].mean(0) for n in range(N)])
            d_support = ((support.unsqueeze(1) - means.unsqueeze(0)) ** 2).sum(2)
            d_query = ((query.unsqueeze(1) - means.unsqueeze(0)) ** 2).sum(2)
            log_p = F.log_softmax(-d_query, dim=1)
            loss_batch.append(-log_p.gather(1, labels_query.long().view(-1, 1)).mean())
            accuracy_support_batch.append((d_support.argmin(1) == labels_support).sum().item() / len(labels_support))
            accuracy_query_batch.append((d_query.argmin(1) == labels_query).sum().item() / len(labels_query))
            """,
    },
    "scatter; norms squared; labels as int32": {
        "_prototypes": """
            N, D = int(labels.max()) + 1, features.shape[1]
            index = labels.long().unsqueeze(1).expand(-1, D)
            sums = torch.zeros(N, D).scatter_add(0, index, features)
            counts = torch.zeros(N).scatter_add(0, labels.long(), torch.ones(len(labels)))
            return sums / counts.unsqueeze(1)
            """,
        "_logits": """
            return -torch.linalg.norm(features[:, None, :] - prototypes[None, :, :], dim=2).pow(2)
            """,
        "_step": """
            features_support = self._network(images_support)
            prototypes = self._prototypes(features_support, labels_support.int())
            features_query = self._network(images_query)
            loss_batch.append(nn.CrossEntropyLoss()(self._logits(features_query, prototypes), labels_query))
            with torch.no_grad():
                accuracy_support_batch.append(util.score(self._logits(features_support, prototypes), labels_support))
                accuracy_query_batch.append(util.score(self._logits(features_query, prototypes), labels_query))
            """,
    },
}

MAML = {
    "one loop for steps + 1 accuracies; accuracies as tensors; loss on one-hot targets": {
        "_inner_loop": """
            for step in range(self._num_inner_steps + 1):
                logits = self._forward(images, parameters)
                accuracies.append((logits.argmax(1) == labels).float().mean())
                if step == self._num_inner_steps:
                    break
                loss = F.cross_entropy(logits, F.one_hot(labels, logits.shape[1]).float())
                names = list(parameters.keys())
                grads = torch.autograd.grad(loss, [parameters[name] for name in names], create_graph=train)
                updated = dict()
                for name, grad in zip(names, grads):
                    updated[name] = parameters[name] - self._inner_lrs[name] * grad
                parameters = updated
            return parameters, accuracies
            """,
    },
    "a third answer; dictionary updated in place; NumPy accuracies": {
        "_inner_loop": """
            import numpy as np
            gradients = None
            for _ in range(self._num_inner_steps):
                logits = self._forward(images, parameters)
                accuracies.append(np.float32(util.score(logits, labels)))
                loss = F.nll_loss(F.log_softmax(logits, -1), labels)
                gradients = dict(zip(parameters, autograd.grad(loss, parameters.values(), create_graph=train)))
                print("inner loss", loss.item())
                for name in parameters:
                    parameters[name] = torch.sub(parameters[name], torch.mul(self._inner_lrs[name], gradients[name]))
            accuracies.append(np.float32(util.score(self._forward(images, parameters), labels)))
            return parameters, accuracies, gradients
            """,
        "_outer_step": """
            adapted, accuracies_support, _ = self._inner_loop(images_support, labels_support, train)
            logits = self._forward(images_query, adapted)
            outer_loss_batch.append(nn.CrossEntropyLoss()(logits, labels_query.long()))
            accuracies_support_batch.append(accuracies_support)
            accuracy_query_batch.append((logits.argmax(1) == labels_query).float().mean())
            """,
    },
    "torch.func": {
        "_inner_loop": """
            def loss(parameters):
                return F.cross_entropy(self._forward(images, parameters), labels)

            path = [parameters]
            for _ in range(self._num_inner_steps):
                theta = path[-1]
                gradient = torch.func.grad(loss)(theta)
                if not train:
                    gradient = {name: g.detach() for name, g in gradient.items()}
                path.append({name: theta[name] - self._inner_lrs[name] * gradient[name] for name in theta})
            with torch.no_grad():
                accuracies = [util.score(self._forward(images, each), labels) for each in path]
            return path[-1], accuracies
            """,
    },
    "theta itself for a start; everything detached when evaluating; log-sum-exp by hand": {
        "_inner_loop": """
            parameters = dict(self._meta_parameters)
            for step in range(self._num_inner_steps):
                with torch.enable_grad():
                    logits = self._forward(images, parameters)
                    loss = (torch.logsumexp(logits, 1) - logits[torch.arange(len(labels)), labels]).mean()
                    gradients = autograd.grad(loss, tuple(parameters.values()), retain_graph=train, create_graph=train)
                accuracies += [float(logits.argmax(1).eq(labels).sum()) / len(labels)]
                fresh = {}
                for (name, value), gradient in zip(parameters.items(), gradients):
                    fresh[name] = value - self._inner_lrs[name] * gradient
                    if not train:
                        fresh[name] = fresh[name].detach().requires_grad_()
                parameters = fresh
            accuracies += [float(self._forward(images, parameters).argmax(1).eq(labels).sum()) / len(labels)]
            return parameters, accuracies
            """,
        "_outer_step": """
            with torch.set_grad_enabled(True):
                phi, history = self._inner_loop(images=images_support, labels=labels_support, train=train)
            scores = self._forward(images_query, phi)
            outer_loss_batch.append(-torch.log_softmax(scores, dim=1)[range(len(scores)), labels_query].mean())
            accuracies_support_batch.append([float(a) for a in history])
            accuracy_query_batch.append(float((scores.max(dim=1).indices == labels_query).double().mean()))
            """,
    },
    "recursion; backward into the copies": {
        "_inner_loop": """
            def adapt(current, left):
                logits = self._forward(images, current)
                accuracies.append(util.score(logits, labels))
                if not left:
                    return current
                gradients = autograd.grad(F.cross_entropy(logits, labels, reduction="sum") / len(labels),
                                          [*current.values()], create_graph=train)
                return adapt({n: p.add(-g * self._inner_lrs[n]) for (n, p), g in zip(current.items(), gradients)},
                             left - 1)

            return adapt(parameters, self._num_inner_steps), tuple(accuracies)
            """,
    },
}

DATA_GENERATOR |= alternatives_hw1.DATA_GENERATOR
BLACK_BOX |= alternatives_hw1.BLACK_BOX
PROTONET |= alternatives_hw2.PROTONET
MAML |= alternatives_hw2.MAML

CASES = [
    (exercise, name)
    for exercise, solutions in (
        ("data_generator", DATA_GENERATOR),
        ("black_box", BLACK_BOX),
        ("protonet", PROTONET),
        ("maml", MAML),
    )
    for name in solutions
]
SOLUTIONS = {"data_generator": DATA_GENERATOR, "black_box": BLACK_BOX, "protonet": PROTONET, "maml": MAML}
EXERCISES = {exercise.name: exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)}
KEY = Live()


@pytest.mark.filterwarnings(r"ignore:index_reduce\(\) is in beta")  # a solution may use it all the same
@pytest.mark.parametrize(("exercise", "name"), CASES, ids=[f"{exercise}: {name}" for exercise, name in CASES])
def test_a_correct_solution_gets_full_marks_and_no_mistake_is_named(exercise, name, rewritten, judge):
    named = {}

    def watch(check, calls):  # explain is asked of every check, though nobody would ask it of those that pass
        named[check.name] = KEY.explain(EXERCISES[exercise], check.name, calls)

    results = judge(exercise, rewritten(exercise, SOLUTIONS[exercise][name]), watch=watch)
    assert [(check.name, check.verdict.value, check.message) for check in results if not check.earned] == []
    assert named == dict.fromkeys((check.name for check in results), "")


def test_there_are_many():
    assert all(len(solutions) >= 12 for solutions in SOLUTIONS.values())
