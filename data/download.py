"""Fetch Omniglot: python -m data.download.

Archives are fetched or taken from --source, checked against their checksums, resized to 28x28 pixels, and moved into
place as one folder <alphabet>/<character>/<drawing>.png, the same by every route.
"""

import http.client
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TaskID

if not __package__:  # run as a file, python data/download.py
    sys.path[0] = str(Path(__file__).resolve().parents[1])
from data import archives, output, split, tree
from data.archives import Archive

OFFICIAL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
OUT = Path(__file__).resolve().with_name("omniglot_resized")
MAKER = "data.download"

ATTEMPTS = 4  # in a row that bring nothing
PAUSE = 1.0  # seconds after the first of them, doubled after each
TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 16  # bytes


class DroppedError(Exception):
    """The connection failed; another attempt can go on from where this one stopped."""


def download(out: Path, full: bool = False, source: Path | None = None, address: str = OFFICIAL) -> bool:
    """Have Omniglot in a folder, as <alphabet>/<character>/<drawing>.png.

    Args:
        out: the folder. It is there as a whole or not at all; one with the small sets makes way for a larger one.
        full: all of Omniglot instead of the two small sets.
        source: an archive, or a folder of archives, to take instead of fetching any.
        address: where the official archives are, up to their names.

    Returns:
        Whether there was anything to do.

    Raises:
        click.ClickException: one sentence that says what is wrong.
        OSError: the folder cannot be written.
    """
    out = out.resolve()
    chosen = _choose(source, full)
    wanted = archives.covers(chosen)
    if wanted <= _parts(tree.origin(out)):
        return False
    if not full and _parts(tree.origin(out, whole=False)) >= archives.covers(archives.FULL):
        chosen = _choose(source, full=True)  # damaged: make it again as large as it was
    with tree.workshop(out, MAKER) as shop:
        if wanted <= _parts(tree.origin(out)):  # by another run, for which this one had to wait
            return False
        with Progress(console=Console(stderr=True)) as progress:
            files = {
                archive: _checked(archive, path) if path else _fetched(archive, address, shop, progress)
                for archive, path in chosen.items()
            }
            with tree.build(out, shop, MAKER, {"archives": [archive.name for archive in files]}) as new:
                for archive, path in files.items():
                    _unpack(archive, path, new, progress)
    return True


def _choose(source: Path | None, full: bool) -> Mapping[Archive, Path | None]:
    """The archives to use -> their files, None for those to be fetched."""
    if source:
        return archives.choose(source, full)
    return dict.fromkeys(archives.FULL if full else archives.SMALL)


def _parts(made_from: dict[str, Any]) -> frozenset[str]:
    """The parts of Omniglot in a tree, from its label."""
    return archives.covers(archive for archive in archives.ALL if archive.name in made_from.get("archives", []))


def _checked(archive: Archive, path: Path) -> Path:
    archives.verify(archive, path, str(path))
    return path


def _fetched(archive: Archive, address: str, shop: Path, progress: Progress) -> Path:
    """Fetch an archive and check it. What an earlier run left of it is gone on with, and given up if that was wrong."""
    url, path = address + archive.file, shop / archive.file
    task = progress.add_task(f"fetching {archive.file}", total=None)
    for attempt in (1, 2):
        _fetch(url, path, progress, task)
        try:
            archives.verify(archive, path, url)
            break
        except archives.DamagedError:
            path.unlink()
            if attempt == 2:
                raise
    return path


def _fetch(url: str, path: Path, progress: Progress, task: TaskID) -> None:
    """Fetch a file, in as many attempts as it takes while they bring something."""
    failures = 0
    while True:
        before = _size(path)
        try:
            return _receive(url, path, progress, task)
        except DroppedError as error:
            failures = 1 if _size(path) > before else failures + 1
            if failures == ATTEMPTS:
                raise click.ClickException(
                    f"cannot fetch {url} ({error}): fetch the archives elsewhere, and give their folder with --source"
                ) from error
            progress.console.print(f"{path.name}: {error}, trying again", markup=False, highlight=False)
            time.sleep(PAUSE * 2 ** (failures - 1))


def _receive(url: str, path: Path, progress: Progress, task: TaskID) -> None:
    """Fetch what is still missing of a file, or all of it from a server that cannot go on.

    Raises:
        DroppedError: it did not come to its end.
        click.ClickException: the server does not have it.
    """
    start = _size(path)
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing; whether it is right, the checksum tells
            return
        answer = f"the server answered {error.code} {error.reason}"
        if error.code >= 500 or error.code in (408, 429):
            raise DroppedError(answer) from error
        raise click.ClickException(f"cannot fetch {url}: {answer}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DroppedError(_reason(error)) from error
    with response:
        if not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            start = 0
        missing = response.length  # bytes; None if the server does not say
        progress.update(task, completed=start, total=None if missing is None else start + missing)
        with path.open("ab" if start else "wb") as file:
            while block := _block(response):
                file.write(block)
                progress.advance(task, len(block))
    if missing is not None and _size(path) < start + missing:
        raise DroppedError("the connection broke")


def _block(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise DroppedError(_reason(error)) from error


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unpack(archive: Archive, path: Path, folder: Path, progress: Progress) -> None:
    drawings = archives.drawings(archive, path)
    for name, ink in progress.track(drawings, archives.count(archive, path), description=f"unpacking {archive.file}"):
        tree.save(folder / name, ink)


@click.command()
@click.option("--full", is_flag=True, help="All of Omniglot, 1,623 characters, instead of the two small sets, 242.")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Fetch nothing, but take this archive, or the archives in this folder.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=OUT,
    show_default="omniglot_resized beside this file",
    help="The folder to make.",
)
def main(full: bool, source: Path | None, out: Path) -> None:
    """Fetch Omniglot, as drawings of 28x28 pixels in <alphabet>/<character>/<drawing>.png.

    --source is for machines without internet. It knows the official archives images_background_small1.zip,
    images_background_small2.zip, images_background.zip and images_evaluation.zip, and the omniglot_resized.zip of
    CS330. Of an archive it takes all that is inside, with or without --full. Of a folder it takes the two small sets,
    or with --full the two full ones, and in their absence omniglot_resized.zip.

    What is complete is left alone. Small sets make way for larger ones, never the other way round.
    """
    output.for_any_terminal()
    with tree.explained(out):
        news = download(out, full, source)
        characters = split.characters(out)
    click.echo(f"{len(characters)} characters in {out}" + ("" if news else ", nothing to do"))


if __name__ == "__main__":
    main()
