"""Problem 1. The data generator

The inputs are folders of noise, so that every image tells which drawing of which character it is. They are small,
because a drawing shared by support and query, or a character drawn twice, is rare in a large pool.
"""

from itertools import permutations

import numpy as np

from autograder.hw1.data_generator import episodes
from autograder.words import after, assert_differ, assert_shape, assert_shares, hint, points


@points(4)
@hint("Return images (K+1, N, 784) and labels (K+1, N, N): rows are drawings, columns are characters, for any N and K.")
def test_shapes(student, draw):
    """An episode has images (K+1, N, 784) and labels (K+1, N, N)."""
    known = episodes.drawings(draw)
    for way, shot in ((5, 1), (3, 2), (2, 4)):
        got = student.sample(known, way, shot, "train", episodes=1)
        assert_shape(got.images[0], (shot + 1, way, 784), f"images for N = {way}, K = {shot}")
        assert_shape(got.labels[0], (shot + 1, way, way), f"labels for N = {way}, K = {shot}")


@points(3)
@after(test_shapes)
@hint("Read each drawing with self.image_file_to_array and put it into its place whole: one image, 784 pixels.")
def test_images_are_drawings(student, draw):
    """Every image is one of the drawings in the data folder."""
    known = episodes.drawings(draw)
    for way, shot in ((4, 1), (3, 2)):
        seen = episodes.read(student.sample(known, way, shot, "train", episodes=20).images, known)
        strangers = int((seen.character == episodes.UNKNOWN).sum())
        assert strangers == 0, (
            f"{strangers} of {seen.character.size} images (N = {way}, K = {shot}) are no drawing in the folder"
        )


@points(3)
@after(test_images_are_drawings)
@hint(
    "Ink is 1 and paper 0, as floats: 1 - x for the one-bit files. They hold 0 and 1 already, so nothing is divided "
    "by 255."
)
def test_ink_is_one(student, draw):
    """Ink is 1 and paper is 0, in floating point."""
    known = episodes.drawings(draw)
    images = student.sample(known, 3, 1, "train", episodes=5).images
    assert images.dtype.kind == "f", f"images have type {images.dtype}, expected float32"
    inverted = episodes.read(images, known).inverted
    assert not inverted.any(), f"ink is {images.min():g} and paper {images.max():g}, expected ink 1 and paper 0"
    low, high = float(images.min()), float(images.max())
    assert low == 0 and high == 1, f"pixels lie between {low:g} and {high:g}, expected 0 and 1"


@points(2)
@after(test_shapes)
@hint("labels[k, n] is all zeros but for a single 1 at the class of images[k, n].")
def test_labels_are_one_hot(student, draw):
    """Every label is one-hot."""
    labels = student.sample(episodes.drawings(draw), 4, 2, "train", episodes=5).labels
    sums = labels.sum(axis=-1)
    assert set(np.unique(labels)) == {0, 1}, (
        f"labels hold the values {np.unique(labels)[:5].tolist()}, expected 0 and 1"
    )
    assert (sums == 1).all(), f"a label sums to {sums[sums != 1][0]:g}, expected 1"


@points(5)
@after(test_labels_are_one_hot)
@hint(
    "Each row holds one drawing of every class, and support rows are in class order: labels[k] is the identity for k "
    "< K. If you collect the drawings class by class, that is (N, K+1): swap the axes, a reshape alone mixes the "
    "rows. With K = 1 it does not show."
)
def test_rows_hold_every_class_and_support_rows_in_class_order(student, draw):
    """Each row has every class once, and the support is in class order, for K > 1 too."""
    known = episodes.drawings(draw)
    for way, shot in ((5, 1), (4, 3), (3, 2)):
        order = episodes.classes(student.sample(known, way, shot, "train", episodes=10).labels)
        support, query = order[:, :-1], order[:, -1]
        wrong = (support != np.arange(way)).any(axis=(1, 2))
        assert not wrong.any(), (
            f"N = {way}, K = {shot}: support classes {support[wrong][0].tolist()}, expected each row {[*range(way)]}"
        )
        wrong = (np.sort(query) != np.arange(way)).any(axis=1)
        assert not wrong.any(), (
            f"N = {way}, K = {shot}: query classes {query[wrong][0].tolist()}, expected each of {[*range(way)]} once"
        )


@points(5)
@after(test_images_are_drawings)
@hint(
    "Draw the characters without replacement (random.sample, not random.choices): one character must not have two "
    "labels."
)
def test_characters_of_an_episode_differ(student, draw):
    """An episode has N different characters."""
    known = episodes.drawings(draw, characters=15)
    for way, shot in ((5, 1), (4, 2)):
        seen = episodes.read(student.sample(known, way, shot, "train", episodes=60).images, known).character
        few = [episode for episode in seen if len(set(episode.flat)) != way]
        assert not few, (
            f"an episode for N = {way} shows {len(set(few[0].flat))} different characters ({len(few)} of 60 episodes)"
        )


@points(4)
@after(test_images_are_drawings, test_labels_are_one_hot)
@hint(
    "Give a drawing the label of its character. Mind the order in which labels and images are filled in, above all "
    "for K > 1."
)
def test_support_labels_belong_to_their_characters(student, draw):
    """In the support all drawings of one label show one character, and no other label's drawings do."""
    known = episodes.drawings(draw)
    for way, shot in ((3, 2), (4, 3)):
        got = student.sample(known, way, shot, "train", episodes=20)
        shown = episodes.read(got.images, known).character[:, :-1]
        classes = episodes.classes(got.labels)[:, :-1]
        for characters, labels in zip(shown, classes, strict=True):
            for label in range(way):
                mixed = set(characters[labels == label].tolist())
                assert len(mixed) <= 1, (
                    f"N = {way}, K = {shot}: {len(mixed)} different characters carry label {label} in one support"
                )


@points(5)
@after(test_support_labels_belong_to_their_characters)
@hint("Shuffle the query's images and labels by one and the same permutation.")
def test_query_labels_belong_to_their_characters(student, draw):
    """Every query drawing carries the label that its character has in the support."""
    known = episodes.drawings(draw)
    got = student.sample(known, 4, 1, "train", episodes=60)
    shown, classes = episodes.read(got.images, known).character, episodes.classes(got.labels)
    taught = np.take_along_axis(shown[:, 0], np.argsort(classes[:, 0], axis=1), axis=1)  # character of each label
    wrong = np.take_along_axis(taught, classes[:, -1], axis=1) != shown[:, -1]
    assert not wrong.any(), f"{int(wrong.sum())} of {wrong.size} query drawings carry another character's label"


@points(5)
@after(test_support_labels_belong_to_their_characters)
@hint(
    "Draw the K+1 drawings of a character all at once. Support and query drawn by two separate calls can be the same "
    "drawing, and then the network is asked what it has just been told."
)
def test_query_drawings_are_not_in_the_support(student, draw):
    """The K+1 drawings of a character in an episode are all different."""
    known = episodes.drawings(draw, each=4)
    for way, shot in ((3, 1), (3, 2)):
        got = student.sample(known, way, shot, "train", episodes=60)
        seen, classes = episodes.read(got.images, known), episodes.classes(got.labels)
        repeats = 0
        for characters, numbers, labels in zip(seen.character, seen.drawing, classes, strict=True):
            shown = list(zip(labels.flat, characters.flat, numbers.flat, strict=True))
            repeats += len(set(shown)) < len(shown)
        assert repeats == 0, f"in {repeats} of 60 episodes (N = {way}, K = {shot}) a drawing appears twice"


@points(5)
@after(test_query_labels_belong_to_their_characters, test_rows_hold_every_class_and_support_rows_in_class_order)
@hint(
    "Draw a new permutation for the query of every episode. In a fixed order the network learns the order, not the "
    "characters: it says the right label without a look at the drawing."
)
def test_query_order_is_random(student, draw):
    """The query is shuffled anew in every episode, each order as likely as any other."""
    order = episodes.classes(student.sample(episodes.drawings(draw), 3, 1, "train", episodes=600).labels)[
        :, -1
    ].tolist()
    counts = dict.fromkeys(permutations(range(3)), 0)
    for row in order:
        counts[tuple(row)] += 1
    seen = ", ".join(f"{list(permutation)} {count} times" for permutation, count in counts.items())
    assert_shares(
        list(counts.values()), 1 / 6, f"in 600 episodes the query came in the orders {seen}; expected about 100 each"
    )


@points(3)
@after(test_images_are_drawings)
@hint(
    "Draw from self.folders, which holds the characters of the asked split only, and draw from all of it in every "
    "episode."
)
def test_all_characters_of_the_split_and_no_others(student, draw):
    """An episode draws from all characters of its split, and only from those."""
    known = episodes.drawings(draw)
    for part in ("train", "test"):
        wanted = episodes.of_split(part)
        images = student.sample(known, 2, 1, part, episodes=300).images
        seen = set(episodes.read(images, known).character.flat)
        foreign = len(seen - wanted)
        assert foreign == 0, f'{foreign} characters of other splits in episodes of "{part}"'
        assert seen == wanted, (
            f'300 episodes of "{part}" show {len(seen)} characters, expected all {len(wanted)} of the split'
        )


@points(1)
@after(test_images_are_drawings)
@hint("Choose among all drawings of a character, for the support as for the query.")
def test_every_drawing_has_its_turn(student, draw):
    """Every drawing of a character appears in the support and in the query, in the long run."""
    known = episodes.drawings(draw, characters=15, each=4)
    numbers = episodes.read(student.sample(known, 3, 1, "train", episodes=300).images, known).drawing
    for row, name in ((0, "support"), (1, "query")):
        counts = (numbers[:, row, :, None] == np.arange(4)).sum(axis=(0, 1))
        assert_shares(
            counts,
            1 / 4,
            f"in the {name} the 4 drawings of a character appear {counts.tolist()} times, expected equally often",
        )


@points(3)
@after(test_all_characters_of_the_split_and_no_others, test_support_labels_belong_to_their_characters)
@hint(
    "Which character gets which label must be random in every episode. If a character always has the same label, the "
    "network memorises it and has no need of the support."
)
def test_characters_get_random_labels(student, draw):
    """A character's label changes from episode to episode."""
    known = episodes.drawings(draw, characters=9)
    got = student.sample(known, 3, 1, "train", episodes=600)
    shown, classes = episodes.read(got.images, known).character[:, 0], episodes.classes(got.labels)[:, 0]
    for character in episodes.of_split("train", characters=9):
        counts = np.bincount(classes[shown == character], minlength=3)
        assert_shares(
            counts, 1 / 3, f"a character got the labels 0, 1, 2 {counts.tolist()} times, expected equally often"
        )


@points(1)
@after(test_images_are_drawings)
@hint(
    "Take randomness from random or numpy.random when an episode is drawn. A generator seeded in __init__ is copied "
    "to all workers."
)
def test_loader_workers_draw_different_episodes(student, draw):
    """Two workers of a DataLoader draw different episodes."""
    known = episodes.drawings(draw)
    got = student.load(known, 3, 1, workers=2, episodes=8)
    assert_differ(got.images[0::2], got.images[1::2], "both workers of a DataLoader drew the same episodes")


@points(1)
@after(test_images_are_drawings, test_labels_are_one_hot)
@hint(
    "Copy into a new array. What image_file_to_array returns stays in the cache, and the caller's config is the "
    "caller's: neither may be written to."
)
def test_nothing_is_damaged(student, draw):
    """The cache and the caller's config stay as they were, whatever is done with an episode."""
    known = episodes.drawings(draw, characters=9, each=3)
    got = student.sample(known, 2, 1, "train", episodes=40, scribble=True)
    seen = episodes.read(got.images, known)
    damaged = (seen.character == episodes.UNKNOWN) | (seen.inverted != seen.inverted.flat[0])
    assert not damaged.any(), (
        f"{int(damaged.sum())} of {damaged.size} images are not the drawing any more after the caller wrote to an "
        f"episode"
    )
    assert set(np.unique(got.labels)) == {0, 1}, "labels are not one-hot any more after the caller wrote to an episode"
    left = student.config(known)
    assert left.entries == 2 and left.img_size.tolist() == [28, 28], "the caller's config was changed"
