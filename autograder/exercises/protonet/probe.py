"""How to drive a ProtoNet: its three functions on given numbers, a short training, predictions."""

import itertools
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch

from autograder.shapes.episodic.probe import LEARNING_RATE, Logits, Step, linear, predicted
from autograder.shapes.training import Losses, TaskArrays, Weights, character_tasks, load, minimise, tensors
from autograder.worker.values import as_tensor, in_double, several

Array = np.ndarray


class Prototypes(NamedTuple):
    """Prototypes (N, D), and the support features (N * K, D) after it."""

    prototypes: Annotated[Array, "N, D"]
    features: Annotated[Array, "features"]


class Scores(NamedTuple):
    """Logits (Q, N), and the features (Q, D) and prototypes (N, D) after them."""

    logits: Annotated[Array, "Q, N"]
    features: Annotated[Array, "features"]
    prototypes: Annotated[Array, "prototypes"]


@in_double
def prototypes(
    module: ModuleType, features: Annotated[Array, "n, D"], labels: Array, earlier: Array | None = None
) -> Prototypes:
    """Prototypes of features (N * K, D) with labels (N * K,), after those of an earlier task, labelled backwards."""
    protonet = _protonet(module)
    if earlier is not None:
        protonet._prototypes(torch.tensor(earlier), torch.tensor(labels[::-1].copy()))
    given = as_tensor(features)
    return Prototypes(protonet._prototypes(given, torch.tensor(labels)), given)


@in_double
def logits(module: ModuleType, features: Annotated[Array, "Q, D"], prototypes: Annotated[Array, "N, D"]) -> Scores:
    """Logits of features (Q, D) against prototypes (N, D)."""
    given = as_tensor(features), as_tensor(prototypes)
    return Scores(_protonet(module)._logits(*given), *given)


@in_double
def step(module: ModuleType, tasks: list[TaskArrays], weight: Array, stand_ins: bool, batch_norm: bool = False) -> Step:
    """Loss and accuracies of a batch of tasks under a linear network, in double precision.

    Args:
        module: the solution.
        tasks: images (n, 1, height, width).
        weight: (D, height * width).
        stand_ins: put other functions, which have nothing to do with prototypes, in the place of _prototypes and
            _logits: what _step itself does can then be told whatever mistakes those two have.
        batch_norm: normalise the features over each pass.
    """
    protonet = _protonet(module)
    parameter = linear(protonet, weight, batch_norm)
    if stand_ins:
        protonet._prototypes, protonet._logits = waves, inner_products
    return Step(*several(protonet._step(tensors(tasks)), 3, "_step"), parameter)


@in_double
def losses(module: ModuleType, batches: list[list[TaskArrays]], weight: Array) -> Losses:
    """Losses of one batch after the other by one ProtoNet, with its own _prototypes and _logits; see step."""
    protonet = _protonet(module)
    linear(protonet, weight)
    return Losses([several(protonet._step(tensors(tasks)), 3, "_step")[0] for tasks in batches])


def train(
    module: ModuleType, drawings: Array, way: int, shot: int, query: int, tasks: int, batches: int, seed: int
) -> Weights:
    """Train the given network on tasks of drawings (characters, drawings, height, width)."""
    torch.manual_seed(seed)
    protonet = _protonet(module)
    stream = itertools.islice(character_tasks(drawings, way, shot, query, tasks, seed), batches)
    minimise(protonet._network.parameters(), stream, lambda batch: protonet._step(batch)[0], LEARNING_RATE)
    return Weights(protonet._network.state_dict())


def predict(module: ModuleType, weights: dict[str, Array], supports: list[list[Array]], queries: list[Array]) -> Logits:
    """Logits (tasks * Q, N) of query images under a trained network; see shapes.episodic.probe.predicted."""
    protonet = _protonet(module)
    network = load(protonet._network, weights)

    def answer(images: torch.Tensor, labels: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        return protonet._logits(network(asked), protonet._prototypes(network(images), labels))

    return predicted(answer, supports, queries)


def waves(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Stand-in for _prototypes: for each class a sum over all features, weighted by their places and labels."""
    places, classes = torch.arange(len(features), dtype=features.dtype), torch.arange(int(labels.max()) + 1)
    weights = torch.cos(places + labels - classes[:, None]) / len(features) ** 0.5
    return weights @ features


def inner_products(features: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Stand-in for _logits."""
    return features @ points.T


def _protonet(module: ModuleType) -> Any:
    return module.ProtoNet(LEARNING_RATE, "/tmp/logs", "cpu")
