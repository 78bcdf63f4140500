"""Which folder --data means."""

from pathlib import Path

import click

from data import glyphs

OMNIGLOT = Path("data/omniglot_resized")
GLYPHS = Path("data/glyphs")


def best() -> Path:
    """The folder of Omniglot where it is there, else that of drawn handwriting."""
    return folder("omniglot" if next(OMNIGLOT.glob("*/*/*.png"), None) else "glyphs")


def folder(data: str) -> Path:
    """Find the folder of a set of characters. Glyphs that are not there yet are drawn, as many as Omniglot's.

    Args:
        data: "omniglot", "glyphs" or a folder with drawings in <alphabet>/<character>/*.png.

    Raises:
        click.ClickException: the drawings are not there.
    """
    path = {"omniglot": OMNIGLOT, "glyphs": GLYPHS}.get(data, Path(data))
    if data == "glyphs" and not path.exists():
        click.echo(f"Drawing 1,623 characters into {path}, this once.")
        glyphs.write(path, characters=1623)
    if next(path.glob("*/*/*.png"), None) is None:
        raise click.ClickException(
            f"There are no drawings <alphabet>/<character>/*.png in {path}: fetch Omniglot with `python -m "
            "data.download`, or use drawn characters with --data glyphs, which needs no internet."
        )
    return path
