"""Train and test what learns from few-shot tasks of Omniglot: options of tasks, and what is drawn for which part."""

import functools
import itertools

import click
import torch

from data import images, split
from hw2.omniglot import Tasks, turned
from trainer import COUNT, TEST_TASKS, Learner, Run, accuracy, folder, setting, test, together, train

VAL_TASKS = 100
VAL_BATCH = 20  # of them measured at a time
SPLITS = {
    "course": split.split,
    "lake": split.lake,
    "vinyals": split.vinyals,
    "vinyals-trainval": split.vinyals_trainval,
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


def train_on_tasks(run: Run, learner: Learner):
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


class OuterLossLearner:
    """A method with an outer loss to differentiate, as the trainer sees it.

    Args:
        method: its _outer_step(batch, train) returns the outer loss, the support accuracies by step, the query's.
        num_way: N.
        parts: what it learns: names for checkpoints -> the method's attributes, dicts of tensors.
    """

    def __init__(self, method, num_way, parts):
        self.method, self.score, self.optimizer, self.parts = method, accuracy(num_way), method._optimizer, parts
        self.labels = {
            "query_accuracy": "query, after adaptation",
            "support_accuracy": "support, after adaptation",
            "unadapted_support_accuracy": "support, before adaptation",
        }

    def tensors(self):
        """Name all that is learned, as "theta.w4"."""
        parts = ((part, getattr(self.method, attribute)) for part, attribute in self.parts.items())
        return {f"{part}.{name}": tensor for part, tensors in parts for name, tensor in tensors.items()}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        loss, accuracies, query = self.method._outer_step(batch, train)
        if train and not loss.requires_grad:
            file = type(self.method).__module__.replace(".", "/")
            raise click.ClickException(
                f"The outer loss has no graph, so nothing can be learned: is something detached in {file}.py?"
            )
        first, last = accuracies[0], accuracies[-1]
        return loss, {"query_accuracy": query, "support_accuracy": last, "unadapted_support_accuracy": first}


class OuterGradientLearner:
    """A method that computes the gradient of its initialisation by itself, as the trainer sees it.

    Args:
        method: its _outer_gradient(batch) returns the gradient by name, the outer loss and the query accuracy.
        num_way: N.
    """

    def __init__(self, method, num_way):
        self.method, self.score, self.optimizer = method, accuracy(num_way), method._optimizer
        self.labels = {"query_accuracy": "query, after adaptation"}

    def tensors(self):
        """Name the numbers of the initialisation, as "theta.w4"."""
        return {f"theta.{name}": tensor for name, tensor in self.method._meta_parameters.items()}

    def measure(self, batch, train):
        """Loss and accuracy of a batch of tasks; the loss carries the outer gradient, as the trainer wants it."""
        gradient, value, query = self.method._outer_gradient(batch)
        loss = torch.as_tensor(value)
        if train:  # its value is the loss, its gradient with respect to theta the one that was computed
            theta = self.method._meta_parameters
            loss = loss + sum(((theta[name] - theta[name].detach()) * gradient[name]).sum() for name in theta)
        return loss, {"query_accuracy": query}
