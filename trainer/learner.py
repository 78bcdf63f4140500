"""What the trainer must know of a method."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch


class Learner(Protocol):
    """A method that learns from batches of tasks.

    Attributes:
        labels: an accuracy's name in the log -> its words in the learning curve. One is "query_accuracy": the
            best checkpoint has the highest, and the test reports it.
        optimizer: steps down the gradient of the loss.
        num_way: N, the classes of a task: a guess is right once in N.
    """

    labels: Mapping[str, str]
    optimizer: torch.optim.Optimizer
    num_way: int

    def tensors(self) -> dict[str, torch.Tensor]:
        """Name all that the method has learned: the live tensors, for a checkpoint to copy from and into."""

    def measure(self, batch: Any, train: bool) -> tuple[torch.Tensor, dict[str, float]]:
        """Compute the loss of a batch and its accuracies.

        Args:
            batch: as the training program's own iterators yield them.
            train: whether a gradient of the loss will be taken.

        Returns:
            (loss, accuracies): a scalar tensor and, for each name of `labels`, a float in 0 .. 1; each is a
            mean over the batch's tasks.
        """
