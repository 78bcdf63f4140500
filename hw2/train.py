"""Train and test your prototypical network and your MAML.

\b
    python -m hw2.train protonet --num-way 5 --num-support 5
    python -m hw2.train maml --num-way 5 --num-support 1 --num-inner-steps 1

Add --test to test the best checkpoint, --resume to go on after Ctrl-C. After the method, --help lists its
options.
"""

import functools
import itertools

import click
import torch

from data import images, split
from hw2.maml import MAML
from hw2.omniglot import Tasks
from hw2.protonet import ProtoNet
from trainer import COUNT, TEST_TASKS, Learner, Run, folder, program, setting, test, together, train

VAL_TASKS = 100


class ProtoNetLearner:
    """A prototypical network, as the trainer sees it."""

    def __init__(self, protonet: ProtoNet, num_way: int):
        self.protonet, self.num_way, self.optimizer = protonet, num_way, protonet._optimizer
        self.labels = {"query_accuracy": "query", "support_accuracy": "support"}

    def tensors(self):
        """The network's parameters and its running statistics of batch normalisation."""
        return self.protonet._network.state_dict()

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        self.protonet._network.train(train)
        with torch.set_grad_enabled(train):
            loss, accuracy_support, accuracy_query = self.protonet._step(batch)
        return loss, {"query_accuracy": accuracy_query, "support_accuracy": accuracy_support}


class MAMLLearner:
    """MAML, as the trainer sees it."""

    def __init__(self, maml: MAML, num_way: int):
        self.maml, self.num_way, self.optimizer = maml, num_way, maml._optimizer
        self.labels = {
            "query_accuracy": "query, after adaptation",
            "support_accuracy": "support, after adaptation",
            "unadapted_support_accuracy": "support, before adaptation",
        }

    def tensors(self):
        """The initialisation and the inner learning rates."""
        theta = {f"theta.{name}": tensor for name, tensor in self.maml._meta_parameters.items()}
        return theta | {f"inner_lr.{name}": tensor for name, tensor in self.maml._inner_lrs.items()}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        loss, accuracies_support, accuracy_query = self.maml._outer_step(batch, train)
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
    )


@click.group(help=__doc__)
def main():
    """Choose the method."""


@main.command()
@task_settings(num_tasks=4)
@setting("--learning-rate", type=float, default=1e-3, help="Of Adam.")
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
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("maml", num_iterations=5_000)
def maml(run: Run):
    """Train MAML."""
    names = ("num_way", "num_inner_steps", "inner_lr", "learn_inner_lrs", "outer_lr")
    method = MAML(*(run.settings[name] for name in names), run.folder, run.device)
    go(run, MAMLLearner(method, run.settings["num_way"]))


def go(run: Run, learner: Learner):
    """Train or test a learner on the tasks that the run's settings describe."""
    settings = run.settings
    data = folder(settings["data"])
    characters = split.split(split.characters(data))

    @functools.cache
    def tasks(part):
        drawings = images.load(data, characters[part])
        try:
            return Tasks(drawings, settings["num_way"], settings["num_support"], settings["num_query"])
        except ValueError as error:
            raise click.ClickException(f"In the {part} split of {data}, {error}.") from None

    # Validation and test have the same tasks in every run, one in a batch.
    if run.testing:
        test_tasks = itertools.islice(tasks("test").batches(1, seed=0), TEST_TASKS)
        test(run, learner, test_tasks, f"{settings['num_way']}-way {settings['num_support']}-shot")
    else:
        train(
            run,
            learner,
            lambda done: tasks("train").batches(settings["num_tasks"], settings["seed"], start=done),
            lambda: itertools.islice(tasks("val").batches(1, seed=0), VAL_TASKS),
        )


if __name__ == "__main__":
    main()
