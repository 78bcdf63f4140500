"""How long a class takes: python -m benchmarks.class [--students 200] [--jobs 2] [--dask] [--training 6]

A class of references, alternatives, mutants and hostile submissions, each unlike all others, is graded in --fast form.
Half way the grader is killed with -9 and started again: nothing may be lost or graded twice, and every row of the
gradebook must be what that submission deserves. Then the same on two local Dask workers, and a few with training.
Processor time counts all processes, workers in their sandboxes too; it needs control groups of version 1, and root.
"""

import argparse
import atexit
import contextlib
import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from autograder.grading.catalog import exercises
from autograder.instructor import references
from autograder.instructor.quality import alternatives as other_words
from autograder.instructor.quality import mutants
from autograder.paths import COURSE
from benchmarks.grade import memory

sys.path[:0] = [str(COURSE / "tests"), str(COURSE / "tests" / "hostile")]
import hostile_case  # noqa: E402

HOMEWORK = "hw2"
SEED = 5_902_387_164_273_091
SHARES = {"reference": 0.15, "alternative": 0.3, "mutant": 0.45, "hostile": 0.1}
TARGET, TARGET_MB = 20, 500  # submissions a minute, of the parent
GROUP = Path(f"/sys/fs/cgroup/cpuacct/fewshot-homework-benchmark-{os.getpid()}")
OTHERS = ("S", "R12", "R13", "R17", "X", "B38")  # hostile cases that need a server or a neighbour, or take minutes


class Expected(NamedTuple):
    """What must come of a submission: for each exercise the checks that may fail, or the verdicts of those that do."""

    kind: str
    fails: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    verdicts: Mapping[str, list[str]] = MappingProxyType({})
    refused: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--dask", action="store_true", help="also on two local Dask workers")
    parser.add_argument("--training", type=int, default=0, help="so many with training checks, by 1 job and by JOBS")
    parser.add_argument("--keep", type=Path, help="leave class and results in this folder")
    options = parser.parse_args()
    table = Table(
        "run", "submissions", "minutes", "a minute", "processor s each", "parent MB", "rows wrong", "lost", "twice"
    )
    with tempfile.TemporaryDirectory() as temporary:
        root = options.keep or Path(temporary)
        root.mkdir(exist_ok=True)
        expected = build(root / "class", options.students)
        print(dict(Counter(one.kind for one in expected.values())), flush=True)
        atexit.register(leave)
        alone = one_alone()
        if options.students:
            table.add_row(*graded(root / "class", root / "local", expected, ["--jobs", str(options.jobs)], "local"))
        if options.dask:
            from distributed import LocalCluster

            with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
                address = ["--cluster", cluster.scheduler_address]
                table.add_row(*graded(root / "class", root / "dask", expected, address, "two Dask workers"))
            print("the same results both ways:", verdicts(root / "local") == verdicts(root / "dask"))
        if options.training:
            build(root / "few", options.training, hostile=False)
            for jobs in sorted({1, options.jobs}):
                seconds, peak, used = timed(root / "few", root / f"training-{jobs}", ["--jobs", str(jobs)], fast=False)
                row = [f"training checks, {jobs} jobs", str(options.training), f"{seconds / 60:.1f}"]
                row += [f"{60 * options.training / seconds:.2f}", each(used, options.training), f"{peak:.0f}"]
                table.add_row(*row)
    Console(width=120).print(table)
    print(f"targets: {TARGET} a minute on two cores, {TARGET_MB} MB, 0 wrong, 0 lost, 0 twice")
    print(
        f"one alone (hw2 --reference --fast): {alone:.1f} s before, {one_alone():.1f} s after; load {os.getloadavg()}"
    )


def build(folder: Path, students: int, *, hostile: bool = True) -> dict[str, Expected]:
    """Write a class; what must come of each row, by id."""
    rng = random.Random(1)
    folder.mkdir(exist_ok=True)
    shares = SHARES if hostile else {"reference": 0.34, "alternative": 0.33, "mutant": 0.33}
    kinds = [kind for kind, share in shares.items() for _ in range(round(share * students))][:students]
    kinds += ["reference"] * (students - len(kinds))
    rng.shuffle(kinds)
    makers = {"reference": correct_work(), "alternative": alternatives(), "mutant": mutated(rng), "hostile": cases(rng)}
    expected = {}
    for number, kind in enumerate(kinds):
        name = f"student{number:03d}"
        expected[name] = next(makers[kind])(folder / name, number)
    return expected


def correct_work():
    files = references.solutions(HOMEWORK).files
    while True:
        yield lambda path, number: hand_in(path, number, files, Expected("reference"))


def alternatives():
    files = references.solutions(HOMEWORK).files
    written = {
        exercise.name: [other.apply(files[exercise.file].decode()) for other in other_words.load(exercise)]
        for exercise in exercises(HOMEWORK)
    }
    number = 0
    while True:
        chosen = {f"{HOMEWORK}/{name}.py": texts[number % len(texts)].encode() for name, texts in written.items()}
        yield lambda path, number, chosen=chosen: hand_in(path, number, chosen, Expected("alternative"))
        number += 1


def mutated(rng):
    files = references.solutions(HOMEWORK).files
    listed = {}
    for exercise in exercises(HOMEWORK):
        trains = exercise.outline()
        listed[exercise] = [m for m in mutants.load(exercise) if not all(trains[name] for name in m.fails)]
        rng.shuffle(listed[exercise])
    number = 0
    while True:
        chosen, fails = {}, {}
        for exercise, found in listed.items():
            mutant = found[number % len(found)]
            chosen[exercise.file] = mutant.apply(files[exercise.file].decode()).encode()
            fails[exercise.name] = mutant.fails
        yield lambda path, number, chosen=chosen, fails=fails: hand_in(path, number, chosen, Expected("mutant", fails))
        number += 1


def cases(rng):
    found = [case for case in hostile_case.load_cases() if case.exercise.homework == HOMEWORK and case.fast]
    found = [case for case in found if not case.limits and not case.id.startswith(OTHERS)]
    rng.shuffle(found)
    for case in found:
        yield lambda path, number, case=case: hostile(path, case)


def hostile(path, case):
    path.mkdir()
    made = case.hand_in(path)
    if made.is_file():
        made.rename(path.with_suffix(made.suffix))
        with contextlib.suppress(OSError):
            path.rmdir()
    elif made != path:
        made.rename(path.with_suffix(".moved"))
        path.rmdir()
        path.with_suffix(".moved").rename(path)
    verdicts = {} if "refused" in case.expect else {case.exercise.name: sorted(case.expect["verdicts"])}
    return Expected("hostile", verdicts=verdicts, refused=case.expect.get("refused", ""))


def hand_in(path, number, files, expected):
    """Write a submission unlike all others, every second one as an archive."""
    marked = {name: content + f"\n# {path.name}\n".encode() for name, content in files.items()}
    if number % 2:
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
            for name, content in marked.items():
                archive.writestr(name, content)
    else:
        for name, content in marked.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    return expected


# Grading, and what came of it


def graded(folder, out, expected, options, what):
    """Grade a class, kill the grader half way, go on: a row of the table."""
    halfway = len(expected) * len(exercises(HOMEWORK)) // 2
    seconds, peak, used = timed(folder, out, options, stop=lambda: len(kept(out)) >= halfway)
    before = kept(out)
    more, peak_after, used_after = timed(folder, out, options)
    after = kept(out)
    lost = sum(name not in after for name in before)
    twice = sum(after.get(name, when) != when for name, when in before.items())
    wrong = check(out, expected)
    seconds += more
    total = None if None in (used, used_after) else used + used_after
    return [
        f"{what}, killed at {len(before)} of {len(after)}",
        str(len(expected)),
        f"{seconds / 60:.1f}",
        f"{60 * len(expected) / seconds:.1f}",
        each(total, len(expected)),
        f"{max(peak, peak_after):.0f}",
        str(wrong),
        str(lost),
        str(twice),
    ]


def timed(folder, out, options, *, fast=True, stop=lambda: False):
    """Seconds, the parent's peak in MB, and processor seconds of a run; killed as soon as it is to stop."""
    command = [sys.executable, "-m", "autograder", "class", HOMEWORK, str(folder), "--out", str(out)]
    command += ["--seed", str(SEED), "--data", "glyphs", *options, *(["--fast"] if fast else [])]
    used, begun, peak = processor(), time.monotonic(), 0.0
    process = subprocess.Popen(command, cwd=COURSE, preexec_fn=enter)
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        if stop():
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
        time.sleep(0.2)
    seconds = time.monotonic() - begun
    now = processor()
    return seconds, peak, None if used is None or now is None else now - used


def kept(out):
    """Results that are there, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (out / "graded").glob("*/[!.]*.json")}


def check(out, expected):
    """How many rows of the gradebook are not what they must be."""
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    found = verdicts(out)
    page = (out / "report.html").read_text()
    wrong = 0
    for name, wanted in expected.items():
        reason = (
            "no row" if name not in rows or f">{name}</a>" not in page else deserves(wanted, rows[name], found[name])
        )
        if reason:
            print(f"{name} ({wanted.kind}): {reason}")
            wrong += 1
    return wrong + len(rows.keys() - expected.keys())


def deserves(wanted, row, found):
    """Why a row is not what it must be; empty if it is."""
    required = {exercise.name for exercise in exercises(HOMEWORK) if exercise.required}  # others are outside the sum
    points = sum(number for exercise, number, verdict, _ in found if verdict == "PASS" and exercise in required)
    if float(row["checks"]) != points:
        return f"{row['checks']} points in the gradebook, {points} in the results"
    if wanted.refused:
        return "" if not points and re.search(wanted.refused, row["notes"]) else f"not refused: {row['notes']}"
    failed = {}
    for exercise, _, verdict, name in found:
        if verdict not in ("PASS", "waits"):
            failed.setdefault(exercise, {})[name] = verdict
    for exercise, verdicts in wanted.verdicts.items():
        given = sorted(set(failed.pop(exercise, {}).values()))
        if given != verdicts:
            return f"{exercise} has {given}, expected {verdicts}"
    for exercise, names in wanted.fails.items():
        given = failed.pop(exercise, {})
        if not given or not set(given) <= set(names):
            return f"{exercise} fails {sorted(given)}, expected of {names}"
    return "" if wanted.kind == "hostile" or not failed else f"fails {failed}"


def verdicts(out):
    """Of every row, exercise, points, verdict ("waits" for a check that builds on another) and name of each check."""
    found = {}
    for path in sorted((out / "results").glob("*.json")):
        told = json.loads(path.read_bytes())
        found[told["id"]] = [
            (exercise["name"], check["points"], "waits" if check["waits_for"] else check["verdict"], check["name"])
            for exercise in told["report"]["exercises"]
            for check in exercise["checks"]
        ]
    return found


def one_alone():
    """Seconds to grade the reference, as one does: how fast the machine is at this moment."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "autograder", HOMEWORK, "--reference", "--fast"]
    subprocess.run(command, cwd=COURSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def enter():
    """Count this process and its children in the group."""
    with contextlib.suppress(OSError):
        GROUP.mkdir(exist_ok=True)
        (GROUP / "tasks").write_text(str(os.getpid()))


def leave():
    """Remove the group."""
    with contextlib.suppress(OSError):
        GROUP.rmdir()


def processor():
    """Seconds that the group has used; None where it cannot be told."""
    try:
        GROUP.mkdir(exist_ok=True)
        return int((GROUP / "cpuacct.usage").read_text()) / 1e9
    except OSError:
        return None


def each(seconds, count):
    return "-" if seconds is None else f"{seconds / count:.1f}"


if __name__ == "__main__":
    main()
