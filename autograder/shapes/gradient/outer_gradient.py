"""Questions about a method that computes its outer gradient by itself, and about the memory that this takes.

A probe that imports them has a function build, as that of autograder.shapes.gradient.probe says. The student's object
has _outer_gradient(task_batch) -> (gradient by name, outer loss, query accuracy), and an _inner_loop that returns leaf
tensors, without a graph. If build has given it `probed_stand_ins`, functions by name, they stand in the place of its
own where _outer_gradient is judged by itself, and where its loss alone is asked for, which must not depend on them.
"""

import itertools
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch

from autograder.shapes import stand_ins
from autograder.shapes.gradient.probe import Build, installed
from autograder.shapes.memory import TensorMemory
from autograder.shapes.training import Losses, TaskArrays, Weights, character_tasks, tensors
from autograder.worker.values import in_double, several

Array = np.ndarray
Arrays = dict[str, Array]


class Gradient(NamedTuple):
    """What _outer_gradient returns, and theta after it."""

    gradient: Annotated[Arrays, "parameters"]
    loss: Annotated[Array, ""]
    accuracy_query: Annotated[Array, ""]
    meta_parameters: Annotated[Arrays, "parameters"]


class Step(NamedTuple):
    """The outer loss and the query accuracy."""

    loss: Annotated[Array, ""]
    accuracy_query: Annotated[Array, ""]


class Memory(NamedTuple):
    """The most bytes of tensors that were held at once, and what is known of who held them."""

    peak: Annotated[Array, ""]
    graphs: Annotated[Array, ""]


@in_double
def outer_gradient(
    build: Build,
    tasks: list[TaskArrays],
    parameters: Arrays,
    inner_lrs: Arrays,
    steps: int,
    stand_in: bool,
    times: int = 1,
) -> Gradient:
    """Outer gradient of a batch of tasks, in double precision.

    Args:
        build, tasks, parameters, inner_lrs, steps, stand_in: see the shape's outer_step.
        times: how often it is asked of one object; the last answer counts.
    """
    method = _ready(build, parameters, inner_lrs, steps, stand_in)
    for _ in range(times - 1):
        _outer(method, tasks)
    return Gradient(*_outer(method, tasks), method._meta_parameters)


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
    """Outer loss of a batch of tasks, as checks of the shape ask for it; train is told to nobody."""
    return Step(*_outer(_ready(build, parameters, inner_lrs, steps, stand_in), tasks)[1:])


@in_double
def outer_losses(
    build: Build, batches: list[list[TaskArrays]], parameters: Arrays, inner_lrs: Arrays, steps: int, train: bool
) -> Losses:
    """Outer losses of one batch after the other by one object, with its own _inner_loop; see outer_step."""
    method = _replaced(installed(build, parameters, inner_lrs, steps))
    return Losses([_outer(method, tasks)[1] for tasks in batches])


@in_double
def inner_memory(
    build: Build, images: Array, labels: Array, parameters: Arrays, inner_lrs: Arrays, steps: int
) -> Memory:
    """Memory that _inner_loop takes, and how many of the parameters it returns have a graph; see inner_loop."""
    method = _ready(build, parameters, inner_lrs, steps)
    support = torch.tensor(images), torch.tensor(labels)
    with TensorMemory() as memory:
        adapted = method._inner_loop(*support)
    return Memory(memory.peak, sum(tensor.grad_fn is not None for tensor in dict(adapted).values()))


@in_double
def outer_memory(
    build: Build, tasks: list[TaskArrays], parameters: Arrays, inner_lrs: Arrays, steps: int, stand_in: bool
) -> Memory:
    """Memory that _outer_gradient takes for a batch of tasks, and how many were put off; see outer_step."""
    method, batch = _ready(build, parameters, inner_lrs, steps, stand_in), tensors(tasks)
    order = _Order(method)
    with TensorMemory() as memory:
        method._outer_gradient(batch)
    return Memory(memory.peak, order.put_off)


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
    steps: int = 1,
) -> Weights:
    """Train on tasks of drawings (characters, drawings, height, width), so many inner steps. See the shape's train."""
    torch.manual_seed(seed)
    method = build(way, steps, inner_lr)
    optimizer = torch.optim.Adam(method._meta_parameters.values(), lr=outer_lr)
    stream = character_tasks(drawings, way, shot, query, tasks, seed)
    for batch in itertools.islice(stream, batches):
        gradient = several(method._outer_gradient(batch), 3, "_outer_gradient")[0]
        for name, theta in method._meta_parameters.items():
            theta.grad = torch.as_tensor(gradient[name], dtype=theta.dtype).detach().reshape(theta.shape).clone()
        optimizer.step()
    return Weights(method._meta_parameters)


class _Order:
    """Counts the tasks that are put off: the inner loop of the next begins before the gradient of their query is taken.

    It stands before a method's _inner_loop and _forward.
    """

    def __init__(self, method: Any):
        self.put_off = 0
        self._adapt, self._forward = method._inner_loop, method._forward
        self._adapts, self._waits = False, False
        method._inner_loop, method._forward = self._adapted, self._logits

    def _adapted(self, *support: Any, **named: Any) -> Any:
        self.put_off += self._waits
        self._adapts, self._waits = True, False
        try:
            return self._adapt(*support, **named)
        finally:
            self._adapts = False

    def _logits(self, *asked: Any, **named: Any) -> Any:
        logits = self._forward(*asked, **named)
        if not self._adapts and logits.requires_grad:
            self._waits = True
            logits.register_hook(self._taken)
        return logits

    def _taken(self, _: torch.Tensor) -> None:
        if not self._adapts:
            self._waits = False


def _ready(build: Build, parameters: Arrays, inner_lrs: Arrays, steps: int, stand_in: bool = False) -> Any:
    """The shape's installed; its stand-in for _inner_loop returns leaf tensors, and the others are there with it."""
    method = installed(build, parameters, inner_lrs, steps, stand_in)
    if stand_in:
        adapted = method._inner_loop

        def leaves_of(images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            return {name: part.detach().clone().requires_grad_() for name, part in adapted(images, labels).items()}

        stand_ins.replace(method, "_inner_loop", leaves_of)
        _replaced(method)
    return method


def _replaced(method: Any) -> Any:
    for name, function in getattr(method, "probed_stand_ins", {}).items():
        stand_ins.replace(method, name, function)
    return method


def _outer(method: Any, tasks: list[TaskArrays]) -> tuple[Any, ...]:
    return several(method._outer_gradient(tensors(tasks)), 3, "_outer_gradient")
