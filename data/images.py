"""Drawings as arrays."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from data import packed, split

SIZE = 28  # pixels, both ways


def load(folder: str | Path, characters: Iterable[str] | None = None) -> dict[str, npt.NDArray[np.uint8]]:
    """Read drawings.

    Args:
        folder: holds <alphabet>/<character>/<drawing>.png, black ink on white.
        characters: names "<alphabet>/<character>"; all that are in the folder if None.

    Returns:
        Name -> uint8 array (drawings, 28, 28), ink 1 and paper 0, drawings in the order of their file names.

    Raises:
        FileNotFoundError: the folder has no characters, or lacks one of them.
        ValueError: a file is not a drawing of 28x28 pixels.
    """
    packed_drawings = load_packed(folder, characters)
    return {name: unpack(bits) for name, bits in packed_drawings.items()}


def load_packed(folder: str | Path, characters: Iterable[str] | None = None) -> dict[str, npt.NDArray[np.uint8]]:
    """Read drawings as load() does, eight pixels in a byte: name -> uint8 array (drawings, 98).

    What load() says of arguments and errors holds here.
    """
    folder = Path(folder)
    characters = split.characters(folder) if characters is None else characters
    files = {name: drawings(folder / name) for name in characters}
    return packed.through(folder, files, lambda path: np.packbits(read(path)))


def unpack(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Make pixels (..., 28, 28), ink 1 and paper 0, of packed ones (..., 98)."""
    return np.unpackbits(bits, axis=-1).reshape(*bits.shape[:-1], SIZE, SIZE)


def drawings(character: str | Path) -> list[Path]:
    """List the drawings in a character's folder, sorted by name.

    Raises:
        FileNotFoundError: there are none.
    """
    paths = sorted(path for path in Path(character).glob("*.png") if not path.name.startswith("."))
    if not paths:
        raise FileNotFoundError(f"no drawings in {character}: fetch them with `python -m data.download`")
    return paths


def read(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read one drawing.

    Returns:
        uint8 array (28, 28), ink 1 and paper 0.

    Raises:
        ValueError: the file is not a drawing of 28x28 pixels.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            # Our files have one bit a pixel. Where an image editor saved grey or colour, ink is darker than
            # mid-grey.
            bits = image if image.mode == "1" else image.convert("L").point(lambda grey: grey >= 128, "1")
            paper = np.asarray(bits)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow tells of broken PNGs in all three
        if isinstance(error, OSError) and error.errno is not None:  # no such file, no permission
            raise
        raise ValueError(f"{path} is not a PNG that can be read: remove it and fetch it again") from error
    if paper.shape != (SIZE, SIZE):
        height, width = paper.shape
        raise ValueError(f"{path} is {width}x{height} pixels, not {SIZE}x{SIZE}")
    ink: npt.NDArray[np.uint8] = np.logical_not(paper).astype(np.uint8)
    return ink
