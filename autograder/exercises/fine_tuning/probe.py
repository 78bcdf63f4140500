"""How to drive a fine-tuned classifier: pre-training, the two phases, a task, a batch of tasks; a short training.

Questions about these put a small body in the place of the given one, a smooth one, so that finite differences can
judge its gradients. Its parameters and the running statistics of its batch normalisation come as arguments.
"""

import contextlib
import copy
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from torch import nn

from autograder.shapes.episodic.probe import Logits
from autograder.shapes.stand_ins import replace
from autograder.shapes.training import Losses, TaskArrays, Weights, load, minimise, tensors
from autograder.worker.values import in_double, leaf, several

Array = np.ndarray
Arrays = dict[str, Array]

LEARNING_RATE = 3e-3  # of Adam, in pre-training
BATCH = 64  # drawings in a batch of pre-training
FEW = (2, 3)  # steps of both phases where a question has none of its own
RATES = (1.5, 1.0)  # and the rates of head and body


class Loss(NamedTuple):
    """The loss of pre-training, its accuracy, and the body's running statistics after it."""

    loss: Annotated[Array, ""]
    accuracy: Annotated[Array, ""]
    statistics: Annotated[Arrays, "statistics"]


class Trained(NamedTuple):
    """A head, and its body's parameters and running statistics, after a phase."""

    head: Annotated[Arrays, "head"]
    body: Annotated[Arrays, "body"]
    statistics: Annotated[Arrays, "statistics"]


class Adapted(NamedTuple):
    """Head and body after fine-tuning, and the pre-trained body after it."""

    weight: Annotated[Array, "way, D"]
    bias: Annotated[Array, "way"]
    body: Annotated[Arrays, "body"]
    statistics: Annotated[Arrays, "statistics"]
    pretrained: Annotated[Arrays, "body"]
    pretrained_statistics: Annotated[Arrays, "statistics"]


class Measured(NamedTuple):
    """What _evaluate returns, three scalars."""

    loss: Annotated[Array, ""]
    accuracy_support: Annotated[Array, ""]
    accuracy_query: Annotated[Array, ""]


@in_double
def pretraining(
    module: ModuleType,
    images: Array,
    labels: Array,
    statistics: Arrays,
    training: bool,
    body: Arrays,
    classifier: Arrays,
) -> Loss:
    """Loss and accuracy of a batch of pre-training.

    Args:
        module: the solution.
        images: (n, 1, height, width).
        labels: (n,).
        statistics: running statistics of the body.
        training: whether the body comes in training mode.
        body: its parameters.
        classifier: weight (C, D) and bias (C,).
    """
    with _built(module, body, statistics, len(classifier["bias"])) as method:
        _fill(method._classifier, classifier)
        method._body.train(training)
        loss, accuracy = several(
            method._pretraining_loss(torch.tensor(images), torch.tensor(labels)), 2, "_pretraining_loss"
        )
        return Loss(loss, accuracy, _buffers(method._body))


@in_double
def train_head(
    module: ModuleType,
    images: Array,
    labels: Array,
    body: Arrays,
    statistics: Arrays,
    head: Arrays,
    steps: int,
    other_steps: int,
    head_lr: float,
    body_lr: float,
    training: bool,
) -> Trained:
    """Run the first phase, in double precision.

    Args:
        module: the solution.
        images, labels: of a support.
        body, statistics: parameters and running statistics of the body.
        head: weight (N, D) and bias (N,).
        steps: of this phase.
        other_steps: of the other phase.
        head_lr, body_lr: rates.
        training: whether the body comes in training mode.
    """
    with _built(module, body, statistics, steps=(steps, other_steps), rates=(head_lr, body_lr)) as method:
        given = _given(method, head, training)
        method._train_head(*given, torch.tensor(images), torch.tensor(labels))
        return _trained(*given)


@in_double
def train_all(
    module: ModuleType,
    images: Array,
    labels: Array,
    body: Arrays,
    statistics: Arrays,
    head: Arrays,
    steps: int,
    other_steps: int,
    head_lr: float,
    body_lr: float,
    training: bool,
    after_head: bool = False,
) -> Trained:
    """Run the second phase; where it is asked for, after the first one. See train_head."""
    with _built(module, body, statistics, steps=(other_steps, steps), rates=(head_lr, body_lr)) as method:
        given = _given(method, head, training)
        if after_head:
            method._train_head(*given, torch.tensor(images), torch.tensor(labels))
        method._train_all(*given, torch.tensor(images), torch.tensor(labels))
        return _trained(*given)


@in_double
def adapt(
    module: ModuleType,
    images: Array,
    labels: Array,
    body: Annotated[Arrays, "body"],
    statistics: Arrays,
    way: int,
    characters: int,
    head_steps: int,
    joint_steps: int,
    stand_ins: bool,
    earlier: Array | None = None,
) -> Adapted:
    """Fine-tune to a task.

    Args:
        module: the solution.
        images, labels: of a support.
        body, statistics: parameters and running statistics of the pre-trained body.
        way: N.
        characters: C, of pre-training.
        head_steps, joint_steps: of the two phases.
        stand_ins: put other functions, which have nothing to do with gradients, in the place of both phases.
        earlier: images of a task to which it adapts before, and which should leave no trace.
    """
    with _built(module, body, statistics, characters, way, (head_steps, joint_steps)) as method:
        method._body.eval()
        if stand_ins:
            replace(method, "_train_head", _head_stand_in(head_steps))
            replace(method, "_train_all", _all_stand_in(joint_steps))
        if earlier is not None:
            method._adapt(torch.tensor(earlier), torch.tensor(labels))
        tuned, head = several(method._adapt(torch.tensor(images), torch.tensor(labels)), 2, "_adapt")
        return Adapted(
            head.weight,
            head.bias,
            _parameters(tuned),
            _buffers(tuned),
            _parameters(method._body),
            _buffers(method._body),
        )


@in_double
def evaluate(
    module: ModuleType, tasks: list[TaskArrays], body: Arrays, statistics: Arrays, way: int, stand_in: bool
) -> Measured:
    """Loss and accuracies of a batch of tasks.

    Args:
        module: the solution.
        tasks: images (n, 1, height, width).
        body, statistics: parameters and running statistics of the pre-trained body.
        way: N.
        stand_in: put another function, which has nothing to do with gradients, in the place of _adapt.
    """
    with _built(module, body, statistics, way=way) as method:
        if stand_in:
            replace(method, "_adapt", _adapt_stand_in(method, way))
        return Measured(*several(method._evaluate(tensors(tasks)), 3, "_evaluate"))


@in_double
def losses(module: ModuleType, batches: list[list[TaskArrays]], body: Arrays, statistics: Arrays, way: int) -> Losses:
    """Losses of one batch after the other by one object, with its own _adapt; see evaluate."""
    with _built(module, body, statistics, way=way) as method:
        return Losses([several(method._evaluate(tensors(tasks)), 3, "_evaluate")[0] for tasks in batches])


def train(module: ModuleType, drawings: Array, batches: int, seed: int) -> Weights:
    """Pre-train the given body on drawings (characters, drawings, height, width)."""
    torch.manual_seed(seed)
    method = module.FineTuning(len(drawings), 5, *FEW, *RATES, LEARNING_RATE, "/tmp/logs")
    images = torch.tensor(drawings, dtype=torch.float32).flatten(0, 1)[:, None]
    labels = torch.arange(len(drawings)).repeat_interleave(drawings.shape[1])
    chosen = np.random.default_rng(seed).integers(len(labels), size=(batches, BATCH))
    minimise(
        [*method._body.parameters(), *method._classifier.parameters()],
        (torch.tensor(batch) for batch in chosen),
        lambda batch: method._pretraining_loss(images[batch], labels[batch])[0],
        LEARNING_RATE,
    )
    return Weights(method._body.state_dict())


def predict(
    module: ModuleType,
    weights: Arrays,
    supports: list[list[Array]],
    queries: list[Array],
    head_steps: int,
    joint_steps: int,
    head_lr: float,
    body_lr: float,
) -> Logits:
    """Logits (tasks * Q, N) of query images after fine-tuning; no query label is needed.

    Args:
        module: the solution.
        weights: of the pre-trained body.
        supports: for each task images (N * K, 1, height, width) and labels (N * K,).
        queries: for each task images (Q, 1, height, width).
        head_steps, joint_steps, head_lr, body_lr: of the constructor.
    """
    steps, rates = (head_steps, joint_steps), (head_lr, body_lr)
    method = module.FineTuning(2, int(max(supports[0][1])) + 1, *steps, *rates, LEARNING_RATE, "/tmp/logs")
    load(method._body, weights)
    answers = []
    for (images, labels), asked in zip(supports, queries, strict=True):
        body, head = method._adapt(torch.tensor(images), torch.tensor(labels))
        with torch.no_grad():
            answers.append(head(body(torch.tensor(asked))))
    return Logits(torch.cat(answers))


@contextlib.contextmanager
def _built(
    module: ModuleType,
    body: Arrays,
    statistics: Arrays,
    characters: int = 2,
    way: int = 2,
    steps: tuple[int, int] = FEW,
    rates: tuple[float, float] = RATES,
) -> Iterator[Any]:
    """The student's object with a small body of these numbers, which the module's make_body makes meanwhile."""
    features = len(body["conv.bias"])

    def small() -> nn.Sequential:
        layers = nn.Sequential()
        layers.add_module("conv", nn.Conv2d(1, features, 3, stride=2, padding=1))
        layers.add_module("norm", nn.BatchNorm2d(features))
        for name, layer in (("tanh", nn.Tanh()), ("mean", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten())):
            layers.add_module(name, layer)
        return layers

    with mock.patch.multiple(module, create=True, NUM_FILTERS=features, make_body=small):
        method = module.FineTuning(characters, way, *steps, *rates, LEARNING_RATE, "/tmp/logs")
        _fill(method._body, body)
        for name, buffer in method._body.named_buffers():
            if name in statistics:
                buffer.copy_(torch.tensor(statistics[name]))
        yield method


def _fill(layers: nn.Module, arrays: Arrays) -> None:
    """Put numbers into parameters, which are then the leaves of these arrays."""
    for name, parameter in layers.named_parameters():
        leaf(arrays[name], parameter).data.copy_(torch.tensor(arrays[name]))


def _given(method: Any, head: Arrays, training: bool) -> tuple[nn.Module, nn.Linear]:
    """What a phase is given: a body, a copy of the method's, and a head."""
    layer = nn.Linear(head["weight"].shape[1], len(head["bias"]))
    _fill(layer, head)
    return copy.deepcopy(method._body).train(training), layer


def _trained(body: nn.Module, head: nn.Linear) -> Trained:
    return Trained(_parameters(head), _parameters(body), _buffers(body))


def _parameters(layers: nn.Module) -> dict[str, torch.Tensor]:
    return dict(layers.named_parameters())


def _buffers(layers: nn.Module) -> dict[str, torch.Tensor]:
    """The running statistics, without the number of batches."""
    return {name: buffer for name, buffer in layers.named_buffers() if buffer.is_floating_point()}


def _told(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """A number to which each pixel, each label and its place count."""
    return torch.tanh(3 * _waves(images) + 0.5 * _waves(1.0 + labels))


def _waves(numbers: torch.Tensor) -> torch.Tensor:
    """A mean of numbers to which each one's place counts."""
    return (numbers.flatten() * torch.cos(torch.arange(numbers.numel()))).mean()


def _head_stand_in(steps: int) -> Any:
    """A function in the place of _train_head: adds waves to the head, once a step, by all that it is given."""

    @torch.no_grad()
    def train_head(body: nn.Module, head: nn.Linear, images: torch.Tensor, labels: torch.Tensor) -> None:
        told = _told(images, labels) + sum(_waves(parameter) for parameter in body.parameters())
        for _ in range(steps):
            for parameter in head.parameters():
                parameter += torch.cos(3 * told + torch.arange(parameter.numel())).view_as(parameter)

    return train_head


def _all_stand_in(steps: int) -> Any:
    """A function in the place of _train_all: multiplies body and head, once a step, by all that it is given."""

    @torch.no_grad()
    def train_all(body: nn.Module, head: nn.Linear, images: torch.Tensor, labels: torch.Tensor) -> None:
        for _ in range(steps):
            told = _told(images, labels)
            for parameter in (*body.parameters(), *head.parameters()):
                parameter *= 1 + 0.2 * told + 0.1 * torch.cos(torch.arange(parameter.numel())).view_as(parameter)

    return train_all


def _adapt_stand_in(method: Any, way: int) -> Any:
    """A function in the place of _adapt: a copy of the body and a head, both by all that it is given."""

    def adapt(images: torch.Tensor, labels: torch.Tensor) -> tuple[nn.Module, nn.Linear]:
        body = copy.deepcopy(method._body).eval()
        head, told = nn.Linear(method._classifier.in_features, way), _told(images, labels)
        with torch.no_grad():
            for parameter in head.parameters():
                waves = torch.cos(4 * told + torch.arange(parameter.numel()) ** 1.5).view_as(parameter)
                parameter.copy_(waves * (8 if parameter.dim() > 1 else 0.2))
            for parameter in body.parameters():
                parameter *= 0.2 * told - 1.2
        return body, head

    return adapt
