"""Correct solutions in other words, of which the checks must reject none: an exercise's alternatives.md.

    ## einsum, and double precision
    @@ _logits
    + difference = (features[:, None] - prototypes[None]).double()
    + return -torch.einsum("qnd,qnd->qn", difference, difference)

The heading says what is other about it. Changes are written as patches.py says.
"""

import functools
from typing import NamedTuple

from autograder.grading.catalog import Exercise
from autograder.instructor.quality import patches
from autograder.instructor.quality.patches import Change, PatchError

FILE = "alternatives.md"


class Alternative(NamedTuple):
    """A correct solution in other words than the reference.

    Attributes:
        name: what is other about it.
        changes: what is done to solution.py.
        place: file and line, for messages.
    """

    name: str
    changes: tuple[Change, ...]
    place: str = ""

    def apply(self, solution: str) -> str:
        """Return the text of the other solution.

        Raises:
            PatchError: a change does not fit.
        """
        return patches.apply(self.changes, solution)


def load(exercise: Exercise) -> list[Alternative]:
    """Read the alternatives of an exercise.

    Raises:
        PatchError: they are missing or cannot be read, or two have one name.
    """
    path, name = exercise.folder / FILE, f"{exercise.place}/{FILE}"
    if not path.exists():
        raise PatchError(f"{name} is missing: write correct solutions in other words, at least five of each function.")
    return list(_read(path.read_text(encoding="utf-8"), name))


def functions(alternative: Alternative, solution: str) -> set[str]:
    """Return the names of the functions whose solution region it writes in other words."""
    own, other = _regions(solution), _regions(alternative.apply(solution))
    return {name for name in own if own[name] != other.get(name)}


def _regions(text: str) -> dict[str, str]:
    found = patches.regions_by_function(text)
    return {name: text[begin:end] for names, (begin, end, _) in found for name in names}


@functools.lru_cache(maxsize=32)
def _read(text: str, file: str) -> tuple[Alternative, ...]:
    found: dict[str, Alternative] = {}
    for patch in patches.read(text, file):
        if patch.heading in found:
            raise PatchError(f"{patch.place}: '{patch.heading}' is also the solution in {found[patch.heading].place}.")
        if patch.remarks:
            raise PatchError(f"{patch.place}: `({patch.remarks[0]})`: there are no remarks on a correct solution.")
        found[patch.heading] = Alternative(patch.heading, patch.changes, patch.place)
    return tuple(found.values())
