"""Pictures of homework 1, for its notebook: characters and episodes."""

import numpy as np
from matplotlib.figure import Figure

from trainer.pictures import Picture, say, show_drawing, show_row


def characters(arrays, count=10):
    """Show characters, a row for each, as different people drew them.

    Args:
        arrays: character -> drawings (n, 28, 28), as data.images.load returns them.
        count: drawings of each.
    """
    figure = Figure(figsize=(0.72 * count + 1.5, 0.75 * len(arrays)), layout="constrained")
    grid = figure.subplots(len(arrays), count, squeeze=False)
    for row, (name, drawings) in zip(grid, arrays.items(), strict=True):
        for axes, drawing in zip(row, drawings, strict=False):
            show_drawing(axes, drawing)
        say(row[0], name.replace("/", "\n"))
    return Picture(figure, f"{len(arrays)} characters, each drawn by {count} people")


def episode(images, labels):
    """Show an episode: a row for each row of the support, and the query below.

    Args:
        images: (K+1, N, 784), ink 1 and paper 0.
        labels: (K+1, N, N), one-hot.

    Raises:
        ValueError: they have other shapes.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    rows, N = rows_and_way(images, labels)
    figure = Figure(figsize=(1.05 * N + 1, 1.25 * rows), layout="constrained")
    grid = figure.subplots(rows, N, squeeze=False)
    for row in range(rows):
        show_row(grid[row], images[row], labels[row].argmax(axis=-1))
        say(grid[row, 0], f"query\nrow {row}" if row == rows - 1 else f"support\nrow {row}")
    return Picture(figure, f"an episode: {rows - 1} rows of support and one of query, {N} characters in each")


def rows_and_way(images, labels):
    """Return K+1 and N of an episode.

    Raises:
        ValueError: its images or labels have other shapes.
    """
    if images.ndim != 3 or tuple(labels.shape) != (*images.shape[:2], images.shape[1]) or images.shape[2] != 784:
        raise ValueError(
            f"an episode has images (K+1, N, 784) and labels (K+1, N, N), not {tuple(images.shape)} and "
            f"{tuple(labels.shape)}"
        )
    return images.shape[:2]
