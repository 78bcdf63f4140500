"""Pictures of failed checks: an episode as the student's generator laid it out, and what it drew how often."""

from collections.abc import Callable
from itertools import permutations
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from autograder.exercises.data_generator import episodes
from autograder.grading import svg
from autograder.grading.pictures import Asked, Failure

LOOKED_AT = 100  # episodes, of which the first with a mistake is drawn
COUNTED = 1000  # episodes, at most
WIDE, HIGH, LEFT, TOP = 60, 62, 66, 20  # of a cell, and what is left free
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Episode(NamedTuple):
    """An episode, row by row: each array has shape (K+1, N).

    Attributes:
        character: number of the character shown, episodes.UNKNOWN if the image is no drawing.
        drawing: number of the drawing among its character's.
        label: the class that it is given.
        one_hot: whether its label is one-hot.
        numbers: its label as it is, (K+1, N, N).
    """

    character: np.ndarray
    drawing: np.ndarray
    label: np.ndarray
    one_hot: np.ndarray
    numbers: np.ndarray


def _drawn(marks: Callable[[Episode], np.ndarray], look_at: str) -> Callable[[Failure], str]:
    """A picture of the first episode in which something is wrong.

    Args:
        marks: which cells of an episode are wrong, (K+1, N).
        look_at: what there is to see, in a sentence.
    """

    def picture(failure: Failure) -> str:
        asked = failure.asked("sample")[-1]
        for episode in _episodes(asked):
            wrong = marks(episode)
            if wrong.any():
                return svg.figure([_grid(episode, wrong)], look_at)
        return ""

    return picture


def _episodes(asked: Asked) -> list[Episode]:
    way, shot = asked.arguments["way"], asked.arguments["shot"]
    some = SimpleNamespace(images=asked.got.images[:LOOKED_AT], labels=asked.got.labels[:LOOKED_AT])
    images, labels = episodes.laid_out(some, way, shot)
    seen = episodes.read(images, asked.arguments["drawings"])
    one_hot = ((labels == 0) | (labels == 1)).all(axis=-1) & (labels.sum(axis=-1) == 1)
    parts = (seen.character, seen.drawing, episodes.classes(labels), one_hot, labels)
    return [Episode(*row) for row in zip(*parts, strict=True)]


def _grid(episode: Episode, wrong: np.ndarray) -> svg.Panel:
    rows, way = wrong.shape
    panel = svg.Panel(
        f"An episode of {way} columns and {rows} rows; {int(wrong.sum())} of its cells are marked as wrong",
        LEFT + way * WIDE + 4,
        TOP + rows * HIGH + 4,
    )
    known = [number for number in dict.fromkeys(episode.character.flat) if number != episodes.UNKNOWN]
    for n in range(way):
        panel.text(LEFT + (n + 0.5) * WIDE, 14, f"column {n}", size=11, anchor="middle")
    for k, n in np.ndindex(rows, way):
        x, y = LEFT + n * WIDE, TOP + k * HIGH
        if n == 0:
            panel.text(2, y + 26, "query" if k == rows - 1 else f"support {k + 1}")
        edge, width = (svg.YOURS, 3.0) if wrong[k, n] else ("currentColor", 0.5)
        if episode.character[k, n] == episodes.UNKNOWN:
            panel.box(x + 3, y + 3, WIDE - 6, HIGH - 6, edge=edge, edge_width=width)
            panel.text(x + WIDE / 2, y + 32, "?", size=18, anchor="middle")
        else:
            place = known.index(episode.character[k, n])
            colour = svg.CLASSES[place % len(svg.CLASSES)]
            panel.box(x + 3, y + 3, WIDE - 6, HIGH - 6, fill=colour, opacity=0.3, edge=edge, edge_width=width)
            shown = f"{LETTERS[place % len(LETTERS)]}{episode.drawing[k, n] + 1}"
            panel.text(x + WIDE / 2, y + 32, shown, size=16, anchor="middle")
        label = f"label {episode.label[k, n]}"
        if not episode.one_hot[k, n]:
            numbers = " ".join(f"{number:.2g}" for number in episode.numbers[k, n])
            label = numbers if len(numbers) < 10 else "not one-hot"
        panel.text(x + WIDE / 2, y + 50, label, size=11 if episode.one_hot[k, n] else 9, anchor="middle")
        if wrong[k, n]:
            panel.text(x + WIDE - 5, y + 16, "✗", size=12, anchor="end", fill=svg.YOURS)
    return panel


def _pairs(episode: Episode) -> list[list[tuple[int, int]]]:
    """The (character, drawing) of each cell."""
    return [
        list(zip(*row, strict=True)) for row in zip(episode.character.tolist(), episode.drawing.tolist(), strict=True)
    ]


def _misplaced(episode: Episode) -> np.ndarray:
    wrong = episode.label != np.arange(episode.label.shape[1])
    query = episode.label[-1].tolist()
    wrong[-1] = [query.count(label) > 1 for label in query]
    return wrong


def _taught_otherwise(episode: Episode) -> np.ndarray:
    """Cells at odds with the support: their character has another label there, or their label another character."""
    wrong = np.zeros(episode.label.shape, dtype=bool)
    support = list(zip(episode.character[:-1].ravel().tolist(), episode.label[:-1].ravel().tolist(), strict=True))
    for place, character in np.ndenumerate(episode.character):
        label = episode.label[place]
        wrong[place] = any((c == character) != (lab == label) for c, lab in support)
    return wrong


def _in_query_and_support(episode: Episode) -> np.ndarray:
    pairs = _pairs(episode)
    flat = [pair for row in pairs for pair in row]
    return np.array([[flat.count(pair) > 1 for pair in row] for row in pairs])


def _twice_in_a_row(episode: Episode) -> np.ndarray:
    return np.array([[row.count(character) > 1 for character in row] for row in episode.character.tolist()])


CELL = "A letter is a character, its number one of its drawings."

misplaced_labels = _drawn(
    _misplaced,
    f"{CELL} Every support row should have label 0 in column 0, label 1 in column 1 and so on; the query each label "
    "once, in any order. Marked: where it is otherwise.",
)
labels_of_others = _drawn(
    _taught_otherwise,
    f"{CELL} A character should have one label, the same in the support and in the query. Marked: cells at odds with "
    "the support's labels.",
)
drawings_seen_before = _drawn(
    _in_query_and_support, f"{CELL} No drawing should come twice. Marked: the same drawing in two places."
)
repeated_characters = _drawn(
    _twice_in_a_row, f"{CELL} Each column should be another character. Marked: one character in several columns."
)
strange_images = _drawn(
    lambda episode: episode.character == episodes.UNKNOWN,
    f"{CELL} Marked with a question mark: images that are no drawing in the folder.",
)
labels_not_one_hot = _drawn(
    lambda episode: ~episode.one_hot,
    f"{CELL} Each cell should have a label with a single 1, the query's too. Marked: labels that are no such.",
)


def query_orders(failure: Failure) -> str:
    """How often the query came in each order."""
    orders = episodes.classes(failure.asked("sample")[-1].got.labels[:COUNTED])[:, -1].tolist()
    counts = dict.fromkeys(permutations(range(3)), 0)
    for order in orders:
        counts[tuple(order)] += 1
    fair = len(orders) / len(counts)
    if max(abs(count - fair) for count in counts.values()) < fair / 2:
        return ""  # what is wrong is how they follow each other
    names = ["".join(map(str, order)) for order in counts]
    panel = svg.bars(
        "How often the query came in each order of its classes",
        names,
        [fair] * len(names),
        [*counts.values()],
        "episodes",
    )
    look_at = (
        f"The {len(names)} orders in which the classes 0, 1, 2 of a query can come: each should come about as often as "
        "any other."
    )
    return svg.figure([panel], look_at)


def characters_of_the_split(failure: Failure) -> str:
    """Which characters were drawn, and of which split they are."""
    asked = failure.asked("sample")[-1]
    part, known = str(asked.arguments["split"]), asked.arguments["drawings"]
    some = SimpleNamespace(images=asked.got.images[:COUNTED], labels=asked.got.labels[:COUNTED])
    images = episodes.laid_out(some, asked.arguments["way"], asked.arguments["shot"]).images
    counts = np.bincount(episodes.read(images, known).character[:, 0].ravel() + 1, minlength=len(known) + 1)[1:]
    groups = {name: sorted(episodes.of_split(name, len(known))) for name in ("train", "val", "test")}
    order = [number for name in groups for number in groups[name]]
    fair = counts.sum() / len(groups[part])
    panel = svg.Axes(
        f"How often each character was drawn for {part}, by the split to which it belongs",
        (-1, len(order)), svg.span(np.array([0.0, fair]), counts, beyond=20), up="times in the support", lines=4,
    )  # fmt: skip
    place = 0
    for name, members in groups.items():
        expected = fair if name == part else 0.0
        for number in members:
            x, y = panel.at(place, counts[number])
            base = panel.at(place, 0)[1]
            panel.box(x - 4, y, 8, max(base - y, 1), fill=svg.CLASSES[2] if name == part else svg.YOURS)
            place += 1
        ends = panel.at(place - len(members) - 0.5, expected), panel.at(place - 0.5, expected)
        panel.line(*ends[0], *ends[1], colour=svg.EXPECTED, width=2.5, dashed=True)
        panel.text((ends[0][0] + ends[1][0]) / 2, panel.below + 2, name, size=11, anchor="middle")
    entries = (svg.CLASSES[2], f"yours, of {part}"), (svg.YOURS, f"yours, not of {part}")
    legend = [("dashes", svg.EXPECTED, "expected"), *(("line", colour, words) for colour, words in entries)]
    panel.legend(8, panel.below + 22, legend)
    look_at = (
        f"A bar for each character. The episodes were asked for {part}: all of its characters should come about as "
        "often as the dashes say, and no others."
    )
    return svg.figure([panel], look_at)
