"""Wrong solutions that students really write: an exercise's mutants.md.

    ## the sign -> logits_are_negative_squared_distances: the minus sign is missing, so that the logits are distances
    (without the idea)
    (measured: learns_handwriting)
    - -(features
    + (features

The heading holds the mistake in a few words, the checks that must fail for it, and what a solution with it computes.
The first check is the one that explains the mistake; every check that is not named must pass, or wait for one that is.
Remarks: `(without the idea)` of the method, such a solution loses half of the points or more; `(leaves nothing to
judge)`, it may lose more than a third, as nothing comes back that could be judged; `(measured: learns_handwriting)`,
the accuracy in this check that trains tells it; `(an example)`, docs/reports.md shows it; `(common)`, one of the few
that are looked for in pairs too: so many students make it that two of these often come together. Changes are written as
patches.py says.
"""

import functools
import re
from typing import NamedTuple

from autograder.grading.catalog import Exercise
from autograder.instructor.quality import patches
from autograder.instructor.quality.patches import Change, Patch, PatchError

FILE = "mutants.md"
HEADING = re.compile(r"(?P<name>.+?) -> (?P<fails>\w+(?:, *\w+)*)(?:: (?P<says>.+))?")
WITHOUT_IDEA = "without the idea"
UNJUDGED = "leaves nothing to judge"
EXAMPLE = "an example"
COMMON = "common"
MEASURED = "measured:"


class Mutant(NamedTuple):
    """A change of a reference solution, and what must be said of it.

    Attributes:
        name: the mistake, in a few words.
        changes: what is done to solution.py.
        fails: names of the checks that must fail, the one that explains the mistake first.
        says: what a solution with this mistake computes, as reports say it after "You get exactly this if"; empty where
            its numbers alone do not tell, so that it is never named to a student.
        without_idea: whether the method's idea is missing. Such a solution gets at most half of the points.
        unjudged: whether nothing comes back that could be judged. Other mistakes lose a third of the points at most.
        common: whether it is looked for together with another one.
        example: whether docs/reports.md shows what a student reads of it.
        measured: names of the checks that train whose accuracy should tell it from the reference.
        place: file and line, for messages.
    """

    name: str
    changes: tuple[Change, ...]
    fails: tuple[str, ...]
    says: str = ""
    without_idea: bool = False
    unjudged: bool = False
    example: bool = False
    common: bool = False
    measured: tuple[str, ...] = ()
    place: str = ""

    def apply(self, solution: str) -> str:
        """Return the text of the wrong solution.

        Raises:
            PatchError: a change does not fit.
        """
        return patches.apply(self.changes, solution)


def load(exercise: Exercise) -> list[Mutant]:
    """Read the mutants of an exercise.

    Raises:
        PatchError: they cannot be read, two have one name, or one names a check that there is not.
    """
    path = exercise.folder / FILE
    if not path.exists():
        raise PatchError(f"{exercise.place}/{FILE} is missing: write the wrong solutions that students really write.")
    return list(_read(path.read_text(encoding="utf-8"), f"{exercise.place}/{FILE}", tuple(exercise.outline())))


@functools.lru_cache(maxsize=32)
def _read(text: str, file: str, checks: tuple[str, ...]) -> tuple[Mutant, ...]:
    found: dict[str, Mutant] = {}
    for patch in patches.read(text, file):
        mutant = _mutant(patch)
        if mutant.name in found:
            raise PatchError(f"{patch.place}: '{mutant.name}' is also the mutant in {found[mutant.name].place}.")
        for check in (*mutant.fails, *mutant.measured):
            if check not in checks:
                raise PatchError(f"{patch.place}: There is no check {check} in checks.py.")
        found[mutant.name] = mutant
    return tuple(found.values())


def record(exercise: Exercise, failed: dict[str, tuple[str, ...]]) -> list[str]:
    """Write the checks that fail into the headings, the one that stands first in front if it is among them.

    Args:
        exercise: whose.
        failed: the checks that fail, by the mutant's name.

    Returns:
        The places of the headings that are others now.
    """
    path, written = exercise.folder / FILE, []
    lines = path.read_text(encoding="utf-8").split("\n")
    for mutant in load(exercise):
        found = failed.get(mutant.name, ())
        found = tuple(sorted(found, key=lambda name: name != mutant.fails[0]))
        if found and found != mutant.fails:
            line = int(mutant.place.rpartition(":")[2]) - 1
            fails = ", ".join(name.removeprefix("test_") for name in found)
            lines[line] = f"## {mutant.name} -> {fails}" + (f": {mutant.says}" if mutant.says else "")
            written.append(mutant.place)
    path.write_text("\n".join(lines), encoding="utf-8")
    return written


def _mutant(patch: Patch) -> Mutant:
    heading = HEADING.fullmatch(patch.heading)
    if not heading:
        raise PatchError(f"{patch.place}: A mutant's heading is `## name -> check, other_check: what it computes`.")
    measured: tuple[str, ...] = ()
    for remark in patch.remarks:
        if remark in (WITHOUT_IDEA, UNJUDGED, EXAMPLE, COMMON):
            continue
        if remark.startswith(MEASURED):
            measured = _checks(remark.removeprefix(MEASURED))
        else:
            raise PatchError(
                f"{patch.place}: `({remark})` is no remark on a mutant; there are `({WITHOUT_IDEA})`, "
                f"`({UNJUDGED})`, `({EXAMPLE})`, `({COMMON})` and `({MEASURED} check)`."
            )
    return Mutant(
        heading["name"],
        patch.changes,
        _checks(heading["fails"]),
        heading["says"] or "",
        WITHOUT_IDEA in patch.remarks,
        UNJUDGED in patch.remarks,
        EXAMPLE in patch.remarks,
        COMMON in patch.remarks,
        measured,
        patch.place,
    )


def _checks(listed: str) -> tuple[str, ...]:
    return tuple(f"test_{name.strip()}" for name in listed.split(","))
