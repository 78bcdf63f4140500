"""Runs for benchmarks/gpu.py: recipes with seeds, trained as jobs, that leave what hw2.train leaves."""

import dataclasses
import json
import math
import shlex
import shutil
import tarfile
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import torch

from autograder.exercises.maml import solution as maml_solution
from autograder.exercises.protonet import solution as protonet_solution
from benchmarks.gpu_steps import (
    BLOCK,
    PROTONET,
    Blocks,
    Episodes,
    adapted,
    cut,
    distances,
    embed_in_test,
    first_windows,
    from_matrices,
    fused_if_possible,
    log_likelihood,
    logits_of,
    maml_shapes,
    maml_step,
    protonet_step,
    to_matrices,
)
from benchmarks.recipes import RECIPES
from data import images
from hw2 import training
from hw2.omniglot import Tasks, turned
from hw2.train import main as program
from trainer import TEST_TASKS, checkpoint, reseed
from trainer.commandline import Setting
from trainer.machine import machine

VAL_TASKS = 100  # as in hw2.train
ARCHIVE_BYTES = 15 * 2**20  # of a file that travels


def characters(file):
    """Name -> uint8 array (20, 28, 28), from the file that `pack` wrote."""
    with np.load(file) as packed:
        return dict(zip(packed["names"].tolist(), images.unpack(packed["bits"]), strict=True))


def parts(drawings, settings):
    """Part -> name -> drawings, as hw2.train takes them."""
    which = training.SPLITS[settings["split"]]
    chosen = {part: {name: drawings[name] for name in names} for part, names in which(drawings).items()}
    return {part: turned(of_part) if settings["rotations"] else of_part for part, of_part in chosen.items()}


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
    words = shlex.split(f"{RECIPES[recipe].words} {RECIPES[recipe].test if test else ''} --seed {seed}")
    command = program.get_command(None, words[0])
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
            found = next(
                (key for key, value in self.named({n: n for n in network.state_dict()}).items() if value == name), None
            )
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


@dataclasses.dataclass(frozen=True)
class Options:
    """What holds for all jobs.

    Attributes:
        packed: all drawings, as `pack` writes them.
        logs: where runs lie.
        deadline: when training ends, by time.time().
        device: "cuda", or "cpu" for a test.
        fuse: whether steps are compiled.
        test: whether runs are tested when they end.
        replaced: num_iterations and val_interval in the place of the recipes' own.
    """

    packed: Path
    logs: Path
    deadline: float
    device: str
    fuse: bool
    test: bool
    replaced: dict[str, int]


def work(pipe, words, options):
    """One job, in a process of its own: prepare, wait for the card, train, test.

    Args:
        pipe: to by_turns() of benchmarks/gpu.py.
        words: of the job, "paper-maml-5w1s:0,1+code-maml-5w1s:0@80".
        options: what holds for all jobs.
    """
    prepare()
    begun = time.monotonic()
    runs, _, limit = words.partition("@")
    training = Training(runs, options, pipe)
    pipe.send(("ready", time.monotonic() - begun))
    pipe.recv()  # the card is ours
    pipe.send(("done", {"job": runs, **training.go(float(limit or math.inf))}))


class Training:
    """A job that is ready to begin."""

    def __init__(self, words, options, pipe):
        self.words, self.options, self.pipe = words, options, pipe
        self.slots = [
            Slot(recipe, int(seed), options.logs)
            for recipe, seeds in (part.split(":") for part in words.split("+"))
            for seed in seeds.split(",")
        ]
        first, device = self.slots[0], options.device
        self.settings, self.device = first.settings, device
        self.length = first.options | options.replaced
        of_part = parts(characters(options.packed), self.settings)
        self.episodes = Episodes(of_part["train"], self.settings, device)
        self.job = JOBS[first.method](self.slots, device)
        self.done = restored(self.job, self.slots)
        example = [*self.job.state, self.episodes.pixels, *(part[0] for part in self.rows(0)), self.job.rate]
        self.step = fused_if_possible(self.job.step, example, pipe) if options.fuse else self.job.step
        self.validation = stacked(tasks_of(of_part["val"], self.settings), VAL_TASKS, self.job.at_once, device)
        self.test_drawings = of_part["test"]

    def rows(self, block):
        """The drawings of a block of steps, of all runs."""
        drawn = [self.episodes.draw(slot.seed, block) for slot in self.slots]
        return [torch.cat(column, dim=1) for column in zip(*drawn, strict=True)]

    def go(self, limit):
        """Train for so many seconds at most, and test; what became of it."""
        job, first, interval = self.job, self.done, self.length["val_interval"]
        total = self.length["num_iterations"] // BLOCK * BLOCK
        blocks = Blocks(self.step, job.state, self.episodes.pixels, self.rows(0), job.rate)
        begun, before = time.monotonic(), [slot.seconds for slot in self.slots]
        stop, told, metrics = min(self.options.deadline, time.time() + limit), begun, []
        if not self.done:
            for slot in self.slots:
                begin_log(slot)
            self.write([], whole=True)
        while self.done < total:
            job.set_rate(self.done)
            metrics.append(blocks(self.rows(self.done // BLOCK)).mean(0))
            self.done += BLOCK
            if self.done % interval and self.done < total:
                continue
            ended = self.done == total or time.time() > stop
            for slot, seconds in zip(self.slots, before, strict=True):
                slot.seconds = seconds + time.monotonic() - begun
            self.write(metrics, whole=self.done < total, last=ended or self.done % (20 * interval) == 0)
            metrics = []
            if ended:
                break
            if time.monotonic() > told + 10:
                told = time.monotonic()
                best = ", ".join(f"{slot.best['query_accuracy']:.4f}" for slot in self.slots)
                speed = (self.done - first) / (told - begun)
                self.pipe.send(("said", f"{self.words}: {self.done}, {speed:.0f} a second, best {best}"))
        seconds = time.monotonic() - begun
        for i, slot in enumerate(self.slots if self.options.test else []):
            self.pipe.send(("said", "\n".join(tested(job, i, slot, self.test_drawings, self.options))))
        speed = (self.done - first) / seconds
        return {"iterations": self.done, "of": total, "seconds": seconds, "steps_per_second": speed}

    def write(self, metrics, whole, last=True):
        """Validate each run, and write its log and its checkpoints."""
        values = torch.stack(metrics).cpu() if metrics else torch.zeros(0, 2, len(self.slots))
        for i, slot in enumerate(self.slots):
            loss, accuracy = self.job.evaluate(i, self.validation, self.settings).mean(1).tolist()
            if not values[:, 0, i].isfinite().all():
                raise click.ClickException(f"{slot.recipe}, seed {slot.seed}: no finite loss before {self.done}.")
            log(slot, self.done, values[:, :, i].tolist(), loss, accuracy)
            if accuracy > slot.best["query_accuracy"]:
                slot.best = {"iteration": self.done, "query_accuracy": accuracy}
                save(self.job, i, slot, "best", self.done, self.device, whole=False)
            if last:
                save(self.job, i, slot, "last", self.done, self.device, whole)


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


def begin_log(slot):
    """An empty log.csv in the run's folder."""
    slot.folder.mkdir(parents=True, exist_ok=True)
    (slot.folder / "log.csv").write_text(",".join(columns_of(slot.method)) + "\n", encoding="utf-8")


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


def tested(job, i, slot, drawings, options):
    """Test the best checkpoint of run i, and of the recipes that are trained alike; their results in words."""
    tensors, facts = checkpoint._read(slot.folder / "best.safetensors")
    now = [tensor.clone() for tensor in job.state]
    job.restore(i, tensors)
    words = []
    for name in (name for name in RECIPES if RECIPES[name].words == RECIPES[slot.recipe].words):
        method, settings, _ = settings_of(name, slot.seed, test=True)
        folder = options.logs / f"{name}.seed_{slot.seed}"
        if name != slot.recipe:
            folder.mkdir(exist_ok=True)
            for path in (*slot.folder.glob("*.safetensors"), slot.folder / "log.csv"):
                shutil.copy(path, folder / path.name)
        tasks = stacked(tasks_of(drawings, settings), TEST_TASKS, job.at_once, options.device)
        accuracies = job.evaluate(i, tasks, settings)[1].cpu().numpy()
        mean, half_width = float(accuracies.mean()), 1.96 * float(accuracies.std(ddof=1)) / math.sqrt(len(accuracies))
        result = {
            "accuracy": mean,
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
        words.append(f"{name}, seed {slot.seed}: {mean:.4f} ± {half_width:.4f}, iteration {facts['iteration']}")
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
