"""What an exercise must keep: the rules of the house, in the order in which an author writes.

`python -m autograder check` goes through them, and the tests hold every exercise to the same ones. A rule is a function
that says what is wrong with an exercise: sentences with file and line, and what to do.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.table import Table

from autograder.fault import GraderError
from autograder.grading.catalog import Exercise
from autograder.instructor.quality.rules import alternatives, checks, files, mutants, probe, thresholds
from autograder.instructor.solution_regions import RegionError
from autograder.instructor.texts.source import SourceError


class Rule(NamedTuple):
    """A rule of the house.

    Attributes:
        title: what must hold, in one sentence.
        look: yields what is wrong, and tables of what was measured.
        slow: whether it grades, for minutes.
    """

    title: str
    look: Callable[[Exercise], Iterator[str] | Iterator[str | Table]]
    slow: bool = False

    def broken(self, exercise: Exercise) -> list[str]:
        """Say what is wrong; nothing if the rule is kept."""
        return self.judge(exercise)[0]

    def judge(self, exercise: Exercise) -> tuple[list[str], list[Table]]:
        """Return sentences on what is wrong, and tables of what was measured."""
        try:
            found = list(self.look(exercise))
        except (GraderError, RegionError, SourceError) as error:  # a file that cannot be read: its sentence says why
            found = [str(error)]
        except Exception as error:  # the exercise's own files are run, and anything may be wrong in them
            found = [f"{exercise.place} cannot be looked at ({type(error).__name__}: {error})."]
        return [each for each in found if isinstance(each, str)], [each for each in found if isinstance(each, Table)]


RULES = (
    Rule("exercise.toml says what the exercise is.", files.page),
    Rule("Nothing is still to be written.", files.written),
    Rule("task.md and cells.md say what the assignment says of it.", files.texts),
    Rule("runs.toml says what the written questions need, in words of the training program.", files.runs),
    Rule("Every gap that the solution leaves says what is to do.", files.gaps),
    Rule("The student's file, README and notebook are what the folders give.", files.generated),
    Rule("The probe can be read: its functions say what they take and return.", probe.questions),
    Rule("The probe judges nothing, and imports nothing that a worker lacks.", probe.judges_nothing),
    Rule("The probe, which students read, is no solution.", probe.no_solution),
    Rule("Every check has a sentence, points, and a hint in two stages.", checks.described),
    Rule("What a first report says holds no code of the solution.", checks.first_hints),
    Rule("Every check asks for fixtures and questions that there are.", checks.fixtures),
    Rule("Checks wait for checks above them, and those that train come last.", checks.order),
    Rule("Every check asserts something, with a message.", checks.asserts),
    Rule("Checks compare by the house's assertions, and draw from their own stream.", checks.vocabulary),
    Rule("The reference passes every check, and the bare stub none.", checks.reference_and_stub, slow=True),
    Rule("There are thirty mutants or more, and each fits the solution.", mutants.fit),
    Rule("No check is dead: each that does not train finds a mutant alone.", mutants.no_check_is_dead),
    Rule("A mistake is paid for once: it costs a third at most, a missing idea half at least.", mutants.points),
    Rule(
        "Every mutant fails the checks that its heading names, and no others, and is named.", mutants.exact, slow=True
    ),
    Rule("There are five alternatives of each function or more, and each fits the solution.", alternatives.fit),
    Rule("Every alternative gets full marks, and no mistake is named.", alternatives.pass_all, slow=True),
    Rule("Every check that trains has a measured threshold, and mutants that it tells.", thresholds.measured),
    Rule("Thresholds lie below what is right and 0.05 above what is wrong.", thresholds.margins),
)
