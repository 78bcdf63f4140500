"""What the homeworks' pictures for notebooks are made of."""

import base64
import io
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which people who see few colours tell apart; a class has a marker of its own besides.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#000000")
MARKERS = "os^DvPX*"
PIXELS = 96  # of a page, to an inch
SHARP = 2  # pixels of the picture to one of the page


class Picture:
    """A figure as notebooks show it: sharp on every screen, and with words for those who do not see it.

    Args:
        figure: made without pyplot.
        words: what is to be seen, in a sentence.
    """

    def __init__(self, figure: Figure, words: str):
        self.figure, self.words = figure, words

    def __repr__(self) -> str:
        return f"<picture: {self.words}>"

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
        file = io.BytesIO()
        self.figure.savefig(file, format="png", dpi=SHARP * PIXELS, facecolor="white")
        width, height = (round(float(inches) * PIXELS) for inches in self.figure.get_size_inches())
        data = {"image/png": base64.b64encode(file.getvalue()).decode("ascii"), "text/plain": repr(self)}
        return data, {"image/png": {"width": width, "height": height, "alt": self.words}}


def colour(label: int) -> str:
    """The colour of a class."""
    return COLOURS[label % len(COLOURS)]


def marker(label: int) -> str:
    """The marker of a class."""
    return MARKERS[label % len(MARKERS)]


def show_drawing(axes: Axes, drawing: npt.ArrayLike, frame: str = "#888888", width: float = 1.0) -> None:
    """Show a drawing, ink 1 and paper 0, as black on white.

    Args:
        axes: where.
        drawing: (28, 28), or as many numbers in another shape.
        frame: the frame's colour.
        width: the frame's, in points.
    """
    axes.imshow(1 - np.asarray(drawing, dtype=float).reshape(28, 28), cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=frame, linewidth=width)


def show_row(axes: Iterable[Axes], drawings: Sequence[npt.ArrayLike], labels: Iterable[int]) -> None:
    """Show drawings side by side, each framed in the colour of its label and with the label below."""
    for place, drawing, label in zip(axes, drawings, labels, strict=False):
        show_drawing(place, drawing, colour(label), 2.5)
        place.set_xlabel(f"label {label}", labelpad=3)


def say(axes: Axes, words: str) -> None:
    """Write words to the left of axes, where a row of drawings begins."""
    axes.set_ylabel(words, rotation=0, ha="right", va="center", labelpad=10)


def quiet(axes: Axes) -> None:
    """Axes with a light grid, and no frame above and on the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
