"""How to drive a MANN: run it forward, take its loss and gradients, train it, let it predict."""

from types import ModuleType
from typing import Annotated, NamedTuple

import numpy as np
import torch
from torch import nn

from autograder.exercises.black_box.episodes import episodes
from autograder.shapes.training import Weights, load
from autograder.worker.values import FormatError, as_tensor, in_double

Array = np.ndarray

HIDDEN = 128
LEARNING_RATE = 1e-3


class Logits(NamedTuple):
    """What forward returns: (B, K+1, N, N), or (V, B, K+1, N, N) for V variants of the input."""

    logits: Annotated[Array, "labels"]


class Twice(NamedTuple):
    """What forward returns the first and the second time: (2, B, K+1, N, N)."""

    logits: Annotated[Array, "2, B, rows, N, N"]


class Labels(NamedTuple):
    """The caller's labels after a forward pass: (B, K+1, N, N)."""

    labels: Annotated[Array, "labels"]


class Loss(NamedTuple):
    """A loss."""

    loss: Annotated[Array, ""]


class Gradients(NamedTuple):
    """Largest absolute gradient of each parameter, by name."""

    largest: dict[str, Array]


def forward(
    module: ModuleType,
    images: Array,
    labels: Array,
    seed: int,
    gain: float = 3.0,
    shift: float = 0.0,
    memory: bool = True,
) -> Logits:
    """Outputs for several variants of a batch, each by the first forward pass of a network of its own, with the same
    weights.

    Args:
        module: the solution.
        images: (V, B, K+1, N, 784).
        labels: (V, B, K+1, N, N).
        seed: of the weights, on which nothing else depends.
        gain: the initial weights times this, so that inputs from long ago still show in the outputs.
        shift: added to what layer1 writes into its cells, so that its outputs have one sign.
        memory: whether the LSTMs remember anything from step to step.
    """
    answers = []
    for variant in zip(images, labels, strict=True):
        network = _network(module, labels, seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(gain)
            for name, parameter in network.named_parameters():
                if name == "layer1.bias_ih_l0":
                    parameter[2 * HIDDEN : 3 * HIDDEN] += shift
            if not memory:
                _switch_memory_off(network)
        torch.manual_seed(seed)  # outputs at random tell nothing either
        answers.append(network(*map(_tensor, variant)))  # with a graph, as in training
    return Logits(answers)


def outputs(module: ModuleType, weights: dict[str, Array], images: Array, labels: Array) -> Logits:
    """Outputs (B, K+1, N, N) of a network with given weights.

    Raises:
        FormatError: the network has no such weights.
    """
    network = _network(module, labels, 0)
    own = dict(network.named_parameters())
    for name, array in weights.items():
        if name not in own or own[name].shape != array.shape:
            raise FormatError(f"MANN: {name} of shape {array.shape} is missing; layer1 and layer2 are given")
        own[name].data = _tensor(array)
    torch.manual_seed(0)
    return Logits(network(_tensor(images), _tensor(labels)))


def _switch_memory_off(network: nn.Module) -> None:
    """Close the forget gates of all LSTMs, and cut their recurrent weights."""
    for lstm in (module for module in network.modules() if isinstance(module, nn.LSTM)):
        for name, parameter in lstm.named_parameters():
            if name.startswith("weight_hh"):
                parameter.zero_()
            elif name.startswith("bias_ih"):
                parameter[lstm.hidden_size : 2 * lstm.hidden_size] = -1e4


def twice(module: ModuleType, images: Array, labels: Annotated[Array, "B, rows, N, N"], seed: int) -> Twice:
    """Outputs (2, B, K+1, N, N) of two forward passes by one network, as it is when it is tested."""
    network = _network(module, labels, seed).eval()
    with torch.no_grad():
        return Twice([network(_tensor(images), _tensor(labels)) for _ in range(2)])


def labels_after_forward(module: ModuleType, images: Array, labels: Array, seed: int) -> Labels:
    """What forward leaves of the labels it is given."""
    given = _tensor(labels)
    _network(module, labels, seed)(_tensor(images), given)
    return Labels(given)


@in_double
def loss(module: ModuleType, labels: Array, logits: Array) -> Loss:
    """The loss of given logits (B, K+1, N, N), in double precision."""
    return Loss(_network(module, labels, 0).loss_function(as_tensor(logits), _tensor(labels)))


def gradients(module: ModuleType, images: Array, labels: Array, seed: int) -> Gradients:
    """What of the loss reaches each parameter of the network, but for layers that it has and does not use."""
    network = _network(module, labels, seed)
    value = network.loss_function(network(_tensor(images), _tensor(labels)), _tensor(labels))
    if value.requires_grad:
        value.backward()
    largest = {name: 0.0 if p.grad is None else float(p.grad.abs().max()) for name, p in network.named_parameters()}
    return Gradients({n: value for n, value in largest.items() if value or not _is_unused(network, n, images, labels)})


def _is_unused(network: nn.Module, name: str, images: Array, labels: Array) -> bool:
    """Whether a parameter, of no LSTM, makes no difference to the outputs."""
    owner = network.get_submodule(name.rpartition(".")[0])
    if isinstance(owner, nn.RNNBase):
        return False
    parameter = network.get_parameter(name)
    outputs = []
    with torch.no_grad():
        for _ in range(2):
            torch.manual_seed(0)
            outputs.append(network(_tensor(images), _tensor(labels)))
            parameter.mul_(2).add_(1)
    return torch.equal(*outputs)


def train(
    module: ModuleType, courses: list[Array], batches: list[int], way: int, shot: int, batch: int, seed: int
) -> Weights:
    """Train on episodes of one course of drawings after the other.

    Args:
        module: the solution.
        courses: drawings (characters, drawings, 784), what is easily learned first.
        batches: how many steps of the optimizer on each.
        way, shot, batch: N, K, B.
        seed: of the initialisation and the episodes.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = module.MANN(way, shot, HIDDEN)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for drawings in (course for course, count in zip(courses, batches, strict=True) for _ in range(count)):
        images, labels = episodes(rng, drawings, way, shot, batch)
        images, labels = _tensor(images), _tensor(labels)
        value = network.loss_function(network(images, labels.clone()), labels)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return Weights(network.state_dict())


def predict(module: ModuleType, weights: dict[str, Array], images: Array, labels: Array) -> Logits:
    """Outputs of a trained network on other episodes."""
    network = load(module.MANN(labels.shape[-1], labels.shape[-3] - 1, HIDDEN), weights)
    with torch.no_grad():
        return Logits(network(_tensor(images), _tensor(labels)))


def _network(module: ModuleType, labels: Array, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return module.MANN(labels.shape[-1], labels.shape[-3] - 1, HIDDEN)


def _tensor(array: Array) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.get_default_dtype())
