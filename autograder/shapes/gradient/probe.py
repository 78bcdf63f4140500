"""Questions about a method with an inner loop and an outer step, and what others like them are made of.

A probe that imports them has a function

    def build(module, way, steps, inner_lr, learn=False): ...

which returns the student's object: it has _meta_parameters, a dict of tensors, _forward(images, parameters),
_inner_loop(images, labels[, train]) and, where rates are learned, _inner_lrs.
"""

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from autograder.shapes import stand_ins
from autograder.shapes.training import Losses, TaskArrays, Weights, character_tasks, minimise, tensors
from autograder.worker.values import in_double, leaf, several

Array = np.ndarray
Arrays = dict[str, Array]
Build = Callable[..., Any]

INNER_LR, OUTER_LR = 0.1, 1e-3  # of the constructor; questions have their own


class Adapted(NamedTuple):
    """What _inner_loop returns, and theta after it."""

    parameters: Annotated[Arrays, "parameters"]
    accuracies: Annotated[Array, "steps + 1"]
    meta_parameters: Annotated[Arrays, "parameters"]


class Step(NamedTuple):
    """What _outer_step returns, and theta after it."""

    loss: Annotated[Array, ""]
    accuracies_support: Annotated[Array, "steps + 1"]
    accuracy_query: Annotated[Array, ""]
    meta_parameters: Annotated[Arrays, "parameters"]


class Logits(NamedTuple):
    """Logits (n, N)."""

    logits: Annotated[Array, "n, N"]


@in_double
def inner_loop(
    build: Build,
    images: Array,
    labels: Array,
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    train: bool,
    earlier: Array | None = None,
) -> Adapted:
    """Adapt to a support in double precision.

    Args:
        build: makes the student's object.
        images: (n, 1, height, width).
        labels: (n,).
        parameters: theta, by the names of _meta_parameters.
        inner_lrs: a rate for each of them.
        steps: of the inner loop.
        train: as _inner_loop's.
        earlier: images of a task to which it adapts before, and which should leave no trace.
    """
    method = installed(build, parameters, inner_lrs, steps)
    if earlier is not None:
        adapt(method, earlier, labels, train)
    return Adapted(*adapt(method, images, labels, train), method._meta_parameters)


@in_double
def outer_step(
    build: Build,
    tasks: list[TaskArrays],
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    train: bool,
    stand_in: bool,
) -> Step:
    """Loss and accuracies of a batch of tasks, in double precision.

    Args:
        build, parameters, inner_lrs, steps, train: as inner_loop's.
        tasks: images (n, 1, height, width).
        stand_in: put another function, which has nothing to do with gradients, in the place of _inner_loop: what
            _outer_step itself does can then be told whatever mistakes that one has.
    """
    method = installed(build, parameters, inner_lrs, steps, stand_in)
    loss, accuracies_support, accuracy_query = method._outer_step(tensors(tasks), train)
    return Step(loss, accuracies_support, accuracy_query, method._meta_parameters)


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one MAML, with its own _inner_loop; see outer_step."""
    method = installed(build, parameters, inner_lrs, steps)
    return Losses([several(method._outer_step(tensors(tasks), train), 3, "_outer_step")[0] for tasks in batches])


def train(
    build: Build,
    drawings: Array,
    way: int,
    shot: int,
    query: int,
    tasks: int,
    batches: int,
    inner_lr: float,
    outer_lr: float,
    seed: int,
) -> Weights:
    """Train on tasks of drawings (characters, drawings, height, width), one inner step.

    Args:
        build: makes the student's object.
        drawings: to make tasks of.
        way, shot, query, tasks: N, K, queries of each class, tasks in a batch.
        batches: steps of the outer loop.
        inner_lr: alpha.
        outer_lr: of Adam.
        seed: of the initialisation and the tasks.
    """
    torch.manual_seed(seed)
    method = build(way, 1, inner_lr)
    stream = itertools.islice(character_tasks(drawings, way, shot, query, tasks, seed), batches)
    minimise(method._meta_parameters.values(), stream, lambda batch: method._outer_step(batch, True)[0], outer_lr)
    return Weights(method._meta_parameters)


def predict(
    build: Build, weights: Arrays, supports: list[list[Array]], queries: list[Array], steps: int, inner_lr: float
) -> Logits:
    """Logits (tasks * Q, N) of query images after adaptation; no query label is needed.

    Args:
        build: makes the student's object.
        weights: theta, float32.
        supports: for each task images (N * K, 1, height, width) and labels (N * K,).
        queries: for each task images (Q, 1, height, width).
        steps, inner_lr: of the inner loop.
    """
    method = build(_way(weights), steps, inner_lr)
    method._meta_parameters = leaves(weights, method._meta_parameters, torch.float32)
    return adapted_logits(method, supports, queries)


def adapted_logits(method: Any, supports: list[list[Array]], queries: list[Array]) -> Logits:
    """Logits (tasks * Q, N) of query images after adaptation of this object; see predict."""
    answers = []
    for (images, labels), asked in zip(supports, queries, strict=True):
        adapted = adapt(method, images, labels, train=False)[0]
        with torch.no_grad():
            answers.append(method._forward(torch.tensor(asked), adapted))
    return Logits(torch.cat(answers))


def forward(images: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """Class logits (n, N) of images (n, 1, height, width).

    The network of the handout with tanh for ReLU: smooth, so that finite differences can judge its gradients.
    """
    x = images
    for i in range(4):
        x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=1)
        x = torch.tanh(F.batch_norm(x, None, None, training=True))
    return F.linear(x.mean(dim=(2, 3)), parameters["w4"], parameters["b4"])


def constructed(kind: Callable[..., Any], *arguments: Any) -> Any:
    """Construct the student's object; folder and device come last, and the device is told to who asks for it.

    Args:
        kind: the student's class.
        arguments: all before them.
    """
    device = {"device": "cpu"} if _takes_device(kind) else {}
    return kind(*arguments, "/tmp/logs", **device)


@functools.lru_cache(maxsize=1)
def _takes_device(kind: Callable[..., Any]) -> bool:
    return "device" in inspect.signature(kind).parameters


def linear(method: Any, w4: Array, b4: Array) -> Any:
    """Put a linear layer in the place of an object's network, and its theta: images are (n, 1, 1, D).

    Args:
        method: the student's object, which is returned.
        w4: (N, D).
        b4: (N,).
    """
    theta = {"w4": torch.tensor(w4), "b4": torch.tensor(b4)}
    method._meta_parameters = {name: part.requires_grad_() for name, part in theta.items()}
    stand_ins.replace(
        method, "_forward", lambda images, parameters: images.flatten(1) @ parameters["w4"].T + parameters["b4"]
    )
    return method


def installed(build: Build, parameters: Arrays, inner_lrs: Arrays, steps: int, stand_in: bool = False) -> Any:
    """Build the student's object with the given parameters in double precision, its inner learning rates learned.

    Its network is this file's, so that the numbers are comparable whatever became of the solution's own. Gradients
    with respect to parameters and inner_lrs can be asked for.
    """
    method = build(_way(parameters), steps, INNER_LR, learn=True)
    if not hasattr(method, "_inner_lrs"):  # one rate for all, of the constructor
        method = build(_way(parameters), steps, float(next(iter(inner_lrs.values()))))
    method._meta_parameters = leaves(parameters, method._meta_parameters, torch.float64)
    if hasattr(method, "_inner_lrs"):
        method._inner_lrs = leaves(inner_lrs, method._inner_lrs, torch.float64)
    stand_ins.replace(method, "_forward", forward)
    method._optimizer = torch.optim.Adam(method._meta_parameters.values(), lr=OUTER_LR)  # a step of it would show
    if stand_in:
        answers = _answers(installed(build, parameters, inner_lrs, steps))
        stand_ins.replace(method, "_inner_loop", _stand_in(method, steps, answers))
    return method


def _way(parameters: Arrays) -> int:
    """N, by the last bias: arrays that were sent come in any order."""
    return len(parameters["b4"] if "b4" in parameters else next(reversed(parameters.values())))


def leaves(arrays: Arrays, own: dict[str, torch.Tensor], kind: torch.dtype) -> dict[str, torch.Tensor]:
    """Make leaf tensors of these numbers, in the solution's order, which it may go by.

    Where they fit they are the solution's own ones, of which it may have kept a list.
    """
    tensors = {}
    for name in (name for name in {**own, **arrays} if name in arrays):
        given, tensor = torch.tensor(arrays[name], dtype=kind), own.get(name)
        if tensor is None or tensor.shape != given.shape or tensor.dtype != kind or not tensor.requires_grad:
            tensor = given.requires_grad_()
        tensor.data.copy_(given)
        tensors[name] = leaf(arrays[name], tensor)
    return tensors


def adapt(method: Any, images: Array, labels: Array, train: bool) -> tuple[Any, ...]:
    """Return adapted parameters and accuracies; no accuracies where only the parameters are returned.

    An inner loop that does not ask for train is not told.
    """
    answer = method._inner_loop(torch.tensor(images), torch.tensor(labels), *_flags(method, train))
    return (answer, []) if isinstance(answer, Mapping) else several(answer, 2, "_inner_loop")


def _flags(method: Any, train: bool) -> tuple[bool, ...]:
    """What the solution's _inner_loop takes besides images and labels."""
    return (train,) if len(inspect.signature(method._inner_loop).parameters) > 2 else ()


def _stand_in(method: Any, steps: int, answers: int) -> Any:
    """A function in the place of _inner_loop: theta upside down, times a number that depends on all it is given.

    Every pixel, every label and their places count. With train=False it leaves no way back to theta, as _inner_loop
    need not: who asks for that gets no gradient. The accuracies do not depend on train.
    """

    def inner_loop(images: torch.Tensor, labels: torch.Tensor, train: bool = True) -> Any:
        drawn = (images.flatten() * torch.cos(torch.arange(images.numel()))).mean()
        told = ((1 + labels) * torch.cos(torch.arange(len(labels)))).mean()
        reached = 1 + 0.2 * torch.tanh(3 * drawn + 0.5 * told)
        factor = reached + 0.02 * bool(train)
        theta = {name: tensor if train else tensor.detach() for name, tensor in method._meta_parameters.items()}
        parameters = {name: factor * tensor.flip(0) for name, tensor in theta.items()}
        accuracies = [float(reached) / (step + 2) for step in range(steps + 1)]
        return parameters if answers == 1 else (parameters, accuracies, {})[:answers]

    return inner_loop


def _answers(method: Any) -> int:
    """How many values the solution's own _inner_loop returns: some years of the course have a third."""
    try:
        images, labels = torch.randn(4, 1, 16, 16).double(), torch.tensor([0, 1, 0, 1])
        answer = method._inner_loop(images, labels, *_flags(method, False))
    except Exception:  # it is judged elsewhere
        return 2 if _flags(method, False) else 1
    if isinstance(answer, Mapping):
        return 1
    return 3 if isinstance(answer, tuple) and len(answer) == 3 else 2
