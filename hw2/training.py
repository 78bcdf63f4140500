"""Train and test what learns from few-shot tasks of Omniglot: options of tasks, and what is drawn for which part."""

import functools
import itertools

import click

from data import images, split
from hw2.omniglot import Tasks, turned
from trainer import COUNT, TEST_TASKS, Learner, Run, folder, setting, test, together, train

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
