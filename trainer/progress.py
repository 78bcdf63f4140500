"""What the terminal shows of a training run: a line for each validation, and a bar below them."""

import numpy as np
from rich import progress
from rich.console import Console
from rich.text import Text

from trainer.score import Score


class Speed(progress.ProgressColumn):
    """Iterations a second."""

    def render(self, task: progress.Task) -> Text:
        """Show the speed, once there is one."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class Display:
    """Shows a run while it goes on; where the output is no terminal, only the lines.

    Args:
        method: the bar's name.
        done: iterations that are done already.
        end: iterations in all.
        notebook: whether it is shown in a notebook, which calls itself a terminal but has no cursor: lines only.
    """

    def __init__(self, method: str, done: int, end: int, score: Score, notebook: bool = False):
        self._score = score
        plain = {"force_terminal": False, "force_jupyter": False} if notebook else {}
        console = Console(highlight=False, **plain)  # type: ignore[arg-type]
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=20),  # so that 80 columns hold it, and the terminal's "^C"
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[metrics]}"),
            Speed(),
            progress.TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(method, completed=done, total=end, metrics="")
        self._recent: list[tuple[float, float]] = []  # (loss, score) in training since the last line

    def __enter__(self) -> "Display":
        self._bar.start()
        self._print("                 training                 validation")
        words = self._score.words[-10:]
        self._print(f"iteration        loss  {words:>10}         loss  {words:>10}")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, iteration: int, train: dict[str, float], val: dict[str, float], best: bool) -> None:
        """Show an iteration: move the bar and, if it was validated, print a line.

        Args:
            iteration: how many are done.
            train: metrics of its batch, empty for iteration 0. The line shows their mean since the last line.
            val: metrics of validation, or empty.
            best: whether these are the best so far.
        """
        if train:
            self._recent.append((train["loss"], train[self._score.name]))
            short = "acc" if self._score.percent else self._score.words
            words = f"loss {train['loss']:.3f}  {short} {self._score.text(train[self._score.name], 0):>4}"
            self._bar.update(self._task, completed=iteration, metrics=words)
        if val:
            training = self._words(*np.mean(self._recent, axis=0)) if self._recent else ""
            validation = self._words(val["loss"], val[self._score.name])
            self._recent.clear()
            self._print(f"{iteration:9}  {training:22}   {validation}{'  best' if best else ''}")

    def stopping(self) -> None:
        """Say that a wish to stop was heard. Only marks the bar: a signal handler must not print."""
        self._bar.update(self._task, description="stopping")

    def _words(self, loss: float, value: float) -> str:
        return f"{loss:10.3f}  {self._score.text(value):>10}"

    def _print(self, line: str) -> None:
        self._bar.console.print(line, soft_wrap=True)
