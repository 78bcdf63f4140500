"""What episodes give away of the code that drew them: mistakes that a statistic shows beyond doubt.

Each function returns a mistake in words that go on after "if", or "" where the episodes fit none. mutants.md has the
same words.
"""

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np

FIXED = "every call of _sample gives the same episode: a seed is set in it, or the first episode is kept"

# Sizes and shapes

FLAT = "{} one long row of (K+1) * N drawings"
CHARACTERS_FIRST = "{} laid out character by character, (N, K+1), not row by row"
BATCHED = "{} given a batch dimension in front"
SQUARE = "each image is 28 by 28, and not one row of 784 pixels"
NO_QUERY = "the query is left out, so that there are K rows and not K+1"
EXCHANGED = "labels are returned before images"
NUMBERS = "labels are class numbers, not one-hot"
EXCHANGED_SIZES = "N and K are exchanged: there are N+1 rows of K drawings"
ROW_TOO_MANY = "there is one row too many, K+2 rows and not K+1"


def of_sizes(images: tuple[int, ...], labels: tuple[int, ...], way: int, shot: int) -> str:
    """By the shapes of an episode whose arrays have too many numbers, or too few."""
    rows = (shot + 1) * way
    sizes = int(np.prod(images)), int(np.prod(labels))
    if sizes == (rows * way, rows * 784):
        return EXCHANGED
    if sizes == (shot * way * 784, shot * way * way):
        return NO_QUERY
    if sizes == ((shot + 2) * way * 784, (shot + 2) * way * way):
        return ROW_TOO_MANY
    if sizes == ((way + 1) * shot * 784, (way + 1) * shot * shot):
        return EXCHANGED_SIZES
    return NUMBERS if sizes == (rows * 784, rows) else ""


def of_shapes(images: tuple[int, ...], labels: tuple[int, ...], way: int, shot: int) -> str:
    """By the shapes of an episode whose arrays have as many numbers as they should."""
    rows = (shot + 1) * way
    forms: dict[str, Callable[[int], tuple[int, ...]]] = {
        FLAT: lambda size: (rows, size),
        CHARACTERS_FIRST: lambda size: (way, shot + 1, size),
        BATCHED: lambda size: (1, shot + 1, way, size),
    }
    for mistake, form in forms.items():
        parts = images == form(784), labels == form(way)
        if any(parts):
            return mistake.format(
                "images and labels are" if all(parts) else f"the {'images' if parts[0] else 'labels'} are"
            )
    return SQUARE if images == (shot + 1, way, 28, 28) else ""


# Pixels and labels

ON_THEIR_SIDE = "rows and columns of each drawing are exchanged, so that it lies on its side"
EMPTY = "the images of the query are all 0: they are never read, or written into another row"
UNFILLED = "row K, the query, is all 0, images and labels: its drawings are never read, or written into another row"
LEFT = "nothing is ever written to some places [k, n], the same ones in every episode"
NOT_WRITTEN = (
    "some places [k, n] are written to twice and others never, as where rows are counted along drawings that do not "
    "come folder by folder: get_images shuffles them unless shuffle=False"
)
PAPER = "the pixels are not inverted, or inverted once more: paper is 1 and ink 0"
DIVIDED = "the pixels are divided by 255, and were 0 and 1 before"
SCALED = "the pixels are multiplied by {:.4g}, and were 0 and 1 before"
FROM_MINUS_ONE = "the pixels are scaled to -1 .. 1, as by 2 x - 1"
STANDARDISED = "each drawing is standardised by its own mean and deviation"
PAPER_BYTES = "the pixels are those of the file: paper is 255 and ink 0"
PAPER_FROM_255 = "the pixels are inverted as 255 - x, and were 0 and 1 before"
PAPER_DIVIDED = "the pixels are inverted as 1 - x / 255, and were 0 and 1 before"
CENTRED = "0.5 is subtracted from all pixels"
WHOLE = "the images are integers, not floating-point numbers"
SCALED_IN_PLACE = (
    "the array that image_file_to_array returned is scaled in place: it stays in the cache, and is scaled again each "
    "time it is read"
)
IN_PLACE = (
    "the array that image_file_to_array returned is inverted in place: it stays in the cache, and is inverted again"
)
HIDDEN = "the labels of the query are all 0: they are set to zero, or written into another row"
SMOOTHED = "the labels are smoothed: each has a share of every class"


def of_empty(images: np.ndarray, labels: np.ndarray) -> str:
    """By episodes (episodes, K+1, N, numbers) in which some drawings are all 0."""
    empty = ~images.any(axis=-1)
    if not empty.any() or empty.all():
        return ""
    if _is_the_query(empty):
        return UNFILLED if _is_the_query(~labels.any(axis=-1)) else EMPTY
    return _of_places(empty)


def _is_the_query(empty: np.ndarray) -> bool:
    """Whether the places that are empty are those of the query."""
    return bool(empty[:, -1].all() and not empty[:, :-1].any())


def _of_places(empty: np.ndarray) -> str:
    if (empty == empty[:1]).all():
        return LEFT
    return NOT_WRITTEN if not (empty == empty[:, :, :1]).all() else ""


def of_pixels(low: float, high: float, inverted: np.ndarray) -> str:
    """By the least and the largest pixel, and by which images have ink darker than paper."""
    if inverted.all():
        known = {
            (0.0, 1.0): PAPER,
            (round(254 / 255, 5), 1.0): PAPER_DIVIDED,
            (0.0, 255.0): PAPER_BYTES,
            (254.0, 255.0): PAPER_FROM_255,
        }
    elif inverted.any():
        return ""
    else:
        known = {(0.0, round(1 / 255, 5)): DIVIDED, (-0.5, 0.5): CENTRED, (-1.0, 1.0): FROM_MINUS_ONE}
    return known.get((round(low, 5), round(high, 5)), "")


def of_scales(images: np.ndarray, drawn: np.ndarray) -> str:
    """By images (..., 784) that are not inverted, in the order in which they were read, and their drawings."""
    low, high = images.min(axis=-1), images.max(axis=-1)
    if (low == 0).all() and (high > 0).all():
        if np.allclose(high, high.flat[0], rtol=1e-5):
            return SCALED.format(high.flat[0])
        times: dict[int, int] = {}
        by_times: dict[int, set[float]] = {}
        for drawing, ink in zip(drawn.flat, high.flat, strict=True):
            times[drawing] = times.get(drawing, 0) + 1
            by_times.setdefault(times[drawing], set()).add(round(float(ink), 12))
        return SCALED_IN_PLACE if len(by_times) > 1 and all(len(inks) == 1 for inks in by_times.values()) else ""
    own = np.allclose(images.mean(axis=-1), 0, atol=1e-3) and np.allclose(images.std(axis=-1), 1, atol=1e-2)
    return STANDARDISED if own else ""


def of_inverted_in_turns(drawn: np.ndarray, inverted: np.ndarray) -> str:
    """By the drawings in the order in which they were read, and which of them are inverted: each in turns."""
    times: dict[int, int] = {}
    for drawing, is_inverted in zip(drawn.flat, inverted.flat, strict=True):
        times[drawing] = times.get(drawing, 0) + 1
        if bool(is_inverted) != (times[drawing] % 2 == 1):
            return ""
    return IN_PLACE if max(times.values(), default=0) > 1 else ""


def of_labels(labels: np.ndarray, images: np.ndarray) -> str:
    """By labels (episodes, K+1, N, N) that are not one-hot, and the images beside them."""
    one_hot = ((labels == 0) | (labels == 1)).all(axis=-1) & (labels.sum(axis=-1) == 1)
    if one_hot[:, :-1].all() and not labels[:, -1].any():
        return UNFILLED if _is_the_query(~images.any(axis=-1)) else HIDDEN
    empty = ~labels.any(axis=-1)
    if (one_hot | empty).all():
        return _of_places(empty) if empty.any() and not empty.all() else ""
    return SMOOTHED if (labels > 0).all() and np.allclose(labels.sum(axis=-1), 1) else ""


# Layout, by the classes (episodes, K+1, N) that the labels say

ANOTHER_ROW = "the first row is shuffled and the last one is not: the query comes first, or the wrong row is shuffled"
TOGETHER = "one permutation shuffles the support with the query"
SHUFFLED = "the support is shuffled too, not the query alone"
BACKWARDS = "the classes of the support are counted backwards"
ALL_BY_CLASS = "the drawings are collected class by class, and then reshaped to (K+1, N)"
BY_CLASS = "the support is collected class by class, and then reshaped to (K, N)"
LABELS_BY_CLASS = "the support's labels are collected class by class and then reshaped to (K, N), its images row by row"
IMAGES_BY_CLASS = "the support's images are collected class by class and then reshaped to (K, N), its labels row by row"
ALL_BUT_THE_FIRST = "all rows but the first are shuffled, and not the last one alone, which is the same for K = 1 only"
LABELS_ALL_BY_CLASS = "the labels are collected class by class and then reshaped to (K+1, N), the images row by row"
IMAGES_ALL_BY_CLASS = "the images are collected class by class and then reshaped to (K+1, N), the labels row by row"
ALL_SHUFFLED = (
    "all drawings of an episode are shuffled together, support and query alike, before they become rows, as get_images "
    "does unless shuffle=False is given"
)
LABELS_BY_ROW = "each label is the number of its row, not of its class"
REPEATED_CLASSES = "the order of the query is drawn with replacement: one class comes twice and another not at all"
OVERWRITTEN = (
    "rows of the query are written over while they are still to be read: parts of an array are views, no copies, so "
    "random.shuffle of an array, or rows that change places one by one, repeat some and lose others"
)


def of_layout(classes: np.ndarray, shown: np.ndarray) -> str:
    """By the classes that the labels say and the characters that the images show, both (episodes, K+1, N)."""
    shot, way = classes.shape[1] - 1, classes.shape[2]
    support, query = classes[:, :-1], classes[:, -1]
    in_order = np.arange(way)
    rows_hold_all = bool((np.sort(classes) == in_order).all())
    if (support == in_order).all():
        if (np.sort(query) == in_order).all() or not _vary(query):
            return ""
        seen = set(map(tuple, query.tolist()))
        return OVERWRITTEN if any(seen <= orders for orders in _overwritten(way)) else REPEATED_CLASSES
    if (classes[:, :-1] == (np.arange(shot) % way)[:, None]).all() and (query == shot % way).all():
        return LABELS_BY_ROW
    if rows_hold_all and (query == in_order).all() and _vary(support[:, 0]):
        return ANOTHER_ROW if (support[:, 1:] == in_order).all() else ""
    if rows_hold_all and (support == query[:, None]).all() and _vary(query):
        return TOGETHER
    if rows_hold_all and shot > 1 and (support[:, 0] == in_order).all() and (support[:, 1:] == query[:, None]).all():
        return ALL_BUT_THE_FIRST
    if (support == in_order[::-1]).all():
        return BACKWARDS
    if (support == _by_class(shot + 1, way)[:-1]).all():
        by_row = (shown[:, :-1] == shown[:, :1]).all() and (np.sort(shown[:, -1]) == np.sort(shown[:, 0])).all()
        return ALL_BY_CLASS if _agree(classes, shown) else LABELS_ALL_BY_CLASS if by_row else ""
    counted = np.stack([(classes == label).sum(axis=(1, 2)) for label in range(way)])
    if (counted == shot + 1).all() and not (np.sort(query) == in_order).all() and _vary(query):
        return ALL_SHUFFLED if _vary(support.reshape(len(support), -1)) and _agree(classes, shown) else ""
    if shot > 1 and (support == _by_class(shot, way)).all():
        is_by_row = (shown[:, :-1] == shown[:, :1]).all()
        return LABELS_BY_CLASS if is_by_row else BY_CLASS if _agree(support, shown[:, :-1]) else ""
    counts = np.stack([(support == label).sum(axis=(1, 2)) for label in range(way)])
    return SHUFFLED if (counts == shot).all() and _vary(support.reshape(len(support), -1)) else ""


def of_support_images(classes: np.ndarray, shown: np.ndarray) -> str:
    """By a support whose labels are not those of its characters, where the labels are laid out as they should be."""
    shot, way = classes.shape[1] - 1, classes.shape[2]
    if not (classes[:, :-1] == np.arange(way)).all():
        if (classes[:, :-1] == _by_class(shot + 1, way)[:-1]).all() and _is_by_row(shown):
            return LABELS_ALL_BY_CLASS
        return LABELS_BY_CLASS if (classes[:, :-1] == _by_class(shot, way)).all() and _is_by_row(shown) else ""
    if _are_by_class(shown):
        return IMAGES_ALL_BY_CLASS
    if shot == 1:
        return ""
    blocks = shown[:, :-1].reshape(len(shown), way, shot)
    is_by_class = (blocks == blocks[:, :, :1]).all() and all(len(set(block[:, 0])) == way for block in blocks)
    return IMAGES_BY_CLASS if is_by_class else ""


def _are_by_class(shown: np.ndarray) -> bool:
    """Whether characters (episodes, K+1, N) come in blocks of K+1, but for the order of the last row."""
    rows, way = shown.shape[1:]
    for episode in shown:
        of_blocks = list(dict.fromkeys([*episode[:-1].flat, *np.sort(episode[-1])]))
        started = [int(character) for character in dict.fromkeys(episode[:-1].ravel().tolist())]
        others = [int(character) for character in of_blocks if character not in started]
        expected = np.repeat(started + others, rows)
        if len(expected) != rows * way or (expected[:-way] != episode[:-1].ravel()).any():
            return False
        if (np.sort(expected[-way:]) != np.sort(episode[-1])).any():
            return False
    return True


@cache
@cache
def _overwritten(way: int) -> tuple[set[tuple[int, ...]], ...]:
    """The orders of N classes that can come from N rows that change places one by one where views are no copies.

    Each row in turn becomes a copy of what then stands in any row. What was in it is lost, so that most orders never
    come. There is one set for who goes from the first row to the last, and one for the other way around, as in
    random.shuffle.
    """
    orders: list[set[tuple[int, ...]]] = []
    for places in (range(way), range(way)[::-1]):
        reached = {tuple(range(way))}
        for place in places:
            reached = {(*row[:place], row[source], *row[place + 1 :]) for row in reached for source in range(way)}
        orders.append(reached)
    return tuple(orders)


def _is_by_row(shown: np.ndarray) -> bool:
    return bool((shown[:, :-1] == shown[:, :1]).all())


def _by_class(rows: int, way: int) -> np.ndarray:
    """The classes of rows * N places where N blocks of a class each follow each other."""
    return (np.arange(rows * way) // rows).reshape(rows, way)


def _agree(classes: np.ndarray, shown: np.ndarray) -> bool:
    """Whether in each episode one label stands for one character."""
    pairs = (set(zip(labels.flat, seen.flat, strict=True)) for labels, seen in zip(classes, shown, strict=True))
    return all(len(pair) == len({label for label, _ in pair}) for pair in pairs)


def _vary(rows: np.ndarray) -> bool:
    """Whether rows (episodes, n) are not all the same."""
    return bool((rows != rows[:1]).any())


# The query

UNMOVED_LABELS = "the images of the query are shuffled, and its labels are left as they were"
UNMOVED_IMAGES = "the labels of the query are shuffled, and its images are left as they were"
SHIFTED = (
    "every label of the query is off by one, the one below that of its character or the one above, where 0 comes "
    "after N-1"
)
INVERSE = "the labels of the query are put in the inverse of the order of its images"
APART = "images and labels of the query are shuffled by two permutations"
NEVER_SHUFFLED = "the query is never shuffled: it comes in class order"
ONE_ORDER = "the query comes in one and the same order in every episode"
ROLLED = "the query is rolled by a random number of places: it never comes in the other orders"
TWO_EXCHANGED = "two drawings of the query change places, and the others stay in class order"
BY_A_COIN = "the query comes in class order or reversed, and in no other order"


def of_query_labels(told: np.ndarray, taught: np.ndarray) -> str:
    """By the labels (episodes, N) of the query, and those that its characters have in the support."""
    in_order = np.arange(told.shape[1])
    if not (np.sort(told) == in_order).all() or not (np.sort(taught) == in_order).all():
        return ""
    if (told == in_order).all():
        return UNMOVED_LABELS if _vary(taught) else ""
    if (taught == in_order).all():
        return UNMOVED_IMAGES if _vary(told) else ""
    if (told == np.argsort(taught)).all():
        return INVERSE
    if any((told == (taught + step) % told.shape[1]).all() for step in (1, -1)):
        return SHIFTED
    follows: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for ours, theirs in zip(told.tolist(), taught.tolist(), strict=True):
        follows.setdefault(tuple(theirs), set()).add(tuple(ours))
    is_free = sum(len(orders) > 1 for orders in follows.values()) >= 5  # one order of the images, several of the labels
    return APART if is_free and _is_share((told == taught).mean(), 1 / told.shape[1], told.size) else ""


def of_orders(orders: set[tuple[int, ...]], way: int) -> str:
    """By the orders in which the query came in many episodes."""
    in_order = tuple(range(way))
    rolls = {tuple(np.roll(in_order, places).tolist()) for places in range(way)}
    if len(orders) == 1:
        return NEVER_SHUFFLED if orders == {in_order} else ONE_ORDER
    exchanges = {row for row in itertools.permutations(in_order) if sum(map(int.__ne__, row, in_order)) == 2}
    known = {
        frozenset({in_order, in_order[::-1]}): BY_A_COIN,
        frozenset(rolls): ROLLED,
        frozenset(exchanges): TWO_EXCHANGED,
        frozenset({in_order, *exchanges}): TWO_EXCHANGED,
    }
    return known.get(frozenset(orders), "")


# Drawings

TWO_CALLS = "support and query are drawn by two separate calls, of which neither knows what the other drew"
REPLACED = "the drawings of a character are drawn with replacement"
LAST_ROW_AGAIN = "the query shows the drawings of the last support row again"
FIRST_ROW_AGAIN = "the query shows the drawings of the first support row again"
SUPPORT_AGAIN = "every drawing of the query is one of the support"
ONE_IN_THE_SUPPORT = "all K support rows show the same drawing of a character"
ONE_IN_ALL = "all K+1 rows show the same drawing of a character"
FIRST_ONES = "the first drawings of a character are taken, always the same ones"
NEIGHBOURING_DRAWINGS = (
    "the drawings of a character are neighbours in the list of its files, one always after the other"
)
LAST_FOR_THE_QUERY = "the query is always the last drawing of a character"
FIRST_FOR_THE_QUERY = "the query is always the first drawing of a character"


def of_shared_drawings(drawn: dict[int, np.ndarray], each: int) -> str:
    """By drawings that come twice.

    Args:
        drawn: by K, numbers of the drawings of each character (episodes, N, K+1), the query's last.
        each: drawings that a character has.
    """
    by_shot = {shot: (numbers[..., :-1], numbers[..., -1:]) for shot, numbers in drawn.items()}
    shared = {shot: (support == query).any(axis=-1) for shot, (support, query) in by_shot.items()}
    many = by_shot[max(by_shot)][0]  # K > 1: there a drawing can be in the support twice
    repeated = np.array([[len(set(part)) < len(part) for part in episode] for episode in many.tolist()])
    if all((support == query).all() for support, query in by_shot.values()):
        return ONE_IN_ALL
    if (many == many[..., :1]).all():
        return ONE_IN_THE_SUPPORT if not any(part.any() for part in shared.values()) else ""
    if all((support[..., -1:] == query).all() for support, query in by_shot.values()):
        return LAST_ROW_AGAIN if not repeated.any() else ""
    if all((support[..., :1] == query).all() for support, query in by_shot.values()):
        return FIRST_ROW_AGAIN if not repeated.any() else ""
    if all(part.all() for part in shared.values()):
        return SUPPORT_AGAIN if not repeated.any() else ""
    is_chance = all(
        _is_share(part.mean(), 1 - (1 - 1 / each) ** shot if repeated.any() else shot / each, part.size)
        for shot, part in shared.items()
    )
    if not is_chance:
        return ""
    if not repeated.any():
        return TWO_CALLS
    alone = 1 - np.prod([1 - taken / each for taken in range(many.shape[-1])])
    return REPLACED if _is_share(repeated.mean(), alone, repeated.size) else ""


def of_neighbours(characters: np.ndarray, drawings: np.ndarray) -> str:
    """By characters and numbers of drawings (episodes, 2, N) of many episodes, K = 1."""
    orders = np.argsort(characters, axis=2)
    if (np.diff(np.take_along_axis(characters, orders, axis=2), axis=1) != 0).any():
        return ""
    steps = np.diff(np.take_along_axis(drawings, orders, axis=2), axis=1)
    return NEIGHBOURING_DRAWINGS if (steps == 1).all() or (steps == -1).all() else ""


def of_turns(support: np.ndarray, query: np.ndarray) -> str:
    """By how often each drawing of a character came in the support and in the query, for K = 1."""
    if not support[1:].any() and not query[2:].any() and query[1] == query.sum():
        return FIRST_ONES
    if query[0] == query.sum() and (support[1:] > 0).all() and not support[0]:
        return FIRST_FOR_THE_QUERY
    return LAST_FOR_THE_QUERY if query[-1] == query.sum() and (support[:-1] > 0).all() and not support[-1] else ""


# Characters

CHARACTERS_REPLACED = "the characters of an episode are drawn with replacement"
ONE_CHARACTER = "one character gets all the labels of an episode"
ONE_DRAWING = "each row shows one drawing in all its places"
SAME_CHARACTERS = "all episodes have the characters of the first one, as if the pool were overwritten by the sample"
FIRST_CHARACTERS = "the first N characters of self.folders are taken, always the same ones"
LAST_MISSING = "the last character of self.folders is never drawn"
TRAINING_ALWAYS = "the characters of the training split are drawn, whatever batch_type is"
SORTED = "labels follow the order of the folders: of two characters the earlier one always has the smaller label"
NEIGHBOURS = "the characters of an episode are neighbours in the list of folders"
COPIED = (
    "the random generator is made once, as in __init__, at the first call or outside of the class, so that each worker "
    "of a DataLoader has a copy and draws the same"
)
QUERY_OF_OTHERS = "the characters of the query are drawn anew: they are not those of the support"


def of_few_characters(characters: np.ndarray, drawings: np.ndarray) -> str:
    """By characters and numbers of drawings (episodes, K+1, N) of episodes that show too few or too many."""
    way = characters.shape[2]
    if not (np.sort(characters) == np.sort(characters[:, :1])).all():
        in_rows = (np.sort(characters[:, :-1]) == np.sort(characters[:, :1])).all()
        full = all(len(set(row)) == way for row in characters.reshape(-1, way).tolist())
        return QUERY_OF_OTHERS if in_rows and full else ""
    if (characters == characters[:, :, :1]).all():
        return ONE_DRAWING if (drawings == drawings[:, :, :1]).all() else ONE_CHARACTER
    distinct = {len(set(row)) for row in characters[:, 0].tolist()}
    return CHARACTERS_REPLACED if way in distinct and len(distinct) > 1 else ""


def swallowed(part: str, other: str) -> str:
    """Of a split from which all characters come, and all of another one too."""
    return f'episodes of "{part}" are drawn from the characters of "{other}" as well'


def exchanged(part: str, other: str) -> str:
    """Of a split in whose place another one is drawn from."""
    return f'episodes of "{part}" are drawn from the characters of "{other}"'


def of_splits(seen: dict[str, set[int]], listed: dict[str, list[int]], way: int) -> list[str]:
    """By the characters that came in many episodes of each split, and those that it has, in order."""
    if all(len(found) == way and found <= set(listed[part]) for part, found in seen.items()):
        is_first = all(found == set(listed[part][:way]) for part, found in seen.items())
        return [FIRST_CHARACTERS if is_first else SAME_CHARACTERS]
    if all(
        set(listed[part]) - found == {listed[part][-1]} and found <= set(listed[part]) for part, found in seen.items()
    ):
        return [LAST_MISSING]
    if all(found == set(listed["train"]) for found in seen.values()):
        return [TRAINING_ALWAYS]
    found_mistakes = []
    for part, found in seen.items():
        for other in (name for name in listed if name != part):
            if found == {*listed[part], *listed[other]}:
                found_mistakes.append(swallowed(part, other))
            elif found == set(listed[other]):
                found_mistakes.append(exchanged(part, other))
    return found_mistakes


def of_pairs(pairs: set[tuple[int, int]]) -> str:
    """By the pairs of characters that came together in many episodes: their places in the list of folders."""
    return NEIGHBOURS if pairs and all(abs(one - other) == 1 for one, other in pairs) else ""


def of_order_of_labels(places: np.ndarray, names: np.ndarray) -> str:
    """By the characters with the labels 0 to N-1: (episodes, N), their places in the list of folders, and by name."""
    if (np.diff(places, axis=1) == 1).all():
        return NEIGHBOURS
    return SORTED if any((np.diff(order, axis=1) > 0).all() for order in (places, names)) else ""


# What is kept

ONE_ARRAY = "the same array of {} is filled again for every episode"
CONFIG = "the caller's config is emptied, by pop() or del"


def of_kept(later: np.ndarray, name: str) -> str:
    """By episodes as they are when the last one has been drawn."""
    return ONE_ARRAY.format(name) if (later == later[-1:]).all() else ""


def _is_share(seen: float, share: float, events: int) -> bool:
    """Whether so many independent events may have come out in this share."""
    return bool(abs(seen - share) <= 5 * np.sqrt(share * (1 - share) / events))
