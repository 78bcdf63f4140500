"""Run recipes with the reference solutions, one after the other: python -m benchmarks.recipes [NAME ...] [OPTION ...]

    python -m benchmarks.recipes course-protonet-5w5s course-maml-5w1s --threads 1

Without names, those of the course's own targets. What was stopped goes on from its checkpoint, and a test is made again
where training found a better one since: start it again until nothing is left. Recipes that are trained alike and tested
otherwise, such as ProtoNet's 5 and 20 ways, are trained once. Options go to the training program. Logs, checkpoints and
results lie in logs/<recipe>.seed_<seed>; `python -m benchmarks.results --collect` takes what is published from there.
"""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import click

from autograder.grading.catalog import homeworks
from autograder.student import training
from trainer.run import folder_of

LOGS = Path("logs")
_OF = {homework: training.recipes(homework) for homework in homeworks()}
RECIPES = {name: recipe for recipes in _OF.values() for name, recipe in recipes.items()}
HOMEWORKS = {name: homework for homework, recipes in _OF.items() for name in recipes}


def run(name: str, seed: int, options: list[str], logs: Path) -> int:
    """Train and test one recipe, as far as that is still to be done; the exit status of what failed, or 0."""
    batched = ["--batched"] if HOMEWORKS[name] == "hw2" else []
    program = [sys.executable, "-m", "benchmarks.reference", HOMEWORKS[name], *batched]
    program += ["--recipe", name, "--seed", str(seed), *options]
    folder = run_folder(name, seed, logs)
    take_over(name, seed, logs)
    resume = ["--resume"] if (folder / "last.safetensors").exists() else []
    click.echo(f"{name}: {'going on' if resume else 'starting'}")
    status = subprocess.run([*program, *resume], check=False).returncode
    if not status and not any(folder.glob("best.test*.json")):
        status = subprocess.run([*program, "--test"], check=False).returncode
    return status


def take_over(name: str, seed: int, logs: Path) -> None:
    """Begin with what another recipe of the same training has reached, if it has and this one has not begun."""
    folder = run_folder(name, seed, logs)
    alike = [run_folder(other, seed, logs) for other in RECIPES if RECIPES[other].words == RECIPES[name].words]
    begun = [other for other in alike if (other / "last.safetensors").exists()]
    if begun and not folder.exists():
        click.echo(f"{name} is trained as {begun[0].name} is, whose checkpoints it takes")
        shutil.copytree(begun[0], folder, ignore=shutil.ignore_patterns("*.test*.json"))


def run_folder(name: str, seed: int, logs: Path) -> Path:
    """Where the training program puts a recipe's run, below `logs`."""
    return logs / folder_of(HOMEWORKS[name], {"seed": seed}, name).name


@click.command(help=__doc__, context_settings={"ignore_unknown_options": True})
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.argument("words", metavar="[NAME]...", nargs=-1, type=click.UNPROCESSED)
def main(seed: int, words: tuple[str, ...]) -> None:
    """Run the recipes that are named, or the course's own."""
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    if unknown := [name for name in names if name not in HOMEWORKS]:
        raise click.UsageError(f"There is no recipe {unknown[0]!r}: they are {', '.join(HOMEWORKS)}.")
    for name in names or [name for name in HOMEWORKS if name.startswith("course-")]:
        if status := run(name, seed, list(words[len(names) :]), LOGS):
            sys.exit(status)


if __name__ == "__main__":
    main()
