"""How soon a saved file is answered: python -m benchmarks.watch [hw2] [--saves 10]

Starts `python -m autograder HOMEWORK --watch --only EXERCISE` in a copy of the course that holds the reference
solutions, saves the file again and again, by turns in place and as another file that is renamed, each time with
another text, and measures the seconds from then to the first verdict and to the whole report; and the memory of all
its processes, where what several share is counted once (PSS).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder import paths
from autograder.grading import catalog
from autograder.instructor import references
from autograder.student.watch import SAVE

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks", "docs", "logs", "*.egg-info")
LONGEST = 120.0  # seconds for one answer
VERDICTS = "✓✗·"


class Watching:
    """A running grader, and what it has written since it was last asked."""

    def __init__(self, folder: Path, words: list[str]):
        command = [sys.executable, "-m", "autograder", *words]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._text, self._changed = "", threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        assert self.process.stdout
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self._changed:
                self._text += data.decode(errors="replace")
                self._changed.notify_all()

    def forget(self):
        with self._changed:
            self._text = ""

    def wait(self, seen):
        """Wait until the text is as wanted."""
        with self._changed:
            if not self._changed.wait_for(lambda: seen(self._text), LONGEST):
                raise TimeoutError(f"nothing for {LONGEST:.0f} s after: {self._text[-500:]}")

    def memory(self):
        """Bytes of it and of all that it has started."""
        return sum(_shared_once(process) for process in _tree(self.process.pid))


def main() -> None:
    """Save, wait, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homework", nargs="?", default="hw2", choices=catalog.homeworks())
    parser.add_argument("--saves", type=int, default=10)
    asked = parser.parse_args()
    table = Table("exercise", "first verdict, s", "report, s", "memory, MB", title="median (at most)")
    with tempfile.TemporaryDirectory(prefix="watch-") as name:
        folder = Path(name, "course")
        shutil.copytree(paths.COURSE, folder, ignore=LEFT_OUT)
        for file, content in references.solutions(asked.homework).files.items():
            (folder / file).write_bytes(content)
        for exercise in catalog.exercises(asked.homework):
            firsts, wholes, memory = measure(folder, exercise, asked.saves)
            table.add_row(exercise.name, figure(firsts), figure(wholes), f"{memory / 1e6:.0f}")
    Console(width=100).print(table)


def measure(folder, exercise, saves):
    """Seconds to the first verdict and to the report, save by save, and the largest memory seen."""
    file = folder / exercise.file
    given = file.read_bytes()
    firsts, wholes, memory = [], [], 0
    watching = Watching(folder, [exercise.homework, "--watch", "--only", exercise.name])
    try:
        watching.wait(lambda text: SAVE in text)
        for number in range(saves):
            time.sleep(4)  # a person reads, and the next worker imports torch
            memory = max(memory, watching.memory())
            watching.forget()
            begun = time.monotonic()
            save(file, given + f"\n# {number}\n".encode(), rename=bool(number % 2))
            watching.wait(lambda text: any(mark in text for mark in VERDICTS))
            firsts.append(time.monotonic() - begun)
            watching.wait(lambda text: SAVE in text)
            wholes.append(time.monotonic() - begun)
    finally:
        watching.process.kill()
        file.write_bytes(given)
    return firsts, wholes, memory


def save(file, content, rename):
    """Write a file as editors do."""
    if not rename:
        file.write_bytes(content)
        return
    beside = file.with_suffix(".tmp")
    beside.write_bytes(content)
    beside.replace(file)


def figure(seconds):
    """As "0.61 (0.80)"."""
    return f"{statistics.median(seconds):.2f} ({max(seconds):.2f})"


def _tree(pid):
    """A process and all below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _shared_once(pid):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
