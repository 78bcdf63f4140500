"""Pictures for the notebook: features and prototypes."""

import contextlib

import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hw2 import util
from trainer.pictures import Picture, colour, marker, quiet, show_row


def plane(protonets, task):
    """Show features and prototypes of a task in the plane of their two main directions, a panel for each network.

    The plane is that of the principal components of all features of the task. Distances in it are at most those that
    decide; how much of the variance it shows is written at its axes.

    Args:
        protonets: words -> ProtoNet.
        task: (images_support, labels_support, images_query, labels_query).
    """
    images_support, labels_support, images_query, labels_query = task
    classes = range(int(labels_support.max()) + 1)
    figure = Figure(figsize=(4.2 * len(protonets) + 1, 5), layout="constrained")
    grid = figure.add_gridspec(len(classes), 1 + len(protonets), width_ratios=[1, *[5] * len(protonets)])
    for k in classes:
        show_row([figure.add_subplot(grid[k, 0])], [images_support[labels_support == k][0]], [k])
    for column, (words, protonet) in enumerate(protonets.items(), start=1):
        axes = figure.add_subplot(grid[:, column])
        with _evaluating(protonet._network), torch.no_grad():
            support, query = protonet._network(images_support), protonet._network(images_query)
            prototypes = protonet._prototypes(support, labels_support)
            logits = protonet._logits(query, prototypes)
        (support, query, prototypes), shares = _flatten(support, query, prototypes)
        wrong = (logits.argmax(dim=-1) != labels_query).numpy()
        for k in classes:
            look = {"color": colour(k), "marker": marker(k)}
            axes.scatter(*query[labels_query.numpy() == k].T, s=26, alpha=0.55, linewidth=0, **look)
            axes.scatter(*support[labels_support.numpy() == k].T, s=60, edgecolor="black", linewidth=0.8, **look)
            axes.scatter(*prototypes[k], s=330, color="white", edgecolor=colour(k), linewidth=2.5, zorder=3)
            axes.text(*prototypes[k], str(k), ha="center", va="center", fontweight="bold", zorder=4)
        axes.scatter(*query[wrong].T, s=90, facecolor="none", edgecolor="black", linewidth=1, zorder=2)
        axes.set_title(f"{words}: {util.score(logits, labels_query):.0%} of the query right")
        axes.set_xlabel(f"1st principal component ({shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"2nd principal component ({shares[1]:.0%})")
        axes.set_aspect("equal", adjustable="datalim")
        axes.locator_params(nbins=5)
        quiet(axes)
    legend = [
        Line2D([], [], color="grey", marker="o", linestyle="", markersize=5, alpha=0.55, label="query"),
        Line2D([], [], color="grey", marker="o", linestyle="", markeredgecolor="black", label="support"),
        Line2D([], [], color="white", marker="o", linestyle="", markeredgecolor="grey", markeredgewidth=2.5,
               markersize=13, label="prototype"),
        Line2D([], [], color="none", marker="o", linestyle="", markeredgecolor="black", markersize=9,
               label="query nearest to a wrong prototype"),
    ]  # fmt: skip
    figure.legend(handles=legend, loc="outside lower center", ncols=2 * len(protonets), frameon=False)
    return Picture(
        figure, f"features and prototypes of {len(classes)} classes in two dimensions: {', '.join(protonets)}"
    )


@contextlib.contextmanager
def _evaluating(network):
    """A network in evaluation mode, and back in its own afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _flatten(*features):
    """Project features (n, D) onto the two main directions of them all.

    Returns:
        (arrays (n, 2), shares of the variance).
    """
    together = torch.cat(features).double()
    middle = together.mean(dim=0)
    _, sizes, directions = torch.linalg.svd(together - middle, full_matrices=False)
    shares = (sizes**2 / (sizes**2).sum().clamp_min(1e-12))[:2].tolist()
    return [((part.double() - middle) @ directions[:2].T).numpy() for part in features], shares
