"""A course whose only homework is a toy: two required and two optional exercises, each a sum of numbers."""

import os
import shutil
import subprocess
import sys

from autograder.paths import COURSE

LIST = """\
title = "Sums"
required = { first = 10, second = 25.5 }
optional = { extra = 5, more = 3 }
due = "2026-12-01 23:59 -08:00"
"""
PAGE = 'title = "The {name} sum"\npaper = "None"\nshape = "functions"\nhomework = "hw7"\n'
SOLUTION = '''"""A sum."""


class Sum:
    """Adds."""

    def add(self, numbers):
        """Add numbers (n,)."""
        ### BEGIN SOLUTION
        #: add them
        return numbers.sum()
        ### END SOLUTION
'''
PROBE = '''"""How to drive a sum."""

from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch

Array = np.ndarray


class Added(NamedTuple):
    """The sum."""

    value: Array


def add(module: ModuleType, numbers: Array) -> Added:
    """Add numbers (n,)."""
    return Added(module.Sum().add(torch.tensor(numbers)).reshape(1))
'''
CHECKS = '''"""A sum."""

from autograder.grading.check_vocabulary import assert_close, hint, points


@points(1)
@hint(
    "Numbers below zero are numbers too, and all of them count.",
    mend="Add the numbers as they are, with their signs.",
)
def test_positive(student, reference, draw):
    """Positive numbers are added."""
    numbers = abs(draw.normal(5))
    assert_close(student.add(numbers).value, reference.add(numbers).value, "sum")


@points(1)
@hint(
    "Numbers below zero are numbers too, and all of them count.",
    mend="Add the numbers as they are, with their signs.",
)
def test_negative(student, reference, draw):
    """Negative numbers are added."""
    numbers = -abs(draw.normal(5))
    assert_close(student.add(numbers).value, reference.add(numbers).value, "sum")


@points(1)
@hint(
    "Numbers below zero are numbers too, and all of them count.",
    mend="Add the numbers as they are, with their signs.",
)
def test_one(student, reference, draw):
    """One number is its own sum."""
    numbers = abs(draw.normal(1))
    assert_close(student.add(numbers).value, reference.add(numbers).value, "sum")
'''
WRONG = SOLUTION.replace("numbers.sum()", "numbers.abs().sum()")  # one check of three finds it


class Course:
    """The toy's folder.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder):
        left_out = shutil.ignore_patterns("__pycache__", "omniglot_resized", "glyphs*", ".*")
        for name in ("autograder", "data", "trainer"):
            shutil.copytree(COURSE / name, folder / name, ignore=left_out)
        self.folder, self.exercises, self.homework = folder, folder / "autograder" / "exercises", folder / "hw7"
        for path in self.exercises.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        self.homework.mkdir()
        (self.homework / "__init__.py").write_text("")
        self.list = self.homework / "homework.toml"
        self.list.write_text(LIST)
        for name in ("first", "second", "extra", "more"):
            own = self.exercises / name
            own.mkdir()
            for file, text in (("__init__", ""), ("solution", SOLUTION), ("probe", PROBE), ("checks", CHECKS)):
                (own / f"{file}.py").write_text(text)
            (own / "exercise.toml").write_text(PAGE.format(name=name))
            (own / "mutants.md").write_text("# Wrong sums\n")

    def hand_in(self, folder, **texts):
        """Put the files of a submission into a folder."""
        (folder / "hw7").mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / "hw7" / f"{name}.py").write_text(text)
        return folder

    def run(self, *arguments):
        """Run a command of the autograder's: status, stdout and stderr, wrapped nowhere."""
        env = os.environ | {"PYTHONPATH": str(self.folder), "COLUMNS": "110", "OMP_NUM_THREADS": "1"}
        line = [sys.executable, "-m", "autograder", *map(str, arguments)]
        done = subprocess.run(line, cwd=self.folder, capture_output=True, text=True, env=env, check=False)
        return done.returncode, done.stdout, done.stderr
