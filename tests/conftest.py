"""What tests share: real drawings where they are, isolation where it works."""

import contextlib
import os
import zipfile

import msgspec
import pytest
import torch
from rewriting import rewrite
from selection import (  # noqa: F401  (hooks)
    OFFICIAL,
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_xdist_make_scheduler,
)
from toy_course import Course

from autograder.grading import catalog
from autograder.grading import grade as grading
from autograder.grading.checks import trains
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import in_process
from autograder.instructor.live_key import Live
from autograder.instructor.quality import judging
from autograder.intake.submission import Submission
from autograder.isolation import levels

# Tests fork (controls, DataLoader workers), and the threads of OpenMP do not survive that: the child would hang.
torch.set_num_threads(1)


levels.expect_many()  # a worker takes a second of the processor to start; the tests of commands start theirs so


def pytest_report_header():
    """Say what the run stands on."""
    data = "real Omniglot, from ../shared/omniglot" if OFFICIAL.is_dir() else "glyphs (no ../shared/omniglot)"
    found = levels.find()
    return [f"drawings: {data}", f"isolation: {found.level} {found.reason}"]


@pytest.fixture(scope="session")
def omniglot(tmp_path_factory):
    """The folder of the whole of Omniglot at 28x28; None where its archive is not there."""
    if not OFFICIAL.is_dir():
        return None
    folder = tmp_path_factory.mktemp("omniglot")
    with zipfile.ZipFile(OFFICIAL / "omniglot_resized.zip") as archive:
        archive.extractall(folder)
    return folder / "omniglot_resized"


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all processes of this run of the tests share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def drawings(omniglot):
    """Characters for the checks that train: Omniglot's if it is there."""
    return Drawings(omniglot)


@pytest.fixture
def isolated():
    """Skip where student code cannot be isolated."""
    found = levels.find()
    if not found.holds:
        pytest.skip(f"no isolation: {found.reason}")


@pytest.fixture
def required_alone():
    """Homeworks without their optional exercises: for tests that count what there is."""
    with contextlib.ExitStack() as stack:
        for name in catalog.homeworks():
            listed = msgspec.structs.replace(catalog.homework(name), optional={})
            stack.enter_context(catalog.replaced(name, listed))
        yield


@pytest.fixture(scope="session")
def written_course(tmp_path_factory):
    """A course with one exercise, the toy, whose texts are written."""
    course = Course(tmp_path_factory.mktemp("course"))
    assert course.run("write").returncode == 0
    return course


@pytest.fixture
def toy_course(written_course, tmp_path):
    """Such a course of the test's own."""
    return written_course.copy(tmp_path)


# Submissions, made from the reference solutions


def _exercise(name):
    return next(e for homework in catalog.homeworks() for e in catalog.exercises(homework) if e.name == name)


@pytest.fixture(scope="session")
def solution():
    """The text of an exercise's reference solution."""
    return lambda name: (_exercise(name).folder / "solution.py").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def edited(solution):
    """That text with one passage replaced."""

    def edit(name, old, new):
        text = solution(name)
        assert text.count(old) == 1, f"{text.count(old)} times in {name}: {old}"
        return text.replace(old, new)

    return edit


@pytest.fixture(scope="session")
def rewritten(solution):
    """That text with other code in the solution regions of some functions, and perhaps another import."""
    return lambda name, bodies: rewrite(solution(name), bodies)


@pytest.fixture(scope="session")
def grade():
    """Grade files as the command line does, but for the checks that train: a report."""

    def run(homework, files, only=None, seed=1):
        return grading.grade(
            homework,
            Submission(files),
            settings=Settings(seed, Drawings(None), Live()),
            subject="test",
            only=only,
            fast=True,
            confirm=False,
        )

    return run


@pytest.fixture(scope="session")
def grade_source(grade):
    """Grade one exercise, given as text: its part of the report."""

    def run(name, source, seed=1):
        exercise = _exercise(name)
        source = source if isinstance(source, bytes) else source.encode()
        (result,) = grade(exercise.homework, {exercise.file: source}, only=name, seed=seed).exercises
        return result

    return run


@pytest.fixture(scope="session")
def judge():
    """Judge one exercise, given as text, without a worker: the results of its checks.

    For tests of the checks themselves: torch is imported once, and not a hundred times. With watch, a function is told
    of each check and of what it asked the solution.
    """

    def run(name, source, seed=1, watch=lambda check, calls: None):
        exercise = _exercise(name)
        subject = in_process.Inside(exercise, source)
        return judging.judge(
            {exercise: subject},
            seed,
            Live(),
            lambda check: not trains(check),
            lambda exercise, check, judged: watch(check, subject.calls) if judged else None,
        )

    return run
