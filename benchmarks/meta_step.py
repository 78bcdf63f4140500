"""How fast MAML's outer step is: python -m benchmarks.meta_step [--threads 2] [--json docs/runs/meta_step.json]

One update of the outer loop (loss, meta-gradient, Adam) on the same network, batch and drawings, by turns, each in a
process of its own on as many threads:

- the reference solution's own loop over tasks, and benchmarks/batched.py;
- `higher` and `learn2learn` as their documentation uses them, where they can be imported. Neither is a dependency:
  install them, without their pins, into an environment of their own. What cannot be imported is said.

All are compared with the reference first: the same loss and meta-gradient, in double precision. Figures are medians
over the turns. Floating point operations are those of the products, convolutions and matrix products of the plain loop;
the rate of matrix products is measured on the same threads, by turns with the rest.
"""

import json
import multiprocessing
import statistics
import time
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from autograder.exercises.maml.solution import MAML, NUM_CONV_LAYERS
from benchmarks.batched import BatchedMAML
from data import glyphs
from hw2.omniglot import Tasks
from trainer.machine import machine

ALPHA = 0.4
PRODUCT, MATRIX = "product", 1024  # a matrix product for comparison, its rows and columns
UPDATES = 3  # of a turn
TARGETS = {"cpu": 2.0, "cuda": 10.0}  # times the plain loop, and on a CPU every library


class Network(nn.Module):
    """The reference's network as a module, which the libraries want."""

    def __init__(self, parameters):
        super().__init__()
        self.names = list(parameters)
        for name, tensor in parameters.items():
            self.register_parameter(name, nn.Parameter(tensor.detach().clone()))

    def forward(self, images):
        """MAML._forward."""
        x = images
        for i in range(NUM_CONV_LAYERS):
            x = F.conv2d(x, getattr(self, f"conv{i}"), getattr(self, f"b{i}"), stride=2, padding=1)
            x = F.relu(F.batch_norm(x, None, None, training=True))
        x = x.mean(dim=(2, 3))
        return F.linear(x, getattr(self, f"w{NUM_CONV_LAYERS}"), getattr(self, f"b{NUM_CONV_LAYERS}"))


class Plain:
    """The reference's loop over tasks."""

    def __init__(self, maml):
        self.maml, self.parameters = maml, list(maml._meta_parameters.values())

    def loss(self, batch):
        """Outer loss, with its graph."""
        return self.maml._outer_step(batch, True)[0]


class Batched(Plain):
    """benchmarks/batched.py. It takes PyTorch's threads for its own."""

    def __init__(self, maml):
        super().__init__(maml)
        self.at_once = BatchedMAML(maml)

    def loss(self, batch):
        """Outer loss; its gradients are computed with it."""
        return self.at_once.outer_step(batch, True)[0]


class Higher:
    """`higher`, as in its examples/maml-omniglot.py."""

    def __init__(self, maml):
        import higher

        self.higher, self.steps, self.device = higher, maml._num_inner_steps, maml.device
        self.network = Network(maml._meta_parameters)
        self.parameters = list(self.network.parameters())
        self.inner = torch.optim.SGD(self.parameters, lr=ALPHA)

    def loss(self, batch):
        """Outer loss, with its graph."""
        losses = []
        for task in batch:
            images_support, labels_support, images_query, labels_query = (part.to(self.device) for part in task)
            with self.higher.innerloop_ctx(self.network, self.inner, copy_initial_weights=False) as (
                adapted,
                optimizer,
            ):
                for _ in range(self.steps):
                    optimizer.step(F.cross_entropy(adapted(images_support), labels_support))
                losses.append(F.cross_entropy(adapted(images_query), labels_query))
        return torch.stack(losses).mean()


class Learn2Learn:
    """learn2learn, as in its examples/vision/maml_omniglot.py."""

    def __init__(self, maml):
        import learn2learn

        self.steps, self.device = maml._num_inner_steps, maml.device
        self.network = learn2learn.algorithms.MAML(Network(maml._meta_parameters), lr=ALPHA, first_order=False)
        self.parameters = list(self.network.parameters())

    def loss(self, batch):
        """Outer loss, with its graph."""
        losses = []
        for task in batch:
            images_support, labels_support, images_query, labels_query = (part.to(self.device) for part in task)
            learner = self.network.clone()
            for _ in range(self.steps):
                learner.adapt(F.cross_entropy(learner(images_support), labels_support))
            losses.append(F.cross_entropy(learner(images_query), labels_query))
        return torch.stack(losses).mean()


KINDS = {"plain loop": Plain, "batched": Batched, "higher": Higher, "learn2learn": Learn2Learn}


def found(maml):
    """Name -> contestant, and name -> why it cannot be imported."""
    result, missing = {}, {}
    for name, kind in KINDS.items():
        try:
            result[name] = kind(maml)
        except (ImportError, RuntimeError, AttributeError) as error:
            missing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return result, missing


def a_maml(steps, filters, device, number_type=torch.float32):
    """A reference MAML from the same random numbers each time."""
    torch.manual_seed(0)
    MAML.__init__.__globals__["NUM_HIDDEN_CHANNELS"] = filters
    maml = MAML(5, steps, ALPHA, False, 1e-3, None, device)
    maml._meta_parameters = {
        name: tensor.detach().to(number_type).requires_grad_() for name, tensor in maml._meta_parameters.items()
    }
    maml._inner_lrs = {name: torch.tensor(ALPHA, dtype=number_type, device=device) for name in maml._inner_lrs}
    return maml


def a_batch(tasks, shots, queries):
    """The same batch of 5-way tasks each time."""
    drawings = {f"{i:03}": character for i, character in enumerate(glyphs.draw(200, seed=0))}
    return Tasks(drawings, 5, shots, queries).sample(np.random.default_rng(0), tasks)


def check(steps, filters, batch):
    """By how much losses and meta-gradients differ from the reference's, in double precision on the CPU.

    Returns:
        (differences by name, and by name why a library cannot be imported).
    """
    batch = [tuple(part.double() if part.is_floating_point() else part for part in task) for task in batch]
    contest, missing = found(a_maml(steps, filters, "cpu", torch.float64))
    results = {}
    for name, contestant in contest.items():
        loss = contestant.loss(batch)
        results[name] = torch.cat(
            [loss.detach().reshape(1), *(g.flatten() for g in torch.autograd.grad(loss, contestant.parameters))]
        )
    return {name: float((result - results["plain loop"]).abs().max()) for name, result in results.items()}, missing


def updates(name, maml, batch):
    """What a contestant does when it is its turn."""
    if name == PRODUCT:
        left = torch.randn(MATRIX, MATRIX, device=maml.device)
        return lambda: left @ left
    contestant = KINDS[name](maml)
    optimizer = torch.optim.Adam(contestant.parameters, 1e-3)

    def update():
        optimizer.zero_grad()
        contestant.loss(batch).backward()
        optimizer.step()

    return update


def take_turns(pipe, name, threads, network, tasks):
    """In a process of its own: updates whenever a message comes, answered by the seconds of each, until it is None."""
    torch.set_num_threads(threads)
    maml, batch = a_maml(*network), a_batch(*tasks)
    update = updates(name, maml, batch)
    while count := pipe.recv():
        times = []
        for _ in range(count):
            begun = time.perf_counter()
            update()
            if maml.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
        pipe.send(times)


def contest(names, limit, *setting):
    """Name -> seconds of its updates, taken by turns: what else the machine does falls on all of them.

    Args:
        names: who takes part.
        limit: seconds after which no new round begins.
        setting: what take_turns needs besides.
    """
    context, pipes = multiprocessing.get_context("spawn"), {}
    for name in names:
        pipes[name], other = context.Pipe()
        context.Process(target=take_turns, args=(other, name, *setting), daemon=True).start()

    def play():
        taken = {}
        for name, pipe in pipes.items():
            pipe.send(1 + UPDATES)
            taken[name] = pipe.recv()[1:]  # in the first, memory is still full of what the others did
        return taken

    play()  # the first time takes longer
    rounds, begun = [], time.perf_counter()
    while not rounds or time.perf_counter() - begun < limit:
        rounds.append(play())
    for pipe in pipes.values():
        pipe.send(None)
    return {name: [spent for taken in rounds for spent in taken[name]] for name in names}


@click.command(help=__doc__)
@click.option("--threads", type=click.IntRange(min=1), default=torch.get_num_threads(), show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--seconds", "limit", type=float, default=60, show_default=True, help="No new round begins after them.")
@click.option("--tasks", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--shots", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--queries", type=click.IntRange(min=1), default=15, show_default=True)
@click.option("--filters", type=click.IntRange(min=1), default=32, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=1, show_default=True, help="Of the inner loop.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures too.")
def main(threads, device, limit, tasks, shots, queries, filters, steps, file):
    differences, missing = check(steps, filters, a_batch(3, shots, queries))
    assert max(differences.values()) < 1e-9, differences

    network, batch = (steps, filters, device), (tasks, shots, queries)
    with FlopCounterMode(display=False) as counter:
        Plain(a_maml(*network)).loss(a_batch(*batch)).backward()
    flops = counter.get_total_flops()
    times = contest([*differences, PRODUCT], limit, threads, network, batch)

    typical = {name: statistics.median(column) for name, column in times.items()}
    rate = 2 * MATRIX**3 / typical[PRODUCT]
    rows = {
        name: {
            "steps_per_second": 1 / typical[name],
            "best_seconds": min(times[name]),
            "batched_is_times_faster": typical[name] / typical["batched"],
            "share_of_matrix_product_rate": flops / typical[name] / rate,
        }
        for name in differences
    }
    show(rows, missing, flops, rate, TARGETS[device], f"{machine(device, threads)}")
    if file:
        words = f"--threads {threads} --tasks {tasks} --shots {shots} --queries {queries} --filters {filters}"
        facts = {
            "benchmark": "meta_step",
            "command": f"python -m benchmarks.meta_step {words} --steps {steps} --device {device}",
            "machine": machine(device, threads),
            "updates": len(times[PRODUCT]),
            "flops_per_step": flops,
            "matrix_product_flops_per_second": rate,
            "target": TARGETS[device],
            "ways": rows,
            "not_importable": missing,
            "largest_difference_in_double_precision": differences,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def show(rows, missing, flops, rate, target, words):
    table = Table("", "steps a second", "best, ms", "batched is", "share of matrix products", title=words)
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row['steps_per_second']:.2f}",
            f"{1e3 * row['best_seconds']:.0f}",
            f"{row['batched_is_times_faster']:.2f} x",
            f"{row['share_of_matrix_product_rate']:.0%}",
        )
    console = Console(width=100)
    console.print(table)
    for name, why in missing.items():
        console.print(f"{name} cannot be imported: {why}", highlight=False)
    speed = f"{flops / 1e9:.2f} GFLOP a step; matrix products at {rate / 1e9:.0f} GFLOP/s; target {target:g} x"
    console.print(speed, highlight=False)


if __name__ == "__main__":
    main()
