"""The pytest plugin that runs checks and keeps their verdicts: results are taken here, and nowhere else."""

import contextlib
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from autograder import fault
from autograder.grading import evidence, named_mistakes, pictures
from autograder.grading.catalog import Exercise
from autograder.grading.check_vocabulary import RecognisedError
from autograder.grading.checks import describe, measures
from autograder.grading.draw import Draw
from autograder.grading.named_mistakes import Fit
from autograder.grading.settings import Settings
from autograder.grading.subjects import CALL, QuestionError, Subject
from autograder.grading.thresholds import Bar
from autograder.paths import COURSE, EXERCISES, GRADER, SHAPES
from autograder.results import HINTED, CheckResult, StudentError, Verdict
from autograder.untrusted import clean
from autograder.worker import messages

VOCABULARY = (
    GRADER / "grading" / "check_vocabulary.py",
    GRADER / "grading" / "thresholds.py",
)  # modules whose assertions are a check's


NAMED = (Verdict.WRONG, Verdict.CRASH)  # NaN comes of too many mistakes, and other formats say what they are


class Referee:
    """Runs the checks of some exercises on one submission.

    Args:
        exercises: in the order in which they are graded.
        start: makes the student's subject of an exercise, starting its worker.
        settings: of the run.
        problems: why an exercise cannot be graded at all, by its name.
        chosen: says of a check whether it is run.

    Attributes:
        results: by exercise and check name.
        problems: as given, and what was found on importing.
        flags: what a human may want to look at, by exercise name.
        errors: what kept a check from being run, by its name, or all of an exercise, by that.
        measured: scores by exercise and check name.
    """

    def __init__(
        self,
        exercises: list[Exercise],
        start: Callable[[Exercise], Subject],
        settings: Settings,
        problems: dict[str, str],
        chosen: Callable[[Any], bool],
    ):
        self._exercises = {exercise.name: exercise for exercise in exercises}
        self._start = start
        self._settings = settings
        self.problems = dict(problems)
        self._chosen = chosen
        self.flags: dict[str, list[str]] = {}
        self.errors: dict[str, BaseException] = {}
        self._plain: dict[str, str] = {}  # problems without what the student's code was given
        self._students: dict[str, Subject] = {}
        self.results: dict[str, dict[str, CheckResult]] = {exercise.name: {} for exercise in exercises}
        self._fits: dict[str, dict[str, list[Fit]]] = {exercise.name: {} for exercise in exercises}
        self.measured: dict[str, dict[str, list[tuple[str, float]]]] = {exercise.name: {} for exercise in exercises}
        first = next((exercise for exercise in exercises if exercise.name not in problems), None)
        if first:  # the next ones when it works: each of them imports torch
            self._students[first.name] = start(first)

    # What pytest calls

    def pytest_sessionstart(self) -> None:
        """Make the key ready while the first workers start."""
        self._settings.key.prepare()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the checks that are not asked for; in the order of exercises and checks."""
        order = [(name, check) for name, exercise in self._exercises.items() for check in exercise.outline()]
        items[:] = [item for item in items if self._chosen(item.function)]  # type: ignore[attr-defined]
        items.sort(key=lambda item: order.index((item.path.parent.name, item.name)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run one check and keep its verdict."""
        exercise = self._exercises[pyfuncitem.path.parent.name]
        function = pyfuncitem.function
        result = describe(exercise, function)
        self._settings.observe(exercise, result, False)
        names = pyfuncitem._fixtureinfo.argnames
        self._run(exercise, function, result, {name: pyfuncitem.funcargs[name] for name in names})
        self.results[exercise.name][result.name] = result
        self._settings.observe(exercise, result, True)
        return True

    def pytest_sessionfinish(self) -> None:
        """Name the mistakes, when it is known which checks pass."""
        for name, results in self.results.items():
            passed = {check for check, result in results.items() if result.verdict is Verdict.PASS}
            chosen = named_mistakes.chosen(self._fits[name], passed)
            for check, sentence in named_mistakes.named(self._fits[name], passed).items():
                results[check].likely = sentence
                results[check].foreign = not named_mistakes.is_about(check, chosen[check])
            titles = {check: result.title for check, result in results.items()}
            for check, result in results.items():
                if result.verdict in NAMED and not result.likely and not result.advised:
                    result.likely = named_mistakes.first_to_mend(check, chosen, titles)
                    result.foreign = bool(result.likely) or result.foreign

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, call: Any) -> None:
        """Keep what went wrong before a check was run: on importing it, or in a fixture."""
        named = node.name if isinstance(node, pytest.Item) else node.path.parent.name
        self.errors[named] = call.excinfo.value

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Keep what went wrong outside of all checks."""
        for exercise in self._exercises:
            self.errors.setdefault(exercise, excinfo.value)

    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Subject | None:
        """The student's solution; None where it cannot be had."""
        return self._students.get(request.path.parent.name)

    @pytest.fixture
    def reference(self, request: pytest.FixtureRequest) -> Subject:
        """The reference solution, or what it answered."""
        reference = self._settings.key.reference(self._exercises[request.path.parent.name])
        reference.calls.clear()
        reference.seed = self._draw(request).seed()
        return reference

    @pytest.fixture
    def draw(self, request: pytest.FixtureRequest) -> Draw:
        """The check's own stream of inputs."""
        return self._draw(request)

    @pytest.fixture
    def threshold(self, request: pytest.FixtureRequest) -> Bar:
        """The check's calibrated threshold."""
        exercise, check = self._exercises[request.path.parent.name], request.function.__name__
        score = measures(request.function)
        bar = Bar(exercise, check, self._settings.drawings.source, judge=self._settings.judge, score=score)
        self.measured[exercise.name][check] = bar.measured
        return bar

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Start the worker of the check's exercise, and perhaps the next one's, which imports torch meanwhile."""
        self._start_from(item.path.parent.name)

    def _start_from(self, name: str) -> None:
        names = [name for name in self._exercises if name not in self.problems]
        if name in names:
            at = names.index(name)
            for finished in names[:at]:
                if finished in self._students:
                    self._students[finished].close()
            for upcoming in names[at : at + self._settings.workers]:
                if upcoming not in self._students:
                    self._students[upcoming] = self._start(self._exercises[upcoming])

    def close(self) -> None:
        """Kill all workers."""
        for student in self._students.values():
            student.close()

    # How a check is judged

    def _draw(self, request: pytest.FixtureRequest) -> Draw:
        return Draw(
            self._settings.seed, f"{request.path.parent.name} {request.function.__name__}", self._settings.drawings
        )

    def _run(self, exercise: Exercise, function: Any, result: CheckResult, fixtures: dict[str, Any]) -> None:
        done = self.results[exercise.name]
        waits_for = [done[check.__name__] for check in getattr(function, "after", ()) if check.__name__ in done]
        student = self._students.get(exercise.name)
        if exercise.name not in self.problems and student:
            try:
                student.open()
            except StudentError as error:
                self.problems[exercise.name] = str(error)
                self._plain[exercise.name] = error.plain
                _blame(result, error)
                return
            except Exception as error:
                blame_ourselves(result, error)
                return
            finally:
                self.flags[exercise.name] = student.flags
        if exercise.name in self.problems:
            result.message = self.problems[exercise.name]
            result.plain = self._plain.get(exercise.name, result.message)
            return
        unmet = [check for check in waits_for if check.verdict is not Verdict.PASS and not _is_surely_ours(check)]
        if unmet:
            result.waits_for = [check.title for check in unmet]
            result.message = result.plain = "Not judged yet: it builds on a check that does not pass."
            return
        assert student
        student.seed = Draw(
            self._settings.seed, f"{exercise.name} {result.name} student", self._settings.drawings
        ).seed()
        student.seconds = allowed = limit(function) * self._settings.patience
        student.spent = 0.0
        student.calls.clear()
        evidence.begin()
        try:
            function(**fixtures)
            result.verdict = Verdict.PASS
        except AssertionError as error:
            if not _is_a_checks(exercise, error):
                blame_ourselves(result, error)
                return
            result.verdict, result.message = Verdict.WRONG, clean(str(error)) or result.title
            if isinstance(error, RecognisedError):
                result.likely = named_mistakes.all_of(error.mistakes)
            else:
                self._find_fits(exercise, function, result, student)
            if self._settings.pictures:
                reference = self._settings.key.reference(exercise)
                result.picture = pictures.drawn(function, student.calls, reference)
        except StudentError as error:
            _blame(result, error)
            self._find_fits(exercise, function, result, student, error.done)
        except QuestionError as error:
            blame_ourselves(result, QuestionError(f"{_line(error)}: {error}"))
        except Exception as error:  # a fault of ours, or an answer that a check cannot read: the key tells which
            blame_ourselves(result, error)
        finally:
            result.seconds = round(allowed - student.seconds, 3)
            result.printed = student.printed()
            if result.verdict in HINTED:
                meant = messages.on_warnings(result.printed)
                result.printed = messages.without_warnings(result.printed)
                if messages.NOTHING not in result.message:  # which says it, too
                    result.message = f"{result.message}\n{meant}".rstrip()

    def _find_fits(
        self,
        exercise: Exercise,
        function: Any,
        result: CheckResult,
        student: Subject,
        done: Sequence[Sequence[str]] = (),
    ) -> None:
        """Find which mistakes make the check fail like this, where some are known."""
        if result.training or result.verdict not in NAMED:
            return
        if hasattr(function, "tells") and result.verdict is not Verdict.CRASH:  # what is random has no numbers
            return
        with contextlib.suppress(Exception):  # whatever the answers hold, the verdict stands
            failure = evidence.failure(result, student, self._settings.seed, done)
            self._fits[exercise.name][result.name] = self._settings.key.fitting(exercise, failure)


def limit(function: Any) -> float:
    """Seconds that a check may take, as isolation.clock counts them."""
    return float(getattr(function, "training_seconds", CALL * getattr(function, "times_longer", 1)))


def _blame(result: CheckResult, error: StudentError) -> None:
    result.verdict, result.message, result.plain, result.todo = error.verdict, str(error), error.plain, error.todo
    result.again, result.advised = error.again, error.advised


def blame_ourselves(result: CheckResult, error: BaseException) -> None:
    """Make a fault of the grader of a check: its cause and a way out, and for the staff the traceback."""
    result.verdict, result.message = Verdict.GRADER_ERROR, fault.sentence(error)
    result.traceback = "".join(traceback.format_exception(error))
    result.again, result.unclear = fault.may_pass(error), not fault.is_certain(error)


def _is_surely_ours(check: CheckResult) -> bool:
    """Whether nothing is known of what the check is about, so that others need not wait for it."""
    return check.verdict is Verdict.GRADER_ERROR and not check.unclear


def _is_a_checks(exercise: Exercise, error: AssertionError) -> bool:
    """Whether a check asserted it, by its own words or by those that all checks have."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = Path(frame.filename).resolve()
    return place.is_relative_to(EXERCISES) or place.is_relative_to(SHAPES) or place in VOCABULARY


def _line(error: BaseException) -> str:
    """The line of the check, or of the shape's, by which an error came."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("checks.py")]
    return f"{Path(frames[-1].filename).relative_to(COURSE).as_posix()}, line {frames[-1].lineno}" if frames else "?"
