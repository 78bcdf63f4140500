"""Pictures of failed checks: which output goes by which input, and over what the softmax of the loss runs."""

import numpy as np

from autograder.grading import svg
from autograder.grading.pictures import Asked, Failure

CELL = 26
UNCHANGED = 1e-6  # share of the largest output by which one may differ all the same
SHOWN = 24  # inputs and outputs


def dependence(failure: Failure) -> str:
    """Which outputs change when a drawing or a label changes, beside which should."""
    asked = [asked for asked in failure.asked("forward") if len(asked.arguments["images"]) > 1][-1]
    given, right = _changed(asked, asked.got.logits), _changed(asked, asked.right().logits)
    inputs = _inputs(asked)
    if not 0 < len(inputs) <= SHOWN or given.shape[1] > SHOWN:
        return ""
    rows, way = asked.arguments["labels"].shape[-3:-1]
    wrong = given != right
    if not wrong.any():
        return ""
    left, top = 184, 54 if way > 2 else 70
    panel = svg.Panel(
        f"Which of {rows * way} outputs change with each of {len(inputs)} inputs; marked as wrong: {int(wrong.sum())}",
        left + rows * way * CELL + 6, top + len(inputs) * CELL + 6,
    )  # fmt: skip
    panel.text(2, 14, "changed input", size=11)
    panel.text(left, 14, "output at", size=11)
    for column in range(rows * way):
        k, n = divmod(column, way)
        x = left + (column + 0.5) * CELL
        if n == 0:
            panel.text(
                x - CELL / 2 + 2,
                30 + 16 * (k % 2) * (way < 3),
                "query" if k == rows - 1 else f"support {k + 1}",
                size=11,
            )
            panel.line(x - CELL / 2, 20, x - CELL / 2, top + len(inputs) * CELL, opacity=0.6)
        panel.text(x, top - 6, f"{n + 1}", size=11, anchor="middle")
    for row, words in enumerate(inputs):
        y = top + row * CELL
        panel.text(2, y + 17, words, size=11)
        for column in range(rows * way):
            x = left + column * CELL
            edge, width = (svg.YOURS, 2.5) if wrong[row, column] else ("currentColor", 0.3)
            fill = (svg.YOURS if wrong[row, column] else "currentColor", 0.4) if given[row, column] else ("none", 1.0)
            panel.box(x + 2, y + 2, CELL - 4, CELL - 4, fill=fill[0], opacity=fill[1], edge=edge, edge_width=width)
            if wrong[row, column]:
                panel.text(x + CELL / 2, y + 18, "✗", size=13, anchor="middle")
    look_at = (
        "A filled cell: this output changes when that input does. Marked with ✗: filled where it should be empty, or "
        "empty where it should be filled."
    )
    return svg.figure([panel], look_at)


def _changed(asked: Asked, logits: np.ndarray) -> np.ndarray:
    """Whether an output changes in any episode: (changes, (K+1) * N)."""
    shape = asked.arguments["labels"].shape
    outputs = np.reshape(logits, (shape[0], shape[1], shape[2] * shape[3], shape[4]))
    differences = np.abs(outputs[1:] - outputs[0]).max(axis=(1, 3))
    changed: np.ndarray = differences > UNCHANGED * np.abs(outputs[0]).max()
    return changed


def _inputs(asked: Asked) -> list[str]:
    """What is other in each variant than in the first, in words."""
    images, labels = asked.arguments["images"], asked.arguments["labels"]
    rows = images.shape[2]
    words = []
    for variant in range(1, len(images)):
        parts = []
        for what, array in (("drawing", images), ("label", labels)):
            places = np.argwhere((array[variant] != array[0]).any(axis=(0, 3))).tolist()
            if len(places) == 1:
                k, n = places[0]
                where = "query" if k == rows - 1 else f"support {k + 1}"
                parts.append(f"{what} at {where}, place {n + 1}")
            elif places:
                kinds = {"query" if k == rows - 1 else "support" for k, _ in places}
                parts.append(f"{what}s of {' and '.join(sorted(kinds, reverse=True))}")
        words.append(", ".join(parts))
    return words


def loss_axis(failure: Failure) -> str:
    """The probabilities of a query by a softmax over the classes, and over the queries' places where that is yours."""
    asked = failure.asked("loss")[-1]
    logits, labels = asked.arguments["logits"][:, -1], asked.arguments["labels"][:, -1]
    way, given = logits.shape[-1], asked.got.loss.item()
    losses = [float(-(labels * _log_softmax(logits, axis)).sum(axis=-1).mean()) for axis in (2, 1)]
    if abs(losses[1] - given) > 1e-4 * abs(losses[1]):
        return ""
    panels = []
    for axis, words, loss in ((2, "expected", losses[0]), (1, "yours", losses[1])):
        shown = np.exp(_log_softmax(logits, axis))[0]
        panel = svg.Panel(f"Probabilities of the first episode's queries, {words}", 62 + way * 44, 66 + way * 30 + 30)
        panel.text(2, 14, f"{words}: loss {loss:.4g}")
        panel.text(62, 34, "class", size=11)
        for k in range(way):
            panel.text(62 + (k + 0.5) * 44, 50, str(k), size=11, anchor="middle")
            panel.text(2, 76 + 30 * k, f"query {k + 1}", size=11)
        for (query, k), value in np.ndenumerate(shown):
            x, y = 62 + k * 44, 56 + 30 * query
            panel.box(x + 2, y + 2, 40, 26, fill=svg.CLASSES[2], opacity=float(value), edge="currentColor",
                      edge_width=2.5 if labels[0, query, k] else 0.3)  # fmt: skip
            panel.text(x + 22, y + 20, f"{value:.2f}", size=11, anchor="middle")
        adds = "each row adds to 1" if axis == 2 else "each column adds to 1"
        panel.text(62, 56 + 30 * way + 18, adds, fill=svg.EXPECTED if axis == 2 else svg.YOURS)
        panels.append(panel)
    look_at = (
        "The right class of each query stands in a thick frame. The classes of one query compete with each other, so "
        "each row should add to 1; in your loss the queries compete for a class."
    )
    return svg.figure(panels, look_at)


def _log_softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    shifted: np.ndarray = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
