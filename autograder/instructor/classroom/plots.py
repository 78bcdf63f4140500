"""Plots as SVG that stands in a page: drawn by hand, in the colours of the page, with a title and a description.

Beside each stands a table of the same numbers, for those who do not see it.
"""

import itertools

from markupsafe import Markup, escape

BINS = 10
WIDTH, HEIGHT, BASE, TOP = 640, 220, 190, 20


def bins(scores: list[float], most: float) -> list[tuple[float, float, int]]:
    """How many scores lie in each tenth of the points: from, up to, count. Full marks have a bin of their own."""
    if most <= 0:
        return []
    edges = [most * number / BINS for number in range(BINS + 1)]
    counts = [0] * (BINS + 1)
    for score in scores:
        counts[BINS if score >= most else max(0, int(score * BINS / most))] += 1
    return [
        *((low, high, counts[i]) for i, (low, high) in enumerate(itertools.pairwise(edges))),
        (most, most, counts[BINS]),
    ]


def histogram(binned: list[tuple[float, float, int]], title: str, described: str) -> Markup:
    """Bars for bins.

    Args:
        binned: from bins().
        title: what the plot is.
        described: what it shows, in a sentence.
    """
    highest = max((count for _, _, count in binned), default=0) or 1
    step = WIDTH / max(len(binned), 1)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="plot-title plot-desc">',
        f'<title id="plot-title">{escape(title)}</title><desc id="plot-desc">{escape(described)}</desc>',
        f'<line x1="0" y1="{BASE}" x2="{WIDTH}" y2="{BASE}" class="axis"/>',
    ]
    for number, (low, high, count) in enumerate(binned):
        height = (BASE - TOP) * count / highest
        x, middle = number * step + 4, (number + 0.5) * step
        parts.append(
            f'<rect x="{x:.1f}" y="{BASE - height:.1f}" width="{step - 8:.1f}" height="{height:.1f}" class="bar"/>'
        )
        if count:
            parts.append(f'<text x="{middle:.1f}" y="{BASE - height - 5:.1f}" class="count">{count}</text>')
        parts.append(f'<text x="{middle:.1f}" y="{BASE + 18}" class="tick">{"=" if low == high else "≥"}{low:g}</text>')
    return Markup("".join([*parts, "</svg>"]))


def bar(share: float) -> Markup:
    """A bar for a share that stands as a number beside it."""
    return Markup(
        '<svg viewBox="0 0 100 10" class="share" aria-hidden="true"><rect width="100" height="10" class="rest"/>'
        f'<rect width="{100 * share:.1f}" height="10" class="bar"/></svg>'
    )
