"""How the training program pre-trains, fine-tunes and tests a classifier, and the run that the course reports.

Training is on batches of single drawings of all training characters; validation and test are on tasks, and each task
is fine-tuned to.
"""

import functools
import itertools

import click
import numpy as np
import torch

from data import images
from hw2.fine_tuning import FineTuning
from hw2.omniglot import Tasks, turned
from hw2.training import SPLITS, VAL_BATCH, VAL_TASKS, task_settings
from trainer import COUNT, TEST_TASKS, Recipe, Run, accuracy, folder, program, setting, test, train


class FineTuningLearner:
    """A fine-tuned classifier, as the trainer sees it.

    Args:
        method: the classifier.
        num_way: N.
    """

    def __init__(self, method: FineTuning, num_way: int):
        self.method, self.score, self.optimizer = method, accuracy(num_way), method._optimizer
        self.labels = {
            "query_accuracy": "lines: batches of pre-training; dots: query, after fine-tuning",
            "support_accuracy": "support, after fine-tuning",
        }

    def tensors(self):
        """Body and classifier, with the body's running statistics; of tasks nothing is kept."""
        parts = {"body": self.method._body, "classifier": self.method._classifier}
        return {f"{part}.{name}": tensor for part in parts for name, tensor in parts[part].state_dict().items()}

    def measure(self, batch, train):
        """Loss and accuracy of a batch of pre-training, or of the queries of a batch of tasks."""
        if not train:
            loss, accuracy_support, accuracy_query = self.method._evaluate(batch)
            return loss, {"query_accuracy": accuracy_query, "support_accuracy": accuracy_support}
        loss, right = self.method._pretraining_loss(*(part.to(self.method.device) for part in batch))
        if not loss.requires_grad:
            raise click.ClickException(
                "The loss of pre-training has no graph, so nothing can be learned: is something detached in "
                "hw2/fine_tuning.py?"
            )
        return loss, {"query_accuracy": right}


class Characters:
    """Single drawings of characters: what a classifier of all of them is trained on.

    Args:
        drawings: character -> uint8 array (drawings, 28, 28), as data.images.load returns them.
    """

    def __init__(self, drawings):
        self._images = np.concatenate(list(drawings.values()))
        self._labels = np.repeat(np.arange(len(drawings)), [len(array) for array in drawings.values()])

    def batches(self, size: int, seed: int, start: int = 0):
        """Draw batches without end: images (size, 1, 28, 28) and which character each is, (size,).

        Args:
            size: drawings in a batch.
            seed: decides all of them.
            start: how many batches to skip. A batch is the same wherever the iterator began.
        """
        for step in itertools.count(start):
            chosen = np.random.default_rng([seed, step]).integers(len(self._labels), size=size)
            yield torch.from_numpy(self._images[chosen]).float()[:, None], torch.from_numpy(self._labels[chosen])


@click.command()
@task_settings(num_tasks=4)
@setting("--batch-size", type=COUNT, default=64, help="Drawings in a batch of pre-training.")
@setting("--learning-rate", type=float, default=3e-3, help="Of Adam, in pre-training.")
@setting("--num-head-steps", type=click.IntRange(min=0), default=50, help="Steps of the head alone.")
@setting("--num-joint-steps", type=click.IntRange(min=0), default=10, help="Steps of head and body that follow.")
@setting("--head-lr", type=float, default=0.1, help="The learning rate of the head.")
@setting("--body-lr", type=float, default=0.005, help="The learning rate of the body.")
@setting("--halve-every", type=COUNT, help="Iterations after which its rate is halved, again and again.")
@program("fine_tuning", num_iterations=2_000)
def command(run: Run):
    """Pre-train a classifier of all training characters, and fine-tune it to tasks; --num-tasks plays no part."""
    settings = run.settings
    data = folder(settings["data"])
    names = images.load_packed(data)  # where one is broken, it is better to hear of it before the training
    try:
        characters = SPLITS[settings["split"]](names)
    except ValueError as error:
        raise click.ClickException(f"{data} has no split {settings['split']}: {error}.") from None

    @functools.cache
    def drawings(part):
        found = images.load(data, characters[part])
        return turned(found) if settings["rotations"] else found

    def tasks(part):
        try:
            drawn = Tasks(drawings(part), settings["num_way"], settings["num_support"], settings["num_query"])
        except images.DrawingError as error:
            raise click.ClickException(f"In the {part} split of {data}, {error}.") from None
        return drawn.batches(1, seed=0)

    @functools.cache
    def validation():
        drawn = [task for (task,) in itertools.islice(tasks("val"), VAL_TASKS)]
        return [drawn[i : i + VAL_BATCH] for i in range(0, VAL_TASKS, VAL_BATCH)]

    given = ("num_head_steps", "num_joint_steps", "head_lr", "body_lr", "learning_rate")
    method = FineTuning(
        len(drawings("train")), settings["num_way"], *(settings[name] for name in given), run.folder, run.device
    )
    learner = FineTuningLearner(method, settings["num_way"])
    if run.testing:
        words = f"{settings['num_way']}-way {settings['num_support']}-shot"
        test(run, learner, itertools.islice(tasks("test"), TEST_TASKS), words)
        return
    stream = Characters(drawings("train"))
    train(
        run,
        learner,
        lambda done: stream.batches(settings["batch_size"], settings["seed"], start=done),
        validation,
        halve_every=settings["halve_every"],
    )


RECIPES = {
    "course-fine-tuning-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-iterations 2000 --val-interval 200", 0.88, "the course"
    ),
}
