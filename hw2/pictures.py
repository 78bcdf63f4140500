"""Pictures of homework 2, for its notebook: tasks, features and prototypes, and the steps of the inner loop."""

import contextlib

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hw2 import util
from trainer.pictures import COLOURS, Picture, colour, marker, quiet, say, show_drawing, show_row

ROW = 10  # drawings side by side
RIGHT, WRONG = COLOURS[0], COLOURS[1]


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


def adaptation(maml, task, num_steps, num_queries=10):
    """Show what is said of the query before the inner loop's steps and after each: the class, and how surely.

    Args:
        maml: a MAML; its own number of inner steps does not matter.
        task: (images_support, labels_support, images_query, labels_query).
        num_steps: inner steps to show.
        num_queries: drawings of the query to show.
    """
    images_support, labels_support, images_query, labels_query = task
    shown = min(num_queries, len(labels_query))
    figure = Figure(figsize=(0.76 * shown + 1.3, 1.02 * (num_steps + 1) + 0.3), layout="constrained")
    grid = figure.subplots(num_steps + 1, shown, squeeze=False)
    accuracies = []
    for step in range(num_steps + 1):
        with _steps(maml, step):
            parameters, _ = maml._inner_loop(images_support, labels_support, train=False)
        with torch.no_grad():
            logits = maml._forward(images_query, parameters)
        accuracies.append(util.score(logits, labels_query))
        sureness, said = logits.softmax(dim=-1).max(dim=-1)
        for place, axes in enumerate(grid[step]):
            right = said[place] == labels_query[place]
            show_drawing(axes, images_query[place], RIGHT if right else WRONG, 2.5)
            axes.set_xlabel(
                f"{'✓' if right else '✗'} {said[place]}  {sureness[place]:.0%}",
                color=RIGHT if right else WRONG, fontsize=9, labelpad=3,
            )  # fmt: skip
        before = "before" if step == 0 else f"after {step} step{'s' * (step > 1)}"
        say(grid[step, 0], f"{before}\n{accuracies[-1]:.0%} right")
    for axes, label in zip(grid[0], labels_query.tolist(), strict=False):
        axes.set_title(f"class {label}", fontsize=9)
    return Picture(figure, f"the query's predictions, step by step: {', '.join(f'{a:.0%}' for a in accuracies)} right")


def by_step(mamls, tasks, num_steps):
    """Plot the accuracy before the inner loop's steps and after each, a panel for each initialisation.

    Args:
        mamls: words -> MAML; their own numbers of inner steps do not matter.
        tasks: the tasks over which the accuracies are averaged.
        num_steps: inner steps to take.
    """
    way = int(tasks[0][1].max()) + 1
    figure = Figure(figsize=(4.4 * len(mamls) + 0.4, 3.6), layout="constrained")
    for axes, (words, maml) in zip(
        figure.subplots(1, len(mamls), sharey=True, squeeze=False)[0], mamls.items(), strict=True
    ):
        query = []
        for step in range(num_steps + 1):
            with _steps(maml, step):
                _, support, accuracy = maml._outer_step(tasks, train=False)
            query.append(accuracy)
        for name, values, look in (("support", support, ("s--", COLOURS[1])), ("query", query, ("o-", COLOURS[0]))):
            axes.plot(range(num_steps + 1), 100 * np.array(values), look[0], color=look[1], label=name)
        axes.axhline(100 / way, color="grey", linestyle=":", label=f"chance, 1 in {way}")
        axes.set(title=words, xlabel="inner steps taken", ylim=(0, 104), xticks=range(num_steps + 1))
        quiet(axes)
    figure.axes[0].set_ylabel(f"accuracy, mean over {len(tasks)} tasks [%]")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return Picture(figure, f"support and query accuracy by inner step: {', '.join(mamls)}")


@contextlib.contextmanager
def _evaluating(network):
    """A network in evaluation mode, and back in its own afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


@contextlib.contextmanager
def _steps(maml, number):
    """MAML with another number of inner steps."""
    before = maml._num_inner_steps
    maml._num_inner_steps = number
    try:
        yield
    finally:
        maml._num_inner_steps = before


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
