"""Inputs for checks, drawn from the run's seed.

Every check draws from a stream of its own, so that adding a check changes no other's inputs. NumPy's PCG64 gives the
same numbers on every machine.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from autograder.grading.drawings import Drawings


class Task(NamedTuple):
    """A few-shot task.

    Attributes:
        images_support: (N * K, ...), float64.
        labels_support: (N * K,), int64.
        images_query: (Q, ...).
        labels_query: (Q,).
    """

    images_support: np.ndarray
    labels_support: np.ndarray
    images_query: np.ndarray
    labels_query: np.ndarray


class Draw:
    """A stream of inputs for one check.

    Args:
        seed: the run's seed.
        check: name of the check.
        drawings: characters for the checks that train.

    Attributes:
        rng: the stream itself, a NumPy generator.
        drawings: as given.
    """

    def __init__(self, seed: int, check: str, drawings: Drawings):
        self._run = seed
        self.rng = self.common(check)
        self.drawings = drawings

    def common(self, name: str) -> np.random.Generator:
        """Return the stream of this name, from its beginning: all checks of a run that ask for it get the same."""
        digest = hashlib.sha256(f"{self._run} {name}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "little"))

    def seed(self) -> int:
        """A seed for the subject's own random numbers."""
        return int(self.rng.integers(2**31))

    def normal(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        """Normal numbers, float64."""
        return scale * self.rng.standard_normal(shape)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Uniform numbers from low to high, float64."""
        return self.rng.uniform(low, high, shape)

    def shares(self, *shape: int) -> np.ndarray:
        """Numbers above 0, float64, that add to 1 along the last axis; all such rows are as likely."""
        rows: np.ndarray = self.rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        return rows

    def positive_definite(self, n: int) -> np.ndarray:
        """A symmetric matrix (n, n), float64, whose eigenvalues lie from 0.5 to 2."""
        turned, _ = np.linalg.qr(self.normal(n, n))
        half: np.ndarray = turned * np.sqrt(self.uniform(0.5, 2, n))
        matrix: np.ndarray = half @ half.T
        return matrix

    def parameters(self, shapes: Mapping[str, tuple[int, ...]], scale: float = 0.3) -> dict[str, np.ndarray]:
        """Normal numbers for each parameter of a network, by name."""
        return {name: self.normal(*shape, scale=scale) for name, shape in shapes.items()}

    def labels(self, way: int, each: int) -> np.ndarray:
        """Each of 0 .. way-1 so many times, shuffled: int64 (way * each,)."""
        return self.rng.permutation(np.repeat(np.arange(way), each))

    def task(self, way: int, shot: int, query: int, image: Sequence[int] = (1, 28, 28)) -> Task:
        """A task of noisy images, a random pattern for each class; support and query in random order.

        Args:
            way: N.
            shot: K, support images of each class.
            query: query images of each class.
            image: shape of an image.
        """
        patterns = self.normal(way, *image)
        support, asked = self.labels(way, shot), self.labels(way, query)
        return Task(
            patterns[support] + self.normal(way * shot, *image),
            support,
            patterns[asked] + self.normal(way * query, *image),
            asked,
        )

    def tasks(self, drawings: np.ndarray, way: int, shot: int, query: int, count: int) -> list[Task]:
        """Tasks of characters; support and query in random order.

        Args:
            drawings: (characters, drawings, height, width).
            way, shot, query: N, K, and the queries of each class.
            count: how many tasks.

        Returns:
            Tasks of images float32 (n, 1, height, width).
        """
        return [self._task(drawings, way, shot, query) for _ in range(count)]

    def _task(self, drawings: np.ndarray, way: int, shot: int, query: int) -> Task:
        characters = self.rng.permutation(len(drawings))[:way]
        chosen = [self.rng.permutation(drawings.shape[1])[: shot + query] for _ in range(way)]
        support, asked = self.labels(way, shot), self.labels(way, query)
        parts = []
        for labels, among in ((support, slice(None, shot)), (asked, slice(shot, None))):
            turns = {label: iter(chosen[label][among]) for label in range(way)}
            images = np.stack([drawings[characters[label], next(turns[label])] for label in labels])
            parts += [images[:, None].astype(np.float32), labels]
        return Task(*parts)
