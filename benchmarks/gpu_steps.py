"""Training steps for benchmarks/gpu.py: episodes on the card, MAML in groups, prototypical networks, CUDA graphs.

MAML
====

All tasks of a batch, of all runs that are trained together, are G groups with parameters of their own. A convolution of
stride 2 is a product of matrices: windows of 3 x 3 pixels beside each other, times the kernel. As batched matrix
products, G of them take one kernel each way, and so do their gradients and the gradients of these.

Whole steps
===========

A step (drawings, inner loop, gradient through it, Adam) is a function of tensors only. make_fx traces it with all its
gradients as one graph, TorchInductor fuses what lies between the products, and BLOCK steps are captured as one CUDA
graph: the processor starts a graph, not ten thousand kernels.
"""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.fx.experimental.proxy_tensor import make_fx

BLOCK = 25  # steps of a CUDA graph; it divides the intervals of validation and of halving
SIDE, EPSILON, MOMENTUM = 28, 1e-5, 0.1
BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8


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
    """The whole step of the outer loop: (state, pixels, rows, alphas) to (state, losses, accuracies), all tensors."""

    def step(theta, mean, square, count, pixels, support, query, alphas):
        leaf = theta.detach().requires_grad_()
        windows = [first_windows(pixels[rows].to(theta.dtype)) for rows in (support, query)]
        losses, accuracies = maml_loss(leaf, shapes, *windows, alphas, way, steps, second_order)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return *adam(theta, gradient, mean, square, count, outer_rate), losses.detach(), accuracies.mean(1)

    return step


# ---- prototypical networks

PROTONET = {
    f"{name}{i}": shape
    for i in range(4)
    for name, shape in (("conv", (64, 64 if i else 1, 3, 3)), ("gamma", (64,)), ("beta", (64,)))
}


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
    """The whole step: (state, pixels, rows, rate) to (state, loss, accuracy), all tensors."""

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
    import torch._inductor  # takes seconds

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
