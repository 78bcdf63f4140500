"""benchmarks/reference.py: the training programs with the reference solutions, as one runs them."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data import glyphs

REPO = Path(__file__).parents[1]
TASKS = ("--num-way=3", "--num-query=2", "--num-tasks=5", "--val-interval=2", "--num-iterations=4")
METHODS = {
    "protonet": ("protonet", *TASKS, "--num-support=2", "--halve-every=2"),
    "maml": ("maml", *TASKS, "--learn-inner-lrs", "--rotations"),
    "first-order": ("maml", *TASKS, "--num-inner-steps=2", "--first-order"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of drawn characters."""
    folder = tmp_path_factory.mktemp("glyphs")
    glyphs.write(folder, 90)
    return folder


def reference(*words):
    line = [sys.executable, "-m", "benchmarks.reference", *map(str, words)]
    return subprocess.run(
        line,
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def log(data, folder, *words):
    done = reference(*words, f"--data={data}", f"--log-dir={folder}", "--threads=1")
    assert done.returncode == 0, done.stdout + done.stderr
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file)), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_batched_run_learns_what_the_loop_learns(data, tmp_path, method):
    looped, _ = log(data, tmp_path / "looped", "hw2", *METHODS[method])
    batched, output = log(data, tmp_path / "batched", "hw2", "--batched", *METHODS[method])
    assert len(looped) == len(batched) == 5
    for one, other in zip(looped, batched, strict=True):
        for name, value in one.items():
            # In single precision, where Adam makes of a gradient that is all rounding a whole step.
            assert other[name] == value or float(other[name]) == pytest.approx(float(value), abs=0.05), name
    assert float(batched[0]["val_loss"]) == pytest.approx(float(looped[0]["val_loss"]), rel=1e-4)
    # What is printed to go on is a command of this program.
    assert re.search(r"^ +python -m benchmarks\.reference hw2 --batched \w+ --num-way 3 .*--test$", output, re.M)


@pytest.mark.slow
def test_first_order_trains_otherwise_than_second_order(data, tmp_path):
    first, _ = log(data, tmp_path / "first", "hw2", *METHODS["first-order"])
    second, _ = log(data, tmp_path / "second", "hw2", *METHODS["first-order"][:-1])
    assert first[1]["train_loss"] == second[1]["train_loss"] and first[2]["train_loss"] != second[2]["train_loss"]


def test_wrong_words_are_one_sentence():
    for words, sentence in (
        ((), "Say which homework"),
        (("hw3",), "Say which homework"),
        (("hw1", "--batched"), "--batched is for hw2"),
        (("hw2", "--recipe", "paper"), "There is no recipe 'paper'"),
    ):
        done = reference(*words)
        assert done.returncode and sentence in done.stderr and "Traceback" not in done.stderr
