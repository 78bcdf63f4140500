"""What the instructor's page says of a class, gathered row by row: no report is held longer than that."""

import heapq
import statistics
from collections import Counter
from typing import NamedTuple

from autograder.grading.catalog import Exercise
from autograder.grading.named_mistakes import FIRST
from autograder.instructor.classroom.scoring import Scored
from autograder.results import CheckResult, ExerciseResult, Verdict

EXAMPLES = 3  # of a failure
SLOW = 1.0  # seconds from which a check may be among the slowest
TOLD = (Verdict.CRASH, Verdict.GRADER_ERROR)
FEWEST = 10  # students for a correlation
LISTED = 50  # crashes, flags, slowest
LINES = 6  # of a message


class Line(NamedTuple):
    """A row in a few words.

    Attributes:
        stem: of the student's files.
        optional: points of the exercises outside the sum, or that one was not handed in.
    """

    shown: str
    stem: str
    earned: float
    points: float
    total: float
    late: bool
    words: str
    optional: list[str]


class Said(NamedTuple):
    """What was said of one student in one exercise or check."""

    shown: str
    stem: str
    where: str
    text: str


class CheckCount:
    """How a check went, for all."""

    def __init__(self, exercise: ExerciseResult, check: CheckResult):
        self.exercise, self.title, self.points = exercise.title, check.title, check.points
        self.verdicts: Counter[Verdict] = Counter()
        self.first = 0  # students whose first failure in the exercise it is
        self.judged: list[
            tuple[float, float]
        ] = []  # of each student: 1 if it passes, else 0; points of all other checks
        self.examples: list[Said] = []

    @property
    def passed(self) -> float:
        """The share that passes."""
        return self.verdicts[Verdict.PASS] / max(1, self.verdicts.total())

    @property
    def discrimination(self) -> float | None:
        """How well it tells students who know more from others: its correlation with the points of all other checks.

        None where all pass, all fail or fewer than ten were judged.
        """
        if len(self.judged) < FEWEST:
            return None
        passes, others = zip(*self.judged, strict=True)
        if len(set(passes)) == 1 or len(set(others)) == 1:
            return None
        return statistics.correlation(passes, others)

    @property
    def failed(self) -> int:
        """How many fail, not counting who was not judged."""
        return sum(count for verdict, count in self.verdicts.items() if verdict not in (Verdict.PASS, Verdict.NOT_RUN))


class Summary:
    """Of a class.

    Attributes:
        lines: a line for each row.
        scores: points of the checks of those who handed something in; only these are counted anywhere.
        absent: how many handed in nothing.
        checks: by exercise and name.
        verdicts: how often each was given.
        mistakes: named mistakes, and how many students have them.
        crashes, flags: the first of them; crashed, flagged: how many there are.
        faults: checks that failed through our fault; broken names them.
        ungraded: who had an exercise in which nothing could be judged, and why.
    """

    def __init__(self, chosen: list[Exercise]):
        self.chosen = chosen
        self.lines: list[Line] = []
        self.scores: list[float] = []
        self.absent = 0
        self.checks: dict[tuple[str, str], CheckCount] = {}
        self.verdicts: Counter[Verdict] = Counter()
        self.mistakes: Counter[str] = Counter()
        self.crashes: list[Said] = []
        self.flags: list[Said] = []
        self.ungraded: list[Said] = []
        self.broken: list[Said] = []
        self.crashed = self.flagged = self.faults = self.not_graded = 0
        self.seconds = 0.0
        self.points = 0.0
        self.beside = ""
        self.isolation: Counter[str] = Counter()
        self.seed: int | None = None
        self.drawings = ""
        self._slowest: list[tuple[float, int, Said]] = []

    def add(self, row: Scored, words: str) -> None:
        """Take a row in."""
        assert row.report
        report, earned = row.report, row.report.earned
        optional = [exercise.score for exercise in report.optional]
        late = row.handed_in.marked_late
        self.lines.append(Line(row.shown, row.stem, earned, report.points, row.total, late, words, optional))
        if not row.handed_in.source:
            self.absent += 1
            return
        self.scores.append(earned)
        self.points, self.beside = report.points, report.beside
        self.seed, self.drawings = report.seed, report.data
        self.isolation[report.isolation] += 1
        self.seconds += report.seconds
        for exercise in report.exercises:
            self._exercise(row, exercise, earned)

    def _exercise(self, row: Scored, exercise: ExerciseResult, earned: float) -> None:
        for flag in exercise.flags:
            self.flagged += _add(self.flags, Said(row.shown, row.stem, exercise.title, flag))
        if exercise.problem:
            self.not_graded += _add(self.ungraded, Said(row.shown, row.stem, exercise.title, _cut(exercise.problem)))
        first = True
        self.mistakes.update(
            {check.likely for check in exercise.checks if check.likely and not check.likely.startswith(FIRST)}
        )
        for check in exercise.checks:
            count = self.checks.setdefault((exercise.name, check.name), CheckCount(exercise, check))
            count.verdicts[check.verdict] += 1
            if check.verdict is not Verdict.NOT_RUN:
                count.judged.append((float(check.verdict is Verdict.PASS), earned - check.earned))
            self.verdicts[check.verdict] += 1
            fails = first and check.verdict is not Verdict.PASS and not exercise.problem
            if fails:
                first = False
                count.first += 1
            is_example = fails and len(count.examples) < EXAMPLES
            if not is_example and check.seconds < SLOW and check.verdict not in TOLD:
                continue  # nothing is told of it, as of most checks
            said = Said(row.shown, row.stem, check.title, _cut("\n".join([check.seen[0], check.likely, check.seen[1]])))
            self._slow(check.seconds, said)
            if check.verdict is Verdict.CRASH:
                self.crashed += _add(self.crashes, said)
            if check.verdict is Verdict.GRADER_ERROR:
                self.faults += _add(self.broken, said)
            if is_example:
                count.examples.append(said._replace(where=check.verdict.value))

    def _slow(self, seconds: float, said: Said) -> None:
        heapq.heappush(self._slowest, (seconds, len(self.lines) * -1, said))
        if len(self._slowest) > EXAMPLES * 4:
            heapq.heappop(self._slowest)

    @property
    def slowest(self) -> list[tuple[float, Said]]:
        """The checks that took longest."""
        return [(seconds, said) for seconds, _, said in sorted(self._slowest, reverse=True) if seconds >= SLOW]

    @property
    def mean(self) -> float:
        """Of the scores."""
        return statistics.fmean(self.scores) if self.scores else 0.0

    @property
    def median(self) -> float:
        """Of the scores."""
        return statistics.median(self.scores) if self.scores else 0.0

    @property
    def first_failures(self) -> list[CheckCount]:
        """Checks that are the first failure of somebody, the most common one first."""
        return sorted((count for count in self.checks.values() if count.first), key=lambda count: -count.first)


def _add(said: list[Said], more: Said) -> int:
    """Keep it if there is room; counts one."""
    if len(said) < LISTED:
        said.append(more)
    return 1


def _cut(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join([*lines[:LINES], *(["..."] if len(lines) > LINES else [])])[:1200]
