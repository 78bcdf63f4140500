"""MAML and prototypical networks trained on a GPU: python -m benchmarks.gpu --help

    python -m benchmarks.gpu pack                            all drawings into one file
    python -m benchmarks.gpu train paper-maml-5w1s:0,1,2@120 paper-protonet-5w5s:0
    python -m benchmarks.gpu train speed-course speed-maml-5w1s speed-maml-20w1s --speed docs/runs/gpu.json

A job is recipes with seeds that are trained together, if they differ in seed or inner learning rate alone, and how many
seconds it may have: `paper-maml-5w1s:0,1+code-maml-5w1s:0@80`. Jobs are processes: one has the card while the next are
compiled. A job that is cut short, by its seconds or by `--seconds`, is saved and tested, and goes on where it was
stopped: `--resume` takes the archives that `--out` made.

A run leaves what hw2.train would leave: logs/<recipe>.seed_<seed> with log.csv, checkpoints and the result of the test,
which hw2.train --test and benchmarks.results --collect take over. Formulas, first parameters, validation and test tasks
are the same as there (tests/test_gpu.py). What is different:

- All drawings lie on the card, and training episodes are drawn there, from other random numbers. Support and query come
  class by class: their order changes nothing, since each is one batch.
- Biases of convolutions stay at zero, since batch normalisation takes away what they add.
- log.csv has the mean of each 25 iterations, and of the accuracies only the query's.

Numbers are in float32, but for convolutions of the prototypical network, where PyTorch's default is TF32. Rounding
flips signs of what ReLU is given, and what a flip changes is not small: a gradient is wrong by about the square root of
the rounding. In float32 a meta-gradient is 1e-3 from the one in doubles, and in TF32 up to 0.7 (docs/results.md).

The parts: gpu_steps.py is the mathematics, gpu_runs.py trains and tests, gpu_speed.py measures.
"""

import json
import math
import multiprocessing
import multiprocessing.connection
import tarfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.gpu_runs import Options, archive, prepare, work
from benchmarks.gpu_speed import SPEED, limits_of, measure_speed, write_speed
from data import images

PACKED = Path(".gpu/omniglot.npz")
LOGS = Path("logs")


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
    options = Options(packed, logs, deadline, device, fuse, test, replaced)
    processes = {}
    for words in jobs:
        if words in SPEED:
            processes[words] = (measure_speed, words, packed, device, limits)
        else:
            processes[words] = (work, words, options)
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


if __name__ == "__main__":
    main()
