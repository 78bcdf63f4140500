"""How a report names the mistake that gives just the student's numbers."""

from collections.abc import Iterable

MOST = 3  # mistakes named
CLOSE = 1e-4  # of the largest absolute value: the answers are the same


def all_of(mistakes: list[str]) -> str:
    """What the report says of mistakes that are there at once; nothing of none."""
    return sentence([together(mistakes)]) if mistakes else ""


def together(mistakes: Iterable[str]) -> str:
    """Mistakes that are there at once, in words that go on after "if"."""
    return ", and ".join(mistakes)


def sentence(mistakes: list[str]) -> str:
    """Name the mistakes that fit, in words: "the logits are distances, not squared".

    No number is in it: the check's own message has one, with what was expected, and a second pair from another place
    would contradict it.
    """
    if len(mistakes) == 1:
        return f"You get exactly this if {mistakes[0]}."
    listed = "; or ".join(f"({letter}) {says}" for letter, says in zip("abc", mistakes, strict=False))
    return f"You get exactly this in each of these cases: {listed}."
