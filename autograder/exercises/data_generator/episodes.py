"""Reading episodes: which drawing of which character each image is, whatever the solution did to it."""

from typing import Any, NamedTuple

import numpy as np

from autograder.exercises.data_generator.naming import names
from autograder.grading.draw import Draw
from data import split

UNKNOWN = -1
EACH = 20  # drawings of a character, as in Omniglot: code that counts on so many works here too


class LaidOut(NamedTuple):
    """Episodes as they should be laid out: images (episodes, K+1, N, 784), labels (episodes, K+1, N, N)."""

    images: np.ndarray
    labels: np.ndarray


def drawings(draw: Draw) -> np.ndarray:
    """Return drawings that cannot be confused: noise with a quarter ink, uint8 (30 characters, 20 of each, 28, 28).

    The same in all checks of a run, so that they are written into a folder once.
    """
    return (draw.common("drawings of the data generator").random((30, EACH, 28, 28)) < 0.25).astype(np.uint8)


def listed(part: str, characters: int = 30) -> list[int]:
    """Numbers of the characters that belong to a split, in the order of a solution's list of folders."""
    known = names(characters)
    return [known.index(name) for name in split.split(known)[part]]


def by_name(part: str, characters: int = 30) -> list[int]:
    """Numbers of the characters that belong to a split, sorted by their names."""
    return sorted(listed(part, characters), key=names(characters).__getitem__)


def of_split(part: str, characters: int = 30) -> set[int]:
    """Numbers of the characters that belong to a split."""
    return set(listed(part, characters))


def laid_out(got: Any, way: int, shot: int) -> LaidOut:
    """Episodes as (episodes, K+1, N, ...), where the size is right and only the shape is not.

    A wrong shape is one mistake, and has its own check.
    """
    images, labels = (_laid_out(array, way, shot, size) for array, size in ((got.images, 784), (got.labels, way)))
    return LaidOut(images, labels)


def _laid_out(array: np.ndarray, way: int, shot: int, size: int) -> np.ndarray:
    episodes = len(array)
    if array.size != episodes * (shot + 1) * way * size:
        return array
    if way != shot + 1 and array.ndim > 3 and array.shape[1:3] == (way, shot + 1):
        array = array.swapaxes(1, 2)
    return array.reshape(episodes, shot + 1, way, size)


class Read(NamedTuple):
    """What images show.

    Attributes:
        character: number of the character, UNKNOWN if the image is none of the drawings.
        drawing: number of the drawing among its character's.
        inverted: whether ink is darker than paper.
    """

    character: np.ndarray
    drawing: np.ndarray
    inverted: np.ndarray


def read(images: np.ndarray, known: np.ndarray) -> Read:
    """Recognise images (..., 784) by their pattern of light and dark, so that their scale does not matter.

    Args:
        images: any real numbers.
        known: the drawings, uint8 (characters, drawings, 28, 28).
    """
    characters, each = known.shape[:2]
    book = {}
    for inverted, patterns in ((1, known == 0), (0, known == 1)):
        for number, key in enumerate(_keys(patterns.reshape(characters * each, -1))):
            book[key] = (number // each, number % each, inverted)
    flat = images.reshape(-1, images.shape[-1])
    middle = (flat.min(axis=1, keepdims=True) + flat.max(axis=1, keepdims=True)) / 2
    found = [book.get(key, (UNKNOWN, UNKNOWN, 0)) for key in _keys(flat > middle)]
    return Read(*(np.array(column).reshape(images.shape[:-1]) for column in zip(*found, strict=True)))


def classes(labels: np.ndarray) -> np.ndarray:
    """Class numbers (..., N) of one-hot labels (..., N, N)."""
    return labels.argmax(axis=-1)


def _keys(patterns: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(patterns, axis=1)]
