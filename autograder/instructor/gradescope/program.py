"""What runs in Gradescope's container: grade /autograder/submission, and say so in /autograder/results/results.json.

run_autograder has put there that the grader did not finish. This replaces it in the end, whatever happens: a fault of
the grader, a signal, a submission that takes all the time. For the staff alone, stdout has the whole report.
"""

import json
import resource
import signal
import traceback
from pathlib import Path
from typing import Any

from autograder.grading import grade as grading
from autograder.grading.catalog import Exercise, exercises
from autograder.grading.checks import described, exercise_result
from autograder.grading.drawings import Drawings
from autograder.grading.recorded import Recorded
from autograder.grading.settings import Settings
from autograder.intake import submission
from autograder.isolation import levels
from autograder.level_words import NONE
from autograder.report import terminal
from autograder.results import CheckResult, Report
from autograder.writing import write_whole
from data import output

from . import results

PLACE = Path("/autograder")
CLOSED = ("source", "submission", "results")
SPARE = 45  # seconds before Gradescope would end us
ENDS = (signal.SIGTERM, signal.SIGALRM)
AGAIN = 10  # seconds after a signal that had no effect
BESIDE = 250  # MB of the container that are not the worker's own: the grader, and the libraries of both

Judged = dict[tuple[str, str], CheckResult]


class OpenError(Exception):
    """Submissions would see what they must not."""


def main(place: Path = PLACE) -> None:
    """Grade what lies in place/submission; place is closed to other users."""
    output.for_any_terminal()
    for number in ENDS:
        signal.signal(number, _end)
    try:
        page = _page(place, json.loads((place / "source" / "settings.json").read_text(encoding="utf-8")))
    except BaseException as error:
        traceback.print_exc()
        page = results.unfinished(str(error) if isinstance(error, OpenError) else "")
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    write_whole(place / "results" / "results.json", json.dumps(page, indent=2).encode())


def _end(number: int, frame: object) -> None:
    """End as by Ctrl-C, so that no worker is left; and once more if that is lost, as in an import it may be."""
    signal.alarm(AGAIN)
    raise KeyboardInterrupt


def _page(place: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What results.json is to say."""
    signal.alarm(settings["minutes"] * 60 - SPARE)
    # Workers inherit it. Where a container has no more memory, the kernel may end the grader with a greedy worker.
    own = (settings["memory"] - BESIDE) * 10**6
    resource.setrlimit(resource.RLIMIT_DATA, (own, own))
    _check_isolation([place / name for name in CLOSED])
    homework, judged = settings["homework"], Judged()
    try:
        handed_in = submission.collect(place / "submission", homework)
    except submission.SubmissionError as error:
        return results.refused(str(error))

    def observe(exercise: Exercise, check: CheckResult, is_judged: bool) -> None:
        if is_judged:
            judged[exercise.name, check.name] = check

    try:
        report = grading.grade(
            homework,
            handed_in,
            # Two workers at once would need more memory than the default container has.
            Settings(settings["seed"], Drawings.find(), Recorded(), workers=1, observe=observe),
            subject="the submission",
        )
    except KeyboardInterrupt:
        signal.alarm(0)
        report = _so_far(homework, judged, handed_in, settings)
    terminal.show(report, terminal.console(), of_another=True, tracebacks=True)
    return results.results(report)


def _check_isolation(closed: list[Path]) -> None:
    """Try whether a worker is kept from all that it must not see.

    Raises:
        OpenError: it is not.
    """
    found = levels.find()
    holes = found.reason if found.level == NONE else found.holes(closed)
    if holes:
        print(f"isolation: {found.level}, {holes}")
        raise OpenError("It was not started, since this container would not keep a submission from the grader's files.")


def _so_far(homework: str, judged: Judged, handed_in: submission.Submission, settings: dict[str, Any]) -> Report:
    """The report when time is up: what has been judged, and what has not."""
    graded = []
    for exercise in exercises(homework):
        if handed_in.lacks(exercise):
            graded.append(grading.absent(exercise))
            continue
        checks = [judged.get((exercise.name, check.name)) or _not_judged(check) for check in described(exercise)]
        graded.append(exercise_result(exercise, checks))
    late = (
        f"The grader was ended before it was done, after {settings['minutes']} minutes at the latest: an endless loop, "
        "or training that is much too slow? Checks that are NOT-RUN have not been judged."
    )
    return Report(
        homework=homework,
        subject="the submission",
        seed=settings["seed"],
        data=str(Drawings.find()),
        isolation=levels.find().level,
        exercises=graded,
        notes=[late, *handed_in.notes],
    )


def _not_judged(check: CheckResult) -> CheckResult:
    check.message = check.plain = "Not judged: the grader had no more time."
    return check


if __name__ == "__main__":
    main()
