"""Pictures for the notebook: the rates that were learned."""

import numpy as np
from matplotlib.figure import Figure

from trainer.pictures import COLOURS, Picture, quiet

DOWNHILL, UPHILL = COLOURS[0], COLOURS[1]
SHOWN = 0.99  # of a tensor's rates, those in the middle


def rates(meta_sgd, begun):
    """Show where the rates lie after training, a row for each tensor of theta: those below 0 go uphill.

    Args:
        meta_sgd: a MetaSGD.
        begun: what all its rates were before.
    """
    alpha = {name: rate.detach().numpy().ravel() for name, rate in meta_sgd._inner_lrs.items()}
    tails = [np.quantile(rate, [(1 - SHOWN) / 2, (1 + SHOWN) / 2]) for rate in alpha.values()]
    low, high = min(begun, 0.0, *(tail[0] for tail in tails)), max(begun, 0.0, *(tail[1] for tail in tails))
    width = (high - low) / 50
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width  # one of them is 0
    figure = Figure(figsize=(7.2, 0.5 * len(alpha) + 1.1), layout="constrained")
    for axes, (name, rate) in zip(
        figure.subplots(len(alpha), 1, sharex=True, squeeze=False)[:, 0], alpha.items(), strict=True
    ):
        counts, _ = np.histogram(rate, edges)
        colours = [UPHILL if left < -width / 2 else DOWNHILL for left in edges[:-1]]
        axes.bar(edges[:-1], counts, width, align="edge", color=colours)
        axes.axvline(begun, color="black", linestyle="--", linewidth=1)
        axes.axvline(0, color="grey", linewidth=0.8)
        axes.set_yticks([])
        axes.set_ylabel(f"{name}\n{len(rate):,}", rotation=0, ha="right", va="center", fontsize=8)
        axes.text(1.0, 0.5, f"{np.mean(rate < 0):.0%} below 0", transform=axes.transAxes, va="center", fontsize=8)
        quiet(axes)
    figure.axes[-1].set_xlabel(f"alpha; all began at {begun:g}, the dashed line")
    figure.suptitle("How many numbers of each tensor have which rate", fontsize=10)
    below = np.mean(np.concatenate(list(alpha.values())) < 0)
    return Picture(figure, f"histograms of the learned rates by tensor; {below:.0%} of all are below 0")
