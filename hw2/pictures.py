"""Pictures of homework 2, for its notebook: tasks."""

from matplotlib.figure import Figure

from trainer.pictures import Picture, say, show_row

ROW = 10  # drawings side by side


def task(task):
    """Show a task: the support, and the query below, each in its order.

    Args:
        task: (images_support, labels_support, images_query, labels_query).
    """
    images_support, labels_support, images_query, labels_query = task
    parts = [("support", images_support, labels_support), ("query", images_query, labels_query)]
    rows = [
        (name if first == 0 else "", images[first : first + ROW], labels[first : first + ROW].tolist())
        for name, images, labels in parts
        for first in range(0, len(labels), ROW)
    ]
    across = max(len(labels) for _, _, labels in rows)
    figure = Figure(figsize=(0.76 * across + 0.8, 1.02 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), across, squeeze=False)
    for axes, (name, images, labels) in zip(grid, rows, strict=True):
        show_row(axes, images, labels)
        say(axes[0], name)
        for unused in axes[len(labels) :]:
            unused.set_axis_off()
    return Picture(figure, f"a task: {len(labels_support)} support drawings and {len(labels_query)} of the query")
