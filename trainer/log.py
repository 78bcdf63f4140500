"""The record of a run: log.csv, and the same numbers for TensorBoard where it is installed."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO


class Log:
    """A table of metrics: one row an iteration, cells that were not measured empty.

    Columns are "iteration", "train_loss", "train_query_accuracy", ..., "val_loss", ...: losses in nats,
    accuracies in 0 .. 1.

    Args:
        folder: holds log.csv and TensorBoard's event files.
        metrics: names, such as "loss" and "query_accuracy".
        keep: the iteration up to which rows of an earlier run stay; None to begin anew.
    """

    def __init__(self, folder: Path, metrics: Iterable[str], keep: int | None):
        metrics = list(metrics)
        columns = ["iteration", *(f"{split}_{metric}" for split in ("train", "val") for metric in metrics)]
        path = folder / "log.csv"
        rows = [] if keep is None else _rows(path, keep)
        # Line by line, so that a row is written before the checkpoint that follows it.
        self._file: TextIO = open(path, "w", newline="", buffering=1)  # noqa: SIM115
        self._rows = csv.DictWriter(self._file, columns, lineterminator="\n")
        self._rows.writeheader()
        self._file.writelines(rows)
        self._board = _tensorboard(folder, keep)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._board:
            self._board.close()

    def write(self, iteration: int, train: dict[str, float], val: dict[str, float]) -> None:
        """Add an iteration's row; either part may be empty."""
        row = {f"train_{name}": value for name, value in train.items()}
        row |= {f"val_{name}": value for name, value in val.items()}
        self._rows.writerow({"iteration": iteration} | {name: f"{value:.6g}" for name, value in row.items()})
        if self._board:
            for split, metrics in (("train", train), ("val", val)):
                for name, value in metrics.items():
                    self._board.add_scalar(f"{name}/{split}", value, iteration)


def read(folder: Path) -> dict[str, list[float]]:
    """Read log.csv.

    Returns:
        Its columns; nan where a cell is empty.
    """
    with open(folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def _rows(path: Path, keep: int) -> list[str]:
    """Lines of an earlier log up to an iteration.

    A killed run may have written further than its last checkpoint, and half a line at the end.
    """
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)[1:]
    return [line for line in lines if line.endswith("\n") and int(line.split(",", 1)[0]) <= keep]


def _tensorboard(folder: Path, keep: int | None) -> Any:
    """TensorBoard's writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    # TensorBoard hides what an earlier run wrote from this step on.
    return SummaryWriter(str(folder), purge_step=0 if keep is None else keep + 1)
