"""Containers, of a stand-in for podman: no engine runs where these tests do, but its command line is held to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.grading import catalog
from autograder.grading import grade as grading
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import references
from autograder.instructor.live_key import Live
from autograder.isolation import container, levels
from autograder.results import Verdict

# It knows the options of `podman run` that we use, and no others, and runs the command on this machine.
STAND_IN = f"""#!{sys.executable}
import json, os, sys
place = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(place, "log"), "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["image", "inspect"]:
    found = os.path.exists(os.path.join(place, "image"))
    sys.exit(0 if found else sys.stderr.write("Error: no such image\\n") and 125)
if sys.argv[1] == "rm":
    sys.exit(0)
words, options, environment = iter(sys.argv[2:]), [], {{}}
for word in words:
    if word in ("--name", "--mount", "--env"):
        value = next(words)
        options.append((word, value))
        if word == "--env":
            name, _, environment[name] = value.partition("=")
    elif word.startswith("--"):
        options.append((word, ""))
    else:
        image = word
        break
mount = dict(part.partition("=")[::2] for part in dict(options)["--mount"].split(","))
command = [word.replace("/box/", mount["source"] + "/") for word in words]
assert image == {container.IMAGE!r} and command[0] == "python" and mount["target"] == "/box", sys.argv
os.execve({sys.executable!r}, [{sys.executable!r}, *command[1:]], {{"PATH": os.defpath, **environment, "HOME": place}})
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A folder with the stand-in, first on the path; what it was asked is in its log."""
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "podman").write_text(STAND_IN)
    (folder / "podman").chmod(0o755)
    (folder / "image").touch()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", "")
    find = levels.find
    find.cache_clear()
    yield folder
    os.environ.pop(levels.DEMANDED, None)
    find.cache_clear()


def asked(engine):
    return [json.loads(line) for line in (engine / "log").read_text().splitlines()]


def test_the_references_have_full_marks_in_containers_and_none_is_left(engine, monkeypatch, required_alone):
    isolation = levels.Isolation(levels.CONTAINER, container.Engine("podman"), drop=False)
    monkeypatch.setattr(levels, "find", lambda: isolation)
    homework = catalog.homeworks()[-1]
    settings = Settings(1, Drawings(None), Live())
    report = grading.grade(homework, references.solutions(homework), settings, subject="", fast=True)
    assert [check.verdict for check in report.checks] == [Verdict.PASS] * len(report.checks)
    assert report.isolation == "container"
    started = {line[line.index("--name") + 1] for line in asked(engine) if line[0] == "run"}
    removed = {line[-1] for line in asked(engine) if line[0] == "rm"}
    assert started and started == removed


def test_a_container_is_closed_in_the_words_of_the_engine(engine):
    isolation = levels.Isolation(levels.CONTAINER, container.Engine("podman"), drop=False)
    box = engine / "a box"
    box.mkdir()
    (box / "program.py").write_text("print('here')")
    running = isolation.start(box, "program.py", [])
    assert running.process.stdout.read() == b"here\n"
    running.stop()
    (line,) = (line for line in asked(engine) if line[0] == "run")
    for option in (
        *("--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *("--user=65534:65534", "--pull=never", "--ipc=private", f"type=bind,source={box},target=/box,readonly"),
    ):
        assert option in line
    assert any(word.startswith("--memory=") for word in line) and any(word.startswith("--pids-limit=") for word in line)
    assert not [word for word in line if word in ("--privileged", "--volume") or word.startswith("--publish")]


def test_an_engine_that_does_not_isolate_is_refused(engine):
    with pytest.raises(levels.ContainerError, match=r"a container of podman does not isolate here: .*it sees the"):
        levels.demand("podman")


def test_what_is_missing_is_told_with_what_to_do(engine, monkeypatch):
    (engine / "image").unlink()
    assert "`podman build -t fewshot-homework-worker -f Containerfile .`" in container.problem("podman")
    monkeypatch.setattr(container, "COURSE", engine)  # as a handout, which has none
    assert container.problem("podman").endswith("no Containerfile to make it of: leave --isolation out.")
    monkeypatch.setattr(container, "SECONDS", 0.001)
    assert container.problem("podman").startswith("podman does not answer: start it")
    monkeypatch.setenv("PATH", str(engine.parent))
    assert container.problem("docker") == "docker is not installed: install it, or leave --isolation out."


def test_the_command_line_refuses_in_one_sentence(engine):
    (engine / "image").unlink()
    line = [sys.executable, "-m", "autograder", "hw2", "--reference", "--fast", "--isolation", "podman"]
    done = subprocess.run(line, cwd=catalog.COURSE, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr.startswith("Nothing was graded: podman has no image") and done.stderr.count("\n") == 1


def test_a_cluster_is_told_where_to_say_it(tmp_path):
    words = ["class", "hw2", str(tmp_path), "--out", str(tmp_path / "out"), "--isolation", "podman", "--cluster", "x"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 4 and levels.DEMANDED in done.output


def test_the_image_has_the_packages_that_solutions_may_use():
    from autograder.isolation import python

    text = Path(catalog.COURSE, "Containerfile").read_text(encoding="utf-8").replace("pillow", "PIL")
    assert [name for name in python.PACKAGES if f'"{name}' not in text] == []
    assert container.IMAGE in text
