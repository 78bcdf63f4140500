"""What a handout brings beside code, what is handed in, and what is taken along into a corrected handout."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest
from toy_course import ENVIRONMENT, SOLUTION, Course

from autograder import manifest
from autograder.paths import COURSE

PICTURE = b"\x89PNG\r\n\x1a\n"
ANSWER = (
    "It grows. ![the curve](curve.png) ![elsewhere](../../secret.png) ![lost](lost.png) ![web](https://x.org/a.png)\n"
)


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    """A handout of a course with one exercise, the toy, which has a written question."""
    course = Course(tmp_path_factory.mktemp("course"))
    with (course.toy / "task.md").open("a") as file:
        file.write("\n# Questions\n\n1. What becomes of the centre as numbers grow?\n   And of the spread?\n")
    shutil.copy(COURSE / "environment.yml", course.folder)
    course.set_thresholds()
    assert course.run("write").returncode == 0
    folder = course.folder / "given"
    done = course.run("handout", "hw1", "--out", folder, "--due", "2026-12-01 23:59 -08:00")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def own(handout, tmp_path):
    """A student's copy."""
    return shutil.copytree(handout, tmp_path / "own")


def run(folder, *words, module="autograder"):
    env = {key: value for key, value in ENVIRONMENT.items() if key != "PYTHONPATH"} | {"COLUMNS": "400"}
    line = [sys.executable, "-m", module, *map(str, words)]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=200)
    return done.returncode, done.stdout + done.stderr


def test_a_handout_has_what_git_and_an_editor_need_and_a_file_for_answers(own):
    subprocess.run(["git", "init", "-q", own], check=True)
    for name in (".venv/x", "logs/x", "data/omniglot_resized/x", ".autograder/x", "hw1-submission.zip"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).touch()
    listed = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=own, capture_output=True, text=True)
    seen = {line.split()[-1] for line in listed.stdout.splitlines()}
    assert "hw1/toy.py" in seen and not {name for name in seen if name.endswith(("x", ".zip"))}
    assert '"python.testing.pytestEnabled": true' in (own / ".vscode" / "settings.json").read_text()
    answers = (own / "hw1" / "answers.md").read_text()
    assert "## 1\n\n> What becomes of the centre as numbers grow?\n> And of the spread?\n" in answers


def test_in_a_handout_pytest_runs_the_checks(own):
    status, said = run(own, "-v", module="pytest")
    assert status == 1 and "test_centre FAILED" in said
    (own / "hw1" / "toy.py").write_text(SOLUTION)
    status, said = run(own, "-v", module="pytest")
    assert status == 0 and "4 passed" in said, said


def test_answers_are_packed_with_the_pictures_that_they_show(own):
    (own / "hw1" / "toy.py").write_text(SOLUTION)
    with (own / "hw1" / "answers.md").open("a") as file:
        file.write(ANSWER)
    (own / "hw1" / "curve.png").write_bytes(PICTURE)
    (own.parent / "secret.png").write_bytes(PICTURE)
    status, said = run(own, "submit", "hw1")
    names = set(zipfile.ZipFile(own / "hw1-submission.zip").namelist())
    assert {"hw1/answers.md", "hw1/curve.png", "hw1/toy.py"} <= names and not any("secret" in name for name in names)
    assert status == 1 and "lost.png, which the answers show, is not there." in said
    assert "../../secret.png, which the answers show, is no picture in this folder and is left out." in said
    assert "9 of 9 points; 1 more" in said and "has no answers yet" not in said


def test_what_is_complete_is_accepted_and_a_pdf_stands_for_the_answers(own):
    (own / "hw1" / "toy.py").write_text(SOLUTION)
    (own / "hw1" / "answers.pdf").write_bytes(b"%PDF-1.7\n")
    status, said = run(own, "submit", "hw1")
    assert (status, "The grader accepts it: hand it in by 2026-12-01 23:59 -08:00." in said) == (0, True), said
    assert "hw1/answers.pdf" in zipfile.ZipFile(own / "hw1-submission.zip").namelist()


def test_an_untouched_handout_is_packed_and_what_it_lacks_is_said(own):
    status, said = run(own, "submit", "hw1")
    assert status == 1 and "accepts" not in said and (own / "hw1-submission.zip").is_file()
    assert "hw1/toy.py has 2 TODOs left." in said and "hw1/answers.md has no answers yet." in said
    assert "hw1: 0 of 9 points" in said and "without what is named above" in said


def test_what_a_student_has_is_taken_along_into_a_new_handout(handout, own, tmp_path):
    new = shutil.copytree(handout, tmp_path / "new")
    (own / "hw1" / "toy.py").write_text(SOLUTION)
    with (own / "hw1" / "answers.md").open("a") as file:
        file.write("It grows.\n")
    assert run(own, "hw1", "--fast")[0] == 0
    for name in ("hw1/curve.png", "hw1/answers.pdf", "logs/run/log.csv", "data/omniglot_resized/a/b.png"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(PICTURE)
    status, said = run(own, "upgrade", new)
    assert status == 0 and "Install it before you go on there" in said, said
    for name in ("hw1/curve.png", "hw1/answers.pdf", "logs/run/log.csv", "data/omniglot_resized/a/b.png"):
        assert (new / name).read_bytes() == PICTURE and (own / name).exists()
    assert (new / ".autograder" / "history.jsonl").is_file()
    assert (new / "hw1" / "answers.md").read_text().endswith("It grows.\n")
    shutil.rmtree(new / "data" / "omniglot_resized")
    assert run(new, "hw1", "--fast")[0] == 0


def test_one_changed_word_is_marked(handout, own, tmp_path):
    new = shutil.copytree(handout, tmp_path / "new")
    stub = (new / "hw1" / "toy.py").read_text().replace("# TODO: Return the mean.", "# TODO: Return their mean.", 1)
    told = json.loads((new / manifest.PATH).read_text())
    for name in ("hw1/toy.py", f"{manifest.BASES}/hw1/toy.py"):
        (new / name).write_text(stub)
        told["files"][name] = manifest.digest(stub.encode())
    (new / manifest.PATH).write_text(json.dumps(told))
    (own / "hw1" / "toy.py").write_text(SOLUTION)
    _, said = run(own, "upgrade", new)
    rows = [row.strip() for row in said.splitlines()]
    assert any(row.startswith("- ") and "Return the mean." in row for row in rows), said
    assert any(row.startswith("+ ") and "Return their mean." in row for row in rows)
    assert any(row.startswith("? ") for row in rows)
