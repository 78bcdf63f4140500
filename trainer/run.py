"""One training run: its settings, its folder and its checkpoints."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import click

from trainer import checkpoint
from trainer.learner import Learner


@dataclasses.dataclass
class Run:
    """What a training program is asked to do.

    Attributes:
        method: "maml", say.
        settings: what decides the result, by option name: {"num_way": 5, ..., "seed": 0}.
        folder: where log, curve and checkpoints of this run lie.
        device: "cpu", "cuda" or "mps".
        num_iterations: when training ends.
        val_interval: iterations from one validation, and checkpoint, to the next.
        testing: whether to test a checkpoint rather than to train.
        checkpoint: the one to test or to go on from, if any.
        options: all options of the command line.
        command: the command line of this run, without --resume and --test.
        recipe: the recipe that gave the settings, if any.
        machine: what computes, in words.
        seconds: spent so far by the process, and by those before it that led to its checkpoint.
        minutes: of processor time after which training ends; None for no such end.
        processor_seconds: that training alone has taken so far, without validation, of all cores together.
    """

    method: str
    settings: dict[str, Any]
    folder: Path
    device: str
    num_iterations: int
    val_interval: int
    testing: bool
    checkpoint: Path | None
    options: dict[str, Any]
    command: str
    recipe: str | None
    machine: str
    seconds: float = 0.0
    minutes: float | None = None
    processor_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def words(self) -> str:
        """The method and its settings: "maml: omniglot, way 5, support 1, ..."."""
        return f"{self.method}: " + ", ".join(words_of(self.settings)).replace("_", " ")

    @property
    def has_time(self) -> bool:
        """Whether the processor time that was given is not used up."""
        return self.minutes is None or self.processor_seconds < 60 * self.minutes

    def share_done(self, iteration: int) -> float:
        """Return which share of the training is over after so many iterations, 0 .. 1."""
        share = self.processor_seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(share, iteration / self.num_iterations))

    def restore(self, learner: Learner) -> tuple[int, dict[str, Any]]:
        """Put the checkpoint, if the run has one, into a learner.

        Returns:
            (iterations done, the best validation so far as {"iteration": 300, "query_accuracy": 0.94}).

        Raises:
            click.ClickException: the checkpoint does not fit.
        """
        if self.checkpoint is None:
            return 0, {"iteration": 0, learner.score.name: learner.score.worst}
        facts = checkpoint.read_facts(self.checkpoint)
        try:
            checkpoint.load(self.checkpoint, learner)
        except ValueError:
            reason = difference(facts["settings"], self.settings) or "another network than the code has now"
            raise click.ClickException(f"{self.checkpoint} was trained with {reason}.") from None
        self.seconds = facts["seconds"]
        self.processor_seconds = facts.get("processor_seconds", 0.0)  # older checkpoints do not say
        self._begun = time.monotonic()
        return facts["iteration"], facts["best"]

    def save(self, name: str, learner: Learner, iteration: int, best: dict[str, Any]) -> None:
        """Write the checkpoint <name>.safetensors, "last" or "best"; results of a test of the one before it go."""
        for stale in self.folder.glob(f"{name}.test*.json"):
            stale.unlink()
        facts = {
            "method": self.method,
            "recipe": self.recipe,
            "settings": self.settings,
            "iteration": iteration,
            "best": best,
            "seconds": self.seconds + time.monotonic() - self._begun,
            "processor_seconds": self.processor_seconds,
            "machine": self.machine,
        }
        checkpoint.save(self.folder / f"{name}.safetensors", learner, facts)


def folder_of(method: str, settings: dict[str, Any], recipe: str | None, usual: dict[str, Any] | None = None) -> Path:
    """Name a run's folder by its recipe, or else by the data and the settings that are not the usual ones.

    As in logs/course-maml-5w1s.seed_0 and logs/maml/omniglot.way_20.support_5: Windows allows a path 260 characters.
    """
    if recipe:
        return Path("logs", f"{recipe}.seed_{settings['seed']}")
    told = {name: value for name, value in settings.items() if name == "data" or value != (usual or {}).get(name)}
    return Path("logs", method, ".".join(words_of(told)))


def words_of(settings: dict[str, Any]) -> list[str]:
    """One short word for each setting, data first: ["omniglot", "way_5", "support_1", ...]."""
    others = {name.removeprefix("num_"): value for name, value in settings.items() if name != "data"}
    return [Path(settings["data"]).name, *(f"{name}_{value}" for name, value in others.items())]


def forget(folder: Path) -> None:
    """Remove what an earlier run left in its folder, and nothing else."""
    for pattern in ("last.*", "best.*", "log.csv", "learning_curve.png", "events.out.tfevents.*"):
        for path in folder.glob(pattern):
            path.unlink()


def difference(saved: dict[str, Any], asked: dict[str, Any]) -> str:
    """Say which of a checkpoint's settings are not those asked for, "--num-way 5, not 20"; "" if all are."""
    return " and ".join(
        f"--{name.replace('_', '-')} {saved.get(name)}, not {value}"
        for name, value in asked.items()
        if saved.get(name) != value
    )
