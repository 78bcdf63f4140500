"""How fast MAML's steps are on a GPU, for benchmarks/gpu.py."""

import json
import statistics
import time

import numpy as np
import torch
from torch.autograd import DeviceType
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from autograder.exercises.maml import solution as maml_solution
from benchmarks.batched import BatchedMAML
from benchmarks.gpu_runs import characters, prepare
from benchmarks.gpu_steps import (
    BETAS,
    BLOCK,
    Blocks,
    Episodes,
    first_windows,
    fused_if_possible,
    maml_loss,
    maml_shapes,
    maml_step,
    to_matrices,
)
from hw2.omniglot import Tasks, turned
from trainer import reseed
from trainer.machine import machine

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
    prepare()
    begun, drawings = time.monotonic(), turned(characters(packed))
    way, shots, queries, tasks, steps, filters, second = SPEED[name]
    numbers = {"num_way": way, "num_support": shots, "num_query": queries, "num_tasks": tasks}
    maml_solution.NUM_HIDDEN_CHANNELS = filters
    reseed(0, 0)
    maml = maml_solution.MAML(way, steps, 0.4, False, 1e-3, None, device)
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
    # Each kernel is there twice: by itself, and as the operation on the processor that started it.
    kernels = [event for event in profiled.key_averages() if event.device_type == DeviceType.CUDA]
    products = sum(event.self_device_time_total for event in kernels if "gemm" in event.key or "gemv" in event.key)
    least = max(flops / limits["product_flops_per_second"], moved.bytes / limits["copied_bytes_per_second"])
    facts = {
        "flops_per_step": flops,
        "bytes_per_step": moved.bytes,
        "least_seconds": least,
        "steps_per_second": {words: 1 / spent for words, spent in ways.items()},
        "gradient_error": exact,
        "products_share_of_kernel_time": products / max(1, sum(event.self_device_time_total for event in kernels)),
        "kernels": sum(event.count for event in kernels),
    }
    pipe.send(("speed", {name: facts}))


def write_speed(file, device, limits, settings):
    """The figures, as benchmarks.results renders them."""
    facts = {
        "benchmark": "gpu",
        "command": f"python -m benchmarks.gpu train {' '.join(settings)} --speed docs/runs/gpu.json",
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
