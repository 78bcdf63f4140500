"""Few-shot tasks drawn from characters."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from data import images

Task = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class Tasks:
    """N-way K-shot tasks over a set of characters.

    A task is (images_support, labels_support, images_query, labels_query): float32 images (N * K, 1, 28, 28)
    and (N * Q, 1, 28, 28), ink 1 and paper 0; int64 labels (N * K,) and (N * Q,) with values 0 .. N-1. Its N
    characters are different ones in random order, and so are the K + Q drawings of each. Support and query
    are each shuffled: a drawing's label alone tells its class.

    Args:
        drawings: character -> uint8 array (drawings, 28, 28), as data.images.load returns them.
        num_way: N.
        num_support: K, the support drawings of each class.
        num_query: Q, the query drawings of each class.

    Raises:
        images.DrawingError: there are too few characters, or too few drawings of one.
    """

    def __init__(self, drawings: Mapping[str, np.ndarray], num_way: int, num_support: int, num_query: int):
        self.num_way, self.num_support, self.num_query = num_way, num_support, num_query
        images.check_enough(drawings, num_way, num_support + num_query)
        self._counts = np.array([len(array) for array in drawings.values()])
        # All drawings in one array, a character's from its first row on: a batch is one look-up.
        self._shape = next(iter(drawings.values())).shape[1:]
        pixels = np.concatenate([array.reshape(len(array), -1) for array in drawings.values()])
        self._in_bits = pixels.dtype == np.uint8 and pixels.max() <= 1  # eight pixels in a byte; shades need more
        self._rows = np.packbits(pixels, axis=1) if self._in_bits else pixels
        self._first = np.cumsum(self._counts) - self._counts

    def batches(self, num_tasks: int, seed: int, start: int = 0) -> Iterator[list[Task]]:
        """Draw batches of tasks without end.

        Args:
            num_tasks: tasks in a batch.
            seed: decides all of them.
            start: how many batches to skip. A batch is the same wherever the iterator began.

        Yields:
            Lists of num_tasks tasks.
        """
        while True:
            yield self.sample(np.random.default_rng([seed, start]), num_tasks)
            start += 1

    def sample(self, rng: np.random.Generator, num_tasks: int) -> list[Task]:
        """Draw a batch of tasks.

        Args:
            rng: source of all randomness.
            num_tasks: tasks in the batch.
        """
        characters = _choose(rng.random((num_tasks, len(self._counts))), self.num_way)
        keys = rng.random((num_tasks, self.num_way, self._counts.max()))
        keys[np.arange(keys.shape[-1]) >= self._counts[characters][..., None]] = 1.0  # no such drawing
        drawings = _choose(keys, self.num_support + self.num_query)
        chosen = self._first[characters][..., None] + drawings  # (tasks, N, K + Q) indices into the images
        support = self._shuffled(rng, chosen[..., : self.num_support])
        query = self._shuffled(rng, chosen[..., self.num_support :])
        return list(zip(*(part.unbind() for part in (*support, *query)), strict=True))

    def _shuffled(self, rng: np.random.Generator, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Look up chosen images (tasks, N, n) in random order.

        Returns:
            Images (tasks, N * n, 1, 28, 28) and labels (tasks, N * n).
        """
        tasks, N, n = chosen.shape
        order = rng.random((tasks, N * n)).argsort(axis=-1)
        indices = chosen.reshape(tasks, N * n)[np.arange(tasks)[:, None], order]
        pixels = self._rows.take(indices, axis=0)
        if self._in_bits:
            pixels = np.unpackbits(pixels, axis=-1, count=math.prod(self._shape))
        images = torch.from_numpy(pixels).float().view(tasks, N * n, 1, *self._shape)
        return images, torch.from_numpy(order // n)


def turned(drawings: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make four classes of each character, turned by 0, 90, 180 and 270 degrees, as Santoro et al. (2016) do."""
    return {
        f"{name}, {90 * quarter} degrees": np.rot90(array, quarter, axes=(1, 2))
        for name, array in drawings.items()
        for quarter in range(4)
    }


def _choose(keys: np.ndarray, n: int) -> np.ndarray:
    """Indices of the n smallest keys along the last axis, smallest first: for random keys, n different ones."""
    if 4 * n > keys.shape[-1]:
        return keys.argsort(axis=-1)[..., :n]
    smallest = keys.argpartition(n, axis=-1)[..., :n]  # faster for few of many, but in no order
    order = np.take_along_axis(keys, smallest, axis=-1).argsort(axis=-1)
    return np.take_along_axis(smallest, order, axis=-1)
