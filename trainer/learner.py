"""What the trainer must know of a method."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch


class Learner(Protocol):
    """A method that learns from batches of tasks.

    Attributes:
        labels: accuracy's name in the log -> its words in the learning curve. One is "query_accuracy", by which the best
            checkpoint is chosen and which the test reports.
        optimizer: steps down the gradient of the loss.
        num_way: N, the classes of a task: a guess is right once in N.
    """

    labels: Mapping[str, str]
    optimizer: torch.optim.Optimizer
    num_way: int

    def tensors(self) -> dict[str, torch.Tensor]:
        """Name everything that the method has learned: the live tensors, for a checkpoint to copy from and into."""

    def measure(self, batch: Any, train: bool) -> tuple[torch.Tensor, dict[str, float]]:
        """Compute the loss of a batch and its accuracies.

        Args:
            batch: as the training program's own iterators yield them.
            train: whether a gradient of the loss will be taken.

        Returns:
            (loss, accuracies): a scalar tensor, the mean over the batch's tasks; and a float in 0 .. 1 by each name of
            `labels`, likewise.
        """
