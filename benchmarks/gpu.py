"""MAML and prototypical networks trained on one GPU, thousands of episodes a second: python -m benchmarks.gpu --help

    python -m benchmarks.gpu pack                                    drawings into one file
    python -m benchmarks.gpu train --speed docs/runs/gpu.json        steps a second, against the plain loop
    python -m benchmarks.gpu train paper-maml-5w1s:0,1,2@120 paper-protonet-5w5s:0

The formulas are the reference solutions', and tests/test_gpu.py compares loss and gradient with theirs. What is
different is where and how it is computed:

- All drawings lie on the card, and episodes are drawn there. Support and query come class by class: their order changes
  nothing, since each is one batch.
- All tasks of a batch, of all seeds that are trained together, are G groups with parameters of their own. A convolution
  of stride 2 is then a product of matrices: windows of 3 x 3 drawings' pixels beside each other, times the kernel.
- The whole step (drawings, inner loop, gradient through it, Adam) is traced as one graph, fused by TorchInductor, and
  25 of them are one CUDA graph: the processor starts a graph, not a thousand kernels.
- Biases of convolutions stay at zero, since batch normalisation takes away what they add.
- Matrix products are in TF32: ten bits of mantissa, sums in float32.

A run leaves what hw2.train would leave: logs/<recipe>.seed_<seed> with log.csv, checkpoints and the result of the test,
which hw2.train --test or --resume and benchmarks.results --collect take over. Validation and test are on the same tasks
as there. Jobs are processes: one has the card while the next are compiled.
"""

import functools
import json
import math
import multiprocessing
import multiprocessing.connection
import shlex
import shutil
import statistics
import tarfile
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import torch
import torch.nn.functional as F
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from autograder.hw2.maml import solution as maml_solution
from autograder.hw2.protonet import solution as protonet_solution
from data import images, split
from hw2.omniglot import Tasks, turned
from hw2.recipes import RECIPES
from trainer import TEST_TASKS, checkpoint, reseed
from trainer.commandline import Setting
from trainer.machine import machine

PACKED = Path(".gpu/omniglot.npz")
LOGS = Path("logs")
BLOCK = 25  # steps of a CUDA graph; it divides the intervals of validation and of halving
VAL_TASKS = 100  # as in hw2.train
SIDE, EPSILON, MOMENTUM = 28, 1e-5, 0.1
BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8
ARCHIVE_BYTES = 15 * 2**20  # of a file that travels


# ---- episodes


def characters(file):
    """Name -> uint8 array (20, 28, 28), from the file that `pack` wrote."""
    with np.load(file) as packed:
        return dict(zip(packed["names"].tolist(), images.unpack(packed["bits"]), strict=True))


def parts(drawings, settings):
    """Part -> name -> drawings, as hw2.train takes them."""
    from hw2.train import SPLITS

    which = SPLITS[settings["split"]]
    chosen = {part: {name: drawings[name] for name in names} for part, names in which(drawings).items()}
    return {part: turned(of_part) if settings["rotations"] else of_part for part, of_part in chosen.items()}


class Episodes:
    """Episodes drawn on a device: an episode's classes and drawings as rows of `pixels`."""

    def __init__(self, drawings, settings, device):
        array = np.stack(list(drawings.values()))
        self.classes, self.each = array.shape[:2]
        self.pixels = torch.from_numpy(np.ascontiguousarray(array)).reshape(-1, SIDE, SIDE).to(device)
        self.way, self.shots, self.queries = (settings[f"num_{name}"] for name in ("way", "support", "query"))
        self.tasks, self.device = settings["num_tasks"], device

    def draw(self, seed, block, steps=BLOCK):
        """Rows (steps, tasks, N * K) of support and (steps, tasks, N * Q) of query, class by class.

        A block of steps is the same wherever training began.
        """
        generator = torch.Generator(self.device).manual_seed((seed << 32) + block)
        lots = functools.partial(torch.rand, generator=generator, device=self.device)
        classes = lots(steps, self.tasks, self.classes).topk(self.way).indices
        of_class = lots(steps, self.tasks, self.way, self.each).argsort(dim=-1)[..., : self.shots + self.queries]
        rows = classes[..., None] * self.each + of_class
        return [part.flatten(-2).contiguous() for part in (rows[..., : self.shots], rows[..., self.shots :])]


# ---- what both methods need


def adam(theta, gradient, mean, square, count, rate):
    """One step of Adam: (theta, mean, square, count)."""
    count = count + 1
    mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
    square = BETAS[1] * square + (1 - BETAS[1]) * gradient * gradient
    first, second = (1 - torch.exp(count * math.log(beta)) for beta in BETAS)
    return theta - rate * (mean / first) / ((square / second).sqrt() + ADAM_EPSILON), mean, square, count


def cut(flat, shapes):
    """Tensors by name from one row of numbers (..., P)."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    pieces = flat.split(sizes, dim=-1)
    return {name: piece.unflatten(-1, shapes[name]) for name, piece in zip(shapes, pieces, strict=True)}


def log_likelihood(logits, way):
    """Mean log-probability of the right classes, and accuracy, over the last axes but one: drawings are by class."""
    labels = torch.arange(way, device=logits.device).repeat_interleave(logits.shape[-2] // way)
    right = labels[:, None] == torch.arange(way, device=logits.device)  # a mask: its gradient needs no scatter
    likely = (logits.log_softmax(-1) * right).sum(-1).mean(-1)
    return likely, (logits.argmax(-1) == labels).to(logits.dtype).mean(-1)


# ---- MAML in groups


class Windows(torch.autograd.Function):
    """(G, n, h, w, C) to windows of 3 x 3, stride 2, zeros around: (G, n, h', w', 3, 3, C)."""

    @staticmethod
    def forward(ctx, x):
        ctx.sides = x.shape[2:4]
        return F.pad(x, (0, 0, 1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2).permute(0, 1, 2, 3, 5, 6, 4)

    @staticmethod
    def backward(ctx, gradient):
        return Unwindow.apply(gradient, ctx.sides)


class Unwindow(torch.autograd.Function):
    """The transpose of Windows: what each pixel gets from its windows, without atomics."""

    @staticmethod
    def forward(ctx, windows, sides):
        columns = _overlap(windows.movedim(4, 3), 2, sides[0])  # (G, n, h, w', 3, C) of (G, n, h', 3, w', 3, C)
        return _overlap(columns, 3, sides[1])

    @staticmethod
    def backward(ctx, gradient):
        return Windows.apply(gradient), None


def _overlap(x, axis, side):
    """Add windows (h', 3) that begin at every second place, from -1 on, to their places (side)."""
    first, middle, last = x.unbind(axis + 1)
    pad = [0, 0] * (first.dim() - 1 - axis)
    outer = F.pad(first, (*pad, 0, 1)) + F.pad(last, (*pad, 1, 0))  # places -1, 1, 3, ...
    both = torch.stack([outer, F.pad(middle, (*pad, 0, 1))], dim=axis + 1).flatten(axis, axis + 1)
    return both.narrow(axis, 1, side)


def maml_shapes(filters, way):
    """Parameters by the reference's names; kernels as matrices (9 * channels, filters)."""
    kernels = {f"conv{i}": (9 * (filters if i else 1), filters) for i in range(4)}
    return kernels | {"w4": (filters, way), "b4": (way,)}


def to_matrices(parameters):
    """The reference's tensors to those of maml_shapes."""
    return {
        name: tensor.permute(2, 3, 1, 0).flatten(0, 2) if name.startswith("conv") else tensor.t()
        for name, tensor in parameters.items()
        if name.startswith(("conv", "w")) or name == "b4"
    }


def from_matrices(parameters):
    """The tensors of maml_shapes to the reference's, all of them."""
    result = {}
    for name, tensor in parameters.items():
        if name.startswith("conv"):
            result[name] = tensor.unflatten(0, (3, 3, -1)).permute(3, 2, 0, 1)
            result[f"b{name[-1]}"] = tensor.new_zeros(tensor.shape[1])
        else:
            result[name] = tensor.t()
    return result


def first_windows(drawings):
    """Windows (G, 9, n * 196) of drawings (G, n, 28, 28): they are the same in every step of the inner loop."""
    x = F.pad(drawings, (1, 1, 1, 1))
    return x.unfold(2, 3, 2).unfold(3, 3, 2).permute(0, 4, 5, 1, 2, 3).flatten(1, 2).flatten(2)


def logits_of(windows, phi):
    """Class logits (G, n, N) of each group's drawings under its own parameters: MAML._forward, G times."""
    G, side = windows.shape[0], SIDE // 2
    n = windows.shape[2] // side**2
    x = torch.bmm(windows.transpose(1, 2), phi["conv0"])
    for i in range(4):
        if i:
            x = Windows.apply(x.unflatten(1, (n, side, side)))
            side = x.shape[2]
            x = torch.bmm(x.reshape(G, n * side**2, -1), phi[f"conv{i}"])
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        x = ((x - mean) * torch.rsqrt(variance + EPSILON)).relu()
    x = x.unflatten(1, (n, -1)).mean(2)
    return torch.baddbmm(phi["b4"].unsqueeze(1), x, phi["w4"])


def adapted(phi, windows, rates, way, steps, second_order):
    """phi after some steps on the support, each group by itself."""
    for _ in range(steps):
        loss = -log_likelihood(logits_of(windows, phi), way)[0].sum()
        gradients = torch.autograd.grad(loss, list(phi.values()), create_graph=second_order)
        phi = {
            name: parameter - rates.view(-1, *[1] * (parameter.dim() - 1)) * gradient
            for (name, parameter), gradient in zip(phi.items(), gradients, strict=True)
        }
    return phi


def maml_loss(theta, shapes, support, query, alphas, way, steps, second_order):
    """Outer loss and query accuracy of each seed; theta (S, P), windows of S * T groups, alphas (S,)."""
    seeds = len(theta)
    tasks = len(support) // seeds
    phi = {
        name: tensor.unsqueeze(1).expand(-1, tasks, *tensor.shape[1:]).flatten(0, 1)
        for name, tensor in cut(theta, shapes).items()
    }
    phi = adapted(phi, support, alphas.repeat_interleave(tasks), way, steps, second_order)
    likely, accuracy = log_likelihood(logits_of(query, phi), way)
    return -likely.unflatten(0, (seeds, tasks)).mean(1), accuracy.unflatten(0, (seeds, tasks))


def maml_step(shapes, way, steps, second_order, outer_rate):
    """The whole step of the outer loop, of tensors only: (state, pixels, rows, alphas) to (state, losses, accuracies)."""

    def step(theta, mean, square, count, pixels, support, query, alphas):
        leaf = theta.detach().requires_grad_()
        windows = [first_windows(pixels[rows].to(theta.dtype)) for rows in (support, query)]
        losses, accuracies = maml_loss(leaf, shapes, *windows, alphas, way, steps, second_order)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return *adam(theta, gradient, mean, square, count, outer_rate), losses.detach(), accuracies.mean(1)

    return step


# ---- prototypical networks

PROTONET = {f"{name}{i}": shape for i in range(4) for name, shape in (("conv", (64, 64 if i else 1, 3, 3)), ("gamma", (64,)), ("beta", (64,)))}


def standardised(x, mean, variance, weights, i):
    """Batch normalisation and what follows in block i."""
    scale = torch.rsqrt(variance + EPSILON) * weights[f"gamma{i}"]
    x = (x - mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1) + weights[f"beta{i}"].view(1, -1, 1, 1)
    return F.max_pool2d(x.relu(), 2)


def embed(x, weights, running):
    """Features (n, 64) in training, and the running statistics (8, 64) as they are afterwards."""
    kept = []
    for i in range(4):
        x = F.conv2d(x, weights[f"conv{i}"], padding=1)
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        count = x.numel() // x.shape[1]
        kept += [mean.detach(), variance.detach() * (count / (count - 1))]
        x = standardised(x, mean, variance, weights, i)
    return x.flatten(1), (1 - MOMENTUM) * running + MOMENTUM * torch.stack(kept)


def embed_in_test(x, weights, running):
    """Features (n, 64) by the running statistics."""
    for i in range(4):
        x = standardised(F.conv2d(x, weights[f"conv{i}"], padding=1), *running[2 * i : 2 * i + 2], weights, i)
    return x.flatten(1)


def distances(support, query, way):
    """Mean log-probability and accuracy of queries (..., N * Q, D) by the prototypes of support (..., N * K, D)."""
    prototypes = support.unflatten(-2, (way, -1)).mean(-2)
    return log_likelihood(-(query.unsqueeze(-2) - prototypes.unsqueeze(-3)).square().sum(-1), way)


def protonet_loss(theta, running, support, query, way):
    """Loss, accuracy and running statistics of one episode's drawings (n, 28, 28)."""
    weights = cut(theta, PROTONET)
    x, running = embed(support.unsqueeze(1), weights, running)
    y, running = embed(query.unsqueeze(1), weights, running)
    likely, accuracy = distances(x, y, way)
    return -likely, accuracy, running


def protonet_step(way):
    """The whole step, of tensors only: (state, pixels, rows, rate) to (state, loss, accuracy)."""

    def step(theta, mean, square, count, running, pixels, support, query, rate):
        leaf = theta.detach().requires_grad_()
        drawings = [pixels[rows[0]].to(theta.dtype) for rows in (support, query)]
        loss, accuracy, running = protonet_loss(leaf, running, *drawings, way)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return *adam(theta, gradient, mean, square, count, rate), running, loss.detach()[None], accuracy[None]

    return step


# ---- whole steps as graphs


def fused(step, example):
    """A step traced with its gradients as one graph, and compiled."""
    import torch._inductor

    graph = make_fx(step)(*example)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return torch._inductor.compile(graph, list(example))


def fused_if_possible(step, example, pipe):
    """A fused step, or the step itself if TorchInductor fails, which is said."""
    try:
        return fused(step, example)
    except Exception as error:  # whatever a compiler may raise: the run is worth more than its speed
        pipe.send(("said", f"not fused: {type(error).__name__}: {error}"[:1000]))
        return step


class Blocks:
    """Blocks of steps on a state, replayed as one CUDA graph; without a GPU, one after the other.

    Args:
        step: (*state, pixels, support, query, rate) to (*state, losses, accuracies).
        state: tensors that a block changes.
        pixels: all drawings.
        rows: those of a block, support and query, (BLOCK, groups, n).
        rate: inner rates, or that of Adam: a tensor that may be changed between blocks.
    """

    def __init__(self, step, state, pixels, rows, rate):
        self.step, self.state, self.pixels, self.rate = step, state, pixels, rate
        self.rows = [part.clone() for part in rows]
        self.graph = None
        if pixels.is_cuda:
            kept = [tensor.clone() for tensor in state]
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                self._run(2)
            torch.cuda.current_stream().wait_stream(stream)
            torch.cuda.synchronize()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.metrics = self._run(len(self.rows[0]))
            for tensor, value in zip(self.state, kept, strict=True):
                tensor.copy_(value)

    def _run(self, steps):
        """Steps on the state; losses and accuracies (steps, seeds)."""
        state, metrics = self.state, []
        for i in range(steps):
            result = self.step(*state, self.pixels, *(part[i] for part in self.rows), self.rate)
            *state, loss, accuracy = result
            metrics.append(torch.stack([loss, accuracy]))
        for tensor, value in zip(self.state, state, strict=True):
            tensor.copy_(value)
        return torch.stack(metrics)

    def __call__(self, rows):
        """One block on new rows; (steps, 2, seeds) that the next block overwrites."""
        for part, new in zip(self.rows, rows, strict=True):
            part.copy_(new)
        if self.graph is None:
            return self._run(len(self.rows[0]))
        self.graph.replay()
        return self.metrics


# ---- runs


class Slot:
    """One run of a job: a recipe with a seed, and its folder."""

    def __init__(self, recipe, seed, logs):
        self.recipe, self.seed = recipe, seed
        self.method, self.settings, self.options = settings_of(recipe, seed)
        self.folder = logs / f"{recipe}.seed_{seed}"
        self.best = {"iteration": 0, "query_accuracy": -1.0}
        self.seconds = 0.0

    def facts(self, done, device):
        """What a checkpoint says of itself."""
        return {
            "method": self.method,
            "recipe": self.recipe,
            "settings": self.settings,
            "iteration": done,
            "best": self.best,
            "seconds": self.seconds,
            "machine": machine(device, 1),
        }


def settings_of(recipe, seed, test=False):
    """(method, settings, other options) of a recipe, as hw2.train understands its words."""
    from hw2 import train

    words = shlex.split(f"{RECIPES[recipe].words} {RECIPES[recipe].test if test else ''} --seed {seed}")
    command = train.main.commands[words[0]]
    given = command.make_context(words[0], words[1:]).params
    names = {parameter.name for parameter in command.params if isinstance(parameter, Setting)}
    settings = {name: value for name, value in given.items() if name in names}
    return words[0], settings, {name: value for name, value in given.items() if name not in names}


class MAMLJob:
    """MAML's runs as one state: theta (S, P), Adam's two means of it, and the number of steps."""

    at_once = 100  # tasks of validation and test

    def __init__(self, slots, device):
        self.settings, self.device = slots[0].settings, device
        self.way, self.steps = self.settings["num_way"], self.settings["num_inner_steps"]
        self.shapes = maml_shapes(self.settings["num_filters"], self.way)
        self.rates = [slot.settings["inner_lr"] for slot in slots]
        self.rate = torch.tensor(self.rates, device=device)
        self.names = list(self.reference(0)._meta_parameters)
        thetas = [self.reference(slot.seed)._meta_parameters for slot in slots]
        theta = torch.stack([self.flat(tensors) for tensors in thetas]).to(device)
        self.state = [theta, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros(1, device=device)]
        self.step = maml_step(
            self.shapes, self.way, self.steps, not self.settings["first_order"], self.settings["outer_lr"]
        )

    def reference(self, seed):
        """A new MAML, as hw2.train makes it."""
        maml_solution.NUM_HIDDEN_CHANNELS = self.settings["num_filters"]
        reseed(seed, 0)
        return maml_solution.MAML(self.way, self.steps, 0.0, False, self.settings["outer_lr"], None)

    def flat(self, tensors):
        return torch.cat([tensor.detach().flatten() for tensor in to_matrices(tensors).values()])

    def set_rate(self, done):
        pass

    def learner(self, i):
        """Run i as trainer.checkpoint sees it."""
        theta, mean, square = (from_matrices(cut(tensor[i], self.shapes)) for tensor in self.state[:3])
        tensors = {f"theta.{name}": theta[name] for name in self.names}
        tensors |= {f"inner_lr.{name}": torch.tensor(self.rates[i]) for name in self.names}
        state = {
            index: {"step": self.state[3][0], "exp_avg": mean[name], "exp_avg_sq": square[name]}
            for index, name in enumerate(self.names)
        }
        return stand_in(tensors, state)

    def restore(self, i, tensors):
        """Put a checkpoint's tensors into run i."""
        columns = [{name: tensors[f"model.theta.{name}"] for name in self.names}, *moments(tensors, self.names)]
        for whole, column in zip(self.state, columns, strict=False):
            whole[i].copy_(self.flat(column))
        self.state[3].fill_(steps_of(tensors))

    def evaluate(self, i, tasks, settings):
        """Loss and query accuracy (tasks,) of run i, adapted as the settings say."""
        steps, results = settings["num_inner_steps"], []
        for support, query in tasks:
            phi = cut(self.state[0][i], self.shapes)
            phi = {name: tensor.expand(len(support), *tensor.shape) for name, tensor in phi.items()}
            phi = {name: tensor.detach().requires_grad_() for name, tensor in phi.items()}
            rates = torch.full((len(support),), self.rates[i], device=self.device)
            phi = adapted(phi, first_windows(support), rates, self.way, steps, False)
            with torch.no_grad():
                likely, accuracy = log_likelihood(logits_of(first_windows(query), phi), self.way)
            results.append(torch.stack([-likely, accuracy]))
        return torch.cat(results, dim=1)


class ProtoNetJob:
    """A prototypical network's run: parameters (P,), Adam's two means of them, the number of steps, statistics."""

    at_once = 20  # tasks of validation and test

    def __init__(self, slots, device):
        (slot,) = slots
        self.settings, self.way = slot.settings, slot.settings["num_way"]
        if self.settings["num_tasks"] != 1:
            raise click.ClickException("A prototypical network is trained on one episode at a time here.")
        reseed(slot.seed, 0)
        network = protonet_solution.ProtoNetNetwork()
        theta = torch.cat([tensor.flatten() for tensor in self.named(network.state_dict()).values()]).to(device)
        running = torch.tensor([0.0, 1.0], device=device).repeat(4)[:, None].repeat(1, 64)
        self.state = [theta, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros(1, device=device), running]
        self.rate = torch.tensor(self.settings["learning_rate"], device=device)
        self.step = protonet_step(self.way)

    @staticmethod
    def named(state):
        """Tensors by the names of PROTONET of a network's, or of an optimizer's in its order."""
        keys = {"conv": "0.weight", "gamma": "1.weight", "beta": "1.bias"}
        result = {}
        for name in PROTONET:
            layer, key = keys[name[:-1]].split(".")
            result[name] = state[f"_layers.{4 * int(name[-1]) + int(layer)}.{key}"]
        return result

    def set_rate(self, done):
        halvings = done // self.settings["halve_every"] if self.settings["halve_every"] else 0
        self.rate.fill_(self.settings["learning_rate"] * 0.5**halvings)

    def learner(self, i):
        """The run as trainer.checkpoint sees it."""
        network = protonet_solution.ProtoNetNetwork()
        theta, mean, square = (cut(tensor, PROTONET) for tensor in self.state[:3])
        tensors, state = {}, {}
        for index, (name, tensor) in enumerate(network.named_parameters()):
            found = next((key for key, value in self.named({n: n for n in network.state_dict()}).items() if value == name), None)
            zeros = torch.zeros_like(tensor.detach())  # a convolution's bias
            columns = [column[found] if found else zeros for column in (theta, mean, square)]
            tensors[name] = columns[0]
            state[index] = {"step": self.state[3][0], "exp_avg": columns[1], "exp_avg_sq": columns[2]}
        for block in range(4):
            for j, key in enumerate(("running_mean", "running_var")):
                tensors[f"_layers.{4 * block + 1}.{key}"] = self.state[4][2 * block + j]
            tensors[f"_layers.{4 * block + 1}.num_batches_tracked"] = (2 * self.state[3][0]).long()
        return stand_in(tensors, state)

    def restore(self, i, tensors):
        """Put a checkpoint's tensors into the run."""
        names = [name for name, _ in protonet_solution.ProtoNetNetwork().named_parameters()]
        columns = [{name: tensors[f"model.{name}"] for name in names}, *moments(tensors, names)]
        for whole, column in zip(self.state, columns, strict=False):
            whole.copy_(torch.cat([tensor.flatten() for tensor in self.named(column).values()]))
        self.state[3].fill_(steps_of(tensors))
        for block in range(4):
            for j, key in enumerate(("running_mean", "running_var")):
                self.state[4][2 * block + j].copy_(tensors[f"model._layers.{4 * block + 1}.{key}"])

    def evaluate(self, i, tasks, settings):
        """Loss and query accuracy (tasks,) of tasks by the running statistics."""
        results, weights = [], cut(self.state[0], PROTONET)
        with torch.no_grad():
            for parts in tasks:
                features = [
                    embed_in_test(part.flatten(0, 1).unsqueeze(1), weights, self.state[4]).unflatten(0, part.shape[:2])
                    for part in parts
                ]
                likely, accuracy = distances(*features, settings["num_way"])
                results.append(torch.stack([-likely, accuracy]))
        return torch.cat(results, dim=1)


JOBS = {"maml": MAMLJob, "protonet": ProtoNetJob}


def moments(tensors, names):
    """Adam's two means of a checkpoint, by the parameters' names; none if it was saved without."""
    if "optimizer.0.step" not in tensors:
        return []
    keys = ("exp_avg", "exp_avg_sq")
    return [{name: tensors[f"optimizer.{i}.{key}"] for i, name in enumerate(names)} for key in keys]


def steps_of(tensors):
    """How many steps Adam has taken, of a checkpoint."""
    return float(tensors.get("optimizer.0.step", 0))


def stand_in(tensors, state):
    """What trainer.checkpoint.save asks of a learner."""
    optimizer = SimpleNamespace(state_dict=lambda: {"state": state})
    return SimpleNamespace(tensors=lambda: tensors, optimizer=optimizer)


def stacked(tasks, count, at_once, device):
    """The first tasks of hw2's, as drawings (tasks, n, 28, 28) of support and query, class by class."""
    drawn, result = list(islice(tasks.batches(1, seed=0), count)), []
    for i in range(0, count, at_once):
        columns = list(zip(*(task for (task,) in drawn[i : i + at_once]), strict=True))
        pairs = ((columns[0], columns[1]), (columns[2], columns[3]))
        result.append(
            [
                torch.stack([x[labels.argsort(stable=True)] for x, labels in zip(*pair, strict=True)])
                .squeeze(2)
                .to(device)
                for pair in pairs
            ]
        )
    return result


def tasks_of(drawings, settings):
    """hw2's tasks of drawings."""
    return Tasks(drawings, *(settings[f"num_{name}"] for name in ("way", "support", "query")))


def save(job, i, slot, name, done, device, whole):
    """A checkpoint of run i; `whole` with what its optimizer needs to go on."""
    learner = job.learner(i)
    if not whole:
        learner = stand_in(learner.tensors(), {})
    checkpoint.save(slot.folder / f"{name}.safetensors", learner, slot.facts(done, device))


def prepare():
    """What every process begins with."""
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True


def work(pipe, words, file, logs, deadline, device, fuse, test, replaced):
    """One job, in a process of its own: prepare, wait for the card, train, test."""
    prepare()
    words, _, limit = words.partition("@")
    slots = [
        Slot(recipe, int(seed), logs)
        for part in words.split("+")
        for recipe, _, seeds in [part.partition(":")]
        for seed in seeds.split(",")
    ]
    settings, options = slots[0].settings, slots[0].options | replaced
    of_part = parts(characters(file), settings)
    episodes = Episodes(of_part["train"], settings, device)
    job = JOBS[slots[0].method](slots, device)
    done = restored(job, slots)

    def rows(block):
        drawn = [episodes.draw(slot.seed, block) for slot in slots]
        return [torch.cat(column, dim=1) for column in zip(*drawn, strict=True)]

    begun = time.monotonic()
    example = [*job.state, episodes.pixels, *(part[0] for part in rows(0)), job.rate]
    step = fused_if_possible(job.step, example, pipe) if fuse else job.step
    validation = stacked(tasks_of(of_part["val"], settings), VAL_TASKS, job.at_once, device)
    pipe.send(("ready", time.monotonic() - begun))
    pipe.recv()  # the card is ours
    blocks = Blocks(step, job.state, episodes.pixels, rows(0), job.rate)
    begun, before = time.monotonic(), [slot.seconds for slot in slots]
    stop = min(deadline, time.time() + float(limit or math.inf))
    total, metrics, first = options["num_iterations"], [], done
    total -= total % BLOCK

    def write(end):
        values = torch.stack(metrics).cpu() if metrics else torch.zeros(0, 2, len(slots))
        for i, slot in enumerate(slots):
            slot.seconds = before[i] + time.monotonic() - begun
            loss, accuracy = job.evaluate(i, validation, settings).mean(1).tolist()
            if metrics and not values[:, 0, i].isfinite().all():
                raise click.ClickException(f"{slot.recipe}, seed {slot.seed}: the loss is not finite before {done}.")
            log(slot, done, values[:, :, i].tolist(), loss, accuracy)
            if accuracy > slot.best["query_accuracy"]:
                slot.best = {"iteration": done, "query_accuracy": accuracy}
                save(job, i, slot, "best", done, device, whole=False)
            if end or done % (20 * options["val_interval"]) == 0:
                save(job, i, slot, "last", done, device, whole=done < total)
        metrics.clear()

    if not done:
        for slot in slots:
            slot.folder.mkdir(parents=True, exist_ok=True)
            (slot.folder / "log.csv").write_text(",".join(columns_of(slot.method)) + "\n", encoding="utf-8")
        write(False)
    told = time.monotonic()
    while done < total:
        job.set_rate(done)
        metrics.append(blocks(rows(done // BLOCK)).mean(0))
        done += BLOCK
        end = done == total
        if end or done % options["val_interval"] == 0:
            end = end or time.time() > stop
            write(end)
        if end:
            break
        if time.monotonic() > told + 10:
            told = time.monotonic()
            said = ", ".join(f"{slot.best['query_accuracy']:.4f}" for slot in slots)
            pipe.send(("said", f"{words}: {done}, {(done - first) / (told - begun):.0f} a second, best {said}"))
    seconds = time.monotonic() - begun
    speed = (done - first) / seconds
    for i, slot in enumerate(slots if test else []):
        pipe.send(("said", "\n".join(tested(job, i, slot, of_part["test"], device, logs))))
    pipe.send(("done", {"job": words, "iterations": done, "of": total, "seconds": seconds, "steps_per_second": speed}))


def restored(job, slots):
    """Iterations that all runs of a job have done, put into it; what cannot go on begins anew."""
    paths = [slot.folder / "last.safetensors" for slot in slots]
    if not all(path.exists() for path in paths):
        return 0
    read = [checkpoint._read(path) for path in paths]
    (done,) = {facts["iteration"] for _, facts in read}
    for i, (slot, (tensors, facts)) in enumerate(zip(slots, read, strict=True)):
        if "optimizer.0.step" not in tensors:
            raise click.ClickException(f"{slot.folder} is finished.")
        job.restore(i, tensors)
        slot.best, slot.seconds = facts["best"], facts["seconds"]
        cut_log(slot.folder, done)
    return done


LABELS = {
    "maml": ("query_accuracy", "support_accuracy", "unadapted_support_accuracy"),
    "protonet": ("query_accuracy", "support_accuracy"),
}


def columns_of(method):
    """Those of hw2.train's log.csv. Of the accuracies, only that of the query is measured here."""
    return ["iteration", *(f"{part}_{name}" for part in ("train", "val") for name in ("loss", *LABELS[method]))]


def log(slot, done, blocks, val_loss, val_accuracy):
    """Rows of log.csv: the mean of each block, and what was validated after the last."""
    rows = [
        {"iteration": done - BLOCK * (len(blocks) - 1 - i), "train_loss": loss, "train_query_accuracy": accuracy}
        for i, (loss, accuracy) in enumerate(blocks)
    ] or [{"iteration": done}]
    rows[-1] |= {"val_loss": val_loss, "val_query_accuracy": val_accuracy}
    with open(slot.folder / "log.csv", "a", encoding="utf-8") as file:
        for row in rows:
            cells = [row.get(column, "") for column in columns_of(slot.method)]
            file.write(",".join(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells) + "\n")


def cut_log(folder, done):
    """Take away the rows that a killed run has written after its last checkpoint."""
    path = folder / "log.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([header, *(row for row in rows if int(row.split(",")[0]) <= done)]), encoding="utf-8")


def tested(job, i, slot, drawings, device, logs):
    """Test the best checkpoint of run i, and of the recipes that are trained alike; their results in words."""
    tensors, facts = checkpoint._read(slot.folder / "best.safetensors")
    now = [tensor.clone() for tensor in job.state]
    job.restore(i, tensors)
    words = []
    for name in (name for name in RECIPES if RECIPES[name].words == RECIPES[slot.recipe].words):
        method, settings, _ = settings_of(name, slot.seed, test=True)
        folder = logs / f"{name}.seed_{slot.seed}"
        if name != slot.recipe:
            folder.mkdir(exist_ok=True)
            for path in (*slot.folder.glob("*.safetensors"), slot.folder / "log.csv"):
                shutil.copy(path, folder / path.name)
        accuracies = job.evaluate(i, stacked(tasks_of(drawings, settings), TEST_TASKS, job.at_once, device), settings)[1].cpu().numpy()
        half_width = 1.96 * float(accuracies.std(ddof=1)) / math.sqrt(len(accuracies))
        result = {
            "accuracy": float(accuracies.mean()),
            "confidence_95": half_width,
            "tasks": len(accuracies),
            "method": method,
            "recipe": name,
            "iteration": facts["iteration"],
            "seconds": facts["seconds"],
            "machine": facts["machine"],
            "settings": settings,
        }
        changed = [f"{key}_{value}" for key, value in settings.items() if slot.settings.get(key) != value]
        path = folder / ".".join(["best", "test", *changed, "json"])
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        words.append(f"{name}, seed {slot.seed}: {result['accuracy']:.4f} ± {half_width:.4f}, iteration {facts['iteration']}")
    for tensor, value in zip(job.state, now, strict=True):
        tensor.copy_(value)
    return words


def archive(logs, out):
    """Pack all runs into archives of a size that travels, each written whole."""
    folders, number, size = sorted(logs.glob("*.seed_*")), 0, 0
    groups = {0: []}
    for folder in folders:
        weight = sum(path.stat().st_size for path in folder.iterdir())
        if size + weight > ARCHIVE_BYTES and groups[number]:
            number, size = number + 1, 0
            groups[number] = []
        groups[number].append(folder)
        size += weight
    for number, group in groups.items():
        unfinished = out / "unfinished"
        with tarfile.open(unfinished, "w:gz", compresslevel=1) as tar:
            for folder in group:
                tar.add(folder, folder.name, filter=lambda entry: None if ".unfinished" in entry.name else entry)
        unfinished.replace(out / f"logs-{number}.tar.gz")


@click.group(help=__doc__)
def main():
    """Choose what to do."""


@main.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), default="data/omniglot_resized")
@click.option("--packed", type=click.Path(path_type=Path), default=PACKED, show_default=True)
def pack(data, packed):
    """Put all drawings into one file."""
    bits = images.load_packed(data)
    packed.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(packed, names=np.array(list(bits)), bits=np.stack(list(bits.values())))


@main.command()
@click.argument("jobs", nargs=-1, metavar="RECIPE:SEED,SEED[+RECIPE:SEED][@SECONDS] ...")
@click.option("--packed", type=click.Path(path_type=Path), default=PACKED, show_default=True)
@click.option("--logs", type=click.Path(path_type=Path), default=LOGS, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Archives of the logs go here, after each job.")
@click.option("--resume", "archives", type=click.Path(path_type=Path), multiple=True, help="Archives to begin with.")
@click.option("--seconds", type=float, default=math.inf, help="After them nothing is trained any more.")
@click.option("--device", default="cuda", show_default=True)
@click.option("--fuse/--no-fuse", default=True, show_default=True, help="Compile steps with TorchInductor.")
@click.option("--speed", "speed_file", type=click.Path(path_type=Path), help="Measure steps a second too: JSON.")
@click.option("--test/--no-test", default=True, show_default=True, help="Test what was trained.")
@click.option("--num-iterations", type=int, help="In the place of the recipes' own.")
@click.option("--val-interval", type=int, help="In the place of the recipes' own.")
def train(jobs, packed, logs, out, archives, seconds, device, fuse, test, speed_file, **replaced):
    """Train and test recipes: each job's runs at once, jobs by turns, those first that are ready first."""
    deadline = time.time() + seconds
    prepare()
    logs.mkdir(exist_ok=True)
    for path in archives:
        with tarfile.open(path) as tar:
            tar.extractall(logs, filter="data")
    replaced = {name: value for name, value in replaced.items() if value}
    limits = limits_of(device) if speed_file else None
    shared = (packed, logs, deadline, device, fuse, test, replaced)
    processes = {}
    for words in jobs:
        if words in SPEED:
            processes[words] = (measure_speed, words, packed, device, limits)
        else:
            processes[words] = (work, words, *shared)
    report, facts = [], {}

    def take(kind, what):
        if kind == "speed":
            facts.update(what)
            write_speed(speed_file, device, limits, facts)
        elif kind == "done":
            report.append(what)
        if out:
            archive(logs, out)
            (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

    by_turns(processes, take, SPEED)


def by_turns(processes, take, quiet=()):
    """Let processes prepare beside each other, and have the card one by one, those that come first if they are ready.

    Args:
        processes: name -> a function and its arguments. It is called with a pipe before them: it sends ("ready",
            seconds), waits for an answer, and sends (kind, what) of what it has done.
        take: called with (kind, what).
        quiet: names of processes that wait until no other prepares.
    """
    context, pipes, begun = multiprocessing.get_context("spawn"), {}, time.monotonic()
    for name, (function, *arguments) in processes.items():
        pipe, other = context.Pipe()
        context.Process(target=function, args=(other, *arguments), daemon=True).start()
        other.close()
        pipes[pipe] = name
    ready, running, preparing = [], None, set(pipes)
    while pipes:
        for pipe in multiprocessing.connection.wait(list(pipes)):
            try:
                kind, what = pipe.recv()
            except EOFError:
                kind, what = "said", f"{pipes.pop(pipe)} has ended"
                preparing.discard(pipe)
                ready = [other for other in ready if other is not pipe]
                running = None if running is pipe else running
            if kind == "ready":
                ready.append(pipe)
                preparing.discard(pipe)
                what = f"{pipes[pipe]} is ready after {what:.0f} s"
            click.echo(f"{time.monotonic() - begun:.0f} s: {what if isinstance(what, str) else json.dumps(what)}")
            if kind not in ("ready", "said"):
                take(kind, what)
        now = [pipe for pipe in pipes if pipe in ready and not (preparing and pipes[pipe] in quiet)]
        if now and running is None:
            running = now[0]
            ready.remove(running)
            running.send("go")


# ---- how fast

SPEED = {  # --num-way, --num-support, --num-query, --num-tasks, --num-inner-steps, --num-filters, second order
    "speed-course": (5, 1, 15, 16, 1, 32, True),  # benchmarks.meta_step's setting
    "speed-maml-5w1s": (5, 1, 1, 32, 1, 64, True),
    "speed-fomaml-5w1s": (5, 1, 1, 32, 1, 64, False),
    "speed-maml-5w5s": (5, 5, 5, 32, 1, 64, True),
    "speed-maml-20w1s": (20, 1, 1, 16, 5, 64, True),
}
MATRIX, COPIED = 8192, 2**30  # sides of the product, and bytes of the copy, that give the limits


class Moved(TorchDispatchMode):
    """Counts the bytes that convolutions and matrix products read and write, each operand once."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if any(word in str(function) for word in ("convolution", "aten.mm", "addmm")):
            results = result if isinstance(result, (tuple, list)) else [result]
            tensors = [x for x in (*arguments, *results) if isinstance(x, torch.Tensor)]
            self.bytes += sum(x.numel() * x.element_size() for x in tensors)
        return result


def seconds_of(what, device, limit=0.5):
    """Median seconds of a call, after a first one."""
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    what()
    wait()
    times, begun = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begun < limit:
        start = time.perf_counter()
        what()
        wait()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure_speed(pipe, name, packed, device, limits):
    """In a process of its own: steps a second of each way to take one, and how exact ours is."""
    from benchmarks.batched import BatchedMAML

    prepare()
    begun, drawings = time.monotonic(), turned(characters(packed))
    way, shots, queries, tasks, steps, filters, second = SPEED[name]
    numbers = {"num_way": way, "num_support": shots, "num_query": queries, "num_tasks": tasks}
    maml_solution.NUM_HIDDEN_CHANNELS = filters
    reseed(0, 0)
    maml = maml_solution.MAML(way, steps, 0.4, False, 1e-3, None, device)
    learned = [tensor for key, tensor in maml._meta_parameters.items() if key[0] != "b" or key == "b4"]
    batch = Tasks(drawings, way, shots, queries).sample(np.random.default_rng(0), tasks)
    optimizer = torch.optim.Adam(maml._meta_parameters.values(), 1e-3)

    def plain(outer_step=maml._outer_step):
        optimizer.zero_grad()
        outer_step(batch, second)[0].backward()
        optimizer.step()

    episodes = Episodes(drawings, numbers, device)
    rows = episodes.draw(0, 0)
    shapes = maml_shapes(filters, way)
    theta = torch.cat([tensor.detach().flatten() for tensor in to_matrices(maml._meta_parameters).values()])[None]
    rate = torch.tensor([0.4], device=device)

    def fresh():
        start = theta.clone()
        return [start, torch.zeros_like(start), torch.zeros_like(start), torch.zeros(1, device=device)]

    step = maml_step(shapes, way, steps, second, 1e-3)
    compiled = fused_if_possible(step, [*fresh(), episodes.pixels, rows[0][0], rows[1][0], rate], pipe)
    pipe.send(("ready", time.monotonic() - begun))
    pipe.recv()  # the card is ours

    with FlopCounterMode(display=False) as counter, Moved() as moved:
        plain()
    at_once = BatchedMAML(maml)
    at_once._checked = True  # tests/test_batched.py does
    ways = {"plain loop": seconds_of(plain, device)}
    ways["benchmarks.batched"] = seconds_of(
        lambda: plain(lambda tasks, train: at_once.outer_step(tasks, True, second)), device
    )

    exact = {}
    pixels = episodes.pixels.cpu()
    leaf = theta.double().cpu().requires_grad_()
    windows = [first_windows(pixels[part[0].cpu()].double()) for part in rows]
    losses, _ = maml_loss(leaf, shapes, *windows, rate.double().cpu(), way, steps, second)
    (expected,) = torch.autograd.grad(losses.sum(), leaf)
    kinds = {
        "CUDA graph": (step, False),
        "CUDA graph, fused": (compiled, False),
        "CUDA graph, fused, TF32": (compiled, True),
    }
    for words, (function, tf32) in kinds.items():
        torch.backends.cuda.matmul.allow_tf32 = tf32
        state = function(*fresh(), episodes.pixels, rows[0][0], rows[1][0], rate)
        got = state[1].double().cpu() / (1 - BETAS[0])  # Adam's first mean of one gradient
        exact[words] = float((got - expected).norm() / expected.norm())
        blocks = Blocks(function, fresh(), episodes.pixels, rows, rate)
        ways[words] = seconds_of(lambda blocks=blocks: blocks(episodes.draw(0, 1)), device) / BLOCK
        del blocks
    torch.backends.cuda.matmul.allow_tf32 = False
    flops, state = counter.get_total_flops(), fresh()
    with torch.profiler.profile() as profiled:
        compiled(*state, episodes.pixels, rows[0][0], rows[1][0], rate)
        torch.cuda.synchronize() if device == "cuda" else None
    spent = {event.key: getattr(event, "self_device_time_total", 0) for event in profiled.key_averages()}
    products = sum(time for name, time in spent.items() if "gemm" in name or "gemv" in name or "cutlass" in name)
    least = max(flops / limits["product_flops_per_second"], moved.bytes / limits["copied_bytes_per_second"])
    facts = {
        "flops_per_step": flops,
        "bytes_per_step": moved.bytes,
        "least_seconds": least,
        "steps_per_second": {words: 1 / spent for words, spent in ways.items()},
        "gradient_error": exact,
        "products_share_of_kernel_time": products / max(1, sum(spent.values())),
        "kernels": sum(event.count for event in profiled.key_averages() if getattr(event, "self_device_time_total", 0)),
    }
    pipe.send(("speed", {name: facts}))


def write_speed(file, device, limits, settings):
    """The figures, as benchmarks.results renders them."""
    facts = {
        "benchmark": "gpu",
        "command": "python -m benchmarks.gpu train --speed docs/runs/gpu.json",
        "machine": machine(device, 1),
        "limits": limits,
        "settings": settings,
    }
    file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def limits_of(device):
    """What the card can do: products of matrices in TF32, and copies, reading and writing."""
    side, size = (MATRIX, COPIED) if device == "cuda" else (256, 2**20)
    left = torch.randn(side, side, device=device)
    source = torch.empty(size, dtype=torch.uint8, device=device).random_()
    target = torch.empty_like(source)
    rates = {}
    for words, tf32 in (("product_flops_per_second", False), ("product_flops_per_second_in_tf32", True)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        rates[words] = 2 * side**3 / seconds_of(lambda: left @ left, device)
    torch.backends.cuda.matmul.allow_tf32 = False
    return rates | {"copied_bytes_per_second": 2 * size / seconds_of(lambda: target.copy_(source), device)}


if __name__ == "__main__":
    main()
