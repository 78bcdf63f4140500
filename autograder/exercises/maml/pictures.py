"""Pictures for the notebook: the steps of the inner loop."""

import contextlib

import numpy as np
import torch
from matplotlib.figure import Figure

from hw2 import util
from trainer.pictures import COLOURS, Picture, quiet, say, show_drawing

RIGHT, WRONG = COLOURS[0], COLOURS[1]


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
    accuracies = [0.0] * (num_steps + 1)
    for step in range(num_steps + 1):
        with _steps(maml, step):
            parameters, _ = maml._inner_loop(images_support, labels_support, train=False)
        with torch.no_grad():
            logits = maml._forward(images_query, parameters)
        accuracies[step] = util.score(logits, labels_query)
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
def _steps(maml, number):
    """MAML with another number of inner steps."""
    before = maml._num_inner_steps
    maml._num_inner_steps = number
    try:
        yield
    finally:
        maml._num_inner_steps = before
