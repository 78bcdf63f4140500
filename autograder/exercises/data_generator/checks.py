"""The data generator.

The input is a folder of noise, so that every image tells which drawing of which character it is: 30 characters, 20 of
them for training, with 20 drawings each, as many as Omniglot has. What is rare in so large a pool is looked for in many
episodes.
"""

import contextlib
import itertools
import math
from collections import Counter
from itertools import pairwise, permutations

import numpy as np

from autograder.exercises.data_generator import episodes, failures, mistakes
from autograder.grading.check_vocabulary import (
    after,
    assert_close,
    assert_or_name,
    assert_shares,
    hint,
    picture,
    points,
    tells,
)
from autograder.results import StudentError

TYPES = {np.dtype(code).name: np.dtype(code).num for code in "?bBhHiIlLqQefdg"}


def _together(drawn, listed):
    """Pairs of places in the list of characters of which both came in one episode.

    Of all that an episode shows: in which rows its characters stand is for other checks.
    """
    places = {character: place for place, character in enumerate(listed)}
    shown = [sorted(places[one] for one in episode if one in places) for episode in drawn]
    return {pair for episode in shown for pair in itertools.combinations(episode, 2)}


def _sample(student, known, way, shot, part, **settings):
    """Episodes, laid out as they should be."""
    return episodes.laid_out(student.sample(known, way, shot, part, **settings), way, shot)


@points(1)
@tells
@hint(
    "An episode has K support rows and one query row, each with a drawing of every character. Look at how "
    "many drawings and labels _sample returns, and in which order it returns the two arrays.",
    mend="Return (images, labels): (K+1) * N drawings of 784 pixels, and for each a one-hot label of N numbers. "
    "Take N and K from self, not from one example.",
)
def test_sizes(student, draw):
    """An episode has (K+1) * N drawings of 784 pixels, and a label of N numbers for each."""
    known = episodes.drawings(draw)
    for way, shot in ((5, 1), (3, 2), (2, 4)):
        got = student.sample(known, way, shot, "train", episodes=1)
        for array, name, size in ((got.images[0], "images", 784), (got.labels[0], "labels", way)):
            want = (shot + 1) * way * size
            assert_or_name(
                array.size == want,
                f"{name} for N = {way}, K = {shot}: {array.size} numbers in shape {tuple(array.shape)}, expected "
                f"{want} in shape {(shot + 1, way, size)}",
                mistakes.of_sizes(got.images[0].shape, got.labels[0].shape, way, shot),
            )


@points(2)
@tells
@after(test_sizes)
@hint(
    "The numbers are all there, but not laid out as a table of rows and characters. Compare the shapes with "
    "the docstring of _sample.",
    mend="images[k, n] is a flat drawing, labels[k, n] its label: (K+1, N, 784) and (K+1, N, N). No batch "
    "dimension in front, and not one long row.",
)
def test_shapes(student, draw):
    """Images have shape (K+1, N, 784) and labels (K+1, N, N)."""
    known = episodes.drawings(draw)
    for way, shot in ((5, 1), (3, 2), (2, 4)):
        got = student.sample(known, way, shot, "train", episodes=1)
        mistake = mistakes.of_shapes(got.images[0].shape, got.labels[0].shape, way, shot)
        for array, name, size, axes in (
            (got.images[0], "images", 784, "(K+1, N, 784)"),
            (got.labels[0], "labels", way, "(K+1, N, N)"),
        ):
            wanted, seen = (shot + 1, way, size), tuple(array.shape)
            assert_or_name(
                seen == wanted,
                f"{name} for N = {way}, K = {shot}: shape {seen}, expected {wanted}, that is {axes}",
                mistake,
            )


@points(2)
@tells
@after(test_sizes)
@picture(failures.strange_images)
@hint(
    "Some images are no drawing of the folder. Look at whether each drawing is read whole, whether something is "
    "written into each place, and whether pixels keep their order when you shuffle.",
    mend="Read each drawing with self.image_file_to_array and put it into its place whole. To shuffle the query is "
    "to permute axis 0 of the query row, never the pixels.",
)
def test_images_are_drawings(student, draw):
    """Every image is one of the drawings in the data folder."""
    known = episodes.drawings(draw)
    for way, shot in ((4, 1), (3, 2)):
        got = _sample(student, known, way, shot, "train", episodes=20)
        images = got.images
        strange = episodes.read(images, known).character == episodes.UNKNOWN
        empty = ~images.any(axis=-1)
        are = (
            "are all 0, places [k, n] that nothing was written to"
            if (strange == empty).all()
            else "are no drawing of the folder"
        )
        assert_or_name(
            not strange.any(),
            f"{int(strange.sum())} of {strange.size} images (N = {way}, K = {shot}) {are}: "
            f"{int(strange[:, :-1].sum())} in the support, {int(strange[:, -1].sum())} in the query",
            mistakes.of_empty(images, got.labels) if (strange == empty).all() else "",
            mistakes.ON_THEIR_SIDE if strange.all() and _are_on_their_side(images, known) else "",
        )


def _are_on_their_side(images, known):
    turned = episodes.read(images, known.swapaxes(2, 3))
    return (turned.character != episodes.UNKNOWN).all()


@points(1)
@tells
@after(test_images_are_drawings)
@hint(
    "Each call of _sample must draw a new episode. Look for a seed, or for something that is drawn only once.",
    mend="Set no seed in _sample: numbers that follow a seed are the same every time. Draw characters, drawings "
    "and the query's order anew in every call.",
)
def test_episodes_differ(student, draw):
    """Each call draws another episode."""
    images = _sample(student, episodes.drawings(draw), 4, 1, "train", episodes=10).images
    assert_or_name(
        not (images == images[:1]).all(),
        "10 episodes in a row hold the same images, in the same order",
        mistakes.FIXED,
    )


@points(2)
@tells
@after(test_images_are_drawings)
@hint(
    "Ink is 1 and paper is 0, in floating point. Look at what you do with a drawing after it has been read.",
    mend="self.image_file_to_array already returns ink 1 and paper 0 as float32: copy it as it is, into an array "
    "of floats. Invert nothing, and divide by nothing.",
)
def test_ink_is_one(student, draw):
    """Ink is 1 and paper is 0, in floating point."""
    known = episodes.drawings(draw)
    images = _sample(student, known, 3, 1, "train", episodes=5).images
    number = student.image_type(known).number.item()
    kind = next((name for name, code in TYPES.items() if code == number), "unknown")
    assert_or_name(
        images.dtype.kind == "f",
        f"images have type {kind}, expected a floating-point type such as float32",
        mistakes.WHOLE,
    )
    inverted, low, high = episodes.read(images, known).inverted, float(images.min()), float(images.max())
    if not inverted.any() and low == 0 and (images.max(axis=-1) == 1).all():
        return
    more = _sample(student, known, 3, 1, "train", episodes=200)  # so many that drawings come again
    seen, pixels = _in_order_of_reading(episodes.read(more.images, known), episodes.classes(more.labels), more.images)
    drawn = seen.drawing + episodes.EACH * seen.character
    again = mistakes.of_scales(pixels, drawn) if not seen.inverted.any() else ""
    mistake = again if again == mistakes.SCALED_IN_PLACE else mistakes.of_pixels(low, high, seen.inverted)
    if inverted.any():
        said = f"ink is {low:g} and paper {high:g}, expected ink 1 and paper 0"
        assert_or_name(False, said, mistake or mistakes.of_inverted_in_turns(drawn, seen.inverted))
    said = f"pixels lie between {low:g} and {high:g}, expected 0 and 1 in every drawing"
    assert_or_name(False, said, mistake or again)


def _in_order_of_reading(seen, classes, images):
    """What images show and they themselves, character by character, as most code reads them."""
    order = np.argsort(classes, axis=-1)
    pixels = np.take_along_axis(images, order[..., None], axis=-2).swapaxes(1, 2)
    return episodes.Read(*(np.take_along_axis(part, order, axis=-1).swapaxes(1, 2) for part in seen)), pixels


@points(2)
@tells
@after(test_sizes)
@picture(failures.labels_not_one_hot)
@hint(
    "A label is all zeros but for a single 1, at the class of its drawing. Look at the labels of both parts: "
    "to hide those of the query is the network's task, not the generator's.",
    mend="Begin with an array of zeros, and set the entry of drawing (k, n) at its class to 1, in the query row too.",
)
def test_labels_are_one_hot(student, draw):
    """Every label is one-hot."""
    got = _sample(student, episodes.drawings(draw), 4, 2, "train", episodes=5)
    labels, mistake = got.labels, mistakes.of_labels(got.labels, got.images)
    other = labels[(labels != 0) & (labels != 1)]
    assert_or_name(
        other.size == 0, f"labels hold the value {[*other.flat[:1], 0][0]:g}, expected only 0 and 1", mistake
    )
    for rows, name in ((labels[:, :-1], "support"), (labels[:, -1], "query")):
        sums = rows.sum(axis=-1)
        wrong = [*sums[sums != 1], 1]
        said = f"a {name} label sums to {wrong[0]:g}, expected 1"
        if not any(wrong[:-1]):
            said = f"{len(wrong) - 1} of {sums.size} labels in the {name} are all 0, expected one 1 in each"
        assert_or_name((sums == 1).all(), said, mistake)


@points(3)
@tells
@after(test_labels_are_one_hot)
@picture(failures.misplaced_labels)
@hint(
    "Each row holds one drawing of every class, and only the query is shuffled. Look at the order of classes "
    "in the support row and in the query row.",
    mend="In the support the class of column n is n, so its labels are the identity matrix. get_images shuffles all "
    "that it returns unless shuffle=False is given; then it comes class by class, as (N, K+1), and the two axes have "
    "to change places. Shuffle the last row only, and by a permutation, so that each class is in it once.",
)
def test_rows_hold_every_class_and_the_support_in_class_order(student, draw):
    """Each row has every class once, and the support is in class order, for K = 1."""
    _assert_layout(student, draw, (5, 1), (3, 1))


@points(3)
@tells
@after(test_rows_hold_every_class_and_the_support_in_class_order)
@picture(failures.misplaced_labels)
@hint(
    "With K = 1 it is right, and with more rows the classes get mixed. Look at how drawings that were "
    "collected class by class become rows, and draw a small table of it.",
    mend="Drawings that were collected class by class lie as (N, K+1): swap the two axes, a reshape alone mixes "
    "the rows. Or write each drawing directly into its row k and column n.",
)
def test_layout_for_more_than_one_support_row(student, draw):
    """Each row has every class once, and all support rows are in class order, for K > 1."""
    _assert_layout(student, draw, (4, 2), (3, 3))


def _assert_layout(student, draw, *sizes):
    known = episodes.drawings(draw)
    for way, shot in sizes:
        got = _sample(student, known, way, shot, "train", episodes=10)
        order = episodes.classes(got.labels)
        support, query = order[:, :-1], order[:, -1]
        mistake = mistakes.of_layout(order, episodes.read(got.images, known).character)
        wrong = (support != np.arange(way)).any(axis=(1, 2))
        if wrong.any():
            where, seen = f"N = {way}, K = {shot}", support[wrong][0].tolist()
            assert_or_name(False, f"{where}: support classes {seen}, expected each row {[*range(way)]}", mistake)
        wrong = (np.sort(query) != np.arange(way)).any(axis=1)
        if wrong.any():
            where, seen = f"N = {way}, K = {shot}", query[wrong][0].tolist()
            assert_or_name(False, f"{where}: query classes {seen}, expected each of {[*range(way)]} once", mistake)


@points(4)
@tells
@after(test_episodes_differ)
@picture(failures.repeated_characters)
@hint(
    "An episode has N characters: none under two labels, and the same in the support and in the query. Look at how, "
    "and how often, you draw the characters.",
    mend="Draw N characters once in an episode, without replacement: random.sample never takes one twice, NumPy's "
    "choice and random.choices do. Take the drawings of the support and of the query from these.",
)
def test_characters_of_an_episode_differ(student, draw):
    """An episode has N different characters, the same in the support and in the query."""
    known = episodes.drawings(draw)
    for way, shot in ((5, 1), (4, 2)):
        seen = episodes.read(_sample(student, known, way, shot, "train", episodes=60).images, known)
        few = [episode for episode in seen.character if len(set(episode.flat)) != way]
        if few:
            assert_or_name(
                False,
                f"an episode for N = {way} shows {len(set(few[0].flat))} different characters, expected {way} "
                f"({len(few)} of 60 episodes are such)",
                mistakes.of_few_characters(seen.character, seen.drawing),
            )


@points(4)
@tells
@after(test_images_are_drawings)
@picture(failures.labels_of_others)
@hint(
    "In the support, labels and characters do not belong together one to one. Look at whether images and labels are "
    "laid out in the same order, above all for K > 1.",
    mend="Write image and label into the same place [k, n] in the same loop, or apply the same reshape, transpose "
    "and permutation to both arrays.",
)
def test_support_labels_belong_to_their_characters(student, draw):
    """In the support all drawings of one label show one character, and no other label's drawings do."""
    known = episodes.drawings(draw)
    for way, shot in ((3, 2), (4, 3)):
        got = _sample(student, known, way, shot, "train", episodes=20)
        shown, classes = episodes.read(got.images, known).character, episodes.classes(got.labels)
        mistake = mistakes.of_support_images(classes, shown)
        for characters, labels in zip(shown[:, :-1], classes[:, :-1], strict=True):
            for label in range(way):
                mixed = set(characters[labels == label].tolist())
                assert_or_name(
                    len(mixed) <= 1,
                    f"N = {way}, K = {shot}: {len(mixed)} different characters carry label {label} in one support",
                    mistake,
                )


@points(5)
@tells
@after(test_labels_are_one_hot, test_episodes_differ)
@picture(failures.labels_of_others)
@hint(
    "In the query a drawing carries the label of another character. Look at how the query is shuffled.",
    mend="Draw one permutation, and apply it to the images and to the labels of the query.",
)
def test_query_labels_belong_to_their_characters(student, draw):
    """Every query drawing carries the label that its character has in the support."""
    known = episodes.drawings(draw)
    got = _sample(student, known, 4, 1, "train", episodes=60)
    shown, classes = episodes.read(got.images, known).character, episodes.classes(got.labels)
    wrong = 0
    for characters, labels in zip(shown, classes, strict=True):
        for label, character in zip(labels[1], characters[1], strict=True):
            taught = characters[0][labels[0] == label]
            wrong += taught.size > 0 and character not in taught
    if wrong:
        assert_or_name(
            False,
            f"{wrong} of {classes[:, 1].size} query drawings carry another character's label",
            mistakes.of_support_images(classes, shown)
            or mistakes.of_query_labels(classes[:, 1], _taught(shown, classes)),
        )


def _taught(shown, classes):
    """The labels (episodes, N) that the query's characters have in the support, -1 for those that it does not show."""
    labels = np.full(classes[:, 1].shape, -1)
    for episode, (characters, told) in enumerate(zip(shown, classes, strict=True)):
        for place, character in enumerate(characters[1]):
            found = told[0][characters[0] == character]
            labels[episode, place] = found[0] if found.size == 1 else -1
    return labels


@points(7)
@tells
@after(test_episodes_differ)
@picture(failures.drawings_seen_before)
@hint(
    "The same drawing stands twice in an episode. If it is in support and query, the network is asked what it "
    "has just been told. Look at how the K+1 drawings of a character are drawn.",
    mend="Draw all K+1 drawings of a character in one call, without replacement, and give the last one to the "
    "query. Two separate calls can return the same drawing.",
)
def test_query_drawings_are_not_in_the_support(student, draw):
    """The K+1 drawings of a character in an episode are all different."""
    known = episodes.drawings(draw)
    # Drawn by two calls, two of 20 drawings are the same in 23% of the episodes for K = 1, in 67% for K = 4: to see
    # none in 60 episodes is rarer than one in a million.
    told, drawn = [], {}
    for way, shot in ((5, 1), (5, 4)):
        got = _sample(student, known, way, shot, "train", episodes=60)
        seen, classes = episodes.read(got.images, known), episodes.classes(got.labels)
        shared = repeated = 0
        for characters, numbers, labels in zip(seen.character, seen.drawing, classes, strict=True):
            if all(len(set(row)) == way for row in characters.tolist()):
                labels = characters  # whatever the labels say: a character that has two is for other checks
            shown = [
                list(zip(*(part.flat for part in parts), strict=True))
                for parts in ((labels[:-1], characters[:-1], numbers[:-1]), (labels[-1], characters[-1], numbers[-1]))
            ]
            if set(characters[-1]) == set(characters[:-1].flat):  # else the query is of other characters
                shared += not set(shown[0]).isdisjoint(shown[1])
            repeated += len(set(shown[0])) < len(shown[0])
        where = f"of 60 episodes (N = {way}, K = {shot})"
        told += [f"in {shared} {where} a drawing is in the support and in the query"] if shared else []
        told += [f"in {repeated} {where} a drawing is in the support twice"] if repeated else []
        by_class = _drawings_by_class(seen, classes)
        drawn[shot] = _drawings_by_class(seen, seen.character) if by_class is None else by_class
    if told:
        found = mistakes.of_shared_drawings(drawn, episodes.EACH) if all(n is not None for n in drawn.values()) else ""
        assert_or_name(False, told[0], found)


def _drawings_by_class(seen, classes):
    """Numbers of each class's drawings (episodes, N, K+1), row by row; None where a row lacks a class, or a
    class is not one character. What a class is can be the labels' to say, or the characters'."""
    in_rows = np.sort(classes)
    if not (in_rows == in_rows[:, :1]).all() or not (np.diff(in_rows) > 0).all():
        return None
    order = np.argsort(classes, axis=-1)
    characters, numbers = (np.take_along_axis(part, order, axis=-1) for part in (seen.character, seen.drawing))
    return numbers.swapaxes(1, 2) if (characters == characters[:, :1]).all() else None


@points(5)
@tells
@after(
    test_episodes_differ,
    test_query_labels_belong_to_their_characters,
    test_rows_hold_every_class_and_the_support_in_class_order,
)
@picture(failures.query_orders)
@hint(
    "The query must come in a new random order in every episode. In a fixed order the network learns the "
    "order, not the characters. Look at where and how often the order is drawn.",
    mend="Draw a new permutation of the N classes in every call of _sample, and apply it to the query row: "
    "permutation(N) of NumPy returns one; shuffle() works in place and returns None. Each of the N! orders must be as "
    "likely as any other, so rolling or reversing is not enough.",
)
def test_query_order_is_random(student, draw):
    """The query is shuffled anew in every episode, each order as likely as any other."""
    known = episodes.drawings(draw)
    order = episodes.classes(_sample(student, known, 3, 1, "train", episodes=600).labels)[:, -1].tolist()
    counts = dict.fromkeys(permutations(range(3)), 0)
    for row in order:
        counts[tuple(row)] += 1
    seen = ", ".join(f"{list(permutation)} {count} times" for permutation, count in counts.items())
    message = f"in 600 episodes the query came in the orders {seen}; expected about 100 each"
    if mistake := mistakes.of_orders({order for order, count in counts.items() if count}, 3):
        if mistake == mistakes.NEVER_SHUFFLED:  # or one order that happens to be that of the classes
            more = episodes.classes(_sample(student, known, 7, 1, "train", episodes=20).labels)[:, -1]
            mistake = mistakes.of_orders({tuple(row) for row in more.tolist()}, 7)
        assert_or_name(False, message, mistake)
    assert_shares(list(counts.values()), 1 / 6, message)
    follows = Counter((tuple(row), tuple(following)) for row, following in pairwise(order))
    most = max(follows.values())
    assert most <= 50, (  # eight standard deviations: a fair draw gets there less than once in 10^8
        f"one order of the query follows another one {most} of 599 times, expected about 17"
    )
    again = sum(row == following for row, following in pairwise(order))
    assert_shares(
        [again, len(order) - 1 - again],
        [1 / 6, 5 / 6],
        f"{again} of 599 times the query came in the order of the episode before, expected about 100",
    )


@points(2)
@tells
@after(test_episodes_differ)
@picture(failures.characters_of_the_split)
@hint(
    "Episodes must draw from all characters of their split, and from no others, and any two may come together. Look "
    "at which list you draw from, and whether it is changed on the way.",
    mend="Draw from self.folders, which holds the characters of this split, and from all of it, each character by "
    "itself. Do not assign to it: the next episode needs it as it was.",
)
def test_all_characters_of_the_split_and_no_others(student, draw):
    """An episode draws from all characters of its split, and only from those."""
    known = episodes.drawings(draw)
    drawn, seen, listed = {}, {}, {part: episodes.listed(part) for part in ("train", "val", "test")}

    def draw_from(part):
        images = _sample(student, known, 2, 1, part, episodes=300).images
        characters = episodes.read(images, known).character
        seen[part] = set(characters[:, 0].flat) - {episodes.UNKNOWN}  # what is no drawing has a check of its own
        drawn[part] = [set(episode) for episode in characters.reshape(len(characters), -1).tolist()]

    for part, characters in listed.items():
        draw_from(part)
        if seen[part] == set(characters):
            continue
        for other in [name for name in listed if name not in seen]:  # for the name of the mistake alone
            with contextlib.suppress(StudentError):
                draw_from(other)
        others = [other for other in listed if seen[part] & (set(listed[other]) - set(characters))]
        said = (
            f'300 episodes of "{part}" show {len(seen[part])} characters, expected all {len(characters)} of the split'
        )
        if others:
            said = f'episodes of "{part}" hold characters of "{others[0]}"'
        pairs = _together(drawn["train"], listed["train"])
        assert_or_name(False, said, *mistakes.of_splits(seen, listed, 2), mistakes.of_pairs(pairs))
    together = _together(drawn["train"], listed["train"])
    pairs = math.comb(len(listed["train"]), 2)
    missed = (1 - 1 / pairs) ** len(drawn["train"])  # the probability that a pair never comes
    expected = pairs * (1 - missed)
    # Six standard deviations: pairs that come take the places of others, so that their number varies less than if each
    # came or not by itself.
    assert_or_name(
        len(together) >= expected - 6 * math.sqrt(expected * missed),
        f'in 300 episodes of "train" {len(together)} pairs of characters came together, expected about {expected:.0f} '
        f"of the {pairs} that there are",
        mistakes.of_pairs(together),
    )


@points(1)
@tells
@after(test_episodes_differ)
@hint(
    "Some drawings of a character never appear in this part. Look at which drawings you choose from.",
    mend="Choose K+1 at random among all drawings of the character, and let chance decide which of them is the query.",
)
def test_every_drawing_has_its_turn(student, draw):
    """Every drawing of a character appears in the support and in the query, in the long run."""
    known = episodes.drawings(draw)
    shown = episodes.read(_sample(student, known, 5, 1, "train", episodes=300).images, known)
    turns = [(shown.drawing[:, row, :, None] == np.arange(episodes.EACH)).sum(axis=(0, 1)) for row in (0, 1)]
    neighbours = mistakes.of_neighbours(shown.character, shown.drawing)
    mistake = mistakes.of_turns(*turns) or (neighbours if min(map(np.min, turns)) == 0 else "")
    if mistake:
        seen = " and ".join(
            f"in the {name} {counts.tolist()} times" for name, counts in zip(("support", "query"), turns, strict=True)
        )
        assert_or_name(False, f"the drawings of a character appear {seen}, expected equally often", mistake)
    for counts, name in zip(turns, ("support", "query"), strict=True):
        assert_shares(  # each some 75 times of 1,500; a drawing that never appears is 74 off, and 52 are allowed
            counts,
            1 / episodes.EACH,
            f"in the {name} the {episodes.EACH} drawings of a character appear {counts.tolist()} times, expected "
            f"equally often",
        )


@points(4)
@tells
@after(
    test_rows_hold_every_class_and_the_support_in_class_order,
    test_all_characters_of_the_split_and_no_others,
)
@hint(
    "A character must not keep its label from one episode to the next, or the network learns it by heart and "
    "does not need the support. Look at how characters come to their labels.",
    mend="Number the characters in the random order in which they were drawn, and do not sort them.",
)
def test_characters_get_random_labels(student, draw):
    """A character's label is random in each episode."""
    known = episodes.drawings(draw)
    got = _sample(student, known, 3, 1, "train", episodes=600)
    shown = episodes.read(got.images, known).character[:, 0]  # in the support: what the query says has its own check
    classes = episodes.classes(got.labels)[:, 0]
    by_label = np.take_along_axis(shown, np.argsort(classes), axis=1)
    mistake = mistakes.of_order_of_labels(
        np.vectorize(episodes.listed("train").index)(by_label), np.vectorize(episodes.by_name("train").index)(by_label)
    )
    for character in episodes.of_split("train"):  # each some 90 times
        counts = np.bincount(classes[shown == character], minlength=3)
        if mistake:
            assert_or_name(
                False, f"a character got the labels 0, 1, 2 {counts.tolist()} times, expected equally often", mistake
            )
        assert_shares(
            counts, 1 / 3, f"a character got the labels 0, 1, 2 {counts.tolist()} times, expected equally often"
        )


@points(1)
@tells
@after(test_all_characters_of_the_split_and_no_others)
@hint(
    "All workers of a DataLoader draw the same episodes. Look at where your random numbers come from, and "
    "when their generator is made.",
    mend="Draw from random, numpy.random or torch in _sample. A generator that is made in __init__ is copied to "
    "every worker, and each copy draws the same numbers.",
)
def test_loader_workers_draw_different_episodes(student, draw):
    """Two workers of a DataLoader draw different episodes."""
    known = episodes.drawings(draw)
    got = episodes.laid_out(student.load(known, 3, 1, workers=2, episodes=8), 3, 1)
    seen = np.sort(episodes.read(got.images, known).character.reshape(8, -1))
    assert_or_name(
        (seen[0::2] != seen[1::2]).any(),
        "both workers of a DataLoader drew the same characters, episode by episode",
        mistakes.COPIED,
    )


@points(1)
@tells
@after(test_ink_is_one, test_labels_are_one_hot)
@hint(
    "Episodes share memory with each other, with the cache, or with the caller. Look for arrays that are kept "
    "on self, or that are changed in place.",
    mend="Make new arrays in each call, and copy drawings into them: what image_file_to_array returns stays in the "
    "cache. Do not write to the config either: it is the caller's.",
)
def test_nothing_is_damaged(student, draw):
    """Earlier episodes, the cache and the caller's config stay as they were when an episode is drawn or written to."""
    known = episodes.drawings(draw)
    kept = student.keep(known, 2, 1, episodes=10)
    for now, later, name in (
        (kept.images, kept.images_later, "images"),
        (kept.labels, kept.labels_later, "labels"),
    ):
        assert_or_name(
            not mistakes.of_kept(later, name) or (later == now).all(),
            f"{name} of 10 episodes are all those of the last one, once it is drawn",
            mistakes.of_kept(later, name),
        )
        assert_close(later, now, f"{name} of 10 episodes, once the last is drawn")
    got = _sample(student, known, 2, 1, "train", episodes=100, scribble=True)
    seen = episodes.read(got.images, known)
    damaged = (seen.character == episodes.UNKNOWN) | (seen.inverted != seen.inverted.flat[0])
    assert not damaged.any(), (
        f"{int(damaged.sum())} of {damaged.size} images are no longer a drawing of the folder after the caller wrote "
        f"to an earlier episode"
    )
    assert set(np.unique(got.labels)) == {0, 1}, (
        "labels are no longer one-hot after the caller wrote to an earlier episode"
    )
    left = student.config(known)
    assert_or_name(
        left.entries == 2 and left.img_size.tolist() == [28, 28],
        "the caller's config was changed",
        mistakes.CONFIG if left.entries < 2 else "",
    )
