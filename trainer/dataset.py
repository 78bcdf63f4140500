"""Which folder --data means."""

from pathlib import Path

import click

from data import glyphs, split

OMNIGLOT = Path("data/omniglot_resized")
GLYPHS = Path("data/glyphs")
FEW_GLYPHS, FEW = Path("data/glyphs_few"), 400


def find() -> Path:
    """Find what there is to train on briefly: Omniglot, or glyphs, of which a few are drawn where there are none."""
    for path in (OMNIGLOT, GLYPHS, FEW_GLYPHS):
        if next(path.glob("*/*/*.png"), None):
            return path
    click.echo(f"Drawing {FEW} characters into {FEW_GLYPHS}, this once.")
    glyphs.write(FEW_GLYPHS, characters=FEW)
    return FEW_GLYPHS


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
    try:
        split.characters(path)
    except FileNotFoundError:
        raise click.ClickException(
            f"There are no drawings <alphabet>/<character>/*.png in {path}: fetch Omniglot with `python -m "
            "data.download`, or use drawn characters with --data glyphs, which needs no internet."
        ) from None
    return path
