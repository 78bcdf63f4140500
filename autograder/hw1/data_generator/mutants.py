"""Wrong data generators, the frequent mistakes first."""

from autograder.mutants import Mutant

MUTANTS = [
    Mutant(
        "support and query drawn by two calls",
        (
            (
                "get_images(characters, range(N), nb_samples=K + 1, shuffle=False):",
                "[pair for n in (K, 1) for pair in get_images(characters, range(N), nb_samples=n, shuffle=False)]:",
            ),
        ),
        ("test_query_drawings_are_not_in_the_support",),
    ),
    Mutant(
        "query never shuffled",
        (("order = np.random.permutation(N)", "order = np.arange(N)"),),
        ("test_query_order_is_random",),
    ),
    Mutant(
        "one query permutation for all episodes",
        (("order = np.random.permutation(N)", "order = np.random.RandomState(7).permutation(N)"),),
        ("test_query_order_is_random",),
    ),
    Mutant(
        "query rolled by a random number: few of the orders",
        (("order = np.random.permutation(N)", "order = np.roll(np.arange(N), np.random.randint(N))"),),
        ("test_query_order_is_random",),
    ),
    Mutant(
        "characters drawn with replacement",
        (("random.sample(self.folders, N)", "random.choices(self.folders, k=N)"),),
        ("test_characters_of_an_episode_differ",),
    ),
    Mutant(
        "support class by class, reshaped to (K, N)",
        (
            (
                "        order = np.random",
                (
                    "        images[:K] = images[:K].swapaxes(0, 1).reshape(K, N, -1)\n"
                    "        labels[:K] = labels[:K].swapaxes(0, 1).reshape(K, N, -1)\n"
                    "        order = np.random"
                ),
            ),
        ),
        ("test_rows_hold_every_class_and_support_rows_in_class_order",),
    ),
    Mutant(
        "support images class by class, its labels row by row",
        (
            (
                "        order = np.random",
                ("        images[:K] = images[:K].swapaxes(0, 1).reshape(K, N, -1)\n        order = np.random"),
            ),
        ),
        ("test_support_labels_belong_to_their_characters",),
    ),
    Mutant(
        "support shuffled",
        (
            (
                "        order = np.random",
                (
                    "        shuffled = np.random.permutation(N)\n"
                    "        images[:K], labels[:K] = images[:K, shuffled], labels[:K, shuffled]\n"
                    "        order = np.random"
                ),
            ),
        ),
        ("test_rows_hold_every_class_and_support_rows_in_class_order",),
    ),
    Mutant(
        "pool overwritten by the sample",
        (
            (
                "characters = random.sample(self.folders, N)",
                "characters = self.folders = random.sample(self.folders, N)",
            ),
        ),
        ("test_all_characters_of_the_split_and_no_others",),
    ),
    Mutant(
        "train split swallows validation",
        (("random.sample(self.folders, N)", "random.sample(self.folders + self.metaval_character_folders, N)"),),
        ("test_all_characters_of_the_split_and_no_others",),
    ),
    Mutant(
        "flat layout",
        (("return images, labels", "return images.reshape(-1, self.dim_input), labels.reshape(-1, N)"),),
        ("test_shapes",),
    ),
    Mutant(
        "roles of K and 1 swapped",
        (
            (
                "images[-1], labels[-1] = images[-1, order], labels[-1, order]",
                "images[1:], labels[1:] = images[1:, order], labels[1:, order]",
            ),
        ),
        ("test_rows_hold_every_class_and_support_rows_in_class_order",),
    ),
    Mutant(
        "query images and labels shuffled apart",
        (
            (
                "labels[-1] = images[-1, order], labels[-1, order]",
                "labels[-1] = images[-1, order], np.random.permutation(labels[-1])",
            ),
        ),
        ("test_query_labels_belong_to_their_characters",),
    ),
    Mutant(
        "labels shuffled by the inverse permutation",
        (
            (
                "labels[-1] = images[-1, order], labels[-1, order]",
                "labels[-1] = images[-1, order], labels[-1, np.argsort(order)]",
            ),
        ),
        ("test_query_labels_belong_to_their_characters",),
    ),
    Mutant(
        "paper is 1",
        (
            (
                ("self.image_file_to_array(path, self.dim_input)\n            labels"),
                ("1 - self.image_file_to_array(path, self.dim_input)\n            labels"),
            ),
        ),
        ("test_ink_is_one",),
    ),
    Mutant(
        "divided by 255",
        (
            (
                ("self.image_file_to_array(path, self.dim_input)\n            labels"),
                ("self.image_file_to_array(path, self.dim_input) / 255\n            labels"),
            ),
        ),
        ("test_ink_is_one",),
    ),
    Mutant(
        "images centred",
        (
            (
                ("self.image_file_to_array(path, self.dim_input)\n            labels"),
                ("self.image_file_to_array(path, self.dim_input) - 0.5\n            labels"),
            ),
        ),
        ("test_ink_is_one",),
    ),
    Mutant(
        "labels by the order of the folders",
        (("random.sample(self.folders, N)", "sorted(random.sample(self.folders, N))"),),
        ("test_characters_get_random_labels",),
    ),
    Mutant(
        "always the first drawings",
        (
            (
                "get_images(characters, range(N), nb_samples=K + 1, shuffle=False):",
                "((n, str(p)) for n, c in enumerate(characters) for p in sorted(Path(c).iterdir())[: K + 1]):",
            ),
        ),
        ("test_every_drawing_has_its_turn",),
    ),
    Mutant(
        "cached images inverted in place",
        (
            (
                "images[k, n] = self.image_file_to_array(path, self.dim_input)",
                (
                    "image = self.image_file_to_array(path, self.dim_input)\n"
                    "            images[k, n] = np.subtract(1, image, out=image)"
                ),
            ),
        ),
        ("test_ink_is_one", "test_nothing_is_damaged"),
    ),
    Mutant(
        "labels kept in one array for all episodes",
        (
            (
                "        labels = np.zeros((K + 1, N, N), dtype=np.float32)\n",
                (
                    '        labels = self.__dict__.setdefault("labels", np.zeros((K + 1, N, N), dtype=np.float32))\n'
                    "        labels[labels == 1] = 0\n"
                ),
            ),
        ),
        ("test_nothing_is_damaged",),
    ),
    Mutant("nothing is returned", (("        return images, labels\n", ""),), ("test_shapes",)),
    Mutant(
        "class numbers for labels",
        (("return images, labels", "return images, labels.argmax(axis=-1)"),),
        ("test_shapes",),
    ),
]
