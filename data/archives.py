"""Omniglot's archives: which there are, whether a file is one of them undamaged, and the drawings inside."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import imageio.v3 as iio
import numpy as np
import numpy.typing as npt

from data import images
from data.images import SIZE


@dataclass(frozen=True)
class Archive:
    """An archive of drawings <name>/<alphabet>/<character>/<drawing>.png.

    Attributes:
        name: of its folder, and of the file without .zip.
        checksum: "<algorithm>:<hexadecimal digits>" of the file.
        covers: the parts of Omniglot that it holds.
        drawings_checksum: sha256 of its drawings, for an archive that people pack again.
    """

    name: str
    checksum: str
    covers: frozenset[str]
    drawings_checksum: str | None = None

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.zip"


SMALL = (
    Archive(
        "images_background_small1",
        "sha256:f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
        frozenset({"small1"}),
    ),
    Archive(
        "images_background_small2",
        "sha256:3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
        frozenset({"small2"}),
    ),
)
FULL = (
    Archive(
        "images_background",
        "md5:68d2efa1b9178cc56df9314c21c6e718",  # the authors publish md5 sums
        frozenset({"small1", "small2", "background"}),
    ),
    Archive("images_evaluation", "md5:6b91aef0f799c5bb55b94e3f2daec811", frozenset({"evaluation"})),
)
RESIZED = Archive(
    "omniglot_resized",
    "sha256:ca096ec3e37281864638fb23f834768f21c50485fcc4f8545b9047f85932c11e",
    frozenset({"small1", "small2", "background", "evaluation"}),
    drawings_checksum="5f5c7c9133d863d887ef6f631ec0759e98ffc9121f8a6ea716749601d1bd0bd9",
)
ALL = (*SMALL, *FULL, RESIZED)

ORIGINAL = 105  # pixels, both ways


class DamagedError(click.ClickException):
    """The checksum of an archive is wrong."""


def covers(archives: Iterable[Archive]) -> frozenset[str]:
    """Return the parts of Omniglot that archives hold together."""
    return frozenset().union(*(archive.covers for archive in archives))


def choose(source: Path, full: bool) -> dict[Archive, Path]:
    """Choose archives.

    Args:
        source: an archive, or a folder of archives.
        full: whether all of Omniglot is wanted, or the two small sets will do.

    Returns:
        Archive -> its file: that file alone; or of a folder the small sets, or with full the full ones, or else
        omniglot_resized.zip.

    Raises:
        click.ClickException: the source is not there or lacks what is wanted.
    """
    wanted = FULL if full else SMALL
    if source.is_dir():
        for archives in (wanted, (RESIZED,), FULL):
            if all((source / archive.file).is_file() for archive in archives):
                return {archive: source / archive.file for archive in archives}
        missing = [archive.file for archive in wanted if not (source / archive.file).is_file()]
        raise click.ClickException(f"{source} lacks {' and '.join(missing)}; {RESIZED.file} would do instead")
    if not source.exists():
        raise click.ClickException(f"there is no {source}: --source is an archive of Omniglot, or a folder with them")
    known = {archive.file: archive for archive in ALL}
    if source.name not in known:
        raise click.ClickException(f"{source} is none of Omniglot's archives, which are {', '.join(known)}")
    archive = known[source.name]
    if full and not covers(FULL) <= archive.covers:
        raise click.ClickException(f"{source} is not all of Omniglot: for --full give the folder, or {RESIZED.file}")
    return {archive: source}


def verify(archive: Archive, path: Path, name: str) -> None:
    """Check that a file is the archive, bit for bit; omniglot_resized.zip may also be packed in another way.

    Raises:
        DamagedError: it is not; says by its name which file, and the checksums expected and found.
    """
    algorithm, expected = archive.checksum.split(":")
    with path.open("rb") as file:
        found = hashlib.new(algorithm, usedforsecurity=False)
        while block := file.read(1 << 20):
            found.update(block)
    if found.hexdigest() == expected:
        return
    if archive.drawings_checksum and _checksum_of_drawings(archive, path) == archive.drawings_checksum:
        return
    raise DamagedError(f"{name} has a wrong checksum: expected {algorithm} {expected}, found {found.hexdigest()}")


def count(archive: Archive, path: Path) -> int:
    """Count the drawings in an archive."""
    with zipfile.ZipFile(path) as file:
        return sum(_safe_name(archive, name) is not None for name in file.namelist())


def drawings(archive: Archive, path: Path) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Read the drawings of an archive, those of 105x105 pixels resized by NEAREST.

    Yields:
        ("<alphabet>/<character>/<drawing>.png", uint8 array (28, 28), ink 1 and paper 0).

    Raises:
        click.ClickException: a file in the archive would not stay in its folder, or is not a drawing.
        zipfile.BadZipFile, zlib.error: the archive is damaged; verify() would have said so.
    """
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            name = _safe_name(archive, info.filename)
            if name:
                yield name, _resized(file.read(info), f"{path}, {name}")


def _safe_name(archive: Archive, member: str) -> str | None:
    """Member of an archive -> where it goes; None if it is not a drawing, as the notes that macOS adds."""
    parts = member.split("/")
    if not member.endswith(".png") or parts[0] == "__MACOSX" or parts[-1].startswith("."):
        return None
    if len(parts) != 4 or parts[0] != archive.name or {"", ".", ".."} & set(parts) or set(member) & set("\\:"):
        raise click.ClickException(f"{archive.file} holds {member}, which has no place in it")
    return "/".join(parts[1:])


def _resized(png: bytes, name: str) -> npt.NDArray[np.uint8]:
    try:
        with images.named(name):
            paper = iio.imread(png, extension=".png", plugin="pillow")
    except images.DrawingError as error:
        raise click.ClickException(f"{name} is not a PNG that can be read") from error
    if paper.dtype != bool or paper.shape not in {(ORIGINAL, ORIGINAL), (SIZE, SIZE)}:
        raise click.ClickException(f"{name} is not a drawing of {ORIGINAL}x{ORIGINAL} pixels of one bit")
    nearest = (2 * np.arange(SIZE) + 1) * len(paper) // (2 * SIZE)
    return (~paper[np.ix_(nearest, nearest)]).astype(np.uint8)


def _checksum_of_drawings(archive: Archive, path: Path) -> str | None:
    """Checksum of names and pixels, however they are packed; None if they cannot be read."""
    try:
        pixels = {name: np.packbits(ink).tobytes() for name, ink in drawings(archive, path)}
    except (click.ClickException, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return None
    found = hashlib.sha256()
    for name in sorted(pixels):
        found.update(name.encode() + b"\0" + pixels[name])
    return found.hexdigest()
