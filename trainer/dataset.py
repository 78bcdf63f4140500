"""Which folder --data means."""

import os
import shutil
from pathlib import Path

import click

from data import glyphs

OMNIGLOT = Path("data/omniglot_resized")
GLYPHS = Path("data/glyphs")


def folder(data: str) -> Path:
    """Find the folder of a set of characters, and draw it first where that can be done.

    Args:
        data: "omniglot", "glyphs" or a folder with drawings in <alphabet>/<character>/*.png.

    Raises:
        click.ClickException: the drawings are not there.
    """
    path = {"omniglot": OMNIGLOT, "glyphs": GLYPHS}.get(data, Path(data))
    if data == "glyphs" and not path.exists():
        _draw()
    if next(path.glob("*/*/*.png"), None) is None:
        raise click.ClickException(
            f"There are no drawings <alphabet>/<character>/*.png in {path}: fetch Omniglot with `python -m "
            "data.download`, or use drawn characters with --data glyphs, which needs no internet."
        )
    return path


def _draw() -> None:
    """Draw as many characters as Omniglot has. The set is there whole or not at all."""
    unfinished = GLYPHS.with_name(f".glyphs-{os.getpid()}")
    click.echo(f"Drawing characters in {GLYPHS}, once ...")
    try:
        glyphs.write(unfinished, characters=1623, drawings=20, seed=0)
        unfinished.rename(GLYPHS)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
