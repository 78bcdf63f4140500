"""Wrong solutions that students really write: the words in which an exercise's mutants.py lists them.

A mutant is a small edit of the reference solution. It says which checks must fail for it, the one that explains the
mistake first; every other check must pass, or wait for one of these.
"""

from typing import NamedTuple

from autograder.grading.catalog import Exercise


class MutantError(ValueError):
    """A mutant that does not fit the solution any more."""


class Mutant(NamedTuple):
    """An edit of a reference solution, and what must be said of it.

    Attributes:
        name: the mistake, in a few words.
        edits: passages of solution.py, each of which occurs once in it, and what stands there instead.
        fails: names of the checks that must fail, the one that explains the mistake first.
        says: what a solution with this mistake computes, to follow "This is what comes out if"; empty where its
            numbers alone do not tell, so that it is never named to a student.
        without_idea: whether the method's idea is missing. Such a solution gets at most half of the points.
    """

    name: str
    edits: tuple[tuple[str, str], ...]
    fails: tuple[str, ...]
    says: str = ""
    without_idea: bool = False

    def apply(self, solution: str) -> str:
        """The text of the wrong solution.

        Raises:
            MutantError: a passage does not occur exactly once.
        """
        for old, new in self.edits:
            if solution.count(old) != 1:
                raise MutantError(f"mutant '{self.name}': {solution.count(old)} times in the solution: {old!r}")
            solution = solution.replace(old, new)
        return solution


def load(exercise: Exercise) -> list[Mutant]:
    """The mutants of an exercise."""
    mutants: list[Mutant] = exercise.load("mutants").MUTANTS
    return mutants
