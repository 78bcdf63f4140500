"""The learning curve of a run, drawn from its log."""

import math
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from trainer import log
from trainer.learner import Learner


def draw(folder: Path, learner: Learner, title: str) -> Path:
    """Draw loss and accuracies against iterations.

    Training is a faint line for every iteration's batch, with its running mean; validation is dots.

    Args:
        folder: holds the log; learning_curve.png is written beside it.
        learner: gives the accuracies' words and the level of chance.
        title: of the picture.

    Returns:
        The path of the picture.
    """
    columns = {name: np.array(values) for name, values in log.read(folder).items()}
    figure = Figure(figsize=(10, 4.2), layout="constrained")  # no pyplot: no window, no global state
    ...
