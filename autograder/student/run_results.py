"""What runs gave, for a question's answer: a table of scores, and the learning curves as pictures."""

import shutil
from pathlib import Path
from typing import Any

import click

from autograder.paths import COURSE
from autograder.student import answer_blocks, run_states
from autograder.student.question_runs import Question, Training
from autograder.writing import write_whole

ANSWERS = "answers.md"


def lay(homework: str, question: Question, titles: list[str], data: str) -> None:
    """Lay what a question's runs gave under the question in answers.md, or print it where it has no place there."""
    curves = [training for training in question.curves if run_states.state(training, data).finished]
    tests = [(test, found) for test in question.tests if (found := run_states.result(test, data))]
    rows = [_row(training.label, data, _trained(training, data)) for training in curves]
    rows += [_row(test.label, data, _tested(found)) for test, found in tests]
    if not rows:
        return
    pictures = [f"![learning curve of {each.label}]({_copied(homework, each, data)})" for each in curves]
    lines = ["| run | result |", "|---|---|", *rows, *(line for picture in pictures for line in ("", picture))]
    path = COURSE / homework / ANSWERS
    try:
        content = path.read_bytes()
        laid = answer_blocks.put(content, question.title, titles, lines)
        if laid != content:
            write_whole(path, laid)
            click.echo(f"{homework}/{ANSWERS}: what the runs gave stands under question {question.number}.")
    except (answer_blocks.BlockError, OSError) as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or error
        click.echo(f"{homework}/{ANSWERS} {reason}. What the runs of question {question.number} gave:\n", err=True)
        click.echo("\n".join(lines) + "\n")


def score(found: dict[str, Any]) -> str:
    """Write the score of a test with its interval: "97.90% ± 0.21%"."""
    about = found["score"]
    mean = found[about["words"].replace(" ", "_")]
    return " ± ".join(_number(each, about["percent"]) for each in (mean, found["confidence_95"]))


def _row(label: str, data: str, text: str) -> str:
    words = label if data == run_states.OMNIGLOT else f"{label} --data {Path(data).name}"
    return f"| `{words}` | {text} |"


def _tested(found: dict[str, Any]) -> str:
    return f"test: {found['score']['words']} {score(found)}, {found['tasks']} tasks"


def _trained(training: Training, data: str) -> str:
    facts = run_states.read_facts(run_states.folder_of(training, data) / "last.safetensors") or {}
    best = dict(facts["best"])
    iteration = best.pop("iteration")
    scores = ", ".join(f"{name.replace('_', ' ')} {_number(each, 'accuracy' in name)}" for name, each in best.items())
    each = facts["seconds"] / max(1, facts["iteration"])
    return (
        f"validation at its best: {scores}, at iteration {iteration:,} of {facts['iteration']:,}; "
        f"{each:.2g} s an iteration, validations included"
    )


def _number(value: float, percent: bool) -> str:
    return f"{value:.2%}" if percent else f"{value:.4f}"


def _copied(homework: str, training: Training, data: str) -> str:
    """Copy a training's curve beside the answers; returns the picture's name."""
    folder = run_states.folder_of(training, data)
    name = f"answers-{folder.name}.png"
    source, target = folder / "learning_curve.png", COURSE / homework / name
    if source.is_file() and not (target.is_file() and source.read_bytes() == target.read_bytes()):
        shutil.copyfile(source, target)
    return name
