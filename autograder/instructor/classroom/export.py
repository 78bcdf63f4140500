"""An export as it was downloaded: an archive, which is unpacked beside what comes of it."""

import contextlib
import shutil
import zipfile
import zlib
from pathlib import Path

from autograder.instructor.classroom.layouts import LayoutError

FOLDER = "submissions"  # in OUT; in it lies a folder of the archive's name
NOTE = "archive.txt"  # beside that: which archive it was
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
)  # the last: a password


def unpacked(export: Path, out: Path) -> Path:
    """Return the folder of an export: of a zip archive the one in OUT/submissions into which it is unpacked.

    Args:
        export: as it was downloaded, or the folder that it makes.
        out: where everything of the class goes.

    Raises:
        LayoutError: it is a file that cannot be unpacked.
    """
    if not export.is_file():
        return export
    if not zipfile.is_zipfile(export):
        raise LayoutError(f"{export} is a file, and no zip archive: unpack the export first, and name its folder.")
    whole, new = out / FOLDER, out / f"{FOLDER}.new"
    folder, found = whole / export.stem, export.stat()
    state = f"{export.absolute()}\n{found.st_size}\n{found.st_mtime_ns}\n"
    with contextlib.suppress(OSError, UnicodeError):
        if folder.is_dir() and (whole / NOTE).read_text(encoding="utf-8") == state:
            return folder
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(new, ignore_errors=True)
    try:
        with zipfile.ZipFile(export) as archive:
            archive.extractall(new / export.stem)  # a name that leads out leads into it; a link is a file with its text
    except BROKEN as error:
        shutil.rmtree(new, ignore_errors=True)
        way = "download it again, or unpack it and name its folder"
        raise LayoutError(f"{export} cannot be unpacked ({error}): {way}.") from None
    (new / NOTE).write_text(state, encoding="utf-8")
    shutil.rmtree(whole, ignore_errors=True)
    new.rename(whole)
    return folder
