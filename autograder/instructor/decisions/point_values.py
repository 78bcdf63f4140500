"""Points as people write them: in a table, on the command line, and in a form of the review page."""

import re

from autograder import untrusted

WRITTEN = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3},\d{3}", re.ASCII)  # 1,000 may be one or a thousand
MOST = 1_000_000.0


def read(text: str) -> float:
    """Return a number of points: two decimals at most, after a point or a comma, and nothing rounded in silence.

    Raises:
        ValueError: it is none; the message says what one is.
    """
    words = text.strip()
    if len(words) <= 40 and WRITTEN.fullmatch(words) and not THOUSANDS.fullmatch(words):
        value = float(words.replace(",", "."))
        if abs(value) <= MOST and abs(value - round(value, 2)) < 1e-9:
            return round(value, 2) + 0.0  # no -0
    raise ValueError(
        f'"{untrusted.name(words)}" is no number of points, as 2.5 or 2,5: they have two decimals at most.'
    )
