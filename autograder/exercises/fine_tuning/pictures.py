"""Pictures for the notebook: what more drawings of a class do for fine-tuning, and for a learned initialisation."""

import contextlib
from collections.abc import Iterator

import torch
from matplotlib.figure import Figure

from hw2 import util
from hw2.omniglot import Tasks
from trainer.pictures import COLOURS, MARKERS, Picture, quiet

QUERY = 5  # drawings of each class


def fine_tuned(method):
    """Answer tasks by fine-tuning.

    Args:
        method: a FineTuning.

    Returns:
        A function of a task: logits of its query (Q, N).
    """

    def answer(task):
        body, head = method._adapt(*task[:2])
        return head(body(task[2]))

    return answer


def frozen(method):
    """Answer tasks by training the head alone; see fine_tuned."""

    def answer(task):
        with _put(method, "_num_joint_steps", 0):
            return fine_tuned(method)(task)

    return answer


def adapted(maml, steps):
    """Answer tasks by MAML's inner loop, of so many steps; see fine_tuned."""

    def answer(task):
        with _put(maml, "_num_inner_steps", steps):
            parameters, _ = maml._inner_loop(*task[:2], train=False)
        return maml._forward(task[2], parameters)

    return answer


def by_shot(answers, drawings, shots, num_way=5, num_tasks=30):
    """Plot the accuracy of queries against the drawings of a class in the support.

    Args:
        answers: words -> function of a task that returns logits (Q, N).
        drawings: of characters that training has not seen, as data.images.load returns them.
        shots: numbers K.
        num_way: N.
        num_tasks: over which an accuracy is averaged, the same ones for all.
    """
    figure = Figure(figsize=(6.8, 4.0), layout="constrained")
    axes = figure.subplots()
    tasks = {shot: next(Tasks(drawings, num_way, shot, QUERY).batches(num_tasks, seed=shot)) for shot in shots}
    reached = {words: [_accuracy(answer, tasks[shot]) for shot in shots] for words, answer in answers.items()}
    for (words, accuracies), shade, sign in zip(reached.items(), COLOURS, MARKERS, strict=False):
        axes.plot(shots, [100 * value for value in accuracies], color=shade, marker=sign, label=words)
    axes.axhline(100 / num_way, color="grey", linestyle=":", label=f"chance, 1 in {num_way}")
    axes.set(xlabel="K, drawings of each class in the support", xticks=shots, ylim=(0, 102))
    axes.set_ylabel(f"accuracy on the query, mean over {num_tasks} tasks [%]")
    axes.legend(frameon=False, loc="lower right")
    quiet(axes)
    ends = "; ".join(f"{words} from {seen[0]:.0%} to {seen[-1]:.0%}" for words, seen in reached.items())
    return Picture(figure, f"accuracy as K grows from {shots[0]} to {shots[-1]}: {ends}")


def _accuracy(answer, tasks):
    """The mean accuracy of the queries of some tasks."""
    with torch.enable_grad():  # which steps need
        logits = [answer(task).detach() for task in tasks]
    return sum(util.score(found, task[3]) for found, task in zip(logits, tasks, strict=True)) / len(tasks)


@contextlib.contextmanager
def _put(method, name: str, value: int) -> Iterator[None]:
    """A method with another number of steps."""
    before = getattr(method, name)
    setattr(method, name, value)
    try:
        yield
    finally:
        setattr(method, name, before)
