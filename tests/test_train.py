"""hw1/train.py and hw2/train.py, run as students run them.

They run in a copy of the tree, with the reference solutions in place of the stubs.
"""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from autograder.grading.catalog import exercises, homeworks
from trainer import checkpoint

REPO = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what a student has, with the solutions filled in and 90 simple characters for Omniglot."""
    tree = tmp_path_factory.mktemp("student")
    ignored = shutil.ignore_patterns("__pycache__", "instructor", "omniglot_resized", "glyphs*", "*.ipynb")
    for name in ("autograder", "data", *homeworks(), "trainer"):
        shutil.copytree(REPO / name, tree / name, ignore=ignored)
    for exercise in (exercise for homework in homeworks() for exercise in exercises(homework)):
        shutil.copy(exercise.folder / "solution.py", tree / exercise.file)
    rng = np.random.default_rng(0)
    for i in range(90):
        folder = tree / f"data/omniglot_resized/alphabet{i // 10}/character{i % 10:02}"
        folder.mkdir(parents=True)
        shape = rng.random((7, 7)) < 0.5
        for j in range(20):
            pixels = np.kron(shape ^ (rng.random((7, 7)) < 0.05), np.ones((4, 4), bool))
            Image.fromarray(~pixels).save(folder / f"{j:02}.png")
    return tree


def start(tree, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=tree,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process, status=0):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == status, output
    return output


def wait_until(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)


def same_tensors(one, other):
    with safe_open(one, "pt") as one, safe_open(other, "pt") as other:
        return set(one.keys()) == set(other.keys()) and all(
            torch.equal(one.get_tensor(name), other.get_tensor(name))
            for name in one.keys()  # noqa: SIM118
        )


def iterations(folder):
    with open(folder / "log.csv") as file:
        return [int(row["iteration"]) for row in csv.DictReader(file)]


SMALL_TASKS = ("--num-way=3", "--num-query=2", "--num-tasks=2", "--val-interval=5")
PROGRAMS = {
    "black_box": ("hw1.train", "--hidden-dim=16", "--batch-size=8", "--val-interval=5", "--num-workers=2"),
    "protonet": ("hw2.train", "protonet", *SMALL_TASKS, "--num-support=2"),
    "maml": ("hw2.train", "maml", *SMALL_TASKS, "--num-inner-steps=2", "--learn-inner-lrs"),
}


def test_a_todo_is_one_sentence(tree, tmp_path):
    student = shutil.copytree(tree, tmp_path / "student")
    maml = student / "hw2/maml.py"
    maml.write_text(re.sub(r"(?s)### BEGIN SOLUTION.*?### END SOLUTION", "raise NotImplementedError", maml.read_text()))
    output = finish(start(student, *PROGRAMS["maml"]), status=1)
    assert "hw2/maml.py: MAML._outer_step is still to do: fill in its TODO" in output
    assert "Traceback" not in output
    assert not list((student / "logs").glob("*/*/*.safetensors"))


def test_an_error_in_the_students_code_keeps_its_traceback(tree, tmp_path):
    student = shutil.copytree(tree, tmp_path / "student")
    protonet = student / "hw2/protonet.py"
    protonet.write_text(protonet.read_text().replace("prototypes = self._prototypes(", "prototypes = self._prototype("))
    output = finish(start(student, *PROGRAMS["protonet"]), status=1)
    assert "Traceback" in output and "AttributeError" in output and "protonet.py" in output


def test_missing_data_says_how_to_get_it(tree, tmp_path):
    student = shutil.copytree(tree, tmp_path / "student", ignore=shutil.ignore_patterns("omniglot_resized"))
    for words in ("hw1.train",), ("hw2.train", "protonet"):
        output = finish(start(student, *words), status=1)
        assert "python -m data.download" in output and "--data glyphs" in output and "Traceback" not in output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["black_box", "protonet"])
def test_drawings_that_cannot_be_used_are_named_in_one_sentence_before_the_training(tree, tmp_path, name):
    student = shutil.copytree(tree, tmp_path / "student")
    words = (*PROGRAMS[name], "--num-iterations=2")
    characters = sorted((student / "data/omniglot_resized").glob("*/*"))
    (characters[0] / "._00.png").write_bytes(b"a note of macOS")
    for grey in characters[1].glob("*.png"):
        Image.open(grey).convert("L").save(grey)
    finish(start(student, *words))
    broken = characters[2] / "03.png"
    broken.write_bytes(broken.read_bytes()[:50])
    output = finish(start(student, *words, "--restart"), status=1)
    assert output.strip().splitlines() == [
        f"Error: {broken.relative_to(student)} is not a PNG that can be read: remove it and fetch it again."
    ]
    for character in characters:
        for drawing in set(character.glob("[0-9]*.png")) - {character / "00.png"}:
            drawing.unlink()
    output = finish(start(student, *words, "--restart"), status=1)
    assert "drawings of a character, and one has 1 (alphabet" in output and "Traceback" not in output


@pytest.mark.slow
def test_glyphs_are_drawn_once_and_need_no_download(tree, tmp_path):
    student = shutil.copytree(tree, tmp_path / "student", ignore=shutil.ignore_patterns("omniglot_resized"))
    words = (*PROGRAMS["maml"], "--data=glyphs", "--num-iterations=2")
    assert "Drawing 1,623 characters into data/glyphs" in finish(start(student, *words))
    assert "Drawing" not in finish(start(student, *words, "--seed=1"))
    assert len(list((student / "data/glyphs").glob("*/*/*.png"))) == 1623 * 20


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_ten_iterations_and_ten_more_are_twenty(tree, tmp_path, name):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finish(start(tree, *PROGRAMS[name], f"--log-dir={whole}", "--num-iterations=20"))
    finish(start(tree, *PROGRAMS[name], f"--log-dir={parts}", "--num-iterations=10"))
    finish(start(tree, *PROGRAMS[name], f"--log-dir={parts}", "--num-iterations=20", "--resume"))
    assert same_tensors(whole / "last.safetensors", parts / "last.safetensors")
    assert (whole / "log.csv").read_text() == (parts / "log.csv").read_text()
    output = finish(start(tree, *PROGRAMS[name], f"--log-dir={parts}", "--test"))
    assert re.search(r"^\d-way \d-shot accuracy: \S+% ± \S+% \(95% confidence, 600 meta-test tasks\)$", output, re.M)
    assert json.loads((parts / "best.test.json").read_text())["tasks"] == 600


@pytest.mark.slow
@pytest.mark.parametrize("name", ["black_box", "maml"])
def test_ctrl_c_in_the_terminal_prints_a_command_that_goes_on(tree, tmp_path, name):
    process = start(tree, *PROGRAMS[name], f"--log-dir={tmp_path}", "--num-iterations=100000")
    log = tmp_path / "log.csv"
    wait_until(lambda: log.exists() and log.read_text().count("\n") > 10, process)
    process.send_signal(signal.SIGINT)
    output = finish(process, status=130)
    done = checkpoint.read_facts(tmp_path / "last.safetensors")["iteration"]
    command = shlex.split(re.search(r"python -m (.* --resume)$", output, re.M)[1])
    arguments = [f"--num-iterations={done + 5}" if word == "100000" else word for word in command]
    arguments.remove("--num-iterations")
    finish(start(tree, *arguments))
    assert iterations(tmp_path) == list(range(done + 6))


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_checkpoint(tree, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start(tree, *PROGRAMS["maml"], f"--log-dir={whole}", "--num-iterations=60"))
    process = start(tree, *PROGRAMS["maml"], f"--log-dir={killed}", "--num-iterations=100000")
    log = killed / "log.csv"
    wait_until(lambda: log.exists() and log.read_text().count("\n") > 12, process)
    process.kill()
    process.wait()
    finish(start(tree, *PROGRAMS["maml"], f"--log-dir={killed}", "--num-iterations=60", "--resume"))
    assert same_tensors(whole / "last.safetensors", killed / "last.safetensors")
    assert iterations(killed) == list(range(61))
