"""What grading says, as data. Terminal, JSON and every other report render these objects and know nothing else."""

import math
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Literal

import msgspec

TO_DO = "Each has its TODO in the file; run this again when the first is filled in."
UNREADABLE = "The answer has a form that the check cannot read."
NOT_HANDED_IN = "not handed in"
PRINTED = 4  # lines shown of what the student's code printed
LIBRARY_WARNING = re.compile(
    r"^/\S+/(?:torch|numpy|PIL|[\w.-]*packages\d*)/\S+:\d+: \w*Warning: .*\n(?: +.*\n)?", re.MULTILINE
)
# A warning about a line of the student's: where it lies in the box, and where in torch's own sources it was made; and
# an advice by which many a graph is cut.
WARNED_AT = re.compile(r"^/\S*?/(\w+/\w+\.py:\d+: \w*Warning: )", re.MULTILINE)
INSIDE = re.compile(
    r"(?:^Consider using tensor\.detach\(\) first\.)? ?\(Triggered internally at [^)\n]*\)?\n?", re.MULTILINE
)


class Verdict(str, Enum):
    """What became of a check. Only PASS earns points."""

    PASS = "PASS"
    WRONG = "WRONG"  # the answer is not what it must be
    CRASH = "CRASH"  # the student's code raised or died
    TIMEOUT = "TIMEOUT"
    MEMORY = "MEMORY"
    FORMAT = "FORMAT"  # an answer that is not numbers of a readable kind, or not finite
    PROTOCOL = "PROTOCOL"  # bytes on the wire that no honest code sends
    NOT_RUN = "NOT-RUN"  # still to do, or waiting for another check
    GRADER_ERROR = "GRADER-ERROR"  # our fault; never a silent zero


# Verdicts with a hint. Those on time and memory have their own advice.
HINTED = (Verdict.WRONG, Verdict.FORMAT, Verdict.CRASH)
WRONG = ("Hint", "How to mend it")  # the words before a check's two stages of help
NAMED = ("", "How it is right")  # where the mistake has its name, the hint would accuse what is right
UNANSWERED = ("Hint, in case the answer is still wrong once it runs", "How to mend it then")
Hints = Literal["asked", "second failure", "always"]  # when a report says how to mend a mistake


def number(points: float) -> str:
    """Points as reports write them, with two decimals at most: 5, not 5.0."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def total(points: Iterable[float]) -> float:
    """The sum of points, exact: each has two decimals at most."""
    return round(math.fsum(points), 2)


def _untrained(points: float) -> str:
    return f"{number(points)} more are for checks that train, which --fast leaves out"


def _score(earned: float, points: float) -> str:
    return f"{number(earned)} of {number(points)} points"


class StudentError(Exception):
    """Something in the student's code kept a check from an answer.

    Attributes:
        verdict: which kind.
        plain: the message without anything that the student's code was given or made of it.
        todo: it is a TODO not yet filled in.
        again: it may have come from outside: worth a second try.
        advised: the message itself says what to do, and the hint of the check would lead elsewhere.
        numbers: plain holds numbers or types of what the student's code said.
        done: what the expressions compute by which it came, the raising one last; see worker/expressions.py.
    """

    def __init__(
        self,
        verdict: Verdict,
        message: str,
        *,
        plain: str | None = None,
        todo: bool = False,
        again: bool = False,
        advised: bool = False,
        numbers: bool = False,
        done: Sequence[Sequence[str]] = (),
    ):
        super().__init__(message)
        self.verdict = verdict
        self.plain = message if plain is None else plain
        self.todo = todo
        self.again = again or verdict is Verdict.TIMEOUT
        self.advised = advised
        self.numbers = numbers
        self.done = done


class CheckResult(msgspec.Struct, kw_only=True):
    """Verdict of one check.

    Attributes:
        name: its function, as test_inner_loop_takes_each_step_from_the_last.
        title: what must hold, in one sentence.
        message: what was seen against what was expected; empty for PASS.
        plain: as much of it as a student may read where the inputs are secret.
        likely: which mistake gives just these numbers, where one is known.
        picture: what was asked and answered, drawn, as HTML; empty where others' work is graded, or it has none.
        hint: what is wrong and where to look, in the lecture's terms; not for itself to be shown (see advice).
        mend: how to mend it; empty in a report that does not say so yet.
        held_back: whether it has been taken out, for the report does not say so yet.
        foreign: whether the mistake that is named is what another check is about, and not mended as this one says.
        waits_for: titles of the checks that must pass before this one is judged.
        printed: what the student's code printed meanwhile, cut to its end.
        traceback: of a fault of ours, for the staff.
        again: whether what happened may have come from outside, and is worth a second try.
        unclear: whether an answer of the student's may be behind a fault of ours.
        advised: whether the message itself says what to do, and the hint would lead elsewhere.
        seconds: that the student's code took, as isolation.clock counts them: a busy machine adds none.
        given: points that somebody gave, whatever the verdict; None where the verdict says them.
        decided: what was decided about it, and why; empty if nothing was.
    """

    name: str
    title: str
    points: float
    verdict: Verdict
    message: str = ""
    plain: str = ""
    likely: str = ""
    picture: str = ""
    hint: str = ""
    mend: str = ""
    held_back: bool = False
    foreign: bool = False
    waits_for: list[str] = []
    todo: bool = False
    training: bool = False
    printed: str = ""
    traceback: str = ""
    again: bool = False
    unclear: bool = False
    advised: bool = False
    seconds: float = 0.0
    given: float | None = None
    decided: str = ""

    @property
    def earned(self) -> float:
        """Points, all or none, where nobody decided otherwise."""
        if self.given is not None:
            return self.given
        return self.points if self.verdict is Verdict.PASS else 0.0

    @property
    def seen(self) -> tuple[str, str]:
        """The message in two parts, between which the mistake is named: what a crash's error means in general comes
        after that, and all of another message before."""
        if self.verdict is not Verdict.CRASH or not self.likely:
            return self.message, ""
        first, _, rest = self.message.partition("\n")
        return first, rest

    @property
    def advice(self) -> list[tuple[str, str]]:
        """What every report says of the check's two stages of help: pairs of the words before it, and it.

        Nothing shown may be false. The hint supposes a wrong answer and says what may be wrong with it. So it is left
        out where the message itself says what to do, and where the mistake has its name; where there is no answer, the
        words before it say on what it depends.
        """
        if self.verdict not in HINTED or self.advised:
            return []
        words = NAMED if self.likely else WRONG if self.verdict is Verdict.WRONG else UNANSWERED
        hint, mend = ("" if self.likely else self.hint), ("" if self.likely and self.foreign else self.mend)
        return [(before, text) for before, text in zip(words, (hint, mend), strict=True) if text]

    @property
    def hint_shown(self) -> str:
        """The hint, if it belongs to what became of the check."""
        return next((text for before, text in self.advice if before in (WRONG[0], UNANSWERED[0])), "")

    @property
    def mend_shown(self) -> str:
        """How to mend it, if that belongs to what became of the check, and the report says it."""
        return next((text for before, text in self.advice if before in (WRONG[1], NAMED[1], UNANSWERED[1])), "")

    @property
    def last_printed(self) -> list[str]:
        """The last lines of what the student's code printed, without libraries' warnings and torch's own places."""
        own = WARNED_AT.sub(r"\1", INSIDE.sub("", LIBRARY_WARNING.sub("", f"{self.printed}\n")))
        return own.strip().splitlines()[-PRINTED:]


class ExerciseResult(msgspec.Struct, kw_only=True):
    """Verdicts of one exercise.

    Attributes:
        file: the student's file, as hw2/maml.py.
        problem: why nothing in it could be judged; empty if it could.
        flags: what a human may want to look at in the file; no points depend on it.
        required: whether its points count in the sum.
        handed_in: False for an optional exercise of which there is no file: it has no checks, and nothing is wrong.
    """

    name: str
    title: str
    file: str
    checks: list[CheckResult]
    required: bool = True
    handed_in: bool = True
    problem: str = ""
    flags: list[str] = []

    @property
    def earned(self) -> float:
        """Points of the checks that passed."""
        return total([check.earned for check in self.checks])

    @property
    def points(self) -> float:
        """Points there were to earn."""
        return total([check.points for check in self.checks])

    @property
    def score(self) -> str:
        """As '12 of 20 points'."""
        return _score(self.earned, self.points) if self.handed_in else NOT_HANDED_IN

    @property
    def to_do(self) -> list[str]:
        """What is still to do, if nothing has been done yet."""
        if any(check.verdict is not Verdict.NOT_RUN for check in self.checks):
            return []
        return list(dict.fromkeys(check.message for check in self.checks if check.todo))


class Report(msgspec.Struct, kw_only=True):
    """Everything that one run of the grader says.

    Attributes:
        subject: what was graded: a path, or "the reference".
        seed: what the inputs were drawn from; the same seed gives the same verdicts. None where it is secret.
        data: where the drawings of the training checks come from, as "omniglot (242 characters)".
        isolation: how the student's code was kept apart, in the words of autograder.isolation.
        left_out: points of required checks that --fast or --only left out.
        untrained: as many of these as belong to checks that train, which --fast left out.
        optional_untrained: points of the optional exercises' checks that --fast left out.
        held_back: how a student gets to read how to mend a mistake, where the report does not say so yet.
        notes: what was left aside of what was handed in.
        handout: version of the handout from which it says it started.
    """

    homework: str
    subject: str
    seed: int | None
    data: str
    isolation: str
    exercises: list[ExerciseResult]
    left_out: float = 0.0
    untrained: float = 0.0
    optional_untrained: float = 0.0
    held_back: str = ""
    notes: list[str] = []
    seconds: float = 0.0
    version: str = ""
    handout: str = ""

    @property
    def checks(self) -> list[CheckResult]:
        """All checks, exercise by exercise."""
        return [check for exercise in self.exercises for check in exercise.checks]

    @property
    def earned(self) -> float:
        """Points of the required checks that passed."""
        return total(exercise.earned for exercise in self.exercises if exercise.required)

    @property
    def points(self) -> float:
        """Points of required checks that there were to earn."""
        return total(exercise.points for exercise in self.exercises if exercise.required)

    @property
    def optional(self) -> list[ExerciseResult]:
        """The exercises that are outside the sum."""
        return [exercise for exercise in self.exercises if not exercise.required]

    @property
    def score(self) -> str:
        """The sum, as 'hw2: 70 of 90 points', and where something is outside of it that it is of required exercises."""
        if len(self.optional) == len(self.exercises):
            return f"{self.homework}: optional exercises alone were graded"
        return f"{self.homework}: {_score(self.earned, self.points)}{' of required exercises' if self.optional else ''}"

    @property
    def beside(self) -> str:
        """What was left out of the score, as "8 more are for checks that train, which --fast leaves out"."""
        others = total([self.left_out, -self.untrained])
        if len(self.optional) == len(self.exercises):
            return f"the {number(others)} points of the required ones are left out by --only" if others else ""
        parts = [_untrained(self.untrained)] if self.untrained else []
        if others:
            more = "" if self.untrained else " more are"
            parts.append(f"{number(others)}{more} for exercises that --only leaves out")
        return ", and ".join(parts)

    @property
    def optional_scores(self) -> str:
        """What is outside the sum, in one line; empty if nothing is."""
        listed = "; ".join(f"{exercise.title}: {exercise.score}" for exercise in self.optional)
        return listed and f"Outside the sum: {listed}"

    @property
    def outside(self) -> str:
        """The same, with what --fast left out of it."""
        more = _untrained(self.optional_untrained) if self.optional_untrained else ""
        return "; ".join(filter(None, [self.optional_scores, more]))

    @property
    def complete(self) -> bool:
        """Whether all points were earned: of the required exercises, or where none was graded, of the optional ones."""
        counted = [exercise for exercise in self.exercises if exercise.required] or self.optional
        return all(exercise.handed_in and exercise.earned == exercise.points for exercise in counted)

    @property
    def grader_errors(self) -> list[CheckResult]:
        """Checks that failed through our own fault."""
        return [check for check in self.checks if check.verdict is Verdict.GRADER_ERROR]
