"""Parts of probes for methods with _network, _optimizer and _step(task_batch), which returns a loss and accuracies."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from autograder.worker.values import leaf

Array = np.ndarray

LEARNING_RATE = 2e-3


class Step(NamedTuple):
    """What _step returns, three scalars, and the network's weight after it."""

    loss: Annotated[Array, ""]
    accuracy_support: Annotated[Array, ""]
    accuracy_query: Annotated[Array, ""]
    weight: Annotated[Array, "weight"]


class Logits(NamedTuple):
    """Logits (Q, N)."""

    logits: Annotated[Array, "Q, N"]


def linear(method: Any, weight: Array, batch_norm: bool = False) -> torch.Tensor:
    """Put a linear network with this weight (D, pixels) into a method; return its weight, which has a gradient.

    Args:
        method: the student's object.
        weight: float64.
        batch_norm: normalise the features over each pass.
    """
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=torch.float64)
    leaf(weight, layer.weight).data = torch.tensor(weight)
    norm = [nn.BatchNorm1d(weight.shape[0], dtype=torch.float64)] if batch_norm else []
    method._network = _with_layers(method._network, nn.Sequential(nn.Flatten(), layer, *norm))
    method._optimizer = torch.optim.Adam(method._network.parameters(), lr=LEARNING_RATE)  # a step of it would show
    return layer.weight


def _with_layers(network: Any, layers: nn.Sequential) -> Any:
    """Other layers in the place of a network's own. It keeps its class's other methods, where it can."""
    try:
        network.__class__ = type("Stand_in", (type(network),), {"forward": lambda self, images: self._layers(images)})
        network._layers = layers
    except (TypeError, AttributeError):
        return layers
    return network


def predicted(
    answer: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    supports: Iterable[list[Array]],
    queries: Iterable[Array],
) -> Logits:
    """Return logits (tasks * Q, N) of query images, without a graph; no query label is needed.

    Args:
        answer: logits (Q, N), given a support's images (N * K, 1, height, width) and labels (N * K,), and a query's
            images (Q, 1, height, width).
        supports: images and labels, for each task.
        queries: images, for each task.
    """
    with torch.no_grad():
        answers = [
            answer(torch.tensor(images), torch.tensor(labels), torch.tensor(asked))
            for (images, labels), asked in zip(supports, queries, strict=True)
        ]
    return Logits(torch.cat(answers))
