"""What the trainer must know of a method."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch

from trainer.score import Score


class Learner(Protocol):
    """A method that learns from batches of tasks.

    Attributes:
        labels: a score's name in the log -> its words in the learning curve. One is that of `score`.
        optimizer: steps down the gradient of the loss.
        score: the one by which the best checkpoint is chosen, and which the test reports: accuracy(way), say.
    """

    labels: Mapping[str, str]
    optimizer: torch.optim.Optimizer
    score: Score

    def tensors(self) -> dict[str, torch.Tensor]:
        """Name all that the method has learned: the live tensors, for a checkpoint to copy from and into."""

    def measure(self, batch: Any, train: bool) -> tuple[torch.Tensor, dict[str, float]]:
        """Compute the loss of a batch and its scores.

        Args:
            batch: as the training program's own iterators yield them.
            train: whether a gradient of the loss will be taken.

        Returns:
            (loss, scores): a scalar tensor and, for each name of `labels`, a float; each is a mean over the
            batch's tasks.
        """
