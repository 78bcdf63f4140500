"""A course whose exercises are copies of one small exercise, tests/toy: the engine's own tests run commands on it."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from autograder.grading.thresholds import Threshold
from autograder.instructor.quality import calibrate
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
SOLUTION = (TOY / "solution.py").read_text(encoding="utf-8")
SPREAD = "for value in values) / len(values)"
WRONG = SOLUTION.replace(SPREAD, f"{SPREAD} + max(0, self.centre(values) - 5)")  # one check of four finds it
ONE_EXERCISE = 'title = "Numbers"\nrequired = { toy = 10 }\n'
FITTED = calibrate.fit([0.9 + seed / 1000 for seed in range(30)])
# Under CI, pytest repeats a failure's whole message in its summary; the tests here read the output.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "CI"} | {"OMP_NUM_THREADS": "1"}


class Course:
    """A folder with the autograder and one homework, whose exercises are all the toy.

    Args:
        folder: an empty one.
        homework: its name.
        listed: what homework.toml says; each exercise that it names becomes a copy of the toy.
    """

    def __init__(self, folder, homework="hw1", listed=ONE_EXERCISE):
        for name in ("autograder", "data", "trainer"):
            ignored = shutil.ignore_patterns("__pycache__", "omniglot_resized", "glyphs", ".*")
            shutil.copytree(COURSE / name, folder / name, ignore=ignored)
        shutil.copy(COURSE / "pyproject.toml", folder)
        self._lies_in(folder, homework)
        for path in self.exercises.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        self.homework.mkdir()
        (self.homework / "__init__.py").write_text('"""A homework."""\n')
        (self.homework / "introduction.md").write_text(INTRODUCTION)
        self.list.write_text(listed)
        tables = msgspec.toml.decode(listed)
        for name in tables["required"] | tables.get("optional", {}):
            own = shutil.copytree(TOY, self.exercises / name, ignore=shutil.ignore_patterns("__pycache__"))
            page = own / "exercise.toml"
            page.write_text(page.read_text().replace('"hw1"', f'"{homework}"'))

    def _lies_in(self, folder, homework):
        self.folder, self.exercises, self.homework = folder, folder / "autograder" / "exercises", folder / homework
        self.list, self.toy = self.homework / "homework.toml", self.exercises / "toy"

    def copy(self, folder):
        """Return a copy in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        course = copy.copy(self)
        course._lies_in(folder, self.homework.name)
        return course

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

    def set_thresholds(self, **changed):
        """Write thresholds of all exercises as if they had been measured, but for what is to be another."""
        told = {name: getattr(FITTED, name) for name in Threshold.__struct_fields__}
        told |= {"mutants": {"the sign": [0.1, 0.2]}} | changed
        for path in self.exercises.glob("*/exercise.toml"):
            table = {"test_tells_numbers_apart": {"made": told}}
            (path.parent / "thresholds.json").write_text(json.dumps(table))
            (path.parent / "thresholds.png").touch()

    def hand_in(self, folder, **texts):
        """Put the files of a submission into a folder."""
        own = folder / self.homework.name
        own.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (own / f"{name}.py").write_text(text)
        return folder
