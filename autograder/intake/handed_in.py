"""Folders and archives from anyone: what lies in them, and the bytes of a file of which nothing else is believed.

Links are not followed, nothing is unpacked to disk, no read blocks, and names, folders and bytes are bounded.
"""

import copy
import errno
import functools
import itertools
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from autograder import untrusted

MAX_FILE = 512 * 1024  # bytes of a student's file
MAX_NAMES = 60_000  # files and folders looked at: a course folder with Omniglot and a virtual environment in it
MAX_FOLDERS = 5_000
MAX_PATH = 4096  # characters of a name: no system unpacks a longer one
MAX_DIRECTORY = 8 * 1024 * 1024  # bytes of an archive's table of contents
MAX_EXTRA = 1024  # bytes of a member's additional fields, which take quadratic time to read
CHUNK = 1024 * 1024  # bytes that are read of a member at a time
DEPTH = 64  # folders in each other
NOISE = {"__MACOSX", "__pycache__", "node_modules", "site-packages"}
MEMBER = struct.Struct("<4s24x3H12x")  # a record of the table of contents: signature, lengths of its three texts
DRIVE = re.compile("^[A-Za-z]:")
TOO_MANY = "it holds too many files; hand in only your homework"


class UnreadableError(Exception):
    """Something that cannot be read; the message follows its name."""


@dataclass(slots=True, eq=False)
class Entry:
    """A file that was handed in.

    Attributes:
        parts: its path from the root.
        problem: why it is not to be read.
    """

    parts: tuple[str, ...]
    problem: str
    _read: Callable[[int], tuple[bytes, bool]]

    @property
    def name(self) -> str:
        """Its path from the root, with forward slashes."""
        return "/".join(self.parts)

    @property
    def shown(self) -> str:
        """The name, as it may be shown."""
        return untrusted.name(self.name)

    def read(self, *, hard_links: bool, most: int | None = None) -> bytes:
        """Read the content.

        Args:
            hard_links: whether it may have other names.
            most: bytes; as many as a student's file may have if left out.

        Raises:
            UnreadableError: it is a link, no file, too large, damaged, or has other names.
        """
        most = most or MAX_FILE
        if self.problem:
            raise UnreadableError(self.problem)
        data, linked = self._read(most)
        if linked and not hard_links:
            raise UnreadableError("is a hard link; hand in a file of its own")
        if len(data) > most:
            raise UnreadableError(f"is larger than {most // 1024} KiB")
        return data

    def head(self) -> bytes:
        """Return its first bytes, by which kinds of files are told apart; nothing where it cannot be read."""
        try:
            return b"" if self.problem else self._read(512)[0]
        except UnreadableError:
            return b""


def parts(name: str) -> tuple[str, ...]:
    """Split a path of any system, without its drive."""
    found = DRIVE.sub("", name.replace("\\", "/"), count=1).split("/")
    return tuple(part for part in found if part not in ("", ".")) if "" in found or "." in found else tuple(found)


def is_noise(path: tuple[str, ...]) -> bool:
    """Tell whether a file lies in a folder, or has a name, that systems and tools make and no student does."""
    if path[-1].startswith("._") or not NOISE.isdisjoint(path):
        return True
    return "/." in f"/{'/'.join(path[:-1])}" and any(part.startswith(".") and part != ".." for part in path[:-1])


def folder(root: Path, wanted: Collection[str] = (), depth: int = DEPTH) -> list[Entry]:
    """List the files in a folder, the nearest first.

    Args:
        root: the folder.
        wanted: names of files; where all of them are found, what lies more than one folder deeper is not looked at.
        depth: folders in each other.

    Raises:
        OSError: it cannot be listed.
        UnreadableError: it holds too many, and not all that are wanted lie above these.
    """
    entries: list[Entry] = []
    levels: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    names = folders = 0
    complete = False
    for _ in range(depth):
        found: list[Entry] = []
        below: list[tuple[Path, tuple[str, ...]]] = []
        for path, inside in levels:
            items = _items(path, MAX_NAMES - names, must=path == root)
            names, folders = names + len(items), folders + 1
            if names >= MAX_NAMES or folders > MAX_FOLDERS:
                if complete:
                    return entries
                raise UnreadableError(TOO_MANY)
            for item in items:
                name = (*inside, item.name)
                if not item.is_dir(follow_symlinks=False):
                    found.append(loose(Path(item.path), "/".join(name)))
                elif not is_noise((*name, "")):
                    below.append((Path(item.path), name))
        entries += found
        if complete or not below:
            break
        complete = bool(wanted) and set(wanted) <= {entry.parts[-1] for entry in entries if entry.parts}
        levels = below
    return entries


def _items(path: Path, most: int, *, must: bool) -> list["os.DirEntry[str]"]:
    """What lies in a folder, sorted; nothing in one that cannot be listed, unless it must be."""
    try:
        with os.scandir(path) as items:
            return sorted(itertools.islice(items, most), key=lambda item: item.name)
    except OSError:
        if must:
            raise
        return []


def loose(path: Path, name: str) -> Entry:
    """Return one file, under the name by which it was handed in."""
    where = parts(name) or (name,)
    return Entry(where, _leads_out(where), functools.partial(_read, path))


def _leads_out(where: tuple[str, ...]) -> str:
    return "leads out of the archive; pack it again" if ".." in where else ""


def _read(path: Path, most: int) -> tuple[bytes, bool]:
    """A regular file's first bytes, one more than asked for, and whether it has another name."""
    try:
        if path.is_symlink():
            raise UnreadableError("is a link; hand in the file itself")
        flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")]  # as far as there are
        descriptor = os.open(path, os.O_RDONLY | sum(flags))
    except OSError as error:
        irregular = error.errno == errno.ENXIO  # a socket, or a device that is not there
        reason = "is not a regular file" if irregular else f"cannot be read: {error.strerror}"
        raise UnreadableError(reason) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file")
        return file.read(most + 1), status.st_nlink > 1


def read_regular(path: Path, most: int) -> bytes:
    """Read a regular file of at most so many bytes, following no link.

    Raises:
        UnreadableError: it is none, or larger.
    """
    return Entry((path.name,), "", functools.partial(_read, path)).read(hard_links=True, most=most)


def archive(file: BinaryIO, inside: tuple[str, ...] = (), most: int = MAX_NAMES) -> list[Entry]:
    """List the files in a zip archive.

    Args:
        file: the archive; open as long as its files are read.
        inside: what stands before their names.
        most: how many there may be.

    Raises:
        UnreadableError: it is none, or holds too many.
    """
    try:
        packed = zipfile.ZipFile(_Bounded(file, most))
        members = [info for info in packed.infolist() if not info.is_dir() and len(info.filename) <= MAX_PATH]
    except UnreadableError:
        raise
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise UnreadableError(f"it is not a zip archive ({untrusted.name(str(error))})") from None
    entries = []
    for info in members:
        where = parts(info.filename)
        if where:
            entries.append(Entry((*inside, *where), _objection(info, where), functools.partial(_unpack, packed, info)))
    return entries


class _Bounded:
    """An archive's file for zipfile, which reads the table of contents at once, whatever its size is said to be."""

    def __init__(self, file: BinaryIO, most: int):
        self._file = file
        self._most = most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read as a file does.

        Raises:
            UnreadableError: it is more than any table of contents may be, or one whose records are too many or odd.
        """
        if size > MAX_DIRECTORY:
            raise UnreadableError(TOO_MANY)
        data = self._file.read(MAX_DIRECTORY if size < 0 else size)
        at = count = 0
        while data.startswith(b"PK\1\2", at) and at + MEMBER.size <= len(data):
            _, *lengths = MEMBER.unpack_from(data, at)
            at, count = at + MEMBER.size + sum(lengths), count + 1
            if count > self._most or lengths[1] > MAX_EXTRA:
                raise UnreadableError(TOO_MANY)
        return data


def _objection(info: zipfile.ZipInfo, where: tuple[str, ...]) -> str:
    """Why a member is not to be read; empty if it may be."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link; pack the file itself" if kind == stat.S_IFLNK else "is not a regular file"
    if info.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed by an uncommon method; make an ordinary zip archive"
    return _leads_out(where)


def _unpack(packed: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> tuple[bytes, bool]:
    """A member's first bytes, one more than asked for; it has no other name."""
    cut = copy.copy(info)
    cut.compress_size = min(info.compress_size, 2 * most + 2**16)  # even the longest packing of so many bytes
    try:
        content = bytearray()
        with packed.open(cut) as file:
            while data := file.read(min(CHUNK, most + 1 - len(content))):
                content += data
        return bytes(content), False
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise UnreadableError(f"is damaged ({untrusted.name(str(error))}); pack it again") from None
