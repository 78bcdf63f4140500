"""How a report names the mistake that gives just the student's numbers."""

from collections.abc import Iterable

MOST = 3  # mistakes named
CLOSE = 1e-4  # of the largest absolute value: the answers are the same


def all_of(mistakes: list[str]) -> str:
    """What the report says of mistakes that are there at once; nothing of none."""
    return sentence([together(mistakes)], None) if mistakes else ""


def together(mistakes: Iterable[str]) -> str:
    """Mistakes that are there at once, in words that go on after "if"."""
    return ", and ".join(mistakes)


def sentence(mistakes: list[str], seen: tuple[str, float, float] | None) -> str:
    """What the report says.

    Args:
        mistakes: that fit, in words: "the logits are distances, not squared".
        seen: name of a number, the student's and the right one; None where there is none to show.
    """
    numbers = f" (in {seen[0].replace('/', ' ')}: {seen[1]:.5g}, right is {seen[2]:.5g})" if seen else ""
    if len(mistakes) == 1:
        return f"This is what comes out if {mistakes[0]}{numbers}."
    listed = "; or ".join(f"({letter}) {says}" for letter, says in zip("abc", mistakes, strict=False))
    return f"Your numbers{numbers} fit more than one mistake: {listed}."
