"""A level of isolation can be demanded, and a class is closed to the code that it grades."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.exit_status import USAGE
from autograder.instructor import references
from autograder.instructor.classroom import grading_task, run
from autograder.isolation import levels, reduced, totals

STRONGEST_FIRST = [levels.ISOLATED, levels.PER_PROCESS, levels.REDUCED, levels.SEPARATE, levels.NONE]


def at(level, monkeypatch):
    """Let this be the strongest level that works here."""
    found = levels.Isolation(level, totals.Watchdog(), "bubblewrap is not installed")
    monkeypatch.setattr(levels, "find", lambda: found)
    return found


@pytest.fixture
def class_of_one(tmp_path):
    """A folder with the reference as the only submission."""
    for name, content in references.solutions("hw2").files.items():
        path = tmp_path / "submissions" / "ada" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "submissions"


@pytest.mark.parametrize("required", STRONGEST_FIRST)
@pytest.mark.parametrize("level", STRONGEST_FIRST)
def test_a_level_falls_short_of_the_stronger_ones_alone(level, required):
    short = levels.Isolation(level, totals.Watchdog(), "a reason").shortfall(required)
    assert bool(short) == (STRONGEST_FIRST.index(level) > STRONGEST_FIRST.index(required))
    assert levels.Isolation(level, totals.Watchdog()).shortfall(None) == ""


@pytest.mark.parametrize("options", [(), ("--submission", "."), ("--allow-unsandboxed",), ("--reference",)])
def test_nothing_is_graded_below_the_level_that_is_demanded(options, monkeypatch, tmp_path):
    at(levels.REDUCED, monkeypatch)
    out = tmp_path / "result.json"
    done = CliRunner().invoke(main, ["hw2", "--fast", "--json", str(out), "--require", "isolated", *options])
    assert done.exit_code == USAGE and not out.exists()
    (sentence,) = [line for line in done.output.splitlines() if not line.startswith("Note: this is the autograder")]
    assert sentence == (
        "Nothing was graded: --require asks for the level 'isolated', and student code is kept apart at 'reduced' "
        "here, for bubblewrap is not installed."
    )


def test_only_levels_can_be_demanded():
    done = CliRunner().invoke(main, ["hw2", "--require", "perfect"])
    assert done.exit_code == USAGE and "isolated" in done.output


def test_a_class_run_stops_before_the_first_submission(class_of_one, tmp_path, monkeypatch, capsys):
    at(levels.REDUCED, monkeypatch)
    monkeypatch.setattr(run.local, "run", lambda *given: pytest.fail("something was graded"))
    options = run.Options("hw2", class_of_one, tmp_path / "out", fast=True, require=levels.ISOLATED)
    assert run.grade_class(options) == USAGE
    assert "--require asks for the level 'isolated'" in capsys.readouterr().err
    assert not (tmp_path / "out" / "gradebook.csv").exists()


def test_a_process_elsewhere_refuses_too(monkeypatch):
    at(levels.REDUCED, monkeypatch)
    grading_task.check_isolation(levels.REDUCED, allow_unsandboxed=False)
    with pytest.raises(grading_task.RefusedError, match="asks for the level 'isolated'"):
        grading_task.check_isolation(levels.ISOLATED, allow_unsandboxed=True)


# What the code of a class may not see


def test_the_folder_of_a_class_is_closed_to_other_users(class_of_one, tmp_path):
    out = tmp_path / "out"
    with run.Store(out).opened():
        assert out.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("open_folder", ["out", "submissions"])
def test_where_workers_are_users_of_their_own_a_class_that_they_could_read_is_refused(
    open_folder, class_of_one, tmp_path, monkeypatch, capsys
):
    found = at(levels.SEPARATE, monkeypatch)
    monkeypatch.setattr(reduced, "hide_command_line", lambda: None)
    seen = []

    def holes(self, closed):
        seen.extend(closed)
        return "it sees it" if any(path.name == open_folder for path in closed) else ""

    monkeypatch.setattr(type(found), "holes", holes)
    monkeypatch.setattr(run.local, "run", lambda *given: pytest.fail("something was graded"))
    assert run.grade_class(run.Options("hw2", class_of_one, tmp_path / "out", fast=True)) == USAGE
    said = capsys.readouterr().err
    assert f"every user of this machine may read {tmp_path / open_folder}" in said
    assert f"`chmod 700 {tmp_path / open_folder}`" in said and seen


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_command_line_can_be_hidden_and_the_program_goes_on():
    code = (
        "import sys; from autograder.isolation import reduced; reduced.hide_command_line(); "
        "print(repr(open('/proc/self/cmdline').read().strip(chr(0))), sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--seed", "4711"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.stdout == "'' ['--seed', '4711']\n"
