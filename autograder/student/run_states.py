"""What has become of the runs that written questions need, read off their folders, logs/runs/METHOD-NAME."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import safetensors

from autograder.paths import COURSE
from autograder.student.question_runs import Evaluation, Training
from autograder.writing import write_whole

LOGS = COURSE / "logs" / "runs"
OMNIGLOT = "omniglot"
NOTE = "words.json"  # in a run's folder: what it was begun with
VAL_INTERVAL = ("--val-interval", "100")


class State(NamedTuple):
    """How far a training is.

    Attributes:
        done: iterations that its last checkpoint has; 0 where there is none.
        end: iterations that are asked for.
        changed: whether it was begun with other words than are asked for now.
        other_code: whether the student's file has changed since it was begun.
    """

    done: int
    end: int
    changed: bool = False
    other_code: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing is to do."""
        return not self.changed and self.done >= self.end

    def __str__(self) -> str:
        if self.changed:
            return "to do anew"
        if self.finished:
            return "done"
        return f"{self.done:,} of {self.end:,}" if self.done else "to do"


def folder_of(training: Training, data: str) -> Path:
    """Return where a training lies; one on other drawings than Omniglot's has a folder of its own."""
    return LOGS / (training.label + ("" if data == OMNIGLOT else f".{Path(data).name}"))


def words_of(training: Training, data: str) -> list[str]:
    """Return all words of a training that decide its result, after the method."""
    interval = () if VAL_INTERVAL[0] in training.words else VAL_INTERVAL
    return [*training.words, *interval, *(() if data == OMNIGLOT else ("--data", data))]


def state(training: Training, data: str) -> State:
    """Read how far a training is."""
    folder, end = folder_of(training, data), training.iterations
    if not (folder / "last.safetensors").is_file():
        return State(0, end)
    facts, note = read_facts(folder / "last.safetensors"), _note(folder)
    if facts is None or note.get("words") != words_of(training, data):
        return State(facts["iteration"] if facts else 0, end, changed=True)
    return State(facts["iteration"], end, other_code=note.get("code") != _digest(training))


def begin(training: Training, data: str) -> None:
    """Note with which words and which code a training begins.

    Raises:
        OSError: that cannot be written.
    """
    folder = folder_of(training, data)
    folder.mkdir(parents=True, exist_ok=True)
    note = {"words": words_of(training, data), "code": _digest(training)}
    write_whole(folder / NOTE, json.dumps(note, indent=1).encode() + b"\n")


def read_facts(checkpoint: Path) -> dict[str, Any] | None:
    """Read the facts of a checkpoint, as trainer/checkpoint.py writes them; None if it is none.

    Not by trainer.checkpoint: with it comes torch, for seconds.
    """
    try:
        with safetensors.safe_open(checkpoint, framework="numpy") as file:
            facts: dict[str, Any] = json.loads(file.metadata()["run"])
            return facts
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError):
        return None


def result(test: Evaluation, data: str) -> dict[str, Any] | None:
    """Read the result of a test of a finished training's best checkpoint; None if there is none yet."""
    best = folder_of(test.training, data) / "best.safetensors"
    if not state(test.training, data).finished or not (facts := read_facts(best)):
        return None
    asked = _as_text(facts["settings"] | _settings(test.words, facts["settings"]))
    for path in sorted(best.parent.glob("best.test*.json")):
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if path.stat().st_mtime >= best.stat().st_mtime and _as_text(found["settings"]) == asked:
                return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # half a file: it is tested again
            continue
    return None


def _settings(words: tuple[str, ...], trained: dict[str, Any]) -> dict[str, Any]:
    """What the words of a test set, each value of the kind that the training's has."""
    found: dict[str, Any] = {}
    for word, following in zip(words, [*words, "--"][1:], strict=True):
        if word.startswith("--"):
            option, _, text = word.partition("=")
            text = text or ("" if following.startswith("--") else following)
            name = option.removeprefix("--").replace("-", "_")
            kind = type(trained.get(name))
            found[name] = (kind(text) if kind in (int, float) else text) if text else True
    return found


def _as_text(settings: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in settings.items()}


def _note(folder: Path) -> dict[str, Any]:
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _digest(training: Training) -> str:
    path = COURSE / training.exercise.file
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
