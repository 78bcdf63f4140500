"""How to drive a Descent: its inner loop on a quadratic loss, and its outer step on given numbers."""

from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch

from autograder.worker.values import in_double

Array = np.ndarray


class Adapted(NamedTuple):
    """Adapted parameters (n,), and the parameters (n,) that were given, after it."""

    adapted: Array
    given: Array


class Moved(NamedTuple):
    """The new initialisation (n,)."""

    parameters: Array


@in_double
def adapt(module: ModuleType, parameters: Array, matrix: Array, target: Array, rate: float, steps: int) -> Adapted:
    """Adapt parameters (n,) to the loss |matrix x - target|^2 with matrix (m, n) and target (m,)."""
    given = torch.tensor(parameters)
    a, b = torch.tensor(matrix), torch.tensor(target)
    descent = module.Descent(rate, 0.5)
    return Adapted(descent.adapt(given, lambda x: (a @ x - b).square().sum(), steps), given)


@in_double
def outer_step(module: ModuleType, parameters: Array, adapted: Array, rate: float) -> Moved:
    """Move parameters (n,) towards adapted ones (tasks, n)."""
    return Moved(module.Descent(0.1, rate).outer_step(torch.tensor(parameters), torch.tensor(adapted)))
