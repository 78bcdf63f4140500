"""Train and test your prototypical network and your MAML.

\b
    python -m hw2.train protonet --num-way 5 --num-support 5
    python -m hw2.train maml --num-way 5 --num-support 1 --num-inner-steps 1
    python -m hw2.train --recipe course-maml-5w1s

Add --test to test the best checkpoint, --resume to go on after Ctrl-C. After the method, --help lists its
options. A recipe is a method with options; those that follow its name replace its own.
"""

import functools
import itertools
import sys
from pathlib import Path

import click
import torch

if not __package__:  # started by its path: this copy of the course is meant, whichever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data import images, split
from hw2 import maml as maml_module
from hw2.maml import MAML
from hw2.omniglot import Tasks, turned
from hw2.protonet import ProtoNet
from hw2.recipes import RECIPES
from trainer import (
    COUNT,
    TEST_TASKS,
    Learner,
    Run,
    folder,
    option,
    program,
    setting,
    test,
    together,
    train,
    with_recipes,
)

VAL_TASKS = 100
VAL_BATCH = 20  # of them measured at a time
SPLITS = {
    "course": split.split,
    "lake": split.lake,
    "vinyals": split.vinyals,
    "vinyals-trainval": split.vinyals_trainval,
}


class ProtoNetLearner:
    """A prototypical network, as the trainer sees it."""

    def __init__(self, protonet: ProtoNet, num_way: int):
        self.protonet, self.num_way, self.optimizer = protonet, num_way, protonet._optimizer
        self.labels = {"query_accuracy": "query", "support_accuracy": "support"}
        self.step = protonet._step

    def tensors(self):
        """The network's parameters and its running statistics of batch normalisation."""
        return self.protonet._network.state_dict()

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        self.protonet._network.train(train)
        with torch.set_grad_enabled(train):
            loss, accuracy_support, accuracy_query = self.step(batch)
        return loss, {"query_accuracy": accuracy_query, "support_accuracy": accuracy_support}


class MAMLLearner:
    """MAML, as the trainer sees it."""

    def __init__(self, maml: MAML, num_way: int, first_order: bool = False):
        self.maml, self.num_way, self.optimizer = maml, num_way, maml._optimizer
        self.second_order = not first_order
        self.labels = {
            "query_accuracy": "query, after adaptation",
            "support_accuracy": "support, after adaptation",
            "unadapted_support_accuracy": "support, before adaptation",
        }

    def tensors(self):
        """The initialisation and the inner learning rates."""
        theta = {f"theta.{name}": tensor for name, tensor in self.maml._meta_parameters.items()}
        return theta | {f"inner_lr.{name}": tensor for name, tensor in self.maml._inner_lrs.items()}

    def step(self, batch, train):
        """What MAML._outer_step returns. Without second order, no graph is made of the inner gradients."""
        result = self.maml._outer_step(batch, train and self.second_order)
        if train and not result[0].requires_grad:
            raise click.ClickException(
                "The outer loss has no graph, so nothing can be learned. --first-order calls _outer_step with "
                "train=False: there the adapted parameters must stay connected with theta, without detach()."
                if not self.second_order
                else "The outer loss has no graph, so nothing can be learned: is something detached in hw2/maml.py?"
            )
        return result

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        loss, accuracies_support, accuracy_query = self.step(batch, train)
        return loss, {
            "query_accuracy": accuracy_query,
            "support_accuracy": accuracies_support[-1],
            "unadapted_support_accuracy": accuracies_support[0],
        }


def task_settings(num_tasks):
    """Options of tasks and of their batches."""
    return together(
        setting("--num-way", type=click.IntRange(min=2), default=5, help="N, the classes of a task."),
        setting("--num-support", type=COUNT, default=1, help="K, the support drawings of each class."),
        setting("--num-query", type=COUNT, default=15, help="Query drawings of each class."),
        setting("--num-tasks", type=COUNT, default=num_tasks, help="Tasks in a batch."),
        setting("--split", type=click.Choice(list(SPLITS)), default="course", help="Which characters are for what."),
        setting("--rotations", is_flag=True, help="Each character makes four classes, by quarter turns."),
    )


@click.group(cls=with_recipes(click.Group, RECIPES), help=__doc__)
def main():
    """Choose the method."""


@main.command()
@task_settings(num_tasks=4)
@setting("--learning-rate", type=float, default=1e-3, help="Of Adam.")
@setting("--halve-every", type=COUNT, help="Iterations after which the learning rate is halved, again and again.")
@program("protonet", num_iterations=2_000)
def protonet(run: Run):
    """Train a prototypical network."""
    method = ProtoNet(run.settings["learning_rate"], run.folder, run.device)
    go(run, ProtoNetLearner(method, run.settings["num_way"]))


@main.command()
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=click.IntRange(min=0), default=1, help="Steps of the inner loop.")
@setting("--inner-lr", type=float, default=0.4, help="alpha, the learning rate of the inner loop.")
@setting("--learn-inner-lrs", is_flag=True, help="Learn the inner learning rates too.")
@setting("--first-order", is_flag=True, help="Take the gradients of the inner loop for constants.")
@setting("--num-filters", type=COUNT, default=maml_module.NUM_HIDDEN_CHANNELS, help="Of each convolution.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("maml", num_iterations=5_000)
def maml(run: Run):
    """Train MAML."""
    maml_module.NUM_HIDDEN_CHANNELS = run.settings["num_filters"]  # which its constructor reads
    names = ("num_way", "num_inner_steps", "inner_lr", "learn_inner_lrs", "outer_lr")
    method = MAML(*(run.settings[name] for name in names), run.folder, run.device)
    go(run, MAMLLearner(method, run.settings["num_way"], run.settings["first_order"]))


def go(run: Run, learner: Learner):
    """Train or test a learner on the tasks that the run's settings describe."""
    settings = run.settings
    data = folder(settings["data"])
    names = images.load_packed(data)  # where one is broken, it is better to hear of it before the training
    try:
        characters = SPLITS[settings["split"]](names)
    except ValueError as error:
        raise click.ClickException(f"{data} has no split {settings['split']}: {error}.") from None

    @functools.cache
    def tasks(part):
        drawings = images.load(data, characters[part])
        if settings["rotations"]:
            drawings = turned(drawings)
        try:
            return Tasks(drawings, settings["num_way"], settings["num_support"], settings["num_query"])
        except images.DrawingError as error:
            raise click.ClickException(f"In the {part} split of {data}, {error}.") from None

    # Validation and test have the same tasks in every run, drawn one by one.
    def validation():
        drawn = list(itertools.islice(tasks("val").batches(1, seed=0), VAL_TASKS))
        return [[task for (task,) in drawn[i : i + VAL_BATCH]] for i in range(0, VAL_TASKS, VAL_BATCH)]

    if run.testing:
        test_tasks = itertools.islice(tasks("test").batches(1, seed=0), TEST_TASKS)
        test(run, learner, test_tasks, f"{settings['num_way']}-way {settings['num_support']}-shot")
    else:
        train(
            run,
            learner,
            lambda done: tasks("train").batches(settings["num_tasks"], settings["seed"], start=done),
            validation,
            halve_every=settings.get("halve_every"),
        )


if __name__ == "__main__":
    main()
