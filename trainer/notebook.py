"""What the notebooks need of the trainer: a training without files, and one sentence for what is still to do."""

import contextlib
import itertools
import linecache
import math
from collections.abc import Iterable, Iterator
from typing import Any

import click

from data.images import DrawingError
from trainer import curve, evaluate
from trainer.commandline import still_to_do
from trainer.learner import Learner
from trainer.loop import StopWish, update
from trainer.pictures import Picture
from trainer.progress import Display
from trainer.seeds import reseed

SIZE = (9.6, 3.2)  # of a learning curve, in inches


@contextlib.contextmanager
def your_code() -> Iterator[None]:
    """Run what needs the student's code; where that is still to do, say so in a sentence, and go on below.

    Mistakes in the student's code keep their traceback.
    """
    try:
        yield
    except NotImplementedError as error:
        linecache.checkcache()  # the file has perhaps been edited since it was imported
        sentence = still_to_do(error, "cell")
        if not sentence:
            raise
        print(f"☐ {sentence}")
    except click.ClickException as error:  # the trainer's own sentences, as on a loss that is not finite
        print(error.format_message())
    except DrawingError as error:
        print(f"{error}.")


def train_briefly(
    learner: Learner, batches: Iterable[Any], validation: Iterable[Any], num_iterations: int, val_interval: int = 25
) -> Picture:
    """Train a learner without log and checkpoints, and draw its learning curve.

    Ctrl-C, in a notebook the button that interrupts, ends it after the iteration that is running.

    Args:
        learner: learns on from where it is.
        batches: batches of tasks, as many as iterations or more.
        validation: the meta-validation batches.
        num_iterations: when training ends.
        val_interval: iterations from one validation to the next.

    Returns:
        The learning curve.

    Raises:
        click.ClickException: the loss is not finite.
    """
    score, validation = learner.score, list(validation)
    names = ("loss", *learner.labels)
    columns: dict[str, list[float]] = {
        "iteration": [],
        **{f"{part}_{name}": [] for part in ("train", "val") for name in names},
    }
    with Display("training", 0, num_iterations, score, notebook=True) as display, StopWish(display.stopping) as stop:
        best = score.worst
        for done, batch in enumerate(itertools.chain([None], itertools.islice(batches, num_iterations))):
            reseed(0, done)
            train = update(learner, batch, done) if done else {}
            validate = done % val_interval == 0 or done == num_iterations
            val = evaluate.means(learner, validation) if validate else {}
            columns["iteration"].append(done)
            for part, metrics in (("train", train), ("val", val)):
                for name in names:
                    columns[f"{part}_{name}"].append(metrics.get(name, math.nan))
            is_best = validate and score.is_better(val[score.name], best)
            display.show(done, train, val, is_best)
            best = val[score.name] if is_best else best
            if stop.asked:
                break
    words = f"learning curve: loss and scores over {done} iterations"
    return Picture(curve.figure_of(columns, learner, SIZE), words)
