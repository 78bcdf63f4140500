"""Gradescope's archive, held against its published layout and against a stand-in for its container.

See https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import contextlib
import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import click
import pytest
from container import Container
from few_mutants import SEED, few_mutants
from rich.console import Console

from autograder import paths
from autograder.grading import catalog
from autograder.instructor import references, solution_regions
from autograder.instructor.gradescope import build, results
from autograder.instructor.handout import build as handout
from autograder.instructor.handout import leaks
from autograder.intake import archives
from autograder.isolation import levels, totals
from autograder.report import terminal
from autograder.results import UNANSWERED, CheckResult, ExerciseResult, Report, Verdict, total

CASES = Path(__file__).parent / "hostile" / "cases"
PAGE = {  # fields of results.json
    "score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
    "stdout_visibility", "extra_data", "tests", "leaderboard",
}  # fmt: skip
TEST = {
    "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility",
    "extra_data",
}  # fmt: skip
OWN = {  # files of an archive that a handout has not
    *("setup.sh", "run_autograder", "settings.json", "unfinished.json", "requirements.txt"),
    *(f"gradescope/{name}" for name in build.PROGRAM),
}
SEARCHED = "hw2"  # whose handout tests/test_handout.py searches
UNFINISHED = "The grader did not finish. This is no verdict on your work: please tell the course staff."
EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]


def assert_published(page):
    """A page has only fields that Gradescope knows, of the kinds that it takes."""
    assert set(page) <= PAGE and page["stdout_visibility"] == "hidden" and page["visibility"] == "visible"
    assert page["output_format"] == page["test_output_format"] == page["test_name_format"] == "text"
    for test in page["tests"]:
        assert set(test) <= TEST and test["status"] in ("passed", "failed") and test["output_format"] == "text"
        if "optional" in test["tags"]:
            assert not {"score", "max_score"} & set(test)
        else:
            assert 0 <= test["score"] <= test["max_score"]
            assert test["status"] == ("passed" if test["score"] else "failed")
        assert isinstance(test["name"], str) and isinstance(test["number"], str) and isinstance(test["output"], str)
        assert all(isinstance(tag, str) for tag in test["tags"])


# The page


def report_of(*checks):
    exercise = ExerciseResult(name="maml", title="Problem 2. MAML", file="hw2/maml.py", checks=list(checks))
    fields = {"homework": "hw2", "subject": "x", "seed": 4711, "data": "glyphs", "isolation": levels.SEPARATE}
    return Report(**fields, exercises=[exercise], seconds=3.14159, notes=["left aside: \x1b[31mx"])


def check(verdict, **fields):
    told = {"name": "test_x", "title": "Something holds.", "points": 3.0, "verdict": verdict, "hint": "Think."}
    return CheckResult(**(told | fields))


def test_a_page_has_the_published_fields():
    page = results.results(report_of(check(Verdict.PASS), check(Verdict.CRASH, plain="KeyError in line 3")))
    assert_published(page)
    assert page["score"] == 3 and page["execution_time"] == 3.14 and page["output"] == "left aside: [31mx"
    first, second = page["tests"]
    assert first == {
        "name": "Something holds.",
        "number": "1.1",
        "score": 3.0,
        "max_score": 3.0,
        "status": "passed",
        "output": "",
        "output_format": "text",
        "visibility": "visible",
        "tags": ["maml", "PASS"],
    }
    assert (
        second["output"] == f"hw2/maml.py: CRASH\nKeyError in line 3\n{UNANSWERED[0]}: Think."
        and second["number"] == "1.2"
    )


def test_a_student_reads_no_hidden_input():
    secret = check(Verdict.WRONG, message="got 0.12345, expected 4711", printed="4711", likely="This is it.")
    page = results.results(report_of(secret))
    assert page["tests"][0]["output"] == ("hw2/maml.py: WRONG\nThe answer is not what it must be.\nThis is it.")
    assert "4711" not in json.dumps(page) and "0.12345" not in json.dumps(page)


def test_a_fault_of_the_grader_is_said_to_be_no_verdict_and_staff_alone_read_its_cause():
    cause = "The disk is full: free some space in /secret."
    report = report_of(check(Verdict.GRADER_ERROR, message=cause, plain=cause, traceback="Traceback: 4711"))
    page = results.results(report)
    assert_published(page)
    assert page["output"].startswith("Some checks could not be judged, through a fault of the grader: this score is no")
    assert "fault of the grader" in page["tests"][0]["output"] and page["tests"][0]["tags"] == ["maml", "GRADER-ERROR"]
    assert "4711" not in json.dumps(page) and "/secret" not in json.dumps(page)
    to = Console(file=io.StringIO(), width=100)
    terminal.show(report, to, of_another=True, tracebacks=True)  # what the program prints, and stdout is hidden
    assert "Traceback: 4711" in to.file.getvalue() and cause in to.file.getvalue()


def test_nothing_ends_as_no_verdict():
    assert_published(results.unfinished())
    assert results.unfinished()["output"] == UNFINISHED and results.unfinished()["tests"] == []
    assert_published(results.refused("Nothing to grade."))


# The archive


@pytest.fixture(scope="session")
def archive_of(shared):
    """Builds archives, each once."""

    @functools.cache
    def built(*of):
        with few_mutants(shared):
            return build.archive(*of)

    return built


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in catalog.homeworks() if name != "hw2"]


@pytest.fixture(scope="module", params=["hw2", *SLOW])
def archive(request, archive_of):
    """A homework, and the members of its archive."""
    with zipfile.ZipFile(io.BytesIO(archive_of(request.param, SEED))) as packed:
        return request.param, {info.filename: (info, packed.read(info)) for info in packed.infolist()}


def test_an_archive_holds_what_the_published_layout_asks_for(archive):
    homework, members = archive
    for script in ("setup.sh", "run_autograder"):
        info, content = members[script]
        assert info.external_attr >> 16 == 0o100755 and content.startswith(b"#!/usr/bin/env bash\n")
    settings, unfinished = (json.loads(members[name][1]) for name in ("settings.json", "unfinished.json"))
    assert settings == {"homework": homework, "seed": SEED, "minutes": 10, "memory": 768}
    assert_published(unfinished)
    needed = members["requirements.txt"][1].decode().splitlines()
    assert [line for line in needed if line.startswith("torch")] == ["torch>=2.6,<2.14"]


def test_an_archive_holds_one_homework_and_nothing_of_this_machine(archive):
    homework, members = archive
    for exercise in catalog.exercises(homework):
        assert f"course/{exercise.file}" in members
    assert f"course/{homework}/homework.toml" in members
    others = [e for other in catalog.homeworks() if other != homework for e in catalog.exercises(other)]
    for name, (_, content) in members.items():
        assert not name.endswith(".pyc") and ".git" not in name, name
        assert not any(f"/{e.name}/" in name or name == f"course/{e.file}" for e in others), name
        assert str(paths.COURSE).encode() not in content, name


def test_an_archive_holds_no_solution(archive, shared):
    homework, members = archive
    with few_mutants(shared):
        given = {f"course/{name}": content for name, content in handout.build(homework, seed=SEED).items()}
    assert members.keys() - given.keys() == OWN
    known = given if homework == SEARCHED else {}
    more = {name: content for name, (_, content) in members.items() if content != known.get(name)}
    assert more.keys() >= OWN and list(leaks.find(archives.pack(more), EXERCISES, [])) == []
    assert f"course/{catalog.exercises(homework)[-1].place}/answers.json" in members


def test_the_grader_in_an_archive_needs_no_torch_itself(archive, tmp_path):
    homework, members = archive
    for name, (_, content) in members.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    paths = os.pathsep.join([str(tmp_path / "course"), str(tmp_path)])
    loads = "; ".join(f"import {e.package}.checks" for e in catalog.exercises(homework))
    program = f"import sys, gradescope.program; {loads}; print('torch' in sys.modules)"
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, cwd=tmp_path, env={"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_archive(archive_of):
    with few_mutants():
        assert build.archive("hw1", SEED) == archive_of("hw1", SEED) != build.archive("hw1", SEED + 1)


@pytest.mark.slow
def test_the_command_draws_a_seed_and_names_it(tmp_path, capsys):
    assert build.write("hw1", tmp_path / "a.zip", None, 10) == 0
    said = capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        seed = json.loads(packed.read("settings.json"))["seed"]
    assert f"seed {seed}." in said and seed > 2**32
    with pytest.raises(click.UsageError, match="--out names the archive"):
        build.write("hw1", tmp_path / "none" / "a.zip", None, 10)


def test_the_container_is_set_up_with_what_the_course_needs(tmp_path):
    """setup.sh, with stand-ins that write down what they are asked for."""
    for name in ("apt-get", "python3"):
        program = f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/asked\n'
        if name == "python3":  # makes a virtual environment that writes down, too
            program += f'[ "$1" = -m ] && mkdir -p {tmp_path}/venv/bin && cp "$0" {tmp_path}/venv/bin/python\nexit 0\n'
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "requirements.txt").write_text("click>=8.1\ntorch>=2.6,<2.14\n")
    script = (build.HERE / "setup.sh").read_text()
    script = script.replace("/opt/homework", f"{tmp_path}/venv").replace("/autograder/source", str(tmp_path))
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "apt-get update" and "bubblewrap" in asked[1] and "python3-venv" in asked[1]
    assert asked[-2].endswith("/whl/cpu torch>=2.6,<2.14") and asked[-1].endswith(f"-r {tmp_path}/requirements.txt")


# In the container

in_container = [
    pytest.mark.slow,
    pytest.mark.isolation,
    pytest.mark.skipif(os.getuid() != 0, reason="root makes the stand-in for the container"),
    pytest.mark.usefixtures("isolated"),
]


def marked(test):
    """A test that needs the stand-in."""
    for mark in in_container:
        test = mark(test)
    return test


@pytest.fixture
def container(archive_of):
    """Makes containers for a homework."""
    with contextlib.ExitStack() as stack:

        def make(homework, files, minutes=10, **settings):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gradescope-")))
            folder.chmod(0o755)
            (folder / "autograder.zip").write_bytes(archive_of(homework, SEED, minutes))
            made = Container(folder, folder / "autograder.zip", **settings)
            made.hand_in(files)
            return made

        yield make


def hostile(name):
    """The solution of a hostile case, alone: what else there is to train would take minutes."""
    from hostile.hostile_case import Case

    with tempfile.TemporaryDirectory() as folder:
        Case(CASES / name).hand_in(Path(folder))
        return {"protonet.py": Path(folder, "hw2", "protonet.py").read_bytes()}


def failed(page):
    """Names of the verdicts against the student, and of the checks."""
    return {(test["tags"][1], test["name"]) for test in page["tests"] if test["tags"][1] not in ("PASS", "NOT-RUN")}


@marked
@pytest.mark.parametrize("homework", catalog.homeworks())
def test_the_reference_gets_full_marks_in_the_default_container(container, homework):
    made = container(homework, references.solutions(homework).files)
    done = made.grade()
    page = made.results()
    print(f"{homework}: at most {made.peak / 1e6:.0f} MB, {made.seconds:.0f} s of one core")
    assert done.returncode == 0 and "SEPARATE USER." in done.stdout, done.stdout
    assert_published(page)
    points = catalog.homework(homework).points
    assert page["score"] == points == total(test.get("max_score", 0) for test in page["tests"]), failed(page)
    assert made.peak < 700e6
    assert made.seconds < 270, "half a core has ten minutes"


@marked
def test_a_stub_gets_no_points_and_reads_what_is_to_do(container):
    exercises = catalog.exercises("hw2")
    stubs = {e.file: solution_regions.stub((e.folder / "solution.py").read_text(), e.file).encode() for e in exercises}
    made = container("hw2", stubs)
    made.grade()
    page = made.results()
    assert_published(page)
    assert page["score"] == 0 and failed(page) == set()
    assert "ProtoNet._prototypes is still to do" in page["tests"][0]["output"]


@marked
def test_nobody_reads_the_solutions(container):
    made = container("hw2", hostile("R01_reference_by_path"))
    made.grade()
    page = made.results()
    assert failed(page) == {
        ("WRONG", "Prototypes have shape (N, D), and differ from class to class.")
    }  # zeros instead of the reference's
    assert "hw2/maml.py is missing" in page["tests"][-1]["output"]


@marked
def test_nobody_writes_the_results(container):
    made = container("hw2", hostile("F07_writes_results"))
    made.grade()
    page = made.results()
    assert_published(page)
    assert {verdict for verdict, _ in failed(page)} == {"WRONG"} and 0 < page["score"] < 37
    assert not list(made.place.glob("*.csv"))


@marked
def test_who_takes_all_memory_ends_the_worker_and_not_the_grader(container):
    if next(totals.candidates(), None) is None:
        pytest.skip("no control group can be made here, to give the container little memory")
    files = references.solutions("hw2").files
    taking = "blocks = [bytearray(b'x' * 2**26) for _ in range(40)]\n        return -(features"
    text = files["hw2/protonet.py"].decode().replace("return -(features", taking)
    made = container("hw2", {"protonet.py": text.encode()})
    done = made.grade()
    page = made.results()
    assert {verdict for verdict, _ in failed(page)} == {"MEMORY"}, (done.stdout, page["output"])
    assert page["score"] > 0, "what needs no logits is judged"


@marked
def test_what_was_judged_before_the_time_was_up_counts(container):
    files = references.solutions("hw2").files
    late = b"import time\ntime.sleep(40)\n" + files["hw2/maml.py"]
    made = container("hw2", files | {"hw2/maml.py": late}, minutes=1)
    made.grade()
    page = made.results()
    assert_published(page)
    assert page["output"].startswith("The grader was ended before it was done, after 1 minutes at the latest")
    assert page["score"] > 0 and failed(page) == set()
    assert "Not judged: the grader had no more time." in page["tests"][-1]["output"]


def workers_of(process):
    return set(totals._family(process.pid)) - {process.pid}


def program_of(process):
    """The number of the grader in a container that runs, once it grades: its command line is blank, for other users."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        family = totals._family(process.pid)
        commands = {pid: _command(pid) for pid in family}
        if any("shim.py" in command for command in commands.values()):
            return next(pid for pid, command in commands.items() if command and not command.strip(" \0"))
        time.sleep(0.1)
    raise AssertionError("it never grades")


def _command(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


@marked
@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGTERM, "The grader was ended before it was done"), (signal.SIGKILL, UNFINISHED)],
    ids=["ended", "killed"],
)
def test_a_grader_that_is_ended_in_the_middle_has_said_so(container, number, said):
    made = container("hw2", hostile("X01_endless_loop"))
    with made.running(["/autograder/run_autograder"]) as process:
        os.kill(program_of(process), number)
        process.communicate(timeout=60)
    page = made.results()
    assert_published(page)
    assert page["output"].startswith(said), page["output"]


@marked
@pytest.mark.parametrize("fault", ["no Python", "no settings", "no course", "open to all"])
def test_a_fault_of_the_grader_is_no_verdict(container, fault):
    made = container("hw2", references.solutions("hw2").files)
    if fault == "no Python":
        made.place.parent.joinpath("python").write_text("")
        made.place.parent.joinpath("python").chmod(0o644)
    elif fault == "no settings":
        (made.place / "source" / "settings.json").unlink()
    elif fault == "no course":
        shutil.rmtree(made.place / "source" / "course")
    else:
        script = made.place / "run_autograder"
        script.write_text(script.read_text().replace("chmod 700 source", "chmod 755 source"))
    done = made.grade()
    page = made.results()
    assert_published(page)
    assert page["output"].startswith(UNFINISHED) and page["score"] == 0 and page["tests"] == []
    if fault == "open to all":
        assert "would not keep a submission from the grader's files" in page["output"]
        assert "it sees the grader's files" in done.stdout


@marked
def test_a_submission_of_nothing_is_told(container):
    made = container("hw2", {"essay.txt": b"My work."})
    made.grade()
    page = made.results()
    assert_published(page)
    assert page["output"].startswith("Nothing to grade. hw2/protonet.py is missing")


@marked
@pytest.mark.parametrize(("bubblewrap", "landlock", "level"), [(False, True, "REDUCED SANDBOX.")])
def test_a_container_that_can_do_more_is_used(container, bubblewrap, landlock, level):
    made = container("hw2", hostile("F07_writes_results"), bubblewrap=bubblewrap, landlock=landlock)
    done = made.grade()
    assert level in done.stdout, done.stdout


@marked
def test_the_level_of_a_separate_user_holds_in_the_container(container):
    """tests/test_isolation.py, where no one else may read the course."""
    made = container("hw2", {})
    tests, inside = made.place / "source" / "course" / "tests", "/autograder/source/course/tests"
    tests.mkdir()
    shutil.copytree(paths.GRADER / "instructor", tests.parent / "autograder" / "instructor")  # for conftest.py
    for name in ("conftest.py", "rewriting.py", "selection.py", "test_isolation.py", "toy_course.py"):
        shutil.copy(Path(__file__).with_name(name), tests)
    shutil.copytree(Path(__file__).with_name("toy"), tests / "toy")
    (made.place / "source").chmod(0o700)
    line = ["/opt/homework/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "separate"]
    with made.running(
        ["/usr/bin/env", "PYTHONPATH=/autograder/source/course", *line, f"{inside}/test_isolation.py"]
    ) as process:
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 0 and " passed" in said and "skipped" not in said, said
