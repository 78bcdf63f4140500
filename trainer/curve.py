"""The learning curve of a run, drawn from its log."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trainer import log
from trainer.learner import Learner
from trainer.pictures import COLOURS, quiet

Floats = npt.NDArray[np.float64]


def draw(folder: Path, learner: Learner, title: str) -> Path:
    """Draw the learning curve of a run.

    Args:
        folder: holds the log; learning_curve.png is written beside it.
        learner: gives the scores' words, and chance.
        title: of the picture.

    Returns:
        The path of the picture.
    """
    picture = figure_of(log.read(folder), learner)
    picture.suptitle(title, fontsize="small")
    path = folder / "learning_curve.png"
    picture.savefig(path)
    return path


def figure_of(
    record: Mapping[str, Sequence[float]], learner: Learner, size: tuple[float, float] = (12.5, 4.2)
) -> Figure:
    """Draw loss and accuracies against iterations: training as lines, validation as dots.

    Args:
        record: columns as trainer.log.read gives them.
        learner: gives the scores' words, and chance.
        size: width and height in inches.
    """
    columns = {name: np.array(values) for name, values in record.items()}
    score, chance = learner.score, learner.score.chance
    unit = 0.01 if score.percent else 1.0
    figure = Figure(figsize=size, dpi=120, layout="constrained")  # no pyplot: no window, no global state
    losses, accuracies = figure.subplots(1, 2)

    _plot(losses, columns, "loss", COLOURS[0])
    if score.percent and chance:
        losses.axhline(-math.log(chance), color="grey", linestyle=":")
        losses.set(ylabel="cross entropy of the query [nats]", ylim=(0, None))
    else:
        losses.set(ylabel="loss")

    legend = []
    for colour, (name, words) in zip(COLOURS, learner.labels.items(), strict=False):
        _plot(accuracies, columns, name, colour, unit=unit)
        legend.append(Line2D([], [], color=colour, linewidth=4, label=words))
    if chance is not None:
        accuracies.axhline(chance / unit, color="grey", linestyle=":")
    if score.percent:
        accuracies.set(ylabel=f"{score.words} [%]", ylim=(0, 102))
    else:
        accuracies.set(ylabel=score.words)
    legend += [
        Line2D([], [], color="black", label="meta-training, running mean"),
        Line2D([], [], color="black", marker="o", markersize=5, linewidth=0.8, label="meta-validation"),
    ]
    if chance is not None:
        words = f"chance, 1 in {round(1 / chance)}" if score.percent else "chance"
        legend.append(Line2D([], [], color="grey", linestyle=":", label=words))
    figure.legend(handles=legend, loc="outside right center", fontsize="small", frameon=False)

    for axes in (losses, accuracies):
        axes.set(xlabel="iteration [batches of tasks]", xlim=(0, max(1, columns["iteration"][-1]) * 1.01))
        quiet(axes)
    return figure


def running_mean(values: Floats) -> Floats:
    """Average each value with its neighbours, a fiftieth of all values; at the ends with fewer."""
    window = np.ones(max(1, len(values) // 50))
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def _plot(axes: Axes, columns: dict[str, Floats], metric: str, colour: str, unit: float = 1.0) -> None:
    """Plot a metric: training faintly as it is and as its running mean, validation as dots."""
    iteration = columns["iteration"]
    train, val = columns[f"train_{metric}"] / unit, columns[f"val_{metric}"] / unit
    trained, validated = ~np.isnan(train), ~np.isnan(val)
    if trained.any():
        axes.plot(iteration[trained], train[trained], color=colour, alpha=0.12, linewidth=0.6)
        axes.plot(iteration[trained], running_mean(train[trained]), color=colour, linewidth=1.3)
    axes.plot(iteration[validated], val[validated], color=colour, marker="o", markersize=3.5, linewidth=0.6)
