"""Accuracy on tasks that training never saw."""

import json
import math
import sys
from collections.abc import Iterable
from typing import Any

import click
import numpy as np
from rich.progress import track

from trainer import checkpoint
from trainer.learner import Learner
from trainer.run import Run

TEST_TASKS = 600  # as most papers on few-shot learning do


def means(learner: Learner, batches: Iterable[Any]) -> dict[str, float]:
    """Measure a learner on batches of tasks of equal size, without learning from them.

    Returns:
        The mean "loss" and the mean of each accuracy.
    """
    rows = []
    for batch in batches:
        loss, accuracies = learner.measure(batch, train=False)
        rows.append({"loss": loss.item(), **accuracies})
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def test(run: Run, learner: Learner, tasks: Iterable[Any], task_words: str) -> None:
    """Test the run's checkpoint, print the result and write it beside the checkpoint.

    Args:
        run: one whose checkpoint is to be tested.
        learner: a new one of the run's settings.
        tasks: TEST_TASKS batches of one meta-test task each.
        task_words: what they are, such as "5-way 1-shot".

    Raises:
        click.ClickException: the checkpoint does not fit the learner.
    """
    assert run.checkpoint, "there is a checkpoint to test"
    done, _ = run.restore(learner)
    score = learner.score
    values = [
        learner.measure(task, train=False)[1][score.name]
        for task in track(tasks, "testing", total=TEST_TASKS, transient=True, disable=not sys.stdout.isatty())
    ]
    mean = float(np.mean(values))
    # The mean of 600 tasks is as good as normal: 95% of a normal distribution is within 1.96 standard errors.
    half_width = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    click.echo(
        f"{task_words} {score.words}: {score.text(mean, 2)} ± {score.text(half_width, 2)} (95% confidence, "
        f"{len(values)} meta-test tasks)"
    )

    facts = checkpoint.read_facts(run.checkpoint)
    trained = facts["settings"]
    changed = [f"{name}_{value}" for name, value in run.settings.items() if trained.get(name) != value]
    path = run.checkpoint.with_name(".".join([run.checkpoint.stem, "test", *changed, "json"]))
    result = {
        score.key: mean,
        "score": {"name": score.name, "words": score.words, "best": score.best, "percent": score.percent},
        "confidence_95": half_width,
        "tasks": len(values),
        "method": run.method,
        "recipe": run.recipe,
        "iteration": done,
        "seconds": facts["seconds"],
        "processor_seconds": facts.get("processor_seconds"),
        "machine": facts["machine"],
        "settings": run.settings,
    }
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    click.echo(f"Written to {path}")
