"""How to drive a MAML: the questions of its shape."""

import inspect
from types import ModuleType
from typing import Any

from autograder.shapes.gradient.probe import OUTER_LR, inner_loop, outer_losses, outer_step, predict, train

__all__ = ["build", "inner_loop", "outer_losses", "outer_step", "predict", "train"]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct a MAML; the device is told to those alone who ask for it."""
    device = {"device": "cpu"} if "device" in inspect.signature(module.MAML).parameters else {}
    return module.MAML(way, steps, inner_lr, learn, OUTER_LR, "/tmp/logs", **device)
