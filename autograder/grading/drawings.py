"""Where the checks that train get their characters: Omniglot if it is there, drawn handwriting if not."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from autograder.grading.redraw import redraw
from autograder.paths import COURSE
from data import glyphs, images, split

EACH = 20  # drawings of a character
OMNIGLOT = COURSE / "data" / "omniglot_resized"


class Characters(NamedTuple):
    """Drawings to train on, and drawings of other characters to judge by: uint8 (characters, 20, 28, 28), ink 1."""

    train: np.ndarray
    held_out: np.ndarray


class Drawings:
    """A source of characters; nothing is read before it is asked for.

    Args:
        folder: of Omniglot; None for drawn handwriting.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder
        self.source = "omniglot" if folder else "glyphs"

    @classmethod
    def find(cls) -> "Drawings":
        """Omniglot where `python -m data.download` puts it, else drawn handwriting."""
        return cls(OMNIGLOT if OMNIGLOT.is_dir() else None)

    @classmethod
    def named(cls, source: str | None) -> "Drawings":
        """Those of --data: "omniglot", "glyphs" or a folder; what is there where nothing is named."""
        if source is None:
            return cls.find()
        return cls({"glyphs": None, "omniglot": OMNIGLOT}.get(source, Path(source)))

    def __str__(self) -> str:
        return (
            f"omniglot ({len(split.characters(self.folder))} characters)"
            if self.folder
            else "glyphs (drawn handwriting)"
        )

    def check(self) -> None:
        """Check that each part of a folder's split can be drawn from.

        Raises:
            FileNotFoundError: the folder has no drawings.
            ValueError: one cannot be read, or there are too few.
        """
        if self.folder:
            drawings = images.load_packed(self.folder)
            split.split(drawings)
            images.check_enough(drawings, 1, EACH)

    def characters(self, train: int, held_out: int, rng: np.random.Generator) -> Characters:
        """Choose characters to train on from the meta-train split, and others to judge by from meta-test.

        Omniglot's are redrawn, see autograder.grading.redraw. A smaller source than asked for gives what it has.
        """
        if self.folder is None:
            drawn = glyphs.draw(train + held_out, seed=int(rng.integers(2**31)))
            return Characters(drawn[:train], drawn[train:])
        names = split.split(split.characters(self.folder))
        chosen = [
            sorted(rng.permutation(names[part])[:count].tolist())
            for part, count in (("train", train), ("test", held_out))
        ]
        loaded = images.load(self.folder, [*chosen[0], *chosen[1]])
        return Characters(*(redraw(_stack([loaded[name][:EACH] for name in part]), rng) for part in chosen))


def _stack(characters: list[np.ndarray]) -> np.ndarray:
    return np.stack(characters) if characters else np.zeros((0, 20, 28, 28), dtype=np.uint8)
