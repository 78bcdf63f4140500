"""Text that comes from a submission, made harmless for what it is shown in."""

import re
import unicodedata
from collections.abc import Iterable

CONTROL = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x2029))  # all but tab and newline
BIDI = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF))  # turn text around
FORMULA = ("=", "+", "-", "@")  # how a cell begins that a spreadsheet would run
OTHER = ("|", "%")  # how one begins that becomes a formula when something decodes it
# A table may be opened with any of these as the separator, and then each piece between two of them begins a cell.
PIECE = re.compile(r"""(?<![^\s,;|:"^~/\\\u00a6\u00a7\u00b7])[^\s,;|:"^~/\\\u00a6\u00a7\u00b7]+""")
NUMBER = re.compile(r"[-+]\d[\d.]*(e[-+]?\d+)?[.)\]]*", re.IGNORECASE)


def clean(text: str, most: int = 4000) -> str:
    """Text without the characters by which it could take over a terminal, hide, or break an encoding."""
    return text[:most].translate(CONTROL).translate(BIDI).encode(errors="replace").decode()


def hide_paths(text: str, paths: Iterable[str]) -> str:
    """Text without paths of this machine, which a worker may read in /proc: longest first."""
    for path in sorted({path.rstrip("/") for path in paths}, key=len, reverse=True):
        text = text.replace(path, "...") if len(path) > 1 else text
    return text


def name(text: str) -> str:
    """A file's or a student's name, in one short line."""
    return clean(text, 120).replace("\n", " ").replace("\t", " ")


def ending(text: str, most: int = 100) -> str:
    """A path in one short line, of which the end is kept."""
    line = name(text[-most:])
    return line if len(text) <= most else f"...{line}"


def cell(text: str) -> str:
    """A cell of a table that spreadsheets open: text whatever the separator, and its line breaks are spaces."""
    line = PIECE.sub(_as_text, " ".join(clean(text).split()))
    return f"'{line}" if _plain(line).startswith((*FORMULA, *OTHER)) else line


def _as_text(piece: re.Match[str]) -> str:
    found = piece[0]
    runs = _plain(found).startswith(FORMULA) and len(found) > 1 and not NUMBER.fullmatch(found)
    return f"'{found}" if runs else found


def _plain(text: str) -> str:
    """How a text begins, for who reads full-width and small signs as the usual ones and overlooks invisible ones."""
    return unicodedata.normalize("NFKC", "".join(c for c in text[:20] if unicodedata.category(c) != "Cf")).lstrip()
