"""Episodes to train and to judge a MANN by."""

import numpy as np

Array = np.ndarray


def episodes(rng: np.random.Generator, drawings: Array, way: int, shot: int, count: int) -> tuple[Array, Array]:
    """Episodes as the data generator of problem 1 makes them.

    Args:
        rng: randomness.
        drawings: (characters, drawings, 784).
        way: N.
        shot: K.
        count: B.

    Returns:
        Images (B, K+1, N, 784) and labels (B, K+1, N, N), the last row, the query, shuffled.
    """
    characters = rng.random((count, len(drawings))).argpartition(way - 1, axis=1)[:, :way]
    characters = rng.permuted(characters, axis=1)
    chosen = rng.random((count, way, drawings.shape[1])).argpartition(shot, axis=2)[:, :, : shot + 1]
    images = drawings[characters[:, None], rng.permuted(chosen, axis=2).transpose(0, 2, 1)].astype(np.float32)
    labels = np.broadcast_to(np.eye(way, dtype=np.float32), (count, shot + 1, way, way)).copy()
    order = rng.permuted(np.tile(np.arange(way), (count, 1)), axis=1)
    rows = np.arange(count)[:, None]
    images[:, -1], labels[:, -1] = images[:, -1][rows, order], labels[:, -1][rows, order]
    return images, labels
