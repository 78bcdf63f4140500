"""Pictures of homework 2, for its notebook: tasks, and a sinusoid before and after adaptation."""

import numpy as np
import torch
from matplotlib.figure import Figure

from trainer.pictures import COLOURS, Picture, quiet, say, show_row

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


def before_and_after(method, adapt, steps=(0, 1, 10)):
    """Show a sinusoid that is known at ten points, and what is predicted before adaptation and after so many steps.

    Args:
        method: has the network _forward, whose parameters are adapted; its own number of inner steps does not matter.
        adapt: takes x (10, 1) and y (10, 1), and returns the parameters after the method's inner loop.
        steps: numbers of inner steps; 0 is before adaptation.
    """
    amplitude, phase = 3.5, 1.0
    x = np.random.default_rng(0).uniform(-5, 5, (10, 1))
    line = np.linspace(-5, 5, 200)[:, None]
    figure = Figure(figsize=(7.2, 3.7), layout="constrained")
    axes = figure.subplots()
    axes.plot(line, amplitude * np.sin(line - phase), color="black", linewidth=1, label="the sinusoid")
    errors = []
    trained = method._num_inner_steps
    try:
        for number, style, colour in zip(steps, (":", "--", "-"), COLOURS, strict=False):
            method._num_inner_steps = number
            known = (torch.tensor(part, dtype=torch.float32) for part in (x, amplitude * np.sin(x - phase)))
            parameters = adapt(*known)
            with torch.no_grad():
                asked = torch.tensor(line, dtype=torch.float32)
                predicted = np.asarray(method._forward(asked, parameters).tolist())
            errors.append(np.square(predicted - amplitude * np.sin(line - phase)).mean())
            words = f"after {number} step{'s' * (number > 1)}" if number else "before adaptation"
            axes.plot(line, predicted, style, color=colour, label=f"{words}: error {errors[-1]:.2f}")
    finally:
        method._num_inner_steps = trained
    axes.plot(x, amplitude * np.sin(x - phase), "o", color="black", markersize=5, label="ten points that are known")
    axes.set(xlabel="x", ylabel="y", ylim=(-6, 6))
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    quiet(axes)
    told = ", ".join(f"{error:.2f} after {number}" for number, error in zip(steps, errors, strict=True))
    return Picture(figure, f"a sinusoid and its predictions: mean squared error by inner steps {told}")
