"""What the terminal shows of a training run: a line for each validation, and a bar below them."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Speed(ProgressColumn):
    """Iterations a second."""

    def render(self, task: Task) -> Text:
        """Show the speed, once there is one."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class Display:
    """Shows a run while it goes on; where the output is no terminal, only the lines.

    Args:
        method: the bar's name.
        start: iterations that are done already.
        end: iterations in all.
    """

    def __init__(self, method: str, start: int, end: int):
        console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[metrics]}"),
            Speed(),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(method, completed=start, total=end, metrics="")

    def __enter__(self) -> "Display":
        self._progress.start()
        self._print("iteration   train: loss  accuracy   validation: loss  accuracy")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, iteration: int, metrics: dict[str, float]) -> None:
        """Move the bar to an iteration and show its loss and query accuracy."""
        words = f"loss {metrics['loss']:.3f}  accuracy {metrics['query_accuracy']:4.0%}"
        self._progress.update(self._task, completed=iteration, metrics=words)

    def validated(self, iteration: int, train: dict[str, float], val: dict[str, float], best: bool) -> None:
        """Print a line: means of training since the last line, and of validation."""
        seen = f"{train['loss']:11.3f}  {train['query_accuracy']:8.1%}" if train else " " * 21
        line = f"{iteration:9}   {seen}   {val['loss']:16.3f}  {val['query_accuracy']:8.1%}"
        self._print(line + ("  best" if best else ""))

    def stopping(self) -> None:
        """Say that a wish to stop was heard. Only marks the bar: a signal handler must not print."""
        self._progress.update(self._task, description="stopping")

    def _print(self, line: str) -> None:
        self._progress.console.print(line, soft_wrap=True)
