"""What each method of homework 2 reaches in the same processor time: python -m benchmarks.budget [METHOD ...]

    python -m benchmarks.budget --minutes 20 --json docs/runs/budget.json
    python -m benchmarks.budget maml reptile --minutes 20

Every exercise that has a recipe of the course's takes part, with the settings of that recipe: the one for 5 ways and 1
shot, or the ON_DRAWINGS of its learner.py, or else its first. What COMMON says is the same for all of them, as far as a
method has such an option. No setting is chosen by what comes out here. What was stopped goes on from its checkpoint;
what has been tested is not tested again. Logs and checkpoints lie in logs/, in a folder for each number of minutes and
seed: a method that anneals something does so over its minutes, and more of them are another run.

The file of --json has the methods that have been tested, and how much memory a training step of each takes: the most
bytes of tensors that it holds at once, which is the same on every machine.
"""

import contextlib
import io
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import click

from autograder.grading.catalog import exercises
from autograder.shapes.memory import TensorMemory
from autograder.student import training
from benchmarks import reference
from trainer import checkpoint, loop

HOMEWORK = "hw2"
LOGS = Path("logs")
COMMON = {"--num-way": 5, "--num-support": 1, "--num-query": 15, "--num-tasks": 4, "--num-inner-steps": 3}
COMMON |= {"--val-interval": 500}
ADAM = ("--outer-lr", 0.003)  # of an outer loop that has Adam; Reptile's option of that name is another thing
ENDLESS = 10**6  # iterations: the minutes end a training
WARM = 2  # steps whose memory is measured


def methods() -> dict[str, list[str]]:
    """Find who takes part: method -> its words for the training program."""
    found = {}
    for exercise in exercises(HOMEWORK):
        if not (exercise.folder / "learner.py").is_file():
            continue
        learner = training.load(exercise)
        recipes = {name: recipe for name, recipe in learner.RECIPES.items() if name.startswith("course-")}
        chosen = [recipe.words for name, recipe in recipes.items() if name.endswith("-5w1s")]
        chosen += [getattr(learner, "ON_DRAWINGS", ""), *(recipe.words for recipe in recipes.values())]
        if not recipes:
            continue
        options = {parameter.opts[0]: parameter for parameter in learner.command.params}
        common = [word for name, value in COMMON.items() if name in options for word in (name, str(value))]
        if ADAM[0] in options and options[ADAM[0]].help.startswith("Of Adam"):
            common += [ADAM[0], str(ADAM[1])]
        found[exercise.name] = [
            exercise.name,
            *shlex.split(next(filter(None, chosen))),
            *common,
            "--num-iterations",
            str(ENDLESS),
        ]
    return found


def run_folder(method: str, minutes: float, seed: int, logs: Path) -> Path:
    """Where a method's run lies."""
    return logs / f"budget-{method}.minutes_{minutes:g}.seed_{seed}"


def tested(folder: Path) -> dict[str, Any] | None:
    """Read the result of a run's test; None before it."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("best.test*.json")]
    return found[0] if found else None


def run(method: str, words: list[str], minutes: float, seed: int, logs: Path) -> int:
    """Train and test one method, as far as that is still to be done; the exit status of what failed, or 0."""
    folder = run_folder(method, minutes, seed, logs)
    program = [sys.executable, "-m", "benchmarks.reference", HOMEWORK, *words, "--seed", str(seed), "--threads", "1"]
    program += ["--minutes", f"{minutes:g}", "--log-dir", str(folder)]
    begun = (folder / "last.safetensors").exists()
    spent = checkpoint.read_facts(folder / "last.safetensors")["processor_seconds"] if begun else 0.0
    if spent < 60 * minutes:
        click.echo(f"{method}: {'going on' if begun else 'starting'}")
        if status := subprocess.run([*program, *(["--resume"] if begun else [])], check=False).returncode:
            return status
    if not tested(folder):
        return subprocess.run([*program, "--test"], check=False).returncode
    return 0


def peak_memory(words: list[str]) -> int:
    """Return the most bytes of tensors that a training step of the reference holds at once."""
    peaks = []
    update = loop.update

    def measured(learner, batch, iteration):
        with TensorMemory() as memory:
            metrics = update(learner, batch, iteration)
        peaks.append(memory.peak)
        return metrics

    def unmeasured(learner, batches):
        return dict.fromkeys(["loss", *learner.labels], 0.0)

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        mock.patch.object(loop, "update", measured),
        mock.patch.object(loop.evaluate, "means", unmeasured),
    ):
        options = ["--num-iterations", str(WARM), "--threads", "1", "--log-dir", folder]
        training.program(HOMEWORK).main([*words, *options], prog_name="memory", standalone_mode=False)
    return max(peaks)


def collect(words: dict[str, list[str]], minutes: float, seed: int, logs: Path) -> list[dict]:
    """What is published of each method that has been tested, in the homework's order."""
    rows = []
    titles = {exercise.name: exercise.page.title for exercise in exercises(HOMEWORK)}
    for method, given in words.items():
        folder = run_folder(method, minutes, seed, logs)
        if not (test := tested(folder)):
            continue
        last = checkpoint.read_facts(folder / "last.safetensors")
        rows.append(
            {
                "method": method,
                "title": titles[method],
                "accuracy": test["accuracy"],
                "confidence_95": test["confidence_95"],
                "tasks": test["tasks"],
                "iterations": last["iteration"],
                "best_iteration": test["iteration"],
                "processor_seconds": last["processor_seconds"],
                "memory_bytes": peak_memory(given),
                "machine": last["machine"],
                "settings": last["settings"],
                "words": given,
            }
        )
    return rows


@click.command(help=__doc__)
@click.argument("names", metavar="[METHOD]...", nargs=-1)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=20.0, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--logs", type=click.Path(path_type=Path), default=LOGS, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write what was tested into this file.")
def main(names: tuple[str, ...], minutes: float, seed: int, logs: Path, file: Path | None) -> None:
    """Train and test the methods that are named, or all."""
    reference.put_in(HOMEWORK)  # before any learner imports what it trains
    words = methods()
    if unknown := [name for name in names if name not in words]:
        raise click.UsageError(f"There is no method {unknown[0]!r}: they are {', '.join(words)}.")
    for name in names or words:
        if status := run(name, words[name], minutes, seed, logs):
            sys.exit(status)
    if file:
        rows = collect(words, minutes, seed, logs)
        done = {row["method"] for row in rows}
        not_run = [exercise.page.title for exercise in exercises(HOMEWORK) if exercise.name in words.keys() - done]
        facts = {"benchmark": "budget", "budget": minutes, "seed": seed, "rows": rows, "not_run": not_run}
        file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        click.echo(f"written: {file}")


if __name__ == "__main__":
    main()
