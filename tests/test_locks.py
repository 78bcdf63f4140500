"""A box and a control group are alive by a lock, whoever looks: another process, namespace or machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from autograder import locks
from autograder.grading import box, catalog
from autograder.isolation import totals

HOLDS = """
import time
from autograder.grading import box, catalog
with box.filled(catalog.exercises("hw1"), {"hw1/sum.py": b"work"}) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""
SWEEPS = "from autograder.grading import box; box._sweep()"
ELSEWHERE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
if subprocess.run([*ELSEWHERE, "true"], check=False, capture_output=True).returncode:
    ELSEWHERE = []  # no other namespace can be had: another process


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files of all graders."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def grader(temporary):
    """Another grader: its process and its box."""
    line = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(line, cwd=box.COURSE, stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_grader_leaves_the_box_of_another_alone_and_removes_it_once_that_one_is_dead(grader):
    process, folder = grader
    for prefix in (ELSEWHERE, []):
        subprocess.run([*prefix, sys.executable, "-c", SWEEPS], cwd=box.COURSE, check=True)
        assert (folder / "hw1/sum.py").read_bytes() == b"work"
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run([*ELSEWHERE, sys.executable, "-c", SWEEPS], cwd=box.COURSE, check=True)
    assert not folder.parent.exists()


def test_two_graders_with_one_folder_for_temporary_files_leave_nothing(temporary):
    with box.filled(catalog.exercises("hw1"), {}) as one, box.filled(catalog.exercises("hw1"), {}) as two:
        assert one != two and one.is_dir() and two.is_dir()
    assert list(temporary.iterdir()) == []


def test_a_box_in_the_making_is_left_alone_for_a_day(temporary):
    for name, age in (("box-young", 60), ("box-old", 2 * box.DAY)):
        (temporary / name / "box").mkdir(parents=True)
        os.utime(temporary / name, (time.time() - age,) * 2)
    box._sweep()
    assert [path.name for path in temporary.iterdir()] == ["box-young"]


def test_a_lock_is_held_once_and_by_nobody_where_there_are_none(tmp_path, monkeypatch):
    held = locks.hold(tmp_path)
    assert held is not None and locks.hold(tmp_path) is None
    locks.release(held)
    locks.release(again := locks.hold(tmp_path))
    assert again is not None
    assert locks.hold(tmp_path / "missing") is None
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert locks.hold(tmp_path) is None


def test_on_a_system_without_locks_a_box_serves_and_nothing_is_swept(temporary, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with box.filled(catalog.exercises("hw1"), {}), box.filled(catalog.exercises("hw1"), {}):
        assert len(list(temporary.iterdir())) == 2
    assert list(temporary.iterdir()) == []


def test_a_control_group_is_swept_when_nobody_holds_it(tmp_path):
    (tmp_path / f"{totals.NAME}-left").mkdir()
    group = totals.ControlGroup(set())
    held = tmp_path / f"{totals.NAME}-held"
    group.make(held)
    totals._sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [held.name]
    group.close()
    totals._sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
