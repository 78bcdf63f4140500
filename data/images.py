"""Drawings as arrays: one reader for both homeworks."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import numpy.typing as npt

from data import packed, split

SIZE = 28  # pixels, both ways
GREY = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look


class DrawingError(ValueError):
    """Drawings that cannot be used: one sentence that names the file or folder and says what to do."""


def load(folder: str | Path, characters: Iterable[str] | None = None) -> dict[str, npt.NDArray[np.uint8]]:
    """Read drawings.

    Args:
        folder: holds <alphabet>/<character>/<drawing>.png, black ink on white.
        characters: names "<alphabet>/<character>"; all that are in the folder if None.

    Returns:
        Name -> uint8 array (drawings, 28, 28), ink 1 and paper 0, drawings in the order of their file names.

    Raises:
        FileNotFoundError: the folder has no characters, or lacks one of them.
        DrawingError: a file is not a drawing of 28x28 pixels.
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
    """List the drawings in a character's folder, sorted by name. Hidden files and other files are none.

    Raises:
        FileNotFoundError: there are none.
        TypeError: the character is told by no path.
    """
    if not isinstance(character, str | os.PathLike):
        raise TypeError(
            "the drawings of a character lie in a folder, and what was given for its path is of type "
            f"{type(character).__name__}: are the arguments in the right order?"
        )
    paths = sorted(path for path in Path(character).glob("*.png") if not path.name.startswith("."))
    if not paths:
        raise FileNotFoundError(f"no drawings in {character}: fetch them with `python -m data.download`")
    return paths


def read(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read one drawing.

    Returns:
        uint8 array (28, 28), ink 1 and paper 0.

    Raises:
        DrawingError: the file is not a drawing of 28x28 pixels.
    """
    with named(path):
        return ink(iio.imread(path, plugin="pillow"), path)


@contextlib.contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Turn what imageio raises about a file that is no picture into a DrawingError that names the file."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(
            "a drawing is read from its file, and what was given for the path of that file is of type "
            f"{type(path).__name__}"
        )
    try:
        yield
    except DrawingError:
        raise
    except Exception as error:  # imageio and the libraries below it raise many kinds
        if isinstance(error, OSError) and error.errno is not None:  # no such file, no permission
            raise
        raise DrawingError(f"{path} is not a PNG that can be read: remove it and fetch it again") from error


def ink(pixels: npt.NDArray[Any], path: str | Path, size: tuple[int, int] = (SIZE, SIZE)) -> npt.NDArray[np.uint8]:
    """Find the ink of a drawing.

    Omniglot's files have one bit a pixel. Image editors save shades, colours, 16 bits or transparent paper: where that
    is so, ink is what is darker than mid-grey when the drawing lies on white paper.

    Args:
        pixels: what imageio reads from the file: (height, width), or (height, width, channels).
        path: of the file.
        size: what height and width must be.

    Returns:
        uint8 array (height, width), ink 1 and paper 0.

    Raises:
        DrawingError: the drawing has another size, or there are several.
    """
    if pixels.dtype == np.uint8 and "transparency" in iio.immeta(path, plugin="pillow"):
        # One of the shades or colours stands for transparent paper, and imread takes it for paint.
        pixels = iio.imread(path, plugin="pillow", mode="RGBA")
    if pixels.ndim > 3 or pixels.shape[2:] > (4,):
        raise DrawingError(f"{path} holds several pictures: save one of them alone, or remove the file")
    if pixels.shape[:2] != size:
        height, width = pixels.shape[:2]
        raise DrawingError(
            f"{path} is {width}x{height} pixels, not {size[1]}x{size[0]}: make it smaller or larger, or remove it "
            "(`python -m data.download` makes Omniglot's drawings as they must be)"
        )
    brightness = _brightness(pixels)
    return (~brightness if brightness.dtype == bool else brightness < 0.5).astype(np.uint8)


def check_enough(drawings: Mapping[str, Sized], num_way: int, num_each: int) -> None:
    """Check that tasks can be drawn from some characters.

    Args:
        drawings: character -> its drawings.
        num_way: characters of a task.
        num_each: drawings of each.

    Raises:
        DrawingError: there are too few characters, or too few drawings of one.
    """
    if num_way > len(drawings):
        raise DrawingError(f"a task needs {num_way} characters, and there are {len(drawings)}")
    least = min(drawings, key=lambda name: len(drawings[name]))
    if num_each > len(drawings[least]):
        raise DrawingError(
            f"a task needs {num_each} drawings of a character, and one has {len(drawings[least])} "
            f"({least}): add drawings to it, remove it, or ask for fewer"
        )


def _brightness(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Pixels (height, width) as they are if they are bits, else as numbers from 0 to 1 on white paper."""
    if pixels.dtype == bool:
        return pixels
    white = 255 if pixels.dtype == np.uint8 else 65535  # older libraries give 16 bits as int32
    shades = pixels / white
    if shades.ndim == 2:
        return shades
    alpha = shades[..., -1] if shades.shape[2] in (2, 4) else 1.0
    grey = shades[..., :3] @ GREY if shades.shape[2] > 2 else shades[..., 0]
    return np.asarray(grey * alpha + (1 - alpha))
