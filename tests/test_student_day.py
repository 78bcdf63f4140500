"""A student's day: a file is checked when it is saved, in a test explorer, in the debugger; what was is remembered."""

import os
import subprocess
import sys
import threading
import time

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console
from toy_course import ENVIRONMENT, SOLUTION, SPREAD, WRONG

from autograder.__main__ import main
from autograder.report.timeline import Timeline
from autograder.results import Report, Verdict
from autograder.student import debugging, history, watch

BROKEN = SOLUTION.replace("return total / len(values)", "return missing")
INI = """[pytest]
addopts = -p autograder.student.pytest_plugin
testpaths = autograder/exercises
python_files = checks.py
"""


@pytest.fixture
def course(toy_course):
    """A course in which the toy is solved."""
    toy_course.set_thresholds()
    save(toy_course, SOLUTION)
    return toy_course


def save(course, text, *, rename=False):
    file = course.homework / "toy.py"
    target = file.with_suffix(".new") if rename else file
    target.write_text(text)
    target.replace(file)


# Watching


class Started:
    """The grader as it watches, and what it has written."""

    def __init__(self, course, *words):
        line = [sys.executable, "-u", "-m", "autograder", course.homework.name, "--watch", *words]
        env = ENVIRONMENT | {"PYTHONPATH": str(course.folder), "COLUMNS": "60"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(line, cwd=course.folder, env=env, **pipes)
        self.text, self.changed = "", threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self.changed:
                self.text += data.decode()
                self.changed.notify_all()

    def wait(self, *words):
        """Return what is written up to the line that says how to go on; it has these words."""
        with self.changed:
            assert self.changed.wait_for(lambda: watch.SAVE in self.text.replace("\n", " "), 120), self.text
            text, self.text = self.text, ""
        assert all(word in text for word in words), text
        return text


def test_a_file_is_checked_whenever_it_is_saved(course):
    watching = Started(course)
    try:
        assert "4 of 4" not in watching.wait("9 of 9 points")
        for rename in (False, True):
            save(course, WRONG, rename=rename)
            shown = watching.wait("WRONG", "The spread stays where all numbers move together.")
            assert "hw1/toy.py  ✓✓✗" in shown and max(map(len, shown.splitlines())) <= 60
            save(course, SOLUTION, rename=rename)
            watching.wait("9 of 9 points")
        save(course, BROKEN)
        watching.wait("CRASH", "missing")
        save(course, "def (")
        watching.wait("Python")
        (course.homework / "toy.py").unlink()
        time.sleep(0.5)
        save(course, SOLUTION)
        watching.wait("9 of 9 points")
    finally:
        watching.process.kill()
    assert len(history.read(course.folder / ".autograder")) == 8


def test_a_file_that_is_saved_unchanged_is_not_checked_again(tmp_path):
    (tmp_path / "file.py").write_text("x = 1\n")
    file = watch.File(tmp_path / "file.py")
    assert not file.changed()
    (tmp_path / "file.py").write_text("x = 1\n")
    assert not file.changed()
    (tmp_path / "other").write_text("x = 2\n")
    (tmp_path / "other").replace(tmp_path / "file.py")
    assert file.changed() and not file.changed()


def test_what_is_half_written_is_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "file.py"
    path.write_text("x = 1\n")
    file = watch.File(path)
    path.write_text("x = ")
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: path.write_text("x = 22\n"))
    assert not file.changed()  # it was written to in the meantime
    monkeypatch.undo()
    assert file.changed()
    path.unlink()
    assert not file.changed()


def test_the_next_failure_is_shown_by_a_key(course):
    """h says how to mend it, n turns to the next failure, q ends."""
    pty = pytest.importorskip("pty")
    save(course, SOLUTION.replace("return total / len(values)", "return 7.0").replace(SPREAD, SPREAD + " + 1"))
    shown = ""

    def read(fd):
        nonlocal shown
        data = os.read(fd, 65536)
        shown += data.decode(errors="replace")
        if "Keys:" in shown:
            key = {0: b"h", 1: b"n", 2: b"q"}[len(turns)]
            turns.append(shown)
            shown = ""
            os.write(fd, key)
        return data

    turns = []
    command = [sys.executable, "-m", "autograder", "hw1", "--watch"]
    program = "import os, pty, sys, test_student_day as t\n"  # a terminal of its own, which the test's has not to be
    assert program and pty
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(course.folder)
        os.execvpe(command[0], command, ENVIRONMENT | {"PYTHONPATH": str(course.folder), "TERM": "xterm"})
    try:
        while len(turns) < 3:
            read(fd)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(fd)
    assert status == 0
    assert "How to mend it" not in turns[0] and "How to mend it" in turns[1]


# Tests of pytest


def outcomes(course, *words):
    (course.folder / "pytest.ini").write_text(INI)
    line = [sys.executable, "-m", "pytest", "-rA", "-v", "-p", "no:cacheprovider", *words]
    env = ENVIRONMENT | {"PYTHONPATH": str(course.folder), "COLUMNS": "200"}
    done = subprocess.run(line, cwd=course.folder, env=env, capture_output=True, text=True, check=False)
    names = ("PASSED", "FAILED", "SKIPPED")
    rows = [row.split() for row in done.stdout.splitlines() if "::test_" in row and "%]" in row]
    found = {row[0].partition("::")[2]: next(word for word in row if word in names) for row in rows}
    return found, done.stdout + done.stderr


@pytest.mark.parametrize("text", [WRONG, BROKEN, "def ("])
def test_pytest_tells_the_verdicts_of_the_grader(course, text):
    save(course, text)
    found, said = outcomes(course)
    assert course.run("hw1", "--json", course.folder / "report.json").returncode in (0, 1)
    report = msgspec.json.decode((course.folder / "report.json").read_bytes(), type=Report)
    told = {Verdict.PASS: "PASSED"}
    expected = {c.name: "SKIPPED" if c.waits_for else told.get(c.verdict, "FAILED") for c in report.checks}
    assert found == expected, said


def test_a_failing_test_says_what_the_report_says(course):
    save(course, WRONG)
    _, said = outcomes(course, "-m", "not trains")
    assert "WRONG: The spread stays where all numbers move together." in said
    assert "Hint: The spread does not depend on where the centre lies." in said
    assert "How to mend it" not in said and "Traceback" not in said and "1 deselected" in said
    found, said = outcomes(course, "autograder/exercises/toy/checks.py::test_spread")
    assert found == {"test_spread": "PASSED"}, said


def test_an_optional_exercise_that_is_not_there_is_skipped(course):
    listed = course.list.read_text()
    course.list.write_text(listed.replace("required", "optional", 1) + "required = {}\n")
    (course.homework / "toy.py").unlink()
    found, said = outcomes(course)
    assert set(found.values()) == {"SKIPPED"} and "fixture" not in said, said
    course.list.write_text(listed)
    found, said = outcomes(course)
    assert set(found.values()) == {"FAILED"} and "Nothing to grade" in said and "submission.py" not in said, said


# The debugger


def debugged(course, typed, *words):
    line = [sys.executable, "-m", "autograder", "hw1", "--debug", *words]
    env = ENVIRONMENT | {"PYTHONPATH": str(course.folder)}
    done = subprocess.run(
        line, cwd=course.folder, env=env, input=typed, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


def test_the_debugger_stops_in_the_students_function_on_the_inputs_that_failed(course):
    save(course, WRONG)
    assert "WRONG" in course.run("hw1", "--fast").stdout
    seed = history.read(course.folder / ".autograder")[-1].seed
    said = debugged(course, "p len(values)\nw\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\nc\n")
    assert "toy.py(" in said and "(Pdb) 5" in said
    assert "The spread stays where all numbers move together." in said and seed
    assert "c goes on" in said


def test_a_crash_is_shown_where_it_happens_and_quitting_ends(course):
    save(course, BROKEN)
    said = debugged(course, "c\np total\nq\n", "mean.")
    assert "NameError" in said and "return missing" in said
    assert "Traceback (most recent" not in debugged(course, "q\n", "test_centre")


def test_breakpoint_stops_under_the_debugger(course):
    save(course, SOLUTION.replace("total = 0.0", "total = 0.5\n        breakpoint()\n        total -= 0.5"))
    said = debugged(course, "c\np total\nq\n", "test_centre")
    assert "(Pdb) 0.5" in said or "0.5" in said.splitlines()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [([], "No check failed in the last run"), (["zebra"], "No check has 'zebra'"), (["spread"], "Several checks have")],
)
def test_the_debugger_says_which_check_it_needs(course, words, sentence):
    said = debugged(course, "q\n", *words)
    assert sentence in said and "Traceback" not in said


def test_functions_begin_below_their_docstrings(tmp_path):
    (tmp_path / "x.py").write_text('def f():\n    """Say."""\n    return 1\n\nclass C:\n    def g(self): return 2\n')
    assert debugging.functions(tmp_path / "x.py") == [3, 6]


# What was


def test_history_shows_run_after_run_and_as_a_page(course):
    assert "Nothing is remembered" in course.run("history", "hw1").stderr
    for text in (BROKEN, WRONG, SOLUTION):
        save(course, text)
        course.run("hw1", "--fast")
    done = course.run("history", "hw1", "--html", course.folder / "page.html")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["4", "✗✓✓"] in [row[:2] for row in rows] and ["3", "·✓✓"] in [row[:2] for row in rows]
    page = (course.folder / "page.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 4 and "3 runs" in page and "http" not in page


def test_history_is_read_in_narrow_terminals():
    from datetime import datetime

    runs = [(datetime(2026, 11, 1, 12, n), {"toy": {"test_0": Verdict.PASS}}) for n in range(50)]
    table = Timeline("hw1", {"toy": ("Problem 1. Toy", [("test_0", "A fact " * 12, 2.0)])}, runs)
    for width in (60, 80, 200):
        console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
        table.show(console)
        assert max(len(line.rstrip()) for line in console.export_text().splitlines()) <= width


# Words on the command line


@pytest.mark.parametrize(
    ("words", "sentence"),
    {
        ("protonet",): "An exercise is graded alone by --only: `python -m autograder hw2 --only protonet`.",
        ("hw2/maml.py", "--fast"): "An exercise is graded alone by --only: `python -m autograder hw2 --only maml`.",
        ("now",): "now is no option: `python -m autograder hw2` grades the work in this folder.",
        ("--only", "maml", "--only", "protonet"): "--only takes one exercise, and maml and protonet are 2",
    }.items(),
)
def test_a_word_too_many_is_refused_with_the_way_to_grade_one_exercise(words, sentence):
    done = CliRunner().invoke(main, ["hw2", *words])
    assert done.exit_code == 4 and sentence in done.output


def test_the_same_exercise_may_be_named_twice():
    assert CliRunner().invoke(main, ["hw2", "--only", "maml", "--only", "maml", "--list"]).exit_code == 0
