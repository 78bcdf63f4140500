"""A picture of thresholds: the accuracies of the reference and of wrong solutions, and the line between them."""

from pathlib import Path

import matplotlib as mpl

from autograder.grading.scores import ACCURACY
from autograder.grading.thresholds import Table

RIGHT, WRONG, LINE = "#1a7f37", "#b42318", "#333333"


def draw(table: Table, path: Path) -> None:
    """Write a PNG with a panel for each check and source of drawings.

    Args:
        table: of an exercise.
        path: of the PNG.
    """
    mpl.use("Agg")
    from matplotlib import pyplot

    panels = [(check, source, found) for check, sources in table.items() for source, found in sources.items()]
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(8, 0.4 + sum(1.3 + 0.22 * len(panel[2].mutants) for panel in panels)), squeeze=False
    )
    for (check, source, found), axis in zip(panels, axes[:, 0], strict=True):
        rows = {"the reference": found.measured} | found.mutants
        for height, (name, accuracies) in enumerate(rows.items()):
            colour = WRONG if height else RIGHT
            axis.plot(accuracies, [-height] * len(accuracies), "|", color=colour, markersize=9, alpha=0.7)
            axis.text(0.002, -height, name[:60], va="center", fontsize=7, transform=axis.get_yaxis_transform())
        axis.axvline(found.bound, color=LINE, linewidth=1)
        axis.set_title(
            f"{check.removeprefix('test_').replace('_', ' ')}, {source}: {found.words}, "
            f"false fail {found.false_fail:.0e}",
            fontsize=9,
            loc="left",
        )
        axis.set(ylim=(-len(rows) + 0.4, 0.6), yticks=[])
        if found.score == ACCURACY.name:
            axis.set_xlim(-0.35, 1.0)
            axis.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        else:  # room for the names at the left
            low, high = axis.get_xlim()
            axis.set_xlim(low - 0.35 * (high - low), high)
        for side in ("left", "right", "top"):
            axis.spines[side].set_visible(False)
    axes[-1, 0].set_xlabel("score on what was not trained on; one mark a seed")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
