"""The training loop."""

import math
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from trainer import curve, evaluate
from trainer.learner import Learner
from trainer.log import Log
from trainer.progress import Display
from trainer.run import Run, forget
from trainer.seeds import reseed


def train(
    run: Run,
    learner: Learner,
    batches: Callable[[int], Iterator[Any]],
    validation: Callable[[], Iterable[Any]],
    halve_every: int | None = None,
) -> None:
    """Train from the run's checkpoint, or from the beginning, to its last iteration, the end of its time or Ctrl-C.

    The learner is validated before training, every run.val_interval iterations and at the end. Each time it
    is saved as "last", and as "best" if its score is the best so far. A run that was stopped goes
    on with what it would have computed in one go.

    Args:
        run: where to write, and how long to train.
        learner: a new one of the run's settings.
        batches: from a number of iterations done to an iterator over the batches of all later ones. An
            iteration's batch is the same wherever the iterator began.
        validation: makes an iterable of the meta-validation batches, the same ones each time.
        halve_every: iterations after which the learning rate is halved, again and again; never if None.

    Raises:
        click.ClickException: the checkpoint does not fit, or the loss is not finite.
        SystemExit: with status 130, after Ctrl-C.
    """
    score = learner.score
    done, best = run.restore(learner)
    rates = [group["lr"] for group in learner.optimizer.param_groups]
    end = max(done, run.num_iterations) if run.has_time else done
    run.folder.mkdir(parents=True, exist_ok=True)
    if run.checkpoint is None:
        forget(run.folder)
    with (
        Log(run.folder, ["loss", *learner.labels], keep=done if run.checkpoint else None) as log,
        Display(run.method, done, end, score) as display,
        StopWish(display.stopping) as stop,
    ):

        def finish_iteration(metrics: dict[str, float], validate: bool) -> None:
            nonlocal best
            val = evaluate.means(learner, validation()) if validate else {}
            is_best = validate and score.is_better(val[score.name], best[score.name])
            if is_best:
                best = {"iteration": done, score.name: val[score.name]}
                run.save("best", learner, done, best)
            log.write(done, metrics, val)
            display.show(done, metrics, val, is_best)
            if validate:  # after the log: it must reach as far as the checkpoint, whenever we are killed
                run.save("last", learner, done, best)

        if run.checkpoint is None:
            finish_iteration({}, validate=True)
        begun = time.process_time()
        for iteration, batch in zip(range(done + 1, end + 1), batches(done), strict=False):
            reseed(run.settings["seed"], iteration)
            for group, rate in zip(learner.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * 0.5 ** ((iteration - 1) // halve_every) if halve_every else rate
            metrics = update(learner, batch, iteration)
            done = iteration
            run.processor_seconds += time.process_time() - begun
            end = end if run.has_time else done
            finish_iteration(metrics, validate=done % run.val_interval == 0 or done == end)
            if stop.asked or done == end:
                break
            begun = time.process_time()
        if done < end:
            run.save("last", learner, done, best)

    picture = curve.draw(run.folder, learner, title=run.words)
    click.echo(f"Learning curve: {picture}")
    if done < end:
        click.echo(f"Stopped, and saved at iteration {done} of {end}. To go on:\n\n    {run.command} --resume\n")
        raise SystemExit(130)
    reached, iteration = score.text(best[score.name]), best["iteration"]
    click.echo(f"Best validation {score.words}: {reached}, at iteration {iteration}. To test that checkpoint:\n")
    click.echo(f"    {run.command} --test\n")


def update(learner: Learner, batch: Any, iteration: int) -> dict[str, float]:
    """Take one step down the gradient of a batch's loss.

    Returns:
        The batch's "loss" and accuracies, before the step.

    Raises:
        click.ClickException: the loss is not finite; the learner is as it was.
    """
    loss, accuracies = learner.measure(batch, train=True)
    if not math.isfinite(loss.item()):
        raise click.ClickException(
            f"The loss is {loss.item()} at iteration {iteration}: look for a division by zero or a logarithm "
            "of zero in your code, or try lower learning rates."
        )
    learner.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    learner.optimizer.step()
    return {"loss": loss.item(), **accuracies}


class StopWish:
    """Ctrl-C as a wish: while in context, the first only sets `asked`; the second interrupts as usual.

    Args:
        heard: called at the first one.
    """

    def __init__(self, heard: Callable[[], None]):
        self.asked = False
        self._heard = heard

    def __enter__(self) -> "StopWish":
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._heard()
