"""How a report names the mistake that gives just the student's numbers."""

MOST = 3  # mistakes named
CLOSE = 1e-4  # of the largest absolute value: the answers are the same


def sentence(mistakes: list[str], seen: object = None) -> str:
    """Name the mistakes that fit, in words: "the logits are distances, not squared".

    No number is in it: the check's own message has one, with what was expected, and a second pair from another place
    would contradict it.
    """
    if len(mistakes) == 1:
        return f"You would get exactly these numbers if you had made this mistake: {mistakes[0]}."
    listed = "; or ".join(f"({letter}) {says}" for letter, says in zip("abc", mistakes, strict=False))
    return f"You would get exactly these numbers if you had made one of these mistakes: {listed}."
