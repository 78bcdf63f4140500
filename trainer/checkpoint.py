"""Checkpoints: one safetensors file with all that a run needs to go on.

The file's tensors are what the method has learned ("model.<name>") and the state of its optimizer
("optimizer.<parameter>.<key>"). Its metadata holds the facts of the run as JSON: method, settings, iteration
and the best validation so far.
"""

import json
import os
from pathlib import Path
from typing import Any

import click
import safetensors
import safetensors.torch
import torch

from trainer.learner import Learner


def save(path: Path, learner: Learner, facts: dict[str, Any]) -> None:
    """Write a checkpoint. Whenever the process is killed, `path` holds the old one or the new one, whole."""
    tensors = {f"model.{name}": tensor for name, tensor in learner.tensors().items()}
    for index, state in learner.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    # Copies: safetensors takes neither views into shared memory nor other orders of it.
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    unfinished = path.with_suffix(".unfinished")
    with open(unfinished, "wb") as file:
        file.write(safetensors.torch.save(tensors, {"run": json.dumps(facts)}))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def read_facts(path: Path) -> dict[str, Any]:
    """Read the facts of a checkpoint's run.

    Raises:
        click.ClickException: there is no checkpoint of ours there.
    """
    return _read(path)[1]


def load(path: Path, learner: Learner) -> None:
    """Put a checkpoint's tensors into a learner and its optimizer.

    Raises:
        ValueError: they do not fit; the learner is as it was.
    """
    tensors, _ = _read(path)
    live = {f"model.{name}": tensor for name, tensor in learner.tensors().items()}
    saved = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
    if _shapes(live) != _shapes(saved):
        raise ValueError(f"{path} has other tensors than the model")
    with torch.no_grad():
        for name, tensor in live.items():
            tensor.copy_(saved[name])

    state: dict[int, dict[str, torch.Tensor]] = {}
    for name in tensors.keys() - saved.keys():
        _, index, key = name.split(".")
        state.setdefault(int(index), {})[key] = tensors[name]
    # Its learning rate and the like are settings of the run, and stay.
    groups = learner.optimizer.state_dict()["param_groups"]
    learner.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _shapes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    if not path.is_file():
        raise click.ClickException(f"There is no checkpoint {path}.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["run"])
    except (safetensors.SafetensorError, KeyError, TypeError) as error:
        raise click.ClickException(f"{path} is not a checkpoint of this program.") from error
