"""Families of checks on batches of tasks of characters."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autograder.grading.check_vocabulary import accuracy, assert_close, assert_shape
from autograder.grading.draw import Draw, Task
from autograder.grading.subjects import Subject
from autograder.grading.thresholds import Bar


def other_supports(draw: Draw, tasks: list[Task], way: int) -> dict[str, list[Task]]:
    """Return the tasks with other support drawings, and with the support's labels in turns."""
    return {
        "support drawings": [task._replace(images_support=draw.normal(*task.images_support.shape)) for task in tasks],
        "support labels": [task._replace(labels_support=(task.labels_support + 1) % way) for task in tasks],
    }


def assert_answers_close(judged: Iterable[tuple[Any, Any, str]]) -> None:
    """Assert that answers agree, all of which have been read before the first one is judged.

    A mistake is told by all that was read (see autograder.grading.evidence): one accuracy of a few queries tells none,
    and sizes that are equal in one case are not in the others.

    Args:
        judged: the student's answer, the reference's, and a noun for messages.
    """
    for got, want, what in list(judged):
        assert_close(got, want, what)


def assert_only_the_support(
    student: Subject,
    reference: Subject,
    draw: Draw,
    tasks: list[Task],
    another: Task,
    losses: Callable[[Subject, list[list[Task]]], np.ndarray],
    where: str,
    loss: str = "loss",
) -> None:
    """Assert that query labels, the other queries, the other tasks and those before make no difference.

    Args:
        student, reference: answer.
        draw: other labels and drawings.
        tasks: a batch, of the reference's form.
        another: a task in the place of the first.
        losses: of batches, one after the other by one object: (B,).
        where: sizes, for messages.
        loss: what it is called.
    """
    way = int(tasks[0].labels_support.max()) + 1
    batches = {
        "": tasks,
        " with other query labels": [
            task._replace(labels_query=draw.rng.integers(way, size=len(task.labels_query))) for task in tasks
        ],
        " with other query drawings": [
            task._replace(images_query=draw.normal(*task.images_query.shape)) for task in tasks
        ],
        " with another first task": [another, *tasks[1:]],
        " of a batch that was there before": tasks,
    }
    got, want = (losses(subject, list(batches.values())) for subject in (student, reference))
    assert_shape(got, (len(batches),), f"{loss} of the batches")
    for i, other in enumerate(batches):
        assert_close(got[i], want[i], f"{loss}{other}, for {where}")


def query_accuracy(
    student: Subject, draw: Draw, weights: Mapping[str, np.ndarray], held_out: np.ndarray, tasks: int = 100, **more: Any
) -> float:
    """Return the accuracy of student.predict on 5-way 1-shot tasks of characters; their query labels stay here.

    Args:
        student: answers predict(weights, supports, queries, ...).
        draw: the tasks.
        weights: what was trained.
        held_out: drawings (characters, drawings, height, width).
        tasks: how many.
        more: arguments of predict.
    """
    drawn = draw.tasks(held_out, 5, 1, 5, tasks)
    supports = [(task.images_support, task.labels_support) for task in drawn]
    logits = student.predict(weights, supports, [task.images_query for task in drawn], **more).logits
    return accuracy(logits, np.concatenate([task.labels_query for task in drawn]))


def assert_learns(
    student: Subject,
    draw: Draw,
    threshold: Bar,
    train: np.ndarray,
    held_out: np.ndarray,
    *,
    batches: int,
    made: bool = False,
    rates: Mapping[str, float] | None = None,
    **predicting: Any,
) -> None:
    """Assert that after a short training, 5-way 1-shot, the query accuracy on other characters reaches its threshold.

    Args:
        student: answers train(drawings, way, shot, query, tasks, batches, seed, ...) and predict.
        draw: tasks.
        threshold: of the check.
        train, held_out: drawings (characters, drawings, height, width).
        batches: of four tasks.
        made: whether the drawings are made ones, which do not depend on the run's.
        rates: more arguments of train.
        predicting: more arguments of predict.
    """
    trained = student.train(train, 5, 1, 5, tasks=4, batches=batches, seed=draw.seed(), **(rates or {})).weights
    threshold.reached_by(query_accuracy(student, draw, trained, held_out, **predicting), made=made)


def halved(drawings: np.ndarray, margin: int = 0) -> np.ndarray:
    """Return drawings (..., 28, 28) at half the size, a quarter of the time, with an empty margin."""
    smaller = drawings.reshape(*drawings.shape[:2], 14, 2, 14, 2).max(axis=(3, 5))
    return np.pad(smaller, ((0, 0), (0, 0), (margin, margin), (margin, margin)))


def mosaics(draw: Draw, characters: int) -> np.ndarray:
    """Draw mosaics of 6 x 6 tiles, black or white, with a noise of their own in each: (characters, 20, 12, 12)."""
    tiles = (draw.rng.random((characters, 1, 6, 6)) < 0.5).repeat(2, axis=2).repeat(2, axis=3)
    return (tiles + draw.normal(characters, 20, 12, 12, scale=0.4)).astype(np.float32)


def assert_learns_mosaics(student: Subject, draw: Draw, threshold: Bar, **given: Any) -> None:
    """Assert that after a short training on noisy mosaics new ones are told apart; see assert_learns."""
    assert_learns(student, draw, threshold, mosaics(draw, 200), mosaics(draw, 60), made=True, **given)
