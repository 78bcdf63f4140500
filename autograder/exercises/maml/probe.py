"""How to drive a MAML: the questions of its shape."""

from types import ModuleType
from typing import Any

from autograder.shapes.gradient.probe import OUTER_LR, constructed, inner_loop, outer_losses, outer_step, predict, train

__all__ = ["build", "inner_loop", "outer_losses", "outer_step", "predict", "train"]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct a MAML."""
    return constructed(module.MAML, way, steps, inner_lr, learn, OUTER_LR)
