"""A course with one small exercise, on which the engine's own tests stand: commands are run on it as authors do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.paths import COURSE

INTRODUCTION = """# {title}

<!-- files -->

<!-- setup -->

| | |
|---|---|
<!-- commands -->

<!-- problems -->

<!-- points -->

<!-- questions -->
"""
TOY = Path(__file__).parent / "toy"
# Under CI, pytest repeats a failure's whole message in its summary; the tests here read the output.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "CI"} | {"OMP_NUM_THREADS": "1"}


class Course:
    """A folder with the autograder and hw1, whose only exercise is the toy."""

    def __init__(self, folder):
        for name in ("autograder", "data", "trainer"):
            ignored = shutil.ignore_patterns("__pycache__", "omniglot_resized", "glyphs", ".*")
            shutil.copytree(COURSE / name, folder / name, ignore=ignored)
        for path in (folder / "autograder" / "exercises").iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        shutil.copytree(TOY, folder / "autograder" / "exercises" / "toy")
        shutil.copy(COURSE / "pyproject.toml", folder)
        (folder / "hw1").mkdir()
        (folder / "hw1" / "__init__.py").write_text('"""Homework 1."""\n')
        (folder / "hw1" / "homework.toml").write_text('title = "Numbers"\nrequired = {toy = 10}\n')
        self.folder, self.toy = folder, folder / "autograder" / "exercises" / "toy"
        (folder / "hw1" / "introduction.md").write_text(INTRODUCTION)
        assert self.run("write").returncode == 0

    def run(self, *arguments):
        """Run a command of the autograder's; returns its status and what it printed, wrapped nowhere."""
        line = [sys.executable, "-m", "autograder", *map(str, arguments)]
        env = ENVIRONMENT | {"PYTHONPATH": str(self.folder), "COLUMNS": "400"}
        return subprocess.run(line, cwd=self.folder, capture_output=True, text=True, env=env, check=False)

    def edit(self, name, old, new):
        """Replace a passage of one of the toy's files."""
        text = (self.toy / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{text.count(old)} times in {name}: {old}"
        (self.toy / name).write_text(text.replace(old, new), encoding="utf-8")

    def complete(self):
        """Write as many mutants and alternatives as the house asks for."""
        with (self.toy / "mutants.md").open("a", encoding="utf-8") as file:
            for n in range(1, 27):
                file.write(f"\n## {n} too many -> centre\n(leaves nothing to judge)\n- total = 0.0\n+ total = {n}.0\n")
        with (self.toy / "alternatives.md").open("a", encoding="utf-8") as file:
            for n in range(1, 5):
                file.write(f"\n## {n} and back\n@@ centre\n+ return sum(values + {n}) / len(values) - {n}\n")
                file.write(f"\n@@ spread\n+ return ((values + {n}) ** 2).mean() - (values + {n}).mean() ** 2\n")


@pytest.fixture
def toy_course(tmp_path):
    """A toy course of the test's own."""
    return Course(tmp_path)
