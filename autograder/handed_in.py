"""Folders and archives from anyone: what lies in them, and the bytes of a file of which nothing else is believed.

Links are not followed, nothing is unpacked to disk, no read blocks, and every size has a bound.
"""

import errno
import functools
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder import untrusted

MAX_FILE = 512 * 1024  # bytes of a student's file
MAX_ENTRIES = 10_000  # files looked at
MAX_DIRECTORY = 4 * 1024 * 1024  # bytes of an archive's table of contents
DEPTH = 3  # root/extra folder/hw2/maml.py
NOISE = {"__MACOSX", "__pycache__", "node_modules"}
FLAGS = os.O_RDONLY  # and those of the others that this system has
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    FLAGS |= getattr(os, _name, 0)
END = struct.Struct("<4s4H2LH")  # of an archive: the record that says how large its table of contents is


class UnreadableError(Exception):
    """Something that cannot be read; the message follows its name."""


@dataclass(frozen=True)
class Entry:
    """A file that was handed in.

    Attributes:
        name: its path from the root, with forward slashes.
        problem: why it is not to be read.
    """

    name: str
    problem: str
    _read: Callable[[], tuple[bytes, bool]]

    @property
    def shown(self) -> str:
        """The name, as it may be shown."""
        return untrusted.name(self.name)

    def read(self, *, hard_links: bool) -> bytes:
        """The content.

        Raises:
            UnreadableError: it is a link, no file, too large, damaged, or has other names.
        """
        if self.problem:
            raise UnreadableError(self.problem)
        data, linked = self._read()
        if linked and not hard_links:
            raise UnreadableError("is a hard link; hand in a file of its own")
        if len(data) > MAX_FILE:
            raise UnreadableError(f"is larger than {MAX_FILE // 1024} KiB")
        return data


def folder(root: Path) -> list[Entry]:
    """The files in a folder, three levels deep.

    Raises:
        OSError: it cannot be listed.
        UnreadableError: it holds too many.
    """
    entries: list[Entry] = []
    levels = [(root, PurePosixPath())]
    for depth in range(1, DEPTH + 1):
        below = []
        for path, inside in levels:
            for item in sorted(os.scandir(path), key=lambda item: item.name):
                name = inside / item.name
                if item.is_dir(follow_symlinks=False):
                    hidden = item.name.startswith(".") or item.name in NOISE
                    below += [] if hidden or depth == DEPTH else [(Path(item.path), name)]
                    continue
                if len(entries) >= MAX_ENTRIES:
                    raise UnreadableError(f"it holds more than {MAX_ENTRIES} files; hand in only your homework")
                entries.append(loose(Path(item.path), str(name)))
        levels = [(path, name) for path, name in below if os.access(path, os.R_OK | os.X_OK)]
    return entries


def loose(path: Path, name: str) -> Entry:
    """One file, under the name by which it was handed in."""
    problem = "is a link; hand in the file itself" if path.is_symlink() else ""
    return Entry(name, problem, functools.partial(_read, path))


def _read(path: Path) -> tuple[bytes, bool]:
    """A regular file's first bytes, and whether it has another name."""
    try:
        descriptor = os.open(path, FLAGS)
    except OSError as error:
        irregular = error.errno == errno.ENXIO  # a socket, or a device that is not there
        reason = "is not a regular file" if irregular else f"cannot be read: {error.strerror}"
        raise UnreadableError(reason) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file")
        return file.read(MAX_FILE + 1), status.st_nlink > 1


def archive(path: Path) -> list[Entry]:
    """The files in a zip archive.

    Raises:
        UnreadableError: it is none, or holds too many.
    """
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as packed:
            members = [info for info in packed.infolist() if not info.is_dir()]
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise UnreadableError(f"it is not a zip archive ({untrusted.name(str(error))})") from None
    if len(members) > MAX_ENTRIES:
        raise UnreadableError(f"it holds {len(members)} files; pack only your homework")
    entries = []
    for info in members:
        name = PurePosixPath(info.filename.replace("\\", "/"))  # some archives come from Windows
        if NOISE.isdisjoint(name.parts) and not name.name.startswith("._"):
            entries.append(Entry(str(name), _objection(info, name), functools.partial(_unpack, path, info)))
    return entries


def _check_directory(path: Path) -> None:
    """Refuse an archive whose table of contents would take long, and much memory, to read."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 0x10000 - END.size))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END.size:
        raise UnreadableError("it is not a zip archive, or only the beginning of one")
    if END.unpack_from(tail, at)[5] > MAX_DIRECTORY:  # 0xffffffff where the larger format is used
        raise UnreadableError("it holds too many files; pack only your homework")


def _objection(info: zipfile.ZipInfo, name: PurePosixPath) -> str:
    """Why a member is not to be read; empty if it may be."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts:
        return "leads out of the archive; pack it again"
    if kind not in (0, stat.S_IFREG):
        return "is a link; pack the file itself" if kind == stat.S_IFLNK else "is not a regular file"
    if info.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed by an uncommon method; make an ordinary zip archive"
    return ""


def _unpack(path: Path, info: zipfile.ZipInfo) -> tuple[bytes, bool]:
    try:
        with zipfile.ZipFile(path) as packed, packed.open(info) as file:
            return file.read(MAX_FILE + 1), False
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise UnreadableError(f"is damaged ({untrusted.name(str(error))}); pack it again") from None
