"""How a report names the mistake that gives just the student's numbers."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

MOST = 3  # mistakes named
CLOSE = 1e-4  # of the largest absolute value: the answers are the same


FIRST = "Mend first what is named at"
PRINTED = 1e-3  # of the larger number: what two messages print is the same
GOT = re.compile(r"(.*): got (-?[\d.]+(?:e[-+]?\d+)?), expected (-?[\d.]+(?:e[-+]?\d+)?)\b")


class Fit(NamedTuple):
    """A mistake that gives just a student's numbers in a check.

    Attributes:
        says: the mistake, in words.
        fails: the checks that it fails, wherever it is made.
        most: how many such may be named side by side.
    """

    says: str
    fails: tuple[str, ...]
    most: int


def named(fits: Mapping[str, list[Fit]], passed: Collection[str]) -> dict[str, str]:
    """Name the mistakes of a solution, by check: the sentence, empty where too many fit.

    Args:
        fits: what fits the failure of each check.
        passed: the checks that the solution passes. A mistake that fails one of them is not there. Of what is left
            of a check's, those that explain most of the failures are named.
    """
    return {
        check: sentence(list(dict.fromkeys(fit.says for fit in found))) if found else ""
        for check, found in chosen(fits, passed).items()
    }


def chosen(fits: Mapping[str, list[Fit]], passed: Collection[str]) -> dict[str, list[Fit]]:
    """Choose the mistakes to be named, by check: none where too many fit. See named."""
    left = {
        check: [fit for fit in found if not set(fit.fails) & set(passed)]  # of one wording some may be there
        for check, found in fits.items()
    }
    explained = Counter(says for found in left.values() for says in {fit.says for fit in found})
    to_name = {}
    for check, found in left.items():
        best = max((explained[fit.says] for fit in found), default=0)
        best_found = [fit for fit in found if explained[fit.says] == best]
        most = min((fit.most for fit in found), default=0)
        to_name[check] = best_found if len({fit.says for fit in best_found}) <= most else []
    return to_name


def first_to_mend(check: str, names: Mapping[str, Collection[Fit]], titles: Mapping[str, str]) -> str:
    """Say which named mistake alone fails a check that nothing else explains; empty if none does.

    Args:
        check: that failed, and has no name.
        names: the mistakes that are named, by check.
        titles: of all checks.
    """
    for other, fits in names.items():
        if other != check and len({fit.says for fit in fits}) == 1 and all(check in fit.fails for fit in fits):
            return f'{FIRST} "{titles[other].rstrip(".")}": that mistake alone fails this check too.'
    return ""


def is_about(check: str, fits: Collection[Fit]) -> bool:
    """Tell whether a check is the one that explains the mistakes best: the first of those that they fail."""
    return all(fit.fails[:1] == (check,) for fit in fits)


def agree(seen: str, known: str) -> bool:
    """Tell whether a mistake prints the number that a report prints as "got"; True where there is none to compare.

    Args:
        seen: what the report says.
        known: what the check says of the mistake.
    """
    ours, theirs = GOT.match(seen), GOT.match(known)
    if ours is None or theirs is None:
        return ours is theirs
    (got, want), (other, right) = (tuple(map(float, found.groups()[1:])) for found in (ours, theirs))
    if ours[1] != theirs[1]:  # another place of the array, where as much is missing
        got, other = abs(got - want), abs(other - right)
    return abs(got - other) <= PRINTED * max(abs(got), abs(other), abs(want), abs(right))


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
