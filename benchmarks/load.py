"""Whether a busy machine takes points from right work: python -m benchmarks.load [--runs 10] [--fast]

The references are graded in every way in which students are: in their own folder, in a class, in a handout, and in the
stand-in for Gradescope's container. Each way is tried at 0.15 of a core or less (all runs at once on one core) and with
16 processes beside that compute. The whole of it takes hours; --together tries all ways at the same time, which is more
load and takes less time. A column says how much of a processor a run had. Exit status 1 if a point was lost.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from autograder import paths
from autograder.grading import catalog
from autograder.instructor import references
from autograder.instructor.handout.build import build

SHARE, BESIDE = 0.15, 16
LOOK = 0.5  # seconds between two looks at what a grading's processes have computed
SEED = 7
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks", "docs", "logs", "*.egg-info")


Work = dict[str, bytes]  # what is handed in: contents by name


class Run(NamedTuple):
    """What became of one grading: seconds that passed and were computed, and the checks that lost points."""

    passed: float
    computed: float
    lost: list[str]


def main() -> int:
    """Run what is asked for, and print a table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--fast", action="store_true", help="leave out the checks that train")
    parser.add_argument("--required", action="store_true", help="hand in what a homework requires, nothing optional")
    parser.add_argument("--homework", nargs="+", choices=catalog.homeworks(), default=catalog.homeworks())
    parser.add_argument("--way", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--load", nargs="+", choices=list(LOADS), default=list(LOADS))
    parser.add_argument("--together", action="store_true", help="try all ways at the same time, beside each other")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    table = Table(
        "homework", "way", "load", "runs", "passed, s", "computed, s", "of a core", "lost", title=_title(asked)
    )
    figures, lost = [], 0
    ways = [asked.way] if asked.together else [[way] for way in asked.way]
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        for homework, at_once, load in itertools.product(asked.homework, ways, asked.load):
            work = _work(homework, asked.required)
            ready = {
                way: WAYS[way](Path(folder, f"{homework}-{way}-{load}"), homework, work, asked.fast) for way in at_once
            }
            measured = _measure({way: grade for way, grade in ready.items() if callable(grade)}, asked.runs, load)
            for way, grade in ready.items():
                runs = measured.get(way, [])
                lost += sum(bool(run.lost) for run in runs)
                row = _row(runs) if runs else ["not run", str(grade), "", "", ""]
                table.add_row(homework, way, LOADS[load], *row)
                print(homework, way, load, *row, sep=" | ", flush=True)
                figures.append({"homework": homework, "way": way, "load": load, "runs": [r._asdict() for r in runs]})
    Console(width=140).print(table)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(bool(lost))


def _title(asked: argparse.Namespace) -> str:
    what = "references of what is required" if asked.required else "references"
    return f"{what}, {'--fast' if asked.fast else 'training included'}, {os.cpu_count()} cores"


def _row(runs: list[Run]) -> list[str]:
    passed, computed = [run.passed for run in runs], [run.computed for run in runs]
    shares = [run.computed / run.passed for run in runs]
    lost = sorted({check for run in runs for check in run.lost})
    return [
        str(len(runs)),
        f"{statistics.median(passed):.0f} (at most {max(passed):.0f})",
        f"{statistics.median(computed):.0f}",
        f"{statistics.median(shares):.2f}",
        f"{sum(bool(run.lost) for run in runs)} runs: {', '.join(lost)}" if lost else "nothing",
    ]


# Loads

LOADS = {"share": f"{SHARE} of a core each, or less", "busy": f"{BESIDE} busy processes beside"}


def _measure(grades: dict[str, Callable[[int], Run]], runs: int, load: str) -> dict[str, list[Run]]:
    """Grade in some ways under a load, all runs of all ways at once, and as many more as make the share."""
    at_once = max(runs, round(1 / SHARE)) if load == "share" else runs
    threads = at_once * len(grades) or 1
    with _beside(BESIDE if load == "busy" else 0), _on_one_core(load == "share"), ThreadPoolExecutor(threads) as pool:
        begun = {way: [pool.submit(grade, number) for number in range(at_once)] for way, grade in grades.items()}
        return {way: [run.result() for run in those][:runs] for way, those in begun.items()}


@contextlib.contextmanager
def _beside(many: int) -> Iterator[None]:
    loop = [sys.executable, "-c", "while True: pass"]  # each in a session: some systems share processors out by these
    processes = [subprocess.Popen(loop, start_new_session=True) for _ in range(many)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _on_one_core(wanted: bool) -> Iterator[None]:
    """Keep this process, and what it starts from now on, on one core."""
    before = os.sched_getaffinity(0)
    try:
        if wanted:
            os.sched_setaffinity(0, {min(before)})
        yield
    finally:
        os.sched_setaffinity(0, before)


# Ways: each is given the work that is handed in and makes ready what it needs. It returns a function that grades once,
# or why it cannot.


def own_folder(folder: Path, homework: str, work: Work, fast: bool) -> Callable[[int], Run]:
    """The command of students, in a copy of the course with the solutions in place."""
    shutil.copytree(paths.COURSE, folder, ignore=LEFT_OUT)
    _hand_in(folder, work)
    return _command(folder, homework, work, fast)


def handout(folder: Path, homework: str, work: Work, fast: bool) -> Callable[[int], Run]:
    """The same in a handout, which has recorded answers."""
    for name, content in build(homework, seed=SEED).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    _hand_in(folder, work)
    return _command(folder, homework, work, fast)


def in_class(folder: Path, homework: str, work: Work, fast: bool) -> Callable[[int], Run]:
    """A class of one."""

    def grade(number: int) -> Run:
        student, out = folder / f"{number}" / "student", folder / f"out-{number}"
        _hand_in(student, work)
        words = [homework, str(student.parent), "--out", str(out), "--jobs", "1"]
        run = _run([sys.executable, "-m", "autograder", "class", *words, *["--fast"] * fast], paths.COURSE)
        (told,) = (out / "results").glob("*.json") or [None]
        return run._replace(lost=_lost(json.loads(told.read_bytes()), work) if told else ["no result"])

    return grade


def gradescope(folder: Path, homework: str, work: Work, fast: bool) -> Callable[[int], Run] | str:
    """The stand-in for Gradescope's container, always with training."""
    if os.getuid() or not shutil.which("bwrap"):
        return "needs root, and bubblewrap"
    sys.path.insert(0, str(paths.COURSE / "tests"))
    from container import Container

    from autograder.instructor.gradescope import build as archives

    folder.mkdir(parents=True)
    archive = folder / "autograder.zip"
    archive.write_bytes(archives.archive(homework, SEED, 60))  # not the time of Gradescope is to be measured, but ours

    def grade(number: int) -> Run:
        with tempfile.TemporaryDirectory(prefix="gradescope-") as place:
            Path(place).chmod(0o755)
            made = Container(Path(place), archive)
            made.hand_in(work)
            begun = time.monotonic()
            made.grade(timeout=4000)
            page = made.results()
        handed_in = {Path(name).stem for name in work}
        checks = [test for test in page["tests"] if test.get("tags") and test["tags"][0] in handed_in]
        lost = [f"{check['name']} {check['tags'][1]}" for check in checks if check["tags"][1] != "PASS"]
        lost += [] if checks else [page["output"]]
        return Run(time.monotonic() - begun, made.seconds, lost)

    return grade


WAYS: dict[str, Callable[[Path, str, Work, bool], Callable[[int], Run] | str]] = {
    "own folder": own_folder,
    "class": in_class,
    "handout": handout,
    "gradescope": gradescope,
}


def _work(homework: str, required: bool) -> Work:
    """The references that are handed in."""
    left_out = {exercise.file for exercise in catalog.exercises(homework) if required and not exercise.required}
    files = references.solutions(homework).files
    return {name: content for name, content in files.items() if name not in left_out}


def _hand_in(folder: Path, work: Work) -> None:
    for name, content in work.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _command(folder: Path, homework: str, work: Work, fast: bool) -> Callable[[int], Run]:
    def grade(number: int) -> Run:
        told = folder / f"told-{number}.json"
        words = [homework, "--json", str(told), *["--fast"] * fast]
        run = _run([sys.executable, "-m", "autograder", *words], folder)
        return run._replace(lost=_lost(json.loads(told.read_bytes()), work) if told.exists() else ["no result"])

    return grade


def _run(command: list[str], folder: Path) -> Run:
    """Run a command to its end, and count what it and its processes computed, as of the last look at each."""
    begun = time.monotonic()
    process = psutil.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    computed: dict[int, float] = {}
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    computed[each.pid] = times.user + times.system
        time.sleep(LOOK)
    return Run(time.monotonic() - begun, sum(computed.values()), [])


def _lost(report: dict[str, Any], work: Work) -> list[str]:
    """The checks of a report that did not pass, of what was handed in, whatever has more to say than points."""
    exercises = report.get("exercises") or report["report"]["exercises"]
    checks = [check for exercise in exercises if exercise["file"] in work for check in exercise["checks"]]
    missing = [f"{name} is not in the report" for name in work.keys() - {exercise["file"] for exercise in exercises}]
    return missing + [
        f"{check['name']} {check['verdict']} ({check['message'].strip().rpartition(chr(10))[2]})"
        for check in checks
        if check["verdict"] != "PASS"
    ]


if __name__ == "__main__":
    sys.exit(main())
