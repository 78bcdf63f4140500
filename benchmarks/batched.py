"""A whole batch of tasks at once: python -m benchmarks.reference hw2 --batched, for hw2/train.py's two methods.

MAML
====

The solution's _inner_loop and _outer_step are used as they are. What changes is what they see: T tasks as one, whose
parameters have an axis more, T copies of each. In the place of _forward, grouped convolutions make room for that, one
group a task.

The numbers are those of the loop over tasks. Let L_t be the loss of task t, under parameters phi_t of its own. The
cross entropy over the drawings of all tasks is their mean, since tasks are of equal size, and only L_t in it depends on
phi_t:

    grad_{phi_t} (1/T * sum of all L) = 1/T * grad_{phi_t} L_t

So inner learning rates T times as large give the adapted parameters that each task has by itself, and what _outer_step
averages over all drawings is the mean over the tasks.

Prototypical networks
=====================

All drawings of a batch go through the network in one pass, or in few if they are thousands, before the solution's _step
is called; batch normalisation alone takes each support and each query by itself. When _step then asks the network for
the features of a support or a query, they are there.
"""

import copy
import ctypes
import functools
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import click
import torch
import torch.nn.functional as F
from torch import nn

from autograder.exercises.maml.learner import MAMLLearner
from autograder.exercises.maml.solution import KERNEL_SIZE, NUM_CONV_LAYERS
from autograder.exercises.protonet.learner import ProtoNetLearner

TASKS_AT_ONCE = 8  # of MAML's, on a CPU
IMAGES_AT_ONCE = 1024  # of ProtoNet's: what some thousands leave is more than glibc keeps
MALLOC = {  # numbers of malloc.h, and what they are set to
    -4: 0,  # M_MMAP_MAX: large pieces are of the heap too
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: never
    -2: 2**26,  # M_TOP_PAD, the size of a thread's heap: it is made whole, and one that is empty for a while stays
}
TOLERANCE = {"rtol": 1e-6, "atol": 1e-9}  # in double precision: rounding is below it, and a wrong formula is not


class CannotBatchError(ValueError):
    """A solution computes in a way that --batched does not see through."""


class AllAtOnceMAML(MAMLLearner):
    """MAML, as the trainer sees it, all tasks of a batch at once."""

    def __init__(self, maml, *arguments):
        super().__init__(maml, *arguments)
        self._at_once = BatchedMAML(maml)

    def step(self, batch, train):
        """What MAML._outer_step returns."""
        try:
            return self._at_once.outer_step(batch, train, self.second_order)
        except CannotBatchError as error:
            raise click.ClickException(str(error)) from None


class AllAtOnceProtoNet(ProtoNetLearner):
    """A prototypical network, as the trainer sees it, all tasks of a batch at once."""

    def __init__(self, protonet, num_way):
        super().__init__(protonet, num_way)
        self.step = BatchedNetwork(protonet).step


AT_ONCE = {"MAMLLearner": AllAtOnceMAML, "ProtoNetLearner": AllAtOnceProtoNet}  # in the place of which learner


class BatchedMAML:
    """The outer step of a MAML, computed for many tasks at once.

    On a CPU a batch is cut into groups of tasks, and threads share the groups: as many threads as PyTorch used before,
    each with kernels on one thread from now on. On a GPU all tasks are one group.

    Args:
        maml: whose _inner_loop, _outer_step and parameters are used. Read when a step is computed, and never changed.
    """

    def __init__(self, maml):
        self._maml = maml
        self._checked = False
        self._pool = None
        if maml.device.type == "cpu":
            keep_memory()
            self._pool = ThreadPoolExecutor(torch.get_num_threads())
            torch.set_num_threads(1)

    def outer_step(self, task_batch, train, second_order=True):
        """What maml._outer_step(task_batch, train) returns, up to rounding.

        Args:
            task_batch: a list of tasks of equal shapes, as _outer_step takes them.
            train: whether a gradient of the loss will be taken.
            second_order: whether that gradient goes through the gradients of the inner loop.

        Returns:
            (outer_loss, accuracies_support, accuracy_query). backward() on the loss gives the meta-gradients, which
            are computed already: only once, then, and not twice differentiable.

        Raises:
            CannotBatchError: the first batch gave another loss or gradient than _outer_step, task by task.
        """
        if train and not self._checked:
            self._check(task_batch[:2], second_order)
            self._checked = True
        if self._pool is None:
            groups = [task_batch]
        else:
            groups = [task_batch[i : i + TASKS_AT_ONCE] for i in range(0, len(task_batch), TASKS_AT_ONCE)]
        step = functools.partial(_group_step, self._maml, train=train, second_order=second_order)
        results = list(self._pool.map(step, groups) if self._pool else map(step, groups))

        shares = [len(group) / len(task_batch) for group in groups]
        losses, accuracies_support, accuracies_query, gradients = zip(*results, strict=True)
        loss = sum(share * loss for share, loss in zip(shares, losses, strict=True))
        accuracies_support = [_mean(shares, accuracies) for accuracies in zip(*accuracies_support, strict=True)]
        if train:
            gradients = [_mean(shares, parts) for parts in zip(*gradients, strict=True)]
            loss = _Known.apply(loss, gradients, *_learned(self._maml))
        return loss, accuracies_support, _mean(shares, accuracies_query)

    def _check(self, tasks, second_order):
        """Compare loss and gradients with those of _outer_step, task by task, on the CPU in double precision."""
        tasks = [tuple(part.double() if part.is_floating_point() else part for part in task) for task in tasks]
        maml = _in_double(self._maml)
        loss, *_ = maml._outer_step(tasks, second_order)
        expected = torch.autograd.grad(loss, _learned(maml), allow_unused=True)
        got_loss, _, _, got = _group_step(maml, tasks, True, second_order)
        pairs = [(got_loss, loss.detach()), *zip(got, expected, strict=True)]
        for a, b in pairs:
            if (a is None) != (b is None) or (a is not None and not torch.allclose(a, b, **TOLERANCE)):
                raise CannotBatchError(
                    "--batched computes another outer loss or gradient than MAML._outer_step does task by task. It "
                    "needs the mean cross entropy, self._forward as it was given, and rates from self._inner_lrs."
                )


class BatchedNetwork:
    """The step of a prototypical network, with one pass through the network for all tasks.

    Args:
        protonet: whose _step and _network are used. The network's weights are put into channels-last order.
    """

    def __init__(self, protonet):
        self._protonet = protonet
        if protonet.device.type == "cpu":
            keep_memory()
        protonet._network.to(memory_format=torch.channels_last)

    def step(self, task_batch):
        """What protonet._step(task_batch) returns, up to rounding."""
        tasks = [tuple(part.to(self._protonet.device) for part in task) for task in task_batch]
        images = [part for images_support, _, images_query, _ in tasks for part in (images_support, images_query)]
        features = [feature for parts in _by_length(images) for feature in self._embed(parts)]
        known = {id(part): feature for part, feature in zip(images, features, strict=True)}

        def network(images):
            return known[id(images)] if id(images) in known else self._protonet._network(images)

        stand_in = copy.copy(self._protonet)
        stand_in._network = network
        return stand_in._step(tasks)

    def _embed(self, parts):
        """Features of each part, in one pass; batch normalisation in training takes the parts one by one."""
        network, sizes = self._protonet._network, [len(part) for part in parts]
        layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d) and layer.training]
        try:
            for layer in layers:
                layer.forward = functools.partial(_by_parts, layer.forward, sizes)
            return network(torch.cat(parts).contiguous(memory_format=torch.channels_last)).split(sizes)
        finally:
            for layer in layers:
                del layer.forward


def _by_length(parts):
    """Runs of parts, each ended by the part that fills IMAGES_AT_ONCE."""
    run, length = [], 0
    for part in parts:
        run.append(part)
        length += len(part)
        if length >= IMAGES_AT_ONCE:
            yield run
            run, length = [], 0
    if run:
        yield run


def _by_parts(normalise, sizes, x):
    return torch.cat([normalise(part) for part in x.split(sizes)])


def keep_memory():
    """Let glibc keep the memory that tensors leave, for the next ones: new pages cost more than what is done in them.

    Elsewhere nothing happens.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, size in MALLOC.items():
            mallopt(parameter, size)


class _Known(torch.autograd.Function):
    """A number whose gradients are known already."""

    @staticmethod
    def forward(ctx, number, gradients, *tensors):
        ctx.gradients = gradients
        return number.clone()

    @staticmethod
    def backward(ctx, gradient):
        return None, None, *(known if known is None else gradient * known for known in ctx.gradients)


def forward(images, parameters, layout=torch.channels_last):
    """Class logits of T tasks' images, each under parameters of its own: MAML._forward, T times.

    Args:
        images: (T * n, 1, height, width), the tasks one after the other.
        parameters: theta's names, each with an axis of length T before its own.
        layout: how activations lie in memory. Channels last is faster, but not where gradients are differentiated.

    Returns:
        Logits (T * n, N), in the order of the images.
    """
    T = len(parameters["conv0"])
    # (T * n, 1, h, w) to (n, T, h, w): tasks side by side as channels. So batch normalisation, which takes each channel
    # by itself, takes each task by itself.
    x = images.unflatten(0, (T, -1)).squeeze(2).transpose(0, 1)
    for i in range(NUM_CONV_LAYERS):
        weight = parameters[f"conv{i}"].flatten(0, 1).contiguous(memory_format=layout)
        x = x.contiguous(memory_format=layout)
        x = F.conv2d(x, weight, stride=2, padding=KERNEL_SIZE // 2, groups=T)
        x = F.batch_norm(x, None, None, training=True)
        x = F.relu(x, inplace=True)
    x = x.mean(dim=(2, 3)).unflatten(1, (T, -1)).transpose(0, 1)  # (T, n, channels)
    weight, bias = parameters[f"w{NUM_CONV_LAYERS}"], parameters[f"b{NUM_CONV_LAYERS}"]
    # Batch normalisation takes away what a convolution's bias adds. So it is left out, and its gradient is zero.
    unused = torch.cat([parameters[f"b{i}"] for i in range(NUM_CONV_LAYERS)], dim=1).sum(dim=1, keepdim=True)
    return torch.baddbmm((bias + 0 * unused).unsqueeze(1), x, weight.transpose(1, 2)).flatten(0, 1)


def _stand_in(maml, T, second_order):
    """A copy of a MAML that takes T tasks for one. It shares the tensors of the original."""
    adapting = copy.copy(maml)
    adapting._meta_parameters = {
        name: tensor.expand(T, *tensor.shape) for name, tensor in maml._meta_parameters.items()
    }
    adapting._inner_lrs = {name: T * rate for name, rate in maml._inner_lrs.items()}
    layout = torch.contiguous_format if second_order else torch.channels_last
    adapting._forward = functools.partial(forward, layout=layout)
    judging = copy.copy(adapting)
    judging._inner_loop, judging._forward = adapting._inner_loop, forward
    return judging


def _group_step(maml, tasks, train, second_order):
    """One group of tasks as a single task of _outer_step.

    Returns:
        (loss, accuracies_support, accuracy_query, gradients), the loss without its graph.
    """
    task = tuple(torch.cat(parts) for parts in zip(*tasks, strict=True))
    second_order = train and second_order
    loss, *accuracies = _stand_in(maml, len(tasks), second_order)._outer_step([task], second_order)
    gradients = torch.autograd.grad(loss, _learned(maml), allow_unused=True) if train else ()
    return loss.detach(), *accuracies, gradients


def _in_double(maml):
    """A copy of a MAML, on the CPU and in double precision."""

    def double(tensors):
        copies = {name: tensor.detach().cpu().double() for name, tensor in tensors.items()}
        return {name: copies[name].requires_grad_(tensor.requires_grad) for name, tensor in tensors.items()}

    result = copy.copy(maml)
    result.device = torch.device("cpu")
    result._meta_parameters, result._inner_lrs = double(maml._meta_parameters), double(maml._inner_lrs)
    return result


def _learned(maml):
    """What a gradient is taken of: theta, and the inner learning rates where they are learned."""
    tensors = [*maml._meta_parameters.values(), *maml._inner_lrs.values()]
    return [tensor for tensor in tensors if tensor.requires_grad]


def _mean(shares, values):
    """Weighted mean; None if there is nothing to average."""
    return None if values[0] is None else sum(share * value for share, value in zip(shares, values, strict=True))
