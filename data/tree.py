"""A folder of drawings, <alphabet>/<character>/<drawing>.png, that is there as a whole or not at all.

A tree is made in a hidden folder beside its place, and moved there when it is finished and its label is inside. Only
one run at a time works on a tree; what a killed run leaves behind, the next one removes.
"""

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click
import imageio.v3 as iio
import numpy as np
import numpy.typing as npt

LABEL = ".complete.json"  # in a finished tree: what it was made from, and how much it holds


def origin(tree: Path, whole: bool = True) -> dict[str, Any]:
    """Return what a tree was made from; empty if there is none, or if drawings are lost or cut short."""
    label = _label(tree)
    if label is None or (whole and label["holds"] != _holds(tree)):
        return {}
    made_from: dict[str, Any] = label["made_from"]
    return made_from


@contextmanager
def workshop(tree: Path, maker: str) -> Iterator[Path]:
    """Have a tree to oneself, and a hidden folder beside it to work in.

    Waits while another run works on the tree, and clears up after one that was killed. If all goes well the folder is
    removed in the end; if not, what was put into it stays for the next run.

    Args:
        tree: where it is or will be.
        maker: the program that makes it.

    Raises:
        click.ClickException: at that place is something that the maker did not make.
    """
    shop = tree.with_name(f".{tree.name}.part")
    with _alone(shop):
        old = shop / "old"
        if old.exists() and not tree.exists():  # killed between the two moves of build()
            old.rename(tree)
        _remove(old)
        _remove(shop / "new")
        if tree.exists() and not _made_by(maker, tree):
            raise click.ClickException(f"{tree} is not from {maker}: move it away, or choose another --out")
        yield shop
        _remove(shop)


@contextmanager
def build(tree: Path, shop: Path, maker: str, made_from: dict[str, Any]) -> Iterator[Path]:
    """Fill the folder that this gives; when that went well, it takes the tree's place.

    Args:
        tree: where; a tree that is there already is replaced.
        shop: the tree's workshop.
        maker: for the label.
        made_from: for the label; origin() will return it.
    """
    new, old = shop / "new", shop / "old"
    new.mkdir()
    try:
        yield new
        label = {"maker": maker, "made_from": made_from, "holds": _holds(new)}
        (new / LABEL).write_text(json.dumps(label), encoding="utf-8")
        # No portable call exchanges two folders. A run that is killed between the two moves leaves no tree, and the
        # next one puts the old tree back.
        if tree.exists():
            tree.rename(old)
        try:
            new.rename(tree)
        except OSError:
            if old.exists():
                old.rename(tree)
            raise
    finally:
        _remove(new)
        _remove(old)


def save(path: Path, ink: npt.NDArray[np.uint8]) -> None:
    """Save a drawing, ink 1 and paper 0, as a PNG of one bit a pixel, black ink on white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, ink == 0, plugin="pillow")


@contextmanager
def explained(tree: Path) -> Iterator[None]:
    """Turn an error of the operating system into one sentence."""
    try:
        yield
    except OSError as error:
        place = error.filename or tree
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sentence = f"there is no room on the disk to write {place}"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            sentence = f"there is no permission to write {place}: choose another folder with --out"
        elif error.errno in (errno.ENOTDIR, errno.EEXIST):
            sentence = f"{place} cannot be made, since a file is in the way: choose another folder with --out"
        else:
            sentence = f"{place}: {error.strerror or error}"
        raise click.ClickException(sentence) from error


def _label(tree: Path) -> dict[str, Any] | None:
    try:
        label = json.loads((tree / LABEL).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return label if isinstance(label, dict) and label.keys() == {"maker", "made_from", "holds"} else None


def _made_by(maker: str, tree: Path) -> bool:
    label = _label(tree)
    if label is None:
        return tree.is_dir() and not any(tree.iterdir())  # an empty folder is anybody's
    return bool(label["maker"] == maker)


def _holds(tree: Path) -> dict[str, int]:
    """Count drawings and their bytes: cheap, and sees what a full disk or a power cut does to files."""
    sizes = [drawing.stat().st_size for drawing in tree.glob("*/*/*.png")]
    return {"drawings": len(sizes), "bytes": sum(sizes)}


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(shop: Path) -> Iterator[None]:
    """Hold the lock in a folder. The system takes it back when a process ends, however it ends."""
    announced = False
    while (lock := _lock(shop)) is None:
        if not announced:
            click.echo(f"another run is at work in {shop}: waiting for it", err=True)
            announced = True
        time.sleep(0.2)
    try:
        with lock:
            try:
                yield
            finally:
                if sys.platform != "win32":  # while it is held, or two runs could hold one each
                    _unlock(shop)
    finally:
        if sys.platform == "win32":  # which removes no file that is open
            _unlock(shop)


def _lock(shop: Path) -> IO[str] | None:
    shop.mkdir(parents=True, exist_ok=True)
    try:
        lock = (shop / "lock").open("a", encoding="utf-8")
    except FileNotFoundError:  # the run that held it has removed the folder meanwhile
        return None
    with suppress(FileNotFoundError):
        if _locked(lock) and os.path.samestat(os.fstat(lock.fileno()), (shop / "lock").stat()):
            return lock
    lock.close()
    return None


def _unlock(shop: Path) -> None:
    """Remove the lock, and the folder if nothing else is in it."""
    with suppress(OSError):
        (shop / "lock").unlink(missing_ok=True)
        shop.rmdir()


if sys.platform == "win32":
    import msvcrt

    def _locked(lock: IO[str]) -> bool:
        try:
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _locked(lock: IO[str]) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a network file system without locks: go on without
            return True
        return True
