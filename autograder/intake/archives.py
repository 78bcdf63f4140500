"""Archives that are the same byte for byte whenever and wherever they are made."""

import io
import zipfile
from collections.abc import Mapping

DATE = (2020, 1, 1, 0, 0, 0)


def pack(files: Mapping[str, bytes], inside: str = "", executable: frozenset[str] = frozenset()) -> bytes:
    """Return a zip archive.

    Args:
        files: contents by name, with forward slashes.
        inside: a folder in the archive in which they lie.
        executable: names of those that are to be run.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{inside}/{name}" if inside else name, DATE)
            entry.create_system = 3  # Unix, whatever this is
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return packed.getvalue()
