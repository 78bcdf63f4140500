"""How to drive a FirstOrderMAML: the questions of its shape, of which the outer gradient is one, and the memory."""

from types import ModuleType
from typing import Any

from autograder.shapes.gradient.outer_gradient import (
    inner_memory,
    outer_gradient,
    outer_losses,
    outer_memory,
    outer_step,
    train,
)
from autograder.shapes.gradient.probe import OUTER_LR, constructed, inner_loop, predict

__all__ = [
    "build",
    "inner_loop",
    "inner_memory",
    "outer_gradient",
    "outer_losses",
    "outer_memory",
    "outer_step",
    "predict",
    "train",
]


def build(module: ModuleType, way: int, steps: int, inner_lr: float, learn: bool = False) -> Any:
    """Construct a FirstOrderMAML."""
    return constructed(module.FirstOrderMAML, way, steps, inner_lr, OUTER_LR)
