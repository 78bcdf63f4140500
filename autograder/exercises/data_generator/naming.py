"""Names of the characters in the folder of drawings that a solution is given."""


def names(characters: int) -> list[str]:
    """What the characters are called, as <alphabet>/<character>, in the order in which drawings are given."""
    return [f"alphabet{c % 3}/character{c:02d}" for c in range(characters)]
