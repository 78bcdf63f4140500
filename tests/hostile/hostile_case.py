"""A hostile case: how it is built, graded, and held against what is expected of it."""

import contextlib
import functools
import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest needs there

from autograder import paths
from autograder.grading import catalog, referee
from autograder.grading import grade as grading
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import references
from autograder.instructor.live_key import Live
from autograder.intake import submission
from autograder.isolation import totals
from autograder.report import student
from autograder.results import Verdict

CASES = Path(__file__).parent / "cases"
SECRET = 5_902_387_164_273_091  # the run's seed: students neither know nor guess it
SLACK = 10  # seconds beyond a case's own limit
key = functools.cache(Live)  # one for all cases, as for a class: what the reference passes is asked once


class Case:
    """One folder of cases/."""

    def __init__(self, folder):
        self.folder = folder
        self.id = folder.name
        told = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
        self.what, self.expect, self.holds = told["what"], told["expect"], told.get("holds", [])
        self.edits, self.twin = told.get("edits"), told.get("twin")
        self.fast = told.get("fast", True)
        self.limits = told.get("limits", {})
        self.exercise = next(
            e for homework in catalog.homeworks() for e in catalog.exercises(homework) if e.name == told["exercise"]
        )

    def hand_in(self, folder):
        """Build the submission in a folder; the path to grade."""
        return self._build(folder, self.edits, "make.py")

    def hand_in_twin(self, folder):
        """Build its honest twin; the path to grade, or None if it has none."""
        has_one = self.twin is not None or (self.folder / "twin.py").exists()
        return self._build(folder, self.twin, "twin.py") if has_one else None

    def _build(self, folder, edits, script):
        files = references.solutions(self.exercise.homework).files
        if (self.folder / script).exists():
            spec = importlib.util.spec_from_file_location("made", self.folder / script)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.make(folder, dict(files))
        text = files[self.exercise.file].decode()
        for old, new in edits:
            assert text.count(old) == 1, f"{self.id}: {text.count(old)} times in the solution: {old}"
            text = text.replace(old, new)
        for name, content in (files | {self.exercise.file: text.encode()}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return folder


def load_cases():
    """All cases, sorted by name."""
    return [Case(path.parent) for path in sorted(CASES.glob("*/case.toml"))]


def grade_twin(case, folder):
    """Grade a case's honest twin: the names and messages of the checks that it does not pass."""
    path = case.hand_in_twin(folder)
    if path is None:
        return None
    report, _ = grade(case, path, twin=True)
    return [(check.name, check.verdict.value, check.message) for check in report.checks if not check.earned]


def grade(case, path, *, twin=False):
    """The report and what the student is shown of it; or why nothing could be graded.

    Where solutions are trained, verdicts are not confirmed: the reference would be trained, too.
    """
    fast = twin or case.fast
    try:
        handed_in = submission.collect(path, case.exercise.homework)
    except submission.SubmissionError as error:
        return str(error)
    with limited(**({} if twin else case.limits)):
        report = grading.grade(
            case.exercise.homework,
            handed_in,
            settings=Settings(SECRET, Drawings(None), key()),
            subject="a submission",
            only=case.exercise.name,
            fast=fast,
            confirm=fast,
        )
    return report, student.view(report)


@contextlib.contextmanager
def limited(seconds=referee.CALL, memory=totals.MEMORY // 2**20):
    """Other limits than the usual ones, so that a case reaches them sooner: seconds of a check, MiB of a worker."""
    with mock.patch.object(referee, "CALL", seconds), mock.patch.object(totals, "MEMORY", memory * 2**20):
        yield


def assert_expected(case, report, shown, folder):
    (result,) = report.exercises
    assert [check.name for check in result.checks] == [
        check.__name__
        for check in grading.checks(case.exercise)
        if not (case.fast and hasattr(check, "training_seconds"))
    ], "I1: a row is missing"
    assert not report.grader_errors, [check.message for check in report.grader_errors]
    assert max(len(check.message) for check in result.checks) < 6000, "I5: a message has no end"
    failed = [check for check in result.checks if check.verdict is not Verdict.PASS and not check.waits_for]
    said = "\n".join([result.problem, *(check.message for check in failed)])
    assert sorted({check.verdict.value for check in failed}) == sorted(case.expect["verdicts"]), said
    if "failed" in case.expect:
        names = [check.name for check in failed]
        assert names == case.expect["failed"], f"{names}: {said}"
    assert re.search(case.expect.get("message", ""), said), f"the message says: {said}"
    assert re.search(case.expect.get("flags", ""), "\n".join(result.flags)), f"flags: {result.flags}"
    printed = "\n".join(check.printed for check in result.checks)
    assert re.search(case.expect.get("printed", ""), printed), f"printed: {printed}"
    assert re.search(case.expect.get("notes", ""), "\n".join(report.notes)), f"notes: {report.notes}"
    assert_clean("\n".join([said, printed, *report.notes]), folder)
    told = "\n".join([shown.exercises[0].problem, *(f"{c.message}\n{c.printed}" for c in shown.exercises[0].checks)])
    assert_clean(told, folder)
    if "hidden" in case.expect:
        assert not re.search(case.expect["hidden"], told), f"I5: the student is shown {told}"


def assert_clean(text, folder):
    """I5: no path of this machine, and nothing by which a terminal could be taken over."""
    for path in (paths.COURSE, folder, Path(tempfile.gettempdir()), Path.home()):
        assert str(path) not in text, f"I5: {path} is in the message: {text}"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), f"I5: control characters in {text!r}"


def fingerprint(folder):
    """A digest of all files of the course; environments and caches are left out unseen, for they hold far more."""
    digest = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__", "omniglot_resized")))
        for name in sorted(name for name in files if not name.startswith(".")):
            digest.update(f"{place}/{name}".encode() + Path(place, name).read_bytes())
    return digest.hexdigest()


def children():
    """Command lines of the processes below this one, by number, zombies left out."""
    time.sleep(0.05)
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found[stat.parent.name] = (stat.parent / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
