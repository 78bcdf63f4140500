"""Correct solutions of homework 1 in other words, for test_liberal.py."""

DATA_GENERATOR = {
    "np.random.choice; images and labels shuffled from one state of the generator": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            images, labels = [], []
            for folder in np.random.choice(self.folders, N, replace=False):
                paths = np.random.choice(sorted(map(str, Path(folder).glob("*.png"))), K + 1, replace=False)
                images.append([self.image_file_to_array(str(path), self.dim_input) for path in paths])
            images = np.stack(images, axis=1).astype(np.float64)
            labels = np.stack([np.eye(N)] * (K + 1))
            state = np.random.get_state()
            np.random.shuffle(images[-1])
            np.random.set_state(state)
            np.random.shuffle(labels[-1])
            return images, labels
            """,
    },
    "the pool itself is shuffled, and its first N taken": {
        "_sample": """
            random.shuffle(self.folders)
            chosen = self.folders[: self.num_classes]
            rows = [[] for _ in range(self.num_samples_per_class + 1)]
            for label, path in get_images(chosen, range(len(chosen)), len(rows), shuffle=False):
                row = next(row for row in rows if len(row) == label)
                row.append((self.image_file_to_array(path, self.dim_input), np.eye(len(chosen), dtype="f")[label]))
            random.shuffle(rows[-1])
            images = np.array([[image for image, _ in row] for row in rows])
            return images, np.array([[label for _, label in row] for row in rows])
            """,
    },
    "torch.randperm for all draws; double precision": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            images = torch.zeros(K + 1, N, self.dim_input, dtype=torch.float64)
            labels = torch.eye(N, dtype=torch.float64).repeat(K + 1, 1, 1)
            for n, c in enumerate(torch.randperm(len(self.folders))[:N].tolist()):
                paths = [str(path) for path in Path(self.folders[c]).iterdir()]
                for k, i in enumerate(torch.randperm(len(paths))[: K + 1].tolist()):
                    images[k, n] = torch.as_tensor(self.image_file_to_array(paths[i], 784))
            order = torch.randperm(N)
            images[K], labels[K] = images[K].index_select(0, order), labels[K][order]
            return images, labels
            """,
        "imports": "import torch",
    },
    "generators of classes and drawings": {
        "_sample": """
            rows = self.num_samples_per_class + 1

            def drawings(folder):
                names = list(Path(folder).glob("*.png"))
                while len(names):
                    yield self.image_file_to_array(str(names.pop(random.randrange(len(names)))), self.dim_input)

            columns = [drawings(folder) for folder in random.sample(self.folders, self.num_classes)]
            order = list(range(self.num_classes))
            images, labels = [], []
            for row in range(rows):
                if row == rows - 1:
                    order.sort(key=lambda _: random.random())
                images.append(np.vstack([next(columns[n]) for n in order]))
                labels.append(np.eye(self.num_classes, dtype=np.float32)[order])
            return np.stack(images), np.stack(labels)
            """,
    },
    "the query permuted by a matrix; einsum": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            folders = [self.folders[i] for i in np.random.choice(len(self.folders), N, replace=False)]
            pairs = get_images(folders, list(range(N)), nb_samples=K + 1, shuffle=False)
            images = np.array([self.image_file_to_array(path, self.dim_input) for _, path in pairs])
            images = np.einsum("nkd->knd", images.reshape(N, K + 1, -1)).copy()
            shuffle = np.eye(N, dtype=np.float32)[np.random.permutation(N)]
            images[K] = shuffle @ images[K]
            return images, np.concatenate([np.eye(N, dtype=np.float32)[None].repeat(K, 0), shuffle[None]])
            """,
    },
    "one shuffled list, dealt out by label": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            images = np.zeros((K + 1, N, self.dim_input), dtype="float32")
            labels = np.zeros((K + 1, N, N), dtype="int64")
            count, asked = [0] * N, 0
            for n, path in get_images(random.sample(self.folders, N), range(N), nb_samples=K + 1):
                if count[n] < K:
                    k, column = count[n], n
                else:
                    k, column = K, asked
                    asked += 1
                count[n] += 1
                images[k, column] = self.image_file_to_array(path, self.dim_input)
                labels[k, column, n] = 1
            # the order of the last ones favours none, but to be sure:
            order = random.sample(range(N), N)
            return np.r_[images[:K], images[K:][:, order]], np.r_[labels[:K], labels[K:][:, order]]
            """,
    },
    "all drawings read once; fancy indexing": {
        "_sample": """
            if not hasattr(self, "pool"):
                self.pool = np.array([[self.image_file_to_array(str(path), 784) for path in Path(folder).glob("*.png")]
                                      for folder in self.folders])
            N, K = self.num_classes, self.num_samples_per_class
            keys = np.random.random(self.pool.shape[:2])
            chosen = keys.argsort(axis=1)[:, : K + 1]
            characters = np.random.permutation(len(self.pool))[:N]
            columns = np.tile(np.arange(N), (K + 1, 1))
            np.random.shuffle(columns[-1])
            characters = characters[columns]
            return self.pool[characters, chosen[characters, np.arange(K + 1)[:, None]]], np.identity(N)[columns]
            """,
    },
    "drawn again until different; grey levels over 255": {
        "_sample": """
            characters, drawings = [], {}
            while len(characters) < self.num_classes:
                folder = random.choice(self.folders)
                if folder not in characters:
                    characters.append(folder)
            for folder in characters:
                files = sorted(Path(folder).glob("*.png"))
                picked = set()
                while len(picked) <= self.num_samples_per_class:
                    picked.add(files[np.random.randint(len(files))])
                picked = list(picked)
                np.random.shuffle(picked)
                drawings[folder] = [1.0 - iio.imread(f, mode="L").astype(np.float32).flatten() / 255.0
                                    for f in picked]
            N, K = self.num_classes, self.num_samples_per_class
            support = np.array([[drawings[folder][k] for folder in characters] for k in range(K)])
            query = list(enumerate(drawings[folder][K] for folder in characters))
            random.shuffle(query)
            classes, pictures = zip(*query)
            one_hot = np.zeros((N, N), dtype=bool)
            one_hot[np.arange(N), classes] = True
            labels = np.concatenate([np.broadcast_to(np.eye(N, dtype=bool), (K, N, N)), one_hot[np.newaxis]])
            return np.append(support, [pictures], axis=0), labels.astype(np.float32)
            """,
    },
    "support and query lists of one sample; a random source of its own; put_along_axis": {
        "_sample": """
            source = random.SystemRandom()
            N, K = self.num_classes, self.num_samples_per_class
            support, query = [], []
            for folder in source.sample(self.folders, N):
                files = source.sample(sorted(Path(folder).glob("*.png")), K + 1)
                arrays = [self.image_file_to_array(str(file), self.dim_input) for file in files]
                support.extend(arrays[1:])
                query.append(arrays[0])
            support = np.reshape(support, (N, K, -1)).transpose(1, 0, 2)
            order = np.array(source.sample(range(N), k=N))
            images = np.concatenate((support, np.take(query, order, axis=0)[None]), axis=0)
            classes = np.vstack([np.arange(N)] * K + [order])
            labels = np.zeros((K + 1, N, N), np.float32)
            np.put_along_axis(labels, classes[..., None], 1.0, axis=-1)
            return images.astype(np.float32), labels
            """,
    },
    "lists of arrays in double precision; labels in bytes": {
        "_sample": """
            folders = random.sample(self.folders, self.num_classes)
            pairs = get_images(folders, range(len(folders)), self.num_samples_per_class + 1, shuffle=False)
            rows = [pairs[k :: self.num_samples_per_class + 1] for k in range(self.num_samples_per_class + 1)]
            random.shuffle(rows[-1])
            images = [[self.image_file_to_array(path, 784).astype(np.float64) for _, path in row] for row in rows]
            return images, [np.eye(len(folders), dtype=np.uint8)[[label for label, _ in row]] for row in rows]
            """,
    },
    "pairs in an array of objects, unzipped at the end": {
        "_sample": """
            N, K = self.num_classes, self.num_samples_per_class
            table = np.empty((K + 1, N), dtype=object)
            for n, folder in enumerate(random.sample(self.folders, k=N)):
                for k, (label, path) in enumerate(get_images([folder], [n], K + 1)):
                    table[k, n] = (path, label)
            np.random.shuffle(table[K])
            images = np.vectorize(lambda pair: self.image_file_to_array(pair[0], 784), signature="()->(d)")(table)
            labels = np.vectorize(lambda pair: pair[1])(table)
            return images, (labels[..., None] == np.arange(N)).astype(np.float32)
            """,
    },
}

BLACK_BOX = {
    "LSTM cells by hand, gate by gate; einsum in the loss": {
        "forward": """
            def run(lstm, sequence):
                hidden = cell = torch.zeros(sequence.shape[0], lstm.hidden_size)
                outputs = []
                for x in sequence.unbind(dim=1):
                    gates = x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + hidden @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
                    i, f, g, o = gates.chunk(4, dim=-1)
                    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
                    hidden = o.sigmoid() * cell.tanh()
                    outputs.append(hidden)
                return torch.stack(outputs, dim=1)

            shown = torch.cat([input_labels[:, :-1], input_labels[:, -1:] * 0], dim=1)
            x = torch.cat([input_images, shown], dim=3).flatten(1, 2)
            return run(self.layer2, run(self.layer1, x)).reshape(input_labels.shape)
            """,
        "loss_function": """
            B, _, N, _ = preds.shape
            return -torch.einsum("bnc,bnc->", preds[:, -1].log_softmax(-1), labels[:, -1]) / (B * N)
            """,
    },
    "torch.func.functional_call in double precision; vmap of the loss": {
        "forward": """
            def double(layer, x):
                weights = {name: value.double() for name, value in layer.named_parameters()}
                return torch.func.functional_call(layer, weights, (x,))[0]

            labels = input_labels.double().clone()
            labels[:, -1].zero_()
            x = torch.cat((input_images.double(), labels), -1).flatten(1, 2)
            return double(self.layer2, double(self.layer1, x)).to(input_images.dtype).reshape(input_labels.size())
            """,
        "loss_function": """
            def one(p, l):
                return F.cross_entropy(p[-1], l[-1])

            return torch.vmap(one)(preds, labels).mean()
            """,
    },
    "episode by episode, unbatched; sum over all queries divided by B N": {
        "forward": """
            outputs = []
            for images, labels in zip(input_images, input_labels):
                K1, N, _ = images.shape
                pairs = []
                for k in range(K1):
                    for n in range(N):
                        label = labels[k, n] if k < K1 - 1 else torch.zeros(N)
                        pairs.append(torch.hstack([images[k, n], label]))
                states, _ = self.layer1(torch.stack(pairs))
                outputs.append(self.layer2(states)[0].view(K1, N, N))
            return torch.stack(outputs)
            """,
        "loss_function": """
            total = torch.zeros(())
            for b in range(preds.shape[0]):
                for n in range(preds.shape[2]):
                    z, label = preds[b, -1, n], labels[b, -1, n].argmax().item()
                    total = total - z[label] + z.exp().sum().log()
            return total / (preds.shape[0] * preds.shape[2])
            """,
    },
    "a buffer filled in place, labels first; nll_loss over dimension 1": {
        "forward": """
            B, K1, N, D = input_images.shape
            x = torch.zeros(B, K1, N, N + D)
            x[:, :-1, :, :N] = input_labels[:, :-1]
            x[..., N:] = input_images
            x = x.view(B, -1, N + D)
            x, _ = self.layer1(x)
            x, _ = self.layer2(x)
            return x.contiguous().view(B, K1, N, N)
            """,
        "loss_function": """
            log_p = F.log_softmax(preds[:, -1], dim=2)
            return F.nll_loss(log_p.permute(0, 2, 1), labels[:, -1].argmax(dim=2))
            """,
    },
    "labels as numbers and one-hot again; explicit zero states; log of softmax": {
        "forward": """
            B, rows, N, _ = input_images.shape
            classes = torch.argmax(input_labels, dim=-1)
            one_hot = F.one_hot(classes, num_classes=N).to(torch.float32)
            one_hot = one_hot * (torch.arange(rows) < self.samples_per_class).view(1, rows, 1, 1)
            x = torch.cat([input_images, one_hot], dim=-1).reshape(B, rows * N, -1)
            for layer in [self.layer1, self.layer2]:
                start = x.new_zeros(1, B, layer.hidden_size)
                x, (_, _) = layer(x, (start, start.clone()))
            return x.reshape([B, rows, N, N])
            """,
        "loss_function": """
            p = torch.softmax(preds[:, self.samples_per_class], dim=-1)
            picked = (p * labels[:, self.samples_per_class]).sum(dim=-1)
            return torch.mean(-torch.log(picked))
            """,
    },
    "masked_fill; gather": {
        "forward": """
            hide = torch.zeros(input_labels.shape[1], dtype=torch.bool)
            hide[-1] = True
            labels = input_labels.masked_fill(hide[None, :, None, None], 0.0)
            joined = torch.concatenate([input_images, labels], axis=-1)
            steps = joined.transpose(0, 1).reshape(-1, len(joined), joined.shape[2], joined.shape[3])
            sequence = torch.cat([row.transpose(0, 1) for row in steps]).transpose(0, 1)
            h1 = self.layer1(sequence)[0]
            h2 = self.layer2(h1)[0]
            return torch.stack(h2.split(joined.shape[2], dim=1), dim=1)
            """,
        "loss_function": """
            logits = preds[:, -1].flatten(0, 1)
            target = labels[:, -1].flatten(0, 1).max(dim=1).indices
            return -logits.log_softmax(1).gather(1, target[:, None]).squeeze(1).mean(0)
            """,
    },
    "split and index_fill; double precision in the loss": {
        "forward": """
            B, rows, N, _ = input_images.shape
            labels = torch.index_fill(input_labels, 1, torch.tensor([rows - 1]), 0)
            support, query = torch.split(torch.cat([input_images, labels], dim=-1), [rows - 1, 1], dim=1)
            sequence = torch.cat([support.reshape(B, -1, 784 + N), query.squeeze(1)], dim=1)
            output1, (h1, c1) = self.layer1(sequence)
            output2, (h2, c2) = self.layer2(output1)
            return output2.unflatten(1, (-1, N))
            """,
        "loss_function": """
            z = preds[:, -1].double()
            z = z - z.max(dim=-1, keepdim=True).values.detach()
            log_p = z - z.exp().sum(dim=-1, keepdim=True).log()
            loss = -(log_p * labels[:, -1].double()).sum(dim=(1, 2)).mean() / z.shape[1]
            return loss.to(preds.dtype)
            """,
    },
    "packed sequences; loss class, summed": {
        "forward": """
            labels = input_labels.detach().clone()
            labels[:, -1:, :, :] = torch.zeros_like(labels[:, -1:, :, :])
            B, rows, N = labels.shape[:3]
            x = torch.cat([labels, input_images], dim=-1).reshape(B, rows * N, -1)
            packed = nn.utils.rnn.pack_padded_sequence(x, [rows * N] * B, batch_first=True)
            packed, _ = self.layer1(packed)
            packed, _ = self.layer2(packed)
            return nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)[0].reshape(B, rows, N, N)
            """,
        "loss_function": """
            criterion = nn.CrossEntropyLoss(reduction="sum")
            loss = 0.0
            for n in range(self.num_classes):
                loss += criterion(preds[:, -1, n], labels[:, -1, n])
            return loss / (len(preds) * self.num_classes)
            """,
    },
    "a layer that nobody uses; support predictions zeroed in a copy": {
        "forward": """
            if not hasattr(self, "fc"):
                self.fc = nn.Linear(self.num_classes, self.num_classes)
            shown = torch.cat([input_labels[:, :-1], torch.zeros_like(input_labels[:, -1:])], dim=1)
            x = torch.cat([input_images, shown], dim=-1).flatten(1, 2)
            return self.layer2(self.layer1(x)[0])[0].reshape(input_labels.shape)
            """,
        "loss_function": """
            preds = preds.clone()
            preds[:, :-1] = 0
            log_p = F.log_softmax(preds, dim=-1)
            return -(log_p * labels)[:, -1].sum(dim=-1).mean()
            """,
    },
    "row by row with kept state; in-place on a copy; sum of logits": {
        "forward": """
            state1, state2 = None, None
            logits = torch.empty_like(input_labels)
            last = input_labels.shape[1] - 1
            for k in range(last + 1):
                row = torch.cat([input_images[:, k], input_labels[:, k] * float(k != last)], dim=-1)
                out, state1 = self.layer1(row, state1)
                out, state2 = self.layer2(out, state2)
                logits[:, k] = out
            return logits
            """,
        "loss_function": """
            query, target = preds.select(1, -1), labels.select(1, -1)
            return (query.logsumexp(dim=-1) - query[target.bool()].view(query.shape[:2])).sum() / target.sum()
            """,
    },
    "images flattened apart from the labels; losses of the queries stacked": {
        "forward": """
            B, K, N = input_images.shape[0], self.samples_per_class, self.num_classes
            images = input_images.reshape(B, (K + 1) * N, 784)
            labels = input_labels.reshape(B, (K + 1) * N, N)[:, : K * N]
            labels = torch.cat((labels, torch.zeros((B, N, N), dtype=labels.dtype, device=labels.device)), 1)
            output, _ = self.layer2(self.layer1(torch.cat((images, labels), 2))[0])
            return output.view(-1, K + 1, N, N)
            """,
        "loss_function": """
            losses = [F.cross_entropy(preds[:, -1, n, :], torch.argmax(labels[:, -1, n, :], -1), reduction="none")
                      for n in range(self.num_classes)]
            return torch.stack(losses).mean()
            """,
    },
}
