"""Pictures as text: a few marks in SVG, from numbers alone.

No script, no font and no file from elsewhere, so that a report stays one page. Lines and words have the colour of the
text around them, and marks have colours that can be seen on white and on black: a notebook's theme may be dark where
the browser's is not. What a number is, NaN or 1e300 included, a picture stands it.
"""

import html
import math
from collections.abc import Iterable, Sequence

import numpy as np

EXPECTED, YOURS = "#2f7fd1", "#d9480f"
CLASSES = ("#2f7fd1", "#b87400", "#2e9e4f", "#a855c8", "#159aa5", "#c0497f", "#7d7d29", "#6b7280")

MARKS = 1500  # that a panel may have
BEYOND = 3.0  # times what is expected, by which a panel is widened at most for numbers that are not
AROUND = 0.08  # of a range, left free at both of its ends


class TooMuchError(Exception):
    """More marks than a picture can show."""


class Panel:
    """A drawing of a size in pixels, to which marks are added.

    Args:
        title: what it shows, for those who hear it read.
        width, height: in pixels.
    """

    def __init__(self, title: str, width: float, height: float):
        self._title, self.width, self.height = title, width, height
        self._marks: list[str] = []

    def _add(self, mark: str) -> None:
        if len(self._marks) >= MARKS:
            raise TooMuchError
        self._marks.append(mark)

    def text(
        self, x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", fill: str = "currentColor"
    ) -> None:
        """Write a line of text: x, y is its start, middle or end, on the line."""
        self._add(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">'
            f"{html.escape(text)}</text>"
        )

    def line(
        self, x: float, y: float, x2: float, y2: float, *, colour: str = "currentColor", width: float = 1.0,
        opacity: float = 1.0, dashed: bool = False,
    ) -> None:  # fmt: skip
        """Draw a straight line."""
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._add(
            f'<line x1="{_n(x)}" y1="{_n(y)}" x2="{_n(x2)}" y2="{_n(y2)}" stroke="{colour}" stroke-width="{_n(width)}" '
            f'stroke-opacity="{_n(opacity)}"{dashes}/>'
        )

    def box(
        self, x: float, y: float, width: float, height: float, *, fill: str = "none", opacity: float = 1.0,
        edge: str = "none", edge_width: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a rectangle; the opacity is that of what fills it."""
        self._add(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(max(height, 0))}" fill="{fill}" '
            f'fill-opacity="{_n(opacity, 2)}" stroke="{edge}" stroke-width="{_n(edge_width)}"/>'
        )

    def dot(
        self, x: float, y: float, radius: float, colour: str, *, hollow: bool = False, opacity: float = 1.0
    ) -> None:
        """Draw a circle, filled or hollow."""
        look = f'fill="none" stroke="{colour}" stroke-width="2.5"' if hollow else f'fill="{colour}"'
        self._add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {look} opacity="{_n(opacity, 2)}"/>')

    def cross(self, x: float, y: float, radius: float, colour: str) -> None:
        """Draw a cross."""
        for sign in (1, -1):
            self.line(x - radius, y - sign * radius, x + radius, y + sign * radius, colour=colour, width=3)

    def arrow(self, x: float, y: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> None:
        """Draw an arrow; of one without a length only its point."""
        self.line(x, y, x2, y2, colour=colour, width=2.5, dashed=dashed)
        angle = math.atan2(y2 - y, x2 - x)
        if math.hypot(x2 - x, y2 - y) < 4:
            self.dot(x2, y2, 4, colour)
            return
        for turn in (2.65, -2.65):
            self.line(
                x2, y2, x2 + 9 * math.cos(angle + turn), y2 + 9 * math.sin(angle + turn), colour=colour, width=2.5
            )

    def legend(self, x: float, y: float, entries: Iterable[tuple[str, str, str]]) -> None:
        """Say what marks mean, one below the other.

        Args:
            x, y: of the first.
            entries: mark, colour and words; the mark is "line", "dashes", "dot", "ring" or "cross".
        """
        for row, (mark, colour, words) in enumerate(entries):
            middle = y + 18 * row
            if mark in ("line", "dashes"):
                self.line(x, middle, x + 18, middle, colour=colour, width=2.5, dashed=mark == "dashes")
            elif mark == "cross":
                self.cross(x + 9, middle, 5, colour)
            else:
                self.dot(x + 9, middle, 4 if mark == "dot" else 6, colour, hollow=mark == "ring")
            self.text(x + 26, middle + 4, words)

    def __str__(self) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_n(self.width)} {_n(self.height)}" '
            f'width="{_n(self.width)}" height="{_n(self.height)}" font-family="system-ui, sans-serif" '
            f'style="max-width: 100%; height: auto"><title>{html.escape(self._title)}</title>'
            f"{''.join(self._marks)}</svg>"
        )


class Axes(Panel):
    """A panel with two axes, and numbers in the place of pixels.

    Args:
        title: as a panel's.
        x, y: the numbers that both axes have to hold: see span.
        across, up: what the axes show; empty for axes without numbers.
        width, height: in pixels; below lie as many lines of a legend as are asked for.
        lines: of the legend.
        whole: whether what is across are whole numbers.
        equal: whether a unit is as long on both axes.
    """

    def __init__(
        self, title: str, x: tuple[float, float], y: tuple[float, float], *, across: str = "", up: str = "",
        width: float = 340, height: float = 230, lines: int = 0, whole: bool = False,
        equal: bool = False,
    ):  # fmt: skip
        super().__init__(title, width, height + 18 * lines + (6 if lines else 0))
        left, bottom, top = (46 if up else 8), (height - 34 if across else height - 8), (24 if up else 8)
        self._across, self._up = (left, width - 10), (bottom, top)
        self._x, self._y = _equal(x, y, width - 10 - left, bottom - top) if equal else (x, y)
        self.below = height + 10
        self.box(left, top, width - 10 - left, bottom - top, edge="currentColor", edge_width=0.5)
        if across:
            self.text((left + width - 10) / 2, height - 4, across, anchor="middle")
            for value in (value for value in _ticks(*self._x) if not whole or value == round(value)):
                self.text(self.at(value, 0)[0], bottom + 14, f"{value:.4g}", size=11, anchor="middle")
        if up:
            self.text(4, 14, up)
            for value in _ticks(*self._y):
                self.text(left - 4, self.at(0, value)[1] + 4, f"{value:.4g}", size=11, anchor="end")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point in pixels; one outside lies at the edge.

        Raises:
            ValueError: it is not a number.
        """
        return _placed(x, self._x, self._across), _placed(y, self._y, self._up)


def figure(panels: Sequence[Panel], look_at: str) -> str:
    """Put panels beside each other, or below where there is no room, and under them what there is to see, in words."""
    drawn = "".join(map(str, panels))
    return (
        f'<figure style="margin: .5em 0"><div style="display: flex; flex-wrap: wrap; gap: 1em">{drawn}</div>'
        f"<figcaption>{html.escape(look_at)}</figcaption></figure>"
    )


def span(expected: np.ndarray, given: np.ndarray | None = None, beyond: float = BEYOND) -> tuple[float, float]:
    """Return a range that holds all that is expected, and what is given as far as that is still to be seen beside it.

    Args:
        expected: finite numbers, any shape.
        given: any numbers.
        beyond: how far it is widened for these at most, as a multiple of what is expected.
    """
    low, high = float(np.min(expected)), float(np.max(expected))
    room = beyond * ((high - low) or abs(high) or 1.0)
    if given is not None:
        seen = np.asarray(given, dtype=np.float64)
        seen = seen[np.isfinite(seen)]
        if seen.size:
            low = min(low, max(float(seen.min()), low - room))
            high = max(high, min(float(seen.max()), high + room))
    around = AROUND * ((high - low) or abs(high) or 1.0)
    return low - around, high + around


def bars(title: str, names: Sequence[str], expected: Sequence[float], given: Sequence[float], up: str) -> Axes:
    """Draw a pair of bars for each name: what is expected, and what is given."""
    ends = np.append(np.asarray(expected, dtype=np.float64), 0.0)
    panel = Axes(title, (-0.7, len(names) - 0.3), span(ends, np.asarray(given), beyond=20), up=up, height=240, lines=4)
    zero = panel.at(0, 0)[1]
    wide = (panel.at(1, 0)[0] - panel.at(0, 0)[0]) * 0.34
    for place, name in enumerate(names):
        for value, colour, shift in ((expected[place], EXPECTED, -wide), (given[place], YOURS, 0.0)):
            x, y = panel.at(place, value)
            panel.box(x + shift, min(y, zero), wide, max(abs(y - zero), 1.5), fill=colour)
        panel.text(panel.at(place, 0)[0], panel.below + 2 + 13 * (place % 2), name, size=11, anchor="middle")
    panel.line(*panel.at(-0.7, 0), *panel.at(len(names), 0))
    panel.legend(8, panel.below + 36, [("line", EXPECTED, "expected"), ("line", YOURS, "yours")])
    return panel


def table(title: str, head: str, numbers: np.ndarray, largest: float, cell: float = 18) -> Panel:
    """Draw the numbers of an array (rows, columns) as tiles, the stronger the larger; orange above 0, blue below."""
    rows, columns = numbers.shape
    if rows * columns > MARKS:
        raise TooMuchError
    panel = Panel(title, max(columns * cell + 4, 8 * len(head)), rows * cell + 26)
    panel.text(2, 14, head)
    panel.box(2, 22, columns * cell, rows * cell, edge="currentColor", edge_width=0.5)
    for (row, column), value in np.ndenumerate(numbers):
        share = min(abs(float(value)) / largest, 1.0) if largest > 0 and value == value else 0.0
        if share > 0.01:
            fill = YOURS if value > 0 else EXPECTED
            panel.box(2 + column * cell, 22 + row * cell, cell, cell, fill=fill, opacity=0.1 + 0.9 * share)
    return panel


def _n(value: float, digits: int = 1) -> str:
    """A coordinate."""
    if not math.isfinite(value):
        raise ValueError("not a place")
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else str(round(value))


def _placed(value: float, numbers: tuple[float, float], pixels: tuple[float, float]) -> float:
    low, high = numbers
    if math.isnan(value):
        raise ValueError("NaN has no place")
    share = (min(max(float(value), low), high) - low) / (high - low)
    return pixels[0] + share * (pixels[1] - pixels[0])


def _equal(
    x: tuple[float, float], y: tuple[float, float], width: float, height: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ranges, one widened so that a unit has as many pixels across as up."""
    unit = max((x[1] - x[0]) / width, (y[1] - y[0]) / height)
    middles = sum(x) / 2, sum(y) / 2
    return (
        (middles[0] - unit * width / 2, middles[0] + unit * width / 2),
        (middles[1] - unit * height / 2, middles[1] + unit * height / 2),
    )


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers in a range."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [(first + i) * step for i in range(8) if (first + i) * step <= high]
