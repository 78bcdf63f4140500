"""Comments that were used before, for the next one who makes the same mistake."""

from collections import Counter

from autograder.instructor.decisions.log import Kind
from autograder.instructor.review.reviewed import State

BANK = 12  # comments that a form offers


def bank(state: State) -> dict[tuple[str, str], list[str]]:
    """Return comments used before, by exercise and subject, the most used first; those on lines are together."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for one in state.everything:
        if one.kind is Kind.COMMENT and one.number in state.holding:
            on_line = one.subject.rpartition(":")[2].isdecimal()
            counted.setdefault((one.exercise, "line" if on_line else one.subject), Counter())[str(one.value)] += 1
    return {about: [text for text, _ in words.most_common(BANK)] for about, words in counted.items()}
