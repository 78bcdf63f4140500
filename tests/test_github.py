"""The workflow of GitHub Classroom: valid, and its steps do what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from autograder import paths
from autograder.grading import catalog
from autograder.instructor import github
from autograder.results import number

pytestmark = pytest.mark.parametrize("homework", catalog.homeworks())


def job(homework):
    """The only job of the workflow."""
    (found,) = yaml.safe_load(github.workflow(homework))["jobs"].values()
    return found


def step(homework, name):
    (found,) = (step for step in job(homework)["steps"] if step.get("name") == name)
    return found["run"]


def run(script, folder, **programs):
    """Run a step's script as the runner does, with stand-ins for programs; what it wrote into the summary, too."""
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    environment = {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(paths.COURSE),
        "OMP_NUM_THREADS": "1",
        "RUNNER_TEMP": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "HOME": str(folder),
    }
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as `shell: bash` is defined
    done = subprocess.run(shell, cwd=paths.COURSE, env=environment, capture_output=True, text=True, check=False)
    summary = folder / "summary.md"
    return done, summary.read_text() if summary.exists() else ""


def test_the_workflow_is_one_that_github_takes(homework):
    told = yaml.safe_load(github.workflow(homework))
    assert told[True] == ["push", "workflow_dispatch"]  # YAML reads the key "on" as a truth value
    assert told["name"] == "Autograding Tests" and list(told["jobs"]) == ["run-autograding-tests"]  # for Classroom
    assert told["permissions"] == {"contents": "read"}
    assert set(job(homework)) == {"runs-on", "timeout-minutes", "steps"}
    for one in job(homework)["steps"]:
        assert ("uses" in one) != ("run" in one)
    assert Path(github.WORKFLOW).parts[:2] == (".github", "workflows")


def test_it_installs_torch_without_cuda_first(homework, tmp_path):
    done, _ = run(step(homework, "Install"), tmp_path, python=f'echo "$@" >> {tmp_path}/asked')
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert first.endswith("/whl/cpu torch>=2.6,<2.14") and second == "-m pip install -e ."


def test_the_summary_begins_with_the_scores(homework, tmp_path):
    done, summary = run(step(homework, "Grade"), tmp_path, python=f'exec {sys.executable} "$@"')
    assert done.returncode == 0 and "still to do" in done.stdout, (
        done.stderr
    )  # graded: a green run, whatever the points
    lines = [line for line in summary.splitlines() if line]
    points = number(catalog.homework(homework).points)
    assert (
        lines[0].startswith(f"# {homework}: 0 of {points} points") and lines[1] == "| exercise | file | points | of |"
    )
    assert f"::notice title={homework}::{lines[0].removeprefix('# ')}" in done.stdout.splitlines()
    assert f"::notice title=Autograding complete::Points 0/{points}" in done.stdout.splitlines()
    report = f'::notice title=Autograding report::{{"totalPoints":0,"maxPoints":{points}}}'
    assert report in done.stdout.splitlines()
    exercises = catalog.exercises(homework)
    rows = lines[3 : 3 + len(exercises)]
    assert [row.split(" | ")[:2] for row in rows] == [[f"| {e.title}", f"`{e.file}`"] for e in exercises]
    assert "still to do" in summary


def test_a_grader_that_fails_is_told_in_the_summary(homework, tmp_path):
    done, summary = run(step(homework, "Grade"), tmp_path, python="exit 3")
    assert done.returncode == 3 and summary == "Nothing was graded; the log of the step says why.\n"
