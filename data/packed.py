"""A cache of packed bits: thousands of small files, read once.

It lies in the folder of the drawings as one hidden file, 3 MB for all of Omniglot. What it holds of a character counts
as long as that character's files have the names, sizes and times of change that they had then.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

NAME = ".packed.safetensors"
Bits = npt.NDArray[np.uint8]
Known = dict[str, tuple[str, Bits]]  # name -> state of its files, and their bits


def through(folder: Path, files: Mapping[str, list[Path]], read: Callable[[Path], Bits]) -> dict[str, Bits]:
    """Read files by way of the cache, and keep in it what was not there.

    A cache that cannot be read is made anew. Where none can be written, files are read each time.

    Args:
        folder: holds all files, and the cache.
        files: name -> paths.
        read: from a path to its bits, as many bytes for each.

    Returns:
        Name -> array (paths, bytes).
    """
    known = _load(folder / NAME)
    states = {name: _state(paths) for name, paths in files.items()}
    stale = [name for name, state in states.items() if name not in known or known[name][0] != state]
    if stale:
        known |= {name: (states[name], bits) for name, bits in _read({name: files[name] for name in stale}, read)}
        with suppress(OSError):
            _save(folder / NAME, known)
    return {name: known[name][1] for name in files}


def _read(files: Mapping[str, list[Path]], read: Callable[[Path], Bits]) -> Iterator[tuple[str, Bits]]:
    """Read the files of each name; a terminal shows how far it has come."""
    from rich.console import Console  # here: a worker of the grader imports this module, and reads nothing
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading drawings", total=sum(map(len, files.values())))
        for name, paths in files.items():
            yield name, np.stack([read(path) for path in paths])
            progress.advance(task, len(paths))


def _state(paths: list[Path]) -> str:
    stats = [(path.name, path.stat()) for path in paths]
    words = repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _load(path: Path) -> Known:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            bits, index = file.get_tensor("bits"), json.loads(file.metadata()["index"])
        return {name: (state, bits[first : first + count]) for name, (state, first, count) in index.items()}
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError):
        return {}


def _save(path: Path, known: Known) -> None:
    index, first = {}, 0
    for name, (state, bits) in known.items():
        index[name] = (state, first, len(bits))
        first += len(bits)
    whole = np.concatenate([bits for _, bits in known.values()])
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")  # others may write it too: the last one wins
    try:
        unfinished.write_bytes(safetensors.numpy.save({"bits": whole}, {"index": json.dumps(index)}))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
