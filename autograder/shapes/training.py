"""Short trainings in a worker: batches of tasks, steps of an optimizer, a network's weights."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from torch import nn

Array = np.ndarray
TaskArrays = list[Array]  # support inputs and targets, query inputs and targets: of characters, images and labels


class Weights(NamedTuple):
    """What was learned, by name."""

    weights: dict[str, Array]


class Losses(NamedTuple):
    """The loss of each of B batches: (B,)."""

    losses: Annotated[Array, "B"]


def tensors(tasks: list[TaskArrays]) -> list[tuple[torch.Tensor, ...]]:
    """Make tensors of a batch of tasks."""
    return [tuple(torch.tensor(part) for part in task) for task in tasks]


def character_tasks(
    drawings: Array, way: int, shot: int, query: int, tasks: int, seed: int
) -> Iterator[list[tuple[torch.Tensor, ...]]]:
    """Draw batches of tasks of characters without end; support and query are each in random order.

    Args:
        drawings: (characters, drawings, height, width).
        way, shot, query: N, K, and the queries of each class.
        tasks: in a batch.
        seed: decides all of them.
    """
    rng = np.random.default_rng(seed)

    def part(characters: Array, chosen: Array) -> tuple[torch.Tensor, torch.Tensor]:
        order = rng.permutation(chosen.size)
        images = drawings[characters[:, None], chosen].reshape(-1, 1, *drawings.shape[2:])[order]
        return torch.tensor(images, dtype=torch.float32), torch.tensor(order // chosen.shape[1])

    while True:
        batch = []
        for _ in range(tasks):
            characters = rng.permutation(len(drawings))[:way]
            chosen = rng.permuted(np.tile(np.arange(drawings.shape[1]), (way, 1)), axis=1)[:, : shot + query]
            batch.append((*part(characters, chosen[:, :shot]), *part(characters, chosen[:, shot:])))
        yield batch


def minimise(
    parameters: Iterable[torch.Tensor], batches: Iterable[Any], loss: Callable[[Any], torch.Tensor], rate: float
) -> None:
    """Take a step of Adam for each batch.

    Args:
        parameters: what is learned.
        batches: of anything.
        loss: of a batch.
        rate: of Adam.
    """
    optimizer = torch.optim.Adam(parameters, lr=rate)
    for batch in batches:
        value = loss(batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()


def load(network: nn.Module, weights: dict[str, Array]) -> nn.Module:
    """Put weights into a network; return it."""
    network.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return network
