"""The record of a run: log.csv, and the same numbers for TensorBoard where it is installed."""

import csv
import os
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
        if keep is None or not path.exists():
            path.write_text(",".join(columns) + "\n", encoding="utf-8")
        else:
            _cut(path, keep)
        # Line by line, so that a row is written before the checkpoint that follows it.
        self._file: TextIO = open(path, "a", encoding="utf-8", newline="", buffering=1)  # noqa: SIM115
        self._rows = csv.DictWriter(self._file, columns, lineterminator="\n")
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
    with open(folder / "log.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def _cut(path: Path, keep: int) -> None:
    """Cut off the rows after an iteration.

    A killed run may have written further than its last checkpoint, and half a row at the end.
    """
    header, *rows = path.read_bytes().splitlines(keepends=True)
    kept = [row for row in rows if row.endswith(b"\n") and int(row.split(b",")[0]) <= keep]
    os.truncate(path, len(header) + sum(map(len, kept)))


def _tensorboard(folder: Path, keep: int | None) -> Any:
    """TensorBoard's writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    # TensorBoard hides what an earlier run wrote from this step on.
    return SummaryWriter(str(folder), purge_step=0 if keep is None else keep + 1)
