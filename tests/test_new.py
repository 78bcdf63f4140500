"""`python -m autograder new`: an exercise begun, filled in as docs/authors.md says, and graded."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from autograder.instructor import new
from autograder.paths import COURSE

WRITTEN = Path(__file__).parent / "reptile"  # what an author puts in the place of the templates
# Under CI, pytest repeats a failure's whole message in its summary; the tests here read the output.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "CI"} | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course in which hw2/reptile has been begun, and what was said."""
    copy = tmp_path_factory.mktemp("course")
    for folder in ("autograder", "data", "hw1", "hw2", "tests", "trainer"):
        ignored = shutil.ignore_patterns("__pycache__", "omniglot_resized", "glyphs", ".*", "hostile")
        shutil.copytree(COURSE / folder, copy / folder, ignore=ignored)
    shutil.copy(COURSE / "pyproject.toml", copy)
    return copy, run(copy, "-m", "autograder", "new", "hw2/reptile")


def run(course, *arguments):
    """Run Python on the copy."""
    line = [sys.executable, *map(str, arguments)]
    env = ENVIRONMENT | {"PYTHONPATH": str(course)}
    return subprocess.run(line, cwd=course, capture_output=True, text=True, env=env, check=False)


def left_in(course):
    return run(course, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_exercises.py", "-k", "reptile")


def test_an_exercise_that_was_begun_is_clean_and_says_what_is_to_be_written(course):
    folder, done = course
    assert done.returncode == 0, done.stderr
    begun = [
        f"autograder/exercises/reptile/{name}.py" for name in ("__init__", "checks", "mutants", "probe", "solution")
    ]
    begun.append("hw2/reptile.py")
    assert [line.removeprefix("written: ") for line in done.stdout.splitlines()[:6]] == begun
    sentences = re.findall(r"^  (\S+: [A-Z].*)$", done.stdout, re.MULTILINE)
    assert len(sentences) > 12 and all(re.fullmatch(r"[\w./]+(:\d+)?: .+\.", sentence) for sentence in sentences)
    for file in ("solution", "probe", "checks", "mutants"):
        assert any(sentence.startswith(f"autograder/exercises/reptile/{file}.py") for sentence in sentences), file
    for command in (("check",), ("format", "--check")):
        linted = run(folder, "-m", "ruff", *command, "--no-cache", *begun)
        assert linted.returncode == 0, linted.stdout
    modules = [f"autograder.exercises.reptile.{part}" for part in ("solution", "probe", "checks", "mutants")]
    assert run(folder, "-c", f"import hw2.reptile, {', '.join(modules)}").returncode == 0
    failing = left_in(folder)
    assert failing.returncode == 1 and all(sentence in failing.stdout for sentence in sentences), failing.stdout
    graded = run(folder, "-m", "autograder", "hw2", "--only", "reptile")
    assert graded.returncode == 1 and "☐ Reptile.step is still to do" in graded.stdout, graded.stdout + graded.stderr


def test_what_is_there_is_not_written_over(course):
    folder, _ = course
    (folder / "hw2" / "reptile.py").write_text("mine")
    done = run(folder, "-m", "autograder", "new", "hw2/reptile")
    assert done.returncode == 4 and "autograder/exercises/reptile is there already; nothing was written." in done.stderr
    assert (folder / "hw2" / "reptile.py").read_text() == "mine"


@pytest.mark.slow
def test_an_exercise_filled_in_as_contributing_says_is_graded(course):
    folder, _ = course
    for path in WRITTEN.glob("*.py"):
        shutil.copy(path, folder / "autograder" / "exercises" / "reptile")
    assert run(folder, "-m", "autograder", "stubs").returncode == 0
    table = run(folder, "-c", "from autograder.instructor.points import *; print(points_tables('hw2'), end='')").stdout
    readme = folder / "hw2" / "README.md"
    text = readme.read_text(encoding="utf-8")
    begin, end = text.index("<!-- points:begin -->"), text.index("<!-- points:end -->") + len("<!-- points:end -->")
    readme.write_text(text[:begin] + table + text[end:], encoding="utf-8")
    left = [line for line in left_in(folder).stdout.splitlines() if line.startswith(("autograder/", "hw2/"))]
    assert left == ["autograder/exercises/reptile/mutants.py: Write 30 wrong solutions that students really write."]
    for options, earned in ((["--reference"], 15), ([], 0)):
        result = folder / "result.json"
        graded = run(folder, "-m", "autograder", "hw2", "--only", "reptile", "--json", result, *options)
        checks = json.loads(result.read_text())["exercises"][0]["checks"]
        assert sum(check["points"] for check in checks if check["verdict"] == "PASS") == earned, graded.stdout
    mutants = run(folder, "-m", "autograder", "mutants", "hw2", "--only", "reptile", "--jobs", "1")
    assert mutants.returncode == 0, mutants.stdout + mutants.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reptile", "named by its homework and a Python name, as hw2/reptile, not reptile"),
        ("hw2/Reptile-2", "not hw2/Reptile-2"),
        ("hw2/class", "not hw2/class"),
        ("hw9/reptile", "There is no homework hw9; there are hw1, hw2."),
        ("hw2/maml", "autograder/exercises/maml is there already"),
        ("hw1/maml", "hw2/maml.py is there already"),
        ("hw2/util", "hw2/util.py is there already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name, said):
    with pytest.raises(click.UsageError) as error:
        new.begin(name)
    assert said in error.value.message
