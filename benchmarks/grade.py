"""How long grading takes, and how much memory: python benchmarks/grade.py [--runs 3]

Whole processes as a student starts them, with the reference solutions and with the bare stubs, on the data that is
there. The peak is the largest resident memory of any one process, workers included, sampled from /proc.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

COURSE = Path(__file__).resolve().parent.parent
CASES = {  # options, and the target in seconds for hw1 and hw2
    "reference, all checks": (["--reference"], {"hw1": 30, "hw2": 45}),
    "reference, --fast": (["--reference", "--fast"], {"hw1": 6, "hw2": 6}),
    "bare stub": ([], {"hw1": 5, "hw2": 5}),
}


def main() -> None:
    """Run every case and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    wide = Console(width=120)
    table = Table("homework", "case", "median s", "min s", "max s", "target s", "peak MB", "target MB", "exit status")
    for homework in ("hw1", "hw2"):
        for case, (options, targets) in CASES.items():
            command = [sys.executable, "-m", "autograder", homework, *options]
            seconds, peaks, statuses = zip(*(measure(command) for _ in range(runs)), strict=True)
            figures = [f"{figure(seconds):.1f}" for figure in (statistics.median, min, max)]
            status = "/".join(sorted({str(status) for status in statuses}))
            row = [homework, case, *figures, str(targets[homework]), f"{max(peaks):.0f}", "1500", status]
            table.add_row(*row)
    wide.print(table)
    wide.print(cost_of_isolation(runs))


def cost_of_isolation(runs: int) -> Table:
    """What worker, isolation and protocol add to the fast checks, measured by turns."""
    table = Table("homework", "in one process, s", "apart, s", "added, s (median of pairs)", "target s")
    for homework in ("hw1", "hw2"):
        pairs = []
        for _ in range(max(runs, 3)):
            together = seconds([sys.executable, "-m", "benchmarks.in_process", homework])
            apart = seconds([sys.executable, "-m", "autograder", homework, "--reference", "--fast"])
            pairs.append((together, apart))
        medians = [f"{statistics.median(column):.2f}" for column in zip(*pairs, strict=True)]
        table.add_row(homework, *medians, f"{statistics.median(b - a for a, b in pairs):.2f}", "1.5")
    return table


def seconds(command: list[str]) -> float:
    """Wall seconds of a command that succeeds; nothing is sampled meanwhile, for that takes time of its own."""
    begun = time.monotonic()
    subprocess.run(command, cwd=COURSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def measure(command: list[str]) -> tuple[float, float, int]:
    """Wall seconds, peak memory of any process in MB, and exit status."""
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=COURSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max([peak, *(memory(pid) for pid in family(process.pid))])
        time.sleep(0.1)
    return time.monotonic() - begun, peak, process.returncode


def family(ancestor: int) -> list[int]:
    """A process and its descendants, as far as /proc shows them."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    members = [ancestor]
    for pid in members:
        members += [child for child, parent in parents.items() if parent == pid]
    return members


def memory(pid: int) -> float:
    """The most that a process has held at once, in MB."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


if __name__ == "__main__":
    main()
