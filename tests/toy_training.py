"""A training program in the place of a homework's train.py, without torch: what it leaves behind is as the real one's.

python -m hw1.train toy [--way N] --num-iterations N --log-dir FOLDER ..., as autograder/student/runs.py calls it. Each
iteration takes a millisecond. It fails in --mode broken after the first validation, and stops in --mode interrupted
in the middle, as after Ctrl-C.
"""

import json
import sys
import time
from pathlib import Path

import click
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from autograder.paths import COURSE

CALLS = COURSE / "calls.txt"


def facts_of(path):
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()["run"])


def save(folder, name, settings, iteration):
    best = {"iteration": 0, "query_accuracy": 0.5}
    facts = {"settings": settings, "iteration": iteration, "best": best, "seconds": 2.0, "machine": "toy"}
    save_file({"model.w": np.zeros(1)}, folder / f"{name}.safetensors", {"run": json.dumps(facts)})


@click.group()
def main():
    """Train and test the toys."""


@main.command()
@click.option("--way", type=int, default=5)
@click.option("--rate", type=float, default=0.1)
@click.option("--mode", default="")
@click.option("--data", default="omniglot")
@click.option("--num-iterations", type=int, default=10)
@click.option("--val-interval", type=int, default=100)
@click.option("--device", default="cpu")
@click.option("--log-dir", type=Path)
@click.option("--resume", is_flag=True)
@click.option("--restart", is_flag=True)
@click.option("--test", is_flag=True)
@click.option("--checkpoint", type=Path)
def toy(test, **options):
    """Train or test the toy."""
    with CALLS.open("a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\n")
    if options["mode"] == "missing":
        raise click.ClickException("There are no drawings here.")
    if test:
        measure(options["checkpoint"], options)
    else:
        train(options["log_dir"], options)


def measure(checkpoint, options):
    trained = facts_of(checkpoint)["settings"]
    given = [name for name in trained if name in options and f"--{name}" in sys.argv]
    settings = trained | {name: options[name] for name in given}
    changed = [f"{name}_{value}" for name, value in settings.items() if trained[name] != value]
    score = {"name": "query_accuracy", "words": "accuracy", "best": "high", "percent": True}
    found = {"accuracy": 1 / settings["way"], "score": score, "confidence_95": 0.01, "tasks": 600, "settings": settings}
    path = checkpoint.with_name(".".join(["best", "test", *changed, "json"]))
    path.write_text(json.dumps(found))


def train(folder, options):
    settings = {name: options[name] for name in ("data", "way", "rate")}
    last, done = folder / "last.safetensors", 0
    if options["resume"]:
        done = facts_of(last)["iteration"]
    elif last.exists() and not options["restart"]:
        raise click.ClickException(f"{folder} holds a run.")
    folder.mkdir(parents=True, exist_ok=True)
    end = options["num_iterations"]
    with open(folder / "log.csv", "a" if done else "w", buffering=1) as log:
        if not done:
            log.write("iteration,train_loss\n")
            save(folder, "best", settings, 0)
            log.write("0,\n")
        if options["mode"] == "broken":
            raise click.ClickException("The loss is nan.")
        stop = end // 2 if options["mode"] == "interrupted" and not done else end
        for iteration in range(done + 1, stop + 1):
            time.sleep(0.001)
            log.write(f"{iteration},0.1\n")
    save(folder, "last", settings, stop)
    (folder / "learning_curve.png").write_bytes(b"a curve")
    if stop < end and "--restart" not in sys.argv and "logs" in folder.parts:
        raise SystemExit(130)


if __name__ == "__main__":
    main()
