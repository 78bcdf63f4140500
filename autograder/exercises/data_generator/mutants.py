"""Wrong data generators, the frequent mistakes first.

Their episodes are random, and no numbers identify them: the field says stays empty.
"""

from autograder.instructor.quality.mutants import Mutant

POOL = "characters = random.sample(self.folders, N)"
PAIRS = "get_images(characters, range(N), nb_samples=K + 1, shuffle=False):"
LABELS = "        labels = np.zeros((K + 1, N, N), dtype=np.float32)\n"
READ = "self.image_file_to_array(path, self.dim_input)\n            labels"
PLACE = "            images[k, n] = self.image_file_to_array(path, self.dim_input)\n            labels[k, n, n] = 1.0\n"
BEFORE_ORDER = "        order = np.random.permutation(N)\n"
ORDER = "np.random.permutation(N)"
SHUFFLE = "images[-1], labels[-1] = images[-1, order], labels[-1, order]"
RETURN = "return images, labels"

SIZES = ("test_sizes",)
SHAPES = ("test_shapes",)
DRAWINGS = ("test_images_are_drawings",)
DIFFER = ("test_episodes_differ",)
INK = ("test_ink_is_one",)
ONE_HOT = ("test_labels_are_one_hot",)
ROWS = ("test_rows_hold_every_class_and_the_support_in_class_order",)
LAYOUT = ("test_layout_for_more_than_one_support_row",)
CHARACTERS = ("test_characters_of_an_episode_differ",)
SUPPORT_LABELS = ("test_support_labels_belong_to_their_characters",)
QUERY_LABELS = ("test_query_labels_belong_to_their_characters",)
SHARED = ("test_query_drawings_are_not_in_the_support",)
QUERY_ORDER = ("test_query_order_is_random",)
SPLIT = ("test_all_characters_of_the_split_and_no_others",)
TURN = ("test_every_drawing_has_its_turn",)
RANDOM_LABELS = ("test_characters_get_random_labels",)
WORKERS = ("test_loader_workers_draw_different_episodes",)
DAMAGE = ("test_nothing_is_damaged",)

# Collected class by class, (N, K), and shaped to (K, N): what must be swapped is not.
RESHAPED = "{0}[:K] = {0}[:K].swapaxes(0, 1).reshape(K, N, -1)"


def _before_the_shuffle(*lines: str) -> tuple[tuple[str, str], ...]:
    return ((BEFORE_ORDER, "".join(f"        {line}\n" for line in lines) + BEFORE_ORDER),)


def _drawings(each: str) -> tuple[tuple[str, str], ...]:
    """The edit that takes another choice of a character's paths, from a sorted list of them."""
    return ((PAIRS, f"[(n, p) for n in range(N) for paths in [get_paths(characters[n])] for p in {each}]:"), _GET_PATHS)


_GET_PATHS = (
    "    N, K = self.num_classes, self.num_samples_per_class\n",
    "    N, K = self.num_classes, self.num_samples_per_class\n"
    "        get_paths = lambda folder: sorted(str(path) for path in Path(folder).iterdir())\n",
)

MUTANTS = [
    # Support and query
    Mutant(
        "support and query drawn by two calls",
        ((PAIRS, "[p for n in (K, 1) for p in get_images(characters, range(N), nb_samples=n, shuffle=False)]:"),),
        SHARED,
    ),
    Mutant("drawings drawn with replacement", _drawings("random.choices(paths, k=K + 1)"), SHARED),
    Mutant(
        "the query is the last support row again",
        _before_the_shuffle("images[-1], labels[-1] = images[-2], labels[-2]"),
        SHARED,
    ),
    Mutant(
        "one support drawing for all K rows",
        _before_the_shuffle("images[:K] = images[0]"),
        SHARED,
    ),
    Mutant(
        "one drawing of a character in every row", ((PLACE, PLACE.replace("images[k, n]", "images[:, n]")),), SHARED
    ),
    Mutant("always the first drawings", _drawings("paths[: K + 1]"), TURN),
    Mutant(
        "the query is always the last drawing",
        _drawings("[*random.sample(paths[:-1], K), paths[-1]]"),
        TURN,
    ),
    # The order of the query
    Mutant("query never shuffled", ((ORDER, "np.arange(N)"),), QUERY_ORDER),
    Mutant("query reversed", ((ORDER, "np.arange(N)[::-1]"),), QUERY_ORDER),
    Mutant(
        "one query permutation for all episodes", ((ORDER, "np.random.RandomState(7).permutation(N)"),), QUERY_ORDER
    ),
    Mutant(
        "query permutation drawn once, in the first episode",
        ((ORDER, 'self.__dict__.setdefault("order", np.random.permutation(N))'),),
        QUERY_ORDER,
    ),
    Mutant(
        "query rolled by a random number: few of the orders",
        ((ORDER, "np.roll(np.arange(N), np.random.randint(N))"),),
        QUERY_ORDER,
    ),
    Mutant(
        "query in order or reversed, by a coin",
        ((ORDER, "np.arange(N)[:: random.choice([1, -1])]"),),
        QUERY_ORDER,
    ),
    Mutant("query order drawn with replacement", ((ORDER, "np.random.choice(N, N)"),), ROWS),
    Mutant(
        "query images and labels shuffled apart",
        ((SHUFFLE, "images[-1], labels[-1] = images[-1, order], np.random.permutation(labels[-1])"),),
        QUERY_LABELS,
    ),
    Mutant("query images shuffled, labels left", ((SHUFFLE, "images[-1] = images[-1, order]"),), QUERY_LABELS),
    Mutant("query labels shuffled, images left", ((SHUFFLE, "labels[-1] = labels[-1, order]"),), QUERY_LABELS),
    Mutant(
        "labels shuffled by the inverse permutation",
        ((SHUFFLE, "images[-1], labels[-1] = images[-1, order], labels[-1, np.argsort(order)]"),),
        QUERY_LABELS,
    ),
    Mutant(
        "classes of the query permuted instead of its places",
        ((SHUFFLE, "images[-1], labels[-1] = images[-1, order], labels[-1][:, order]"),),
        QUERY_LABELS,
    ),
    Mutant("pixels of the query shuffled", ((SHUFFLE, "np.random.shuffle(images[-1].T)"),), DRAWINGS),
    # Characters
    Mutant(
        "characters drawn with replacement", ((POOL, "characters = random.choices(self.folders, k=N)"),), CHARACTERS
    ),
    Mutant(
        "np.random.choice with its replacement",
        ((POOL, "characters = list(np.random.choice(self.folders, N))"),),
        CHARACTERS,
    ),
    Mutant("one character under all labels", ((POOL, "characters = [random.choice(self.folders)] * N"),), CHARACTERS),
    Mutant("one drawing in the whole row", ((PLACE, PLACE.replace("images[k, n]", "images[k]")),), CHARACTERS),
    Mutant(
        "pool overwritten by the sample", ((POOL, f"characters = self.folders = {POOL.partition(' = ')[2]}"),), SPLIT
    ),
    Mutant("always the first characters", ((POOL, "characters = random.sample(self.folders[:N], N)"),), SPLIT),
    Mutant("the last character never drawn", ((POOL, "characters = random.sample(self.folders[:-1], N)"),), SPLIT),
    Mutant(
        "train split swallows validation",
        ((POOL, "characters = random.sample(self.folders + self.metaval_character_folders, N)"),),
        SPLIT,
    ),
    Mutant(
        "training characters for all splits",
        ((POOL, "characters = random.sample(self.metatrain_character_folders, N)"),),
        SPLIT,
    ),
    Mutant(
        "validation missing: test characters stand in",
        (("self.folders = self.metaval_character_folders", "self.folders = self.metatest_character_folders"),),
        SPLIT,
    ),
    Mutant(
        "labels by the order of the folders",
        ((POOL, "characters = sorted(random.sample(self.folders, N))"),),
        RANDOM_LABELS,
    ),
    Mutant(
        "neighbours in the list of folders",
        (
            (
                POOL,
                "start = random.randrange(len(self.folders) - N + 1)\n        characters = self.folders[start:][:N]",
            ),
        ),
        RANDOM_LABELS,
    ),
    Mutant(
        "a seed in every call",
        ((POOL, f"random.seed(0)\n        np.random.seed(0)\n        {POOL}"),),
        DIFFER,
        without_idea=True,
    ),
    Mutant(
        "the first episode for ever",
        (
            (
                RETURN,
                'self.first = getattr(self, "first", (images, labels))\n'
                "        return self.first[0].copy(), self.first[1].copy()",
            ),
        ),
        DIFFER,
        without_idea=True,
    ),
    Mutant(
        "a generator seeded in __init__",
        (
            (
                "        self.stored_images = {}\n",
                "        self.stored_images = {}\n        self.rng = random.Random(0)\n",
            ),
            (POOL, "characters = self.rng.sample(self.folders, N)"),
        ),
        WORKERS,
    ),
    # Layout
    Mutant(
        "support class by class, reshaped to (K, N)",
        _before_the_shuffle(RESHAPED.format("images"), RESHAPED.format("labels")),
        LAYOUT,
    ),
    Mutant(
        "support images class by class, its labels row by row",
        _before_the_shuffle(RESHAPED.format("images")),
        SUPPORT_LABELS,
    ),
    Mutant(
        "support labels class by class, its images row by row",
        _before_the_shuffle(RESHAPED.format("labels")),
        (*LAYOUT, *SUPPORT_LABELS),
    ),
    Mutant(
        "everything class by class, reshaped to (K+1, N)",
        _before_the_shuffle(
            "images = images.swapaxes(0, 1).reshape(K + 1, N, -1)",
            "labels = labels.swapaxes(0, 1).reshape(K + 1, N, -1)",
        ),
        ROWS,
    ),
    Mutant(
        "support rows in an order of their own",
        _before_the_shuffle(
            "shuffled = np.random.permutation(N)",
            "images[:K], labels[:K] = images[:K, shuffled], labels[:K, shuffled]",
        ),
        ROWS,
    ),
    Mutant(
        "support shuffled as a whole, rows mix classes",
        _before_the_shuffle(
            "shuffled = np.random.permutation(K * N)",
            "images[:K] = images[:K].reshape(K * N, -1)[shuffled].reshape(K, N, -1)",
            "labels[:K] = labels[:K].reshape(K * N, N)[shuffled].reshape(K, N, N)",
        ),
        ROWS,
    ),
    Mutant(
        "support shuffled with the query by one permutation",
        ((SHUFFLE, "images, labels = images[:, order], labels[:, order]"),),
        ROWS,
    ),
    Mutant(
        "roles of K and 1 swapped",
        ((SHUFFLE, "images[1:], labels[1:] = images[1:, order], labels[1:, order]"),),
        LAYOUT,
    ),
    Mutant("the query comes first", ((RETURN, "return np.roll(images, 1, axis=0), np.roll(labels, 1, axis=0)"),), ROWS),
    Mutant("classes counted backwards", _before_the_shuffle("labels = np.flip(labels, axis=-1).copy()"), ROWS),
    Mutant("flat layout", ((RETURN, "return images.reshape(-1, self.dim_input), labels.reshape(-1, N)"),), SHAPES),
    Mutant("characters first, (N, K+1)", ((RETURN, "return images.swapaxes(0, 1), labels.swapaxes(0, 1)"),), SHAPES),
    Mutant("a batch dimension in front", ((RETURN, "return images[None], labels[None]"),), SHAPES),
    Mutant("drawings of 28 by 28", ((RETURN, "return images.reshape(K + 1, N, 28, 28), labels"),), SHAPES),
    Mutant("the query left out", ((RETURN, "return images[:K], labels[:K]"),), SIZES),
    Mutant("labels before images", ((RETURN, "return labels, images"),), SIZES),
    Mutant("nothing is returned", ((f"        {RETURN}\n", ""),), SIZES),
    Mutant("class numbers for labels", ((RETURN, "return images, labels.argmax(axis=-1)"),), SIZES),
    Mutant("bytes joined to a path", ((PLACE, PLACE.replace("path,", 'path + "".encode(),')),), SIZES),
    Mutant(
        "paths taken apart at backslashes",
        ((PLACE, PLACE.replace("path,", 'path.split("\\\\")[0] + "/" + path.split("\\\\")[1],')),),
        SIZES,
    ),
    # Pixels and labels
    Mutant("paper is 1", ((READ, f"1 - {READ}"),), INK),
    Mutant("divided by 255", ((READ, READ.replace(")\n", ") / 255\n")),), INK),
    Mutant("paper is 1, ink 254/255", ((READ, f"1 - {READ.replace(chr(10), ' / 255' + chr(10))}"),), INK),
    Mutant("images centred", ((READ, READ.replace(")\n", ") - 0.5\n")),), INK),
    Mutant("images as bytes", ((RETURN, "return images.astype(np.uint8), labels"),), INK),
    Mutant(
        "cached images inverted in place",
        (
            (
                "images[k, n] = self.image_file_to_array(path, self.dim_input)",
                "image = self.image_file_to_array(path, self.dim_input)\n"
                "            images[k, n] = np.subtract(1, image, out=image)",
            ),
        ),
        INK,
    ),
    Mutant("drawings on their side", ((READ, READ.replace(")\n", ").reshape(28, 28).T.ravel()\n")),), DRAWINGS),
    Mutant("query images never read", _before_the_shuffle("images[-1] = 0"), DRAWINGS),
    Mutant("query labels hidden", ((RETURN, "labels[-1] = 0\n        return images, labels"),), ONE_HOT),
    Mutant("labels smoothed", ((RETURN, "return images, 0.9 * labels + 0.1 / N"),), ONE_HOT),
    # Kept and damaged
    Mutant(
        "labels kept in one array for all episodes",
        (
            (
                LABELS,
                '        labels = self.__dict__.setdefault("labels", np.zeros((K + 1, N, N), dtype=np.float32))\n'
                "        labels[labels == 1] = 0\n",
            ),
        ),
        DAMAGE,
    ),
    Mutant(
        "one array of images for all episodes",
        (
            (
                "        images = np.zeros((K + 1, N, self.dim_input), dtype=np.float32)\n",
                '        images = self.__dict__.setdefault("images", np.zeros((K + 1, N, 784), dtype=np.float32))\n',
            ),
        ),
        DAMAGE,
    ),
    Mutant(
        "the caller's config emptied",
        (('config.get("img_size", (28, 28))', 'config.pop("img_size", (28, 28))'),),
        DAMAGE,
    ),
]
