"""The review page's attempts: what changed from one to the next, and grading a student again."""

import shutil
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from autograder.instructor.classroom import attempts, pages
from autograder.instructor.classroom.result_store import Key, Remembered, Settings, Store
from autograder.results import Verdict
from tests import reviewing
from tests.reviewing import CHECK, EVIL, FIRST

pytest.importorskip("flask", reason="the extra `review` is not installed")
from autograder.instructor.review import app, attempt_pages, regrading
from autograder.instructor.review.regrading import BusyError, Regrading
from autograder.instructor.review.reviewed import Class
from tests.test_review import ADA, BOB, TOKEN, Assistant, key, student

pytestmark = pytest.mark.usefixtures("required_alone")
# In the place of the class command: waits for a file, then says something and ends with a status.
SCRIPT = """
import pathlib, sys, time
folder, status = pathlib.Path(sys.argv[1]), int(sys.argv[2])
(folder / f"begun-{sys.argv[-1]}").touch()
while not (folder / "go").exists():
    time.sleep(0.01)
print("Grading", sys.argv[-1], "<b>")
sys.exit(status)
"""


@pytest.fixture
def out(tmp_path):
    return reviewing.graded(tmp_path, [ADA, BOB], lambda place: (CHECK.name,) if place else ())


@pytest.fixture
def reviewed(out):
    made = Class(out)
    yield made
    made.regrading.stop()


@pytest.fixture
def ta(reviewed):
    return Assistant(app.make(reviewed, TOKEN, "root"))


def stand_in(tmp_path, status=0):
    return Regrading([sys.executable, "-c", SCRIPT, str(tmp_path), str(status)])


def regrade_form(ta, out, name):
    (form,) = [one for one in ta.forms(f"{student(out, name)}/attempts") if one["action"].endswith("/regrade")]
    return form


def keep(out, name, *failed, code="x = 1\n", version="v"):
    """Keep an attempt of a student, as a class run does."""
    (row,) = [row for row in pages.heads(out) if row.name == name]
    used = Key(submission=code, exercise=f"hw2/{FIRST.name}", version=version, seed=7, fast=False, drawings="glyphs")
    graded = msgspec.structs.replace(row, report=reviewing.judged(*failed), keys={FIRST.name: used})
    attempts.keep(out, graded, {FIRST.file: code.encode()})


# Attempts


def test_attempts_are_listed_with_what_became_of_each_check(ta, out):
    assert "No attempt is kept" in ta.page(f"{student(out, ADA)}/attempts")
    keep(out, ADA, CHECK.name)
    keep(out, ADA, code="x = 2\n", version="w")
    text = ta.page(f"{student(out, ADA)}/attempts")
    assert f'{CHECK.title} WRONG → <span class="good">PASS</span>' in text
    assert text.count("by other checks than before") == 1 and "the first that is kept" in text


def test_two_attempts_are_compared_line_by_line(ta, out):
    keep(out, ADA, code="a = 1\nb = 2\n")
    keep(out, ADA, code="a = 1\nb = 3\n")
    keep(out, ADA, code="a = 1\nb = 3\nc = 4\n")
    text = ta.page(f"{student(out, ADA)}/attempts")
    assert "<code>+ c = 4</code>" in text and "b = 2" not in text  # the last two
    text = ta.page(f"{student(out, ADA)}/attempts?old=1&new=2")
    assert "<code>- b = 2</code>" in text and "<code>+ b = 3</code>" in text and "<code>  a = 1</code>" in text
    for query in ("old=99&new=0", "old=x", "new=-1"):
        assert "Code, 2 → 3" in ta.page(f"{student(out, ADA)}/attempts?{query}")
    assert "The code is the same." in ta.page(f"{student(out, ADA)}/attempts?old=2&new=2")


def test_nothing_of_an_attempt_is_markup_and_names_are_hidden(out):
    keep(out, ADA, code="x = 1\n")
    keep(out, ADA, code=f"x = 1  # by {ADA} {EVIL} \u202e\n")
    hidden = Assistant(app.make(Class(out, anonymous=True), TOKEN, "root"))
    for address in ("/student/1/attempts", "/student/2/attempts"):
        text = hidden.page(address)
        assert "<img src=x" not in text and "\u202e" not in text and "Ada" not in text


@pytest.mark.parametrize(
    "texts",
    [
        ("x\n" * 50_000, "y\n" * 50_000),
        ("\n".join(str(n % 97) for n in range(5000)), "\n".join(str(n % 89) for n in range(5000))),
        ("\n".join(map(str, range(5000))), "\n".join(map(str, reversed(range(5000))))),
    ],
)
def test_a_comparison_takes_no_time(texts):
    began = time.process_time()
    assert attempt_pages.compared(*texts)
    assert time.process_time() - began < 3


# Grading again


def test_a_student_is_graded_again_while_the_page_stays_quick(ta, reviewed, out, tmp_path):
    reviewed.regrading = stand_in(tmp_path)
    done = ta.post(regrade_form(ta, out, ADA))
    assert done.location == f"{student(out, ADA)}/attempts"
    wait_for(tmp_path / f"begun-{key(out, ADA)}")
    text = ta.page(f"{student(out, ADA)}/attempts")
    assert "Is being graded since" in text and 'http-equiv="refresh"' in text and "Grade again</button>" not in text
    assert "Is being graded again" in ta.page(student(out, ADA)) and "refresh" not in ta.page(student(out, ADA))
    began = time.monotonic()
    ta.page("/")
    assert time.monotonic() - began < 2
    ta.post({"action": f"{student(out, ADA)}/regrade", "form_token": regrade_form(ta, out, BOB)["form_token"]}, 409)
    ta.post(regrade_form(ta, out, BOB))
    assert "Waits since" in ta.page(f"{student(out, BOB)}/attempts")
    assert not (tmp_path / f"begun-{key(out, BOB)}").exists()  # one after the other
    (tmp_path / "go").touch()
    for name in (ADA, BOB):
        assert reviewed.regrading.wait(key(out, name), 30).state == "done"
        text = ta.page(f"{student(out, name)}/attempts")
        assert "Graded again at" in text and "refresh" not in text and "Grade again</button>" in text


def test_what_the_command_says_is_shown_where_it_fails(ta, reviewed, out, tmp_path):
    (tmp_path / "go").touch()
    reviewed.regrading = stand_in(tmp_path, status=3)
    ta.post(regrade_form(ta, out, ADA))
    assert reviewed.regrading.wait(key(out, ADA), 30).state == "failed"
    text = ta.page(f"{student(out, ADA)}/attempts")
    assert "It was not graded" in text and "&lt;b&gt;" in text and "<b>" not in text
    ta.post(regrade_form(ta, out, ADA))  # can be tried again


def test_a_program_that_is_not_there_fails_and_the_next_is_graded(tmp_path):
    graders = Regrading([str(tmp_path / "none")])
    for stem in ("ada", "bob"):
        graders.start(stem)
        job = graders.wait(stem, 30)
        assert job.state == "failed" and "cannot be started" in job.message
    graders.stop()


def test_nobody_is_graded_twice_at_once(tmp_path):
    graders, taken = stand_in(tmp_path), []

    def ask():
        try:
            graders.start("ada")
            taken.append(1)
        except BusyError:
            pass

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [1]
    graders.stop()


def test_what_runs_ends_with_the_page(tmp_path):
    graders = stand_in(tmp_path)
    graders.start("ada")
    graders.start("bob")
    wait_for(tmp_path / "begun-ada")
    began = time.monotonic()
    graders.stop()
    assert time.monotonic() - began < 10 and not (tmp_path / "begun-bob").exists()


@pytest.mark.parametrize("token", ["", "another"])
def test_a_form_of_another_site_grades_nobody(ta, reviewed, out, tmp_path, token):
    reviewed.regrading = stand_in(tmp_path)
    ta.post({"action": f"{student(out, ADA)}/regrade", "form_token": token}, 403)
    ta.page(f"{student(out, ADA)}/regrade", 405)
    assert reviewed.regrading.job(key(out, ADA)) is None
    ta.post({"action": "/student/nobody/regrade", "form_token": regrade_form(ta, out, ADA)["form_token"]}, 404)


def test_where_nothing_can_be_graded_the_page_says_why(ta, reviewed, out, tmp_path):
    form = regrade_form(ta, out, ADA)
    shutil.rmtree(tmp_path / "submissions" / ADA)
    fresh = Assistant(app.make(Class(out), TOKEN, "root"))
    text = fresh.page(f"{student(out, ADA)}/attempts")
    assert "lies no longer in the folder" in text and "Grade again</button>" not in text
    fresh.post(form, 409)


def test_the_command_is_that_which_graded_the_class(out, tmp_path):
    options = Remembered(submissions="in", only=FIRST.name, fast=True, data="glyphs")
    settings = Settings(homework="hw2", seed=7, options=options)
    line = regrading.command(out, settings, tmp_path / "in", ["--require", "isolated"])
    said = " ".join(line[3:])
    options = f"--regrade --only {FIRST.name} --fast --data glyphs --require isolated"
    assert said == f"class hw2 {tmp_path / 'in'} --out {out} {options}"
    assert regrading.command(out, settings, None, []) == []


@pytest.mark.slow
@pytest.mark.isolation
@pytest.mark.usefixtures("isolated")
def test_the_page_shows_what_the_class_command_finds(tmp_path):
    submissions, out = tmp_path / "in", tmp_path / "out"
    file = submissions / "ada" / FIRST.file
    file.parent.mkdir(parents=True)
    file.write_bytes((FIRST.folder / "solution.py").read_bytes() + b"\nraise ValueError\n")
    line = [sys.executable, "-m", "autograder", "class", "hw2", str(submissions), "--out", str(out)]
    subprocess.run([*line, "--fast", "--only", FIRST.name, "--data", "glyphs"], check=True)
    file.write_bytes((FIRST.folder / "solution.py").read_bytes())
    reviewed = Class(out)
    ta = Assistant(app.make(reviewed, TOKEN, "root"))
    ta.post({"action": "/student/ada/regrade", "form_token": regrade_form_of(ta, "ada")})
    job = reviewed.regrading.wait("ada", 300)
    assert job.state == "done", job.message
    text = ta.page("/student/ada/attempts")
    assert "CRASH → " in text and "<code>- raise ValueError</code>" in text
    (own,) = reviewed.state().students.values()
    assert own.verdicts["fail"] == 0 and Store(out).found().options.fast
    assert attempts.kept(out, "ada")[-1].verdicts[FIRST.name][CHECK.name] is Verdict.PASS


def regrade_form_of(ta, name):
    (form,) = [one for one in ta.forms(f"/student/{name}/attempts") if one["action"].endswith("/regrade")]
    return form["form_token"]


def wait_for(path):
    for _ in range(3000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} has not come")
