"""Run recipes with the reference solutions, one after the other: python -m benchmarks.recipes [NAME ...] [OPTION ...]

    python -m benchmarks.recipes course-protonet-5w5s course-maml-5w1s --threads 1

Without names, those of the course's own targets. What has been trained and tested is passed over, and what was stopped
goes on from its checkpoint: start it again until nothing is left. Options go to the training program. Logs, checkpoints
and results lie in logs/<recipe>.seed_<seed>; `python -m benchmarks.results --collect` takes what is published from
there.
"""

import subprocess
import sys
from pathlib import Path

from hw1.train import RECIPES as HW1
from hw2.recipes import RECIPES as HW2

LOGS = Path("logs")
HOMEWORKS = dict.fromkeys(HW1, "hw1") | dict.fromkeys(HW2, "hw2")


def run(name: str, options: list[str], logs: Path) -> int:
    """Train and test one recipe, as far as that is still to be done; the exit status of what failed, or 0."""
    batched = ["--batched"] if HOMEWORKS[name] == "hw2" else []
    program = [sys.executable, "-m", "benchmarks.reference", HOMEWORKS[name], *batched, "--recipe", name, *options]
    seed = options[options.index("--seed") + 1] if "--seed" in options else 0
    folder = logs / f"{name}.seed_{seed}"
    if not any(folder.glob("best.test*.json")):
        resume = ["--resume"] if (folder / "last.safetensors").exists() else []
        print(f"{name}: {'going on' if resume else 'starting'}", flush=True)
        for words in (resume, ["--test"]):
            if status := subprocess.run([*program, *words], check=False).returncode:
                return status
    return 0


def main() -> None:
    """Run the recipes that are named, or the course's own."""
    words = sys.argv[1:]
    names = [word for word in words if word in HOMEWORKS]
    options = [word for word in words if word not in HOMEWORKS]
    for name in names or [name for name in HOMEWORKS if name.startswith("course-")]:
        if status := run(name, options, LOGS):
            sys.exit(status)


if __name__ == "__main__":
    main()
