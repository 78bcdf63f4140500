"""Which tests run by default, and that a skip which nothing explains fails a strict run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import selection

TESTS = Path(__file__).parent
FILE = """
import pytest

@pytest.mark.slow
def test_slow():
    pass

@pytest.mark.hostile
def test_hostile():
    pass

def test_quick():
    pass

def test_needs_what_everyone_has():
    pytest.skip("bubblewrap is not installed")

def test_needs_what_nobody_has():
    pytest.skip("the moon is not full")
"""


@pytest.fixture
def run(tmp_path):
    """Runs pytest on a file of five tests, with these hooks: its exit status and what it prints."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(FILE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    hostile\n")
    path = {"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PATH": str(tmp_path)}  # without bubblewrap

    def pytest_on(*options):
        line = [sys.executable, "-m", "pytest", "-p", "selection", *options]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **path})
        return done.returncode, done.stdout + done.stderr

    return pytest_on


def test_slow_and_hostile_tests_are_left_out_and_one_line_says_how_to_run_them(run):
    status, said = run("tests")
    assert status == 0 and "1 passed, 2 skipped, 2 deselected" in said
    assert "Left out: slow and hostile tests. To run them: python -m pytest -n auto --all" in said


def test_what_has_passed_need_not_run_again_but_for_what_differs_from_level_to_level(run, tmp_path):
    (tmp_path / "tests" / "test_worker.py").write_text("def test_quick():\n    pass\n")
    assert "2 passed, 2 skipped, 2 deselected" in run("tests")[1]
    assert "3 passed, 2 skipped, 1 deselected" in run("tests", "--all", "--not-again")[1]
    assert "4 passed, 2 skipped" in run("tests", "--all")[1]


@pytest.mark.parametrize(
    "options", [("--all",), ("tests/test_it.py",), pytest.param(("--all", "-n", "1"), marks=pytest.mark.slow)]
)
def test_all_of_them_or_of_a_file_that_is_named_run_when_asked_for(run, options):
    status, said = run(*options)
    assert status == 0 and "3 passed, 2 skipped" in said and "Left out" not in said


@pytest.mark.parametrize("processes", [(), pytest.param(("-n", "1"), marks=pytest.mark.slow)])
def test_skips_are_counted_and_one_that_nothing_explains_fails_a_strict_run(run, processes):
    status, said = run("--strict-skips", *processes)
    assert status == 1 and "1 skipped: the moon is not full  NOT EXPLAINED HERE" in said
    assert "1 skipped: bubblewrap is not installed\n" in said
    assert run("--strict-skips", "--deselect", "tests/test_it.py::test_needs_what_nobody_has", *processes)[0] == 0


def test_a_skip_for_want_of_bubblewrap_is_not_explained_where_there_is_one(monkeypatch):
    for found, explained in ((None, True), ("/usr/bin/bwrap", False)):
        monkeypatch.setattr(selection.shutil, "which", lambda name, found=found: found)
        assert selection.explained("no isolation: bubblewrap is not installed (Debian: ...)") is explained
        assert selection.explained("no isolation: bubblewrap does not isolate here: it reaches the network") is False
