"""The texts in a file, whatever they are packed or written in.

Encodings (UTF-7, 16 and 32, base 2 to 85, uuencode, escapes, entities, lists of character codes, rot13, backwards),
letters that look like others, compressed data, archives in archives, notebooks and JSON with all that they hold, arrays
that hold text. Each text comes with the
way to it, as "base64, gzip".
"""

import base64
import binascii
import bz2
import codecs
import gzip
import html
import io
import json
import lzma
import quopri
import re
import tarfile
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy


def _inflated(content: bytes) -> bytes:
    return zlib.decompressobj().decompress(content, 2**20)


def _deflated(content: bytes) -> bytes:
    """What is inside of compressed data without a header."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, 2**20)


def _start_of(begin: Callable[[], Any]) -> Callable[[bytes], bytes]:
    """Unpack what begins a piece of data, whatever comes behind."""
    return lambda content: bytes(begin().decompress(content))


def _from_utf_7(code: bytes) -> bytes:
    return code.decode("utf-7").encode()


def _uuencoded(code: bytes) -> bytes:
    return b"".join(binascii.a2b_uu(line) for line in code.splitlines())


def _bits(code: bytes) -> bytes:
    return bytes(int(code[at : at + 8], 2) for at in range(0, len(code) - 7, 8))


def _base64(code: bytes) -> bytes:
    bare = code.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    return base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + b"=" * (-len(bare) % 4))


def _base32(code: bytes) -> bytes:
    bare = code.rstrip(b"=")
    return base64.b32decode(bare + b"=" * (-len(bare) % 8))


DEPTH = 5  # disguises on top of each other
MOST = 2**26  # bytes of what is unpacked from one file
LEAST = 12  # characters of a text that is worth a look
RUN = re.compile(rb"[\t\n\x20-\x7e]{12,}")  # text among other bytes
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
INSIDE = re.compile(
    rb"\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x5d\x00\x00[\x00-\xff]{2}"
)  # packed, among other bytes
UNPACKED = {
    "gzip": _start_of(lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)),
    "bzip2": _start_of(bz2.BZ2Decompressor),
    "xz": _start_of(lzma.LZMADecompressor),
    "lzma": _start_of(lzma.LZMADecompressor),
}
PACKED: tuple[tuple[str, bytes, Callable[[bytes], bytes]], ...] = (
    ("gzip", b"\x1f\x8b", gzip.decompress),
    ("bzip2", b"BZh", bz2.decompress),
    ("xz", b"\xfd7zXZ", lzma.decompress),
    ("lzma", b"\x5d\x00\x00", lzma.decompress),
)
GAP = r"[\s\"'\\,]{0,24}"  # what stands between the pieces of a code that is written on several lines
BASES: tuple[tuple[str, re.Pattern[str], Callable[[bytes], bytes]], ...] = (
    (
        "hexadecimal",
        re.compile(rf"(?:(?:0x|\\x)?[0-9A-Fa-f]{{2}}[:-]?{GAP}){{8,}}"),
        binascii.unhexlify,
    ),
    ("binary digits", re.compile(rf"(?:(?:0b)?[01]{{7,8}}{GAP}){{8,}}"), _bits),
    ("base64", re.compile(rf"(?:[A-Za-z0-9+/]{{4}}{GAP}){{4,}}[A-Za-z0-9+/]*=*"), _base64),
    ("base64", re.compile(r"[A-Za-z0-9+/_-]{16,}=*"), _base64),
    ("base32", re.compile(rf"(?:[A-Z2-7]{{8}}{GAP}){{2,}}[A-Z2-7]*=*"), _base32),
    ("base85", re.compile(r"[!-~]{20,}"), base64.b85decode),
    ("ascii85", re.compile(r"[!-u\s]{20,}"), base64.a85decode),
)
BETWEEN = {  # what is no code
    "hexadecimal": r"0x|\\x|[\s\"'\\,:-]",
    "binary digits": r"0b|[\s\"'\\,]",
    "base85": r"\s",
    "ascii85": r"\s",
}
CODES = re.compile(r"(?:(?:chr\(|0o)?\d{1,3}\b\W{1,8}){10,}(?:chr\(|0o)?\d{1,3}\b")
LINES = re.compile(r"(?m)^[ \t]*[#>*|;%-]+[ \t]*")  # before what goes on from line to line in comments and quotes
UUENCODED = re.compile(r"(?m)^begin \d{3} .*\n((?:[ -`]{2,61}\n)+)")
WRAPPED = re.compile(r"(?m)(?<=[A-Za-z0-9+/]{16})\n(?=[A-Za-z0-9+/]+=*$)")  # in the middle of a code
UTF_7 = re.compile(r"\+[A-Za-z0-9/+]{3,}-?")
TAGS = re.compile(r"<[^<>]{1,200}>")
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[A-Z -]+\}|[0-7]{3})")
QUOTED = re.compile(r"=[0-9A-F]{2}")
JOINED = re.compile(r"""["']\s*(?:\+|,)?\s*(?:\\?\n\s*[#>]*\s*)?[rbfu]?["']""")


# Letters of other alphabets that look like ours, and characters that are not seen and stand for ours.
ALIKE = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458\u0455\u03bf\u03b1\u03bd", "aeopcxyijsoav")
ALIKE |= {0xE0000 + code: code for code in range(9, 127)} | {0xE0100 + code - 16: code for code in range(16, 127)}


class View(NamedTuple):
    """A text, the way to it, and how deep it lies."""

    way: str
    text: str


def views(name: str, content: bytes) -> Iterator[View]:
    """Find the texts in a file; the first is the file as it is, with an empty way."""
    budget = [MOST]
    seen: set[int] = set()
    for way, text in _of_bytes(name, content, "", DEPTH, budget):
        if len(text) >= LEAST and hash(text) not in seen:
            seen.add(hash(text))
            yield View(way, text)


def _of_bytes(name: str, content: bytes, way: str, depth: int, budget: list[int]) -> Iterator[View]:
    budget[0] -= len(content)
    if depth < 0 or budget[0] < 0:
        return
    if name.endswith((".ipynb", ".json")) or content[:1] in (b"{", b"["):
        parts = list(_of_json(content, name.endswith(".ipynb")))
        for place, text in parts:
            yield from _of_text(text, _and(way, place), depth, budget)
        if parts:
            return
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        if text := _wide(content, encoding):
            yield from _of_text(text, _and(way, encoding[:6].upper()), depth - 1, budget)
    if _readable(content):
        yield from _of_text(content.decode("utf-8", errors="ignore"), way, depth, budget)
    else:
        yield from _of_text("\n".join(run.decode() for run in RUN.findall(content)), way, depth - 1, budget)
    for packed, begins, unpack in PACKED:
        if content.startswith(begins) and (inside := _tried(unpack, content)):
            yield from _of_bytes("", inside, _and(way, packed), depth - 1, budget)
    if not _readable(content):
        yield from _of_data(content, way, depth, budget)


def _of_data(content: bytes, way: str, depth: int, budget: list[int]) -> Iterator[View]:
    """What is inside of bytes that are no text."""
    for member, inside in _members(content, budget):
        yield View(_and(way, member), member)
        yield from _of_bytes(member, inside, _and(way, member), depth - 1, budget)
    for found in ZLIB.finditer(content):
        if inside := _tried(_inflated, content[found.start() : found.start() + 2**16]):
            yield from _of_bytes("", inside, _and(way, "zlib"), depth - 1, budget)
    for found in INSIDE.finditer(content):
        for packed, begins, _ in PACKED:
            if found.start() and content.startswith(begins, found.start()):
                inside = _tried(UNPACKED[packed], content[found.start() : found.start() + 2**16])
                yield from _of_bytes("", inside, _and(way, packed), depth - 1, budget)
    for name, array in _arrays(content).items():
        if text := _characters(array):
            yield from _of_text(text, _and(way, f"array {name}"), depth - 1, budget)


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays in a file of safetensors or of NumPy's."""
    try:
        if content.startswith(b"\x93NUMPY"):
            return {"": np.load(io.BytesIO(content), allow_pickle=False)}
        return safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, OverflowError, OSError, EOFError, MemoryError):
        return {}


def _of_text(text: str, way: str, depth: int, budget: list[int]) -> Iterator[View]:
    """A text, and what is written in it in another way."""
    yield View(way, text)
    if depth <= 0 or len(text) < LEAST:
        return
    for what, other in (
        ("entities", html.unescape(text)),
        ("escapes", ESCAPE.sub(lambda escape: _tried_text(escape[0]), text) if "\\" in text else text),
        ("percent signs", urllib.parse.unquote(text) if "%" in text else text),
        (
            "quoted-printable",
            quopri.decodestring(text.encode()).decode("utf-8", "ignore") if QUOTED.search(text) else text,
        ),
        ("other signs", _usual(text)),
        ("UTF-7", _tried(_from_utf_7, text.encode()).decode() if UTF_7.search(text) else text),
        ("tags", TAGS.sub("", text) if text.count("</") >= LEAST else text),
        ("one line", WRAPPED.sub("", text)),
        ("lines", LINES.sub("", text) if len(LINES.findall(text)) > text.count("\n") / 2 else text),
        ("pieces", JOINED.sub("", text)),
    ):
        if other != text:
            yield from _of_text(other, _and(way, what), depth - 2, budget)
    yield View(_and(way, "rot13"), codecs.encode(text, "rot13"))
    yield View(_and(way, "backwards"), text[::-1])
    for found in CODES.finditer(text):
        digits = re.findall(r"\d+\b", found[0].replace("0o", ""))
        for base in (10,) if re.search("[89]", "".join(digits)) else (10, 8):
            numbers = [int(number, base) for number in digits]
            if all(9 <= number <= 255 for number in numbers):
                yield from _of_bytes("", bytes(numbers), _and(way, "character codes"), depth - 1, budget)
    for found in UUENCODED.finditer(text):
        if inside := _tried(_uuencoded, found[1].encode()):
            yield from _of_bytes("", inside, _and(way, "uuencode"), depth - 1, budget)
    for what, pattern, decode in BASES:
        for found in pattern.finditer(text):
            bare = re.sub(BETWEEN.get(what, r"[\s\"'\\,]"), "", found[0])
            inside = _tried(decode, bare.encode())
            if len(inside) < LEAST:
                continue
            if _readable(inside) or _begins_packed(inside):
                yield from _of_bytes("", inside, _and(way, what), depth - 1, budget)
            elif (deflated := _tried(_deflated, inside)) and _readable(deflated):
                yield from _of_bytes("", deflated, _and(way, f"{what}, deflated"), depth - 1, budget)


def _of_json(content: bytes, notebook: bool) -> Iterator[tuple[str, str]]:
    """The texts in JSON. Those in a notebook's cells are named; lists of lines are put together."""
    try:
        value = json.loads(content)
    except ValueError:
        return
    if not notebook or not isinstance(value, dict):
        yield "", "\n".join(_strings(value))
        return
    for number, cell in enumerate(value.pop("cells", []), start=1):
        for part, inside in cell.items() if isinstance(cell, dict) else [("source", cell)]:
            place = {"source": "", "outputs": "output of "}.get(part, f"{part} of ") + f"cell {number}"
            lines = part == "source" and isinstance(inside, list | str)
            yield place, "".join(inside) if lines else "\n".join(_strings(inside))
    yield "metadata", "\n".join(_strings(value))


def _strings(value: Any) -> Iterator[str]:
    """The strings in a value, with what they are called; a list of them is one text too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        if value and all(isinstance(part, str) for part in value):
            yield "".join(value)
        if len(value) >= LEAST and all(isinstance(part, int) for part in value):
            yield ", ".join(map(str, value))
        for part in value:
            yield from _strings(part)


def _members(content: bytes, budget: list[int]) -> Iterator[tuple[str, bytes]]:
    """The members of a zip or tar archive."""
    if b"PK\x03\x04" in content:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield "comment", archive.comment
                for entry in archive.infolist():
                    yield f"extra of {entry.filename}", entry.extra + entry.comment
                    if entry.file_size <= budget[0]:
                        yield entry.filename, archive.read(entry)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, zlib.error, EOFError):
            pass
    if content[257:262] == b"ustar":
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.size <= budget[0] else None
                    yield member.name, file.read() if file else b""
        except (tarfile.TarError, OSError, ValueError, EOFError):
            pass


def _begins_packed(content: bytes) -> bool:
    magic = (b"PK\x03\x04", *(begins for _, begins, _ in PACKED))
    return content.startswith(magic) or ZLIB.match(content) is not None or content[257:262] == b"ustar"


def _wide(content: bytes, encoding: str) -> str:
    """A text of two or four bytes a character; empty if it is none."""
    if content[:4096].count(0) * 4 < len(content[:4096]):
        return ""
    text = content.decode(encoding, errors="ignore").lstrip("\ufeff")
    return text if sum(c.isascii() and (c.isprintable() or c.isspace()) for c in text) * 10 > 9 * len(text) else ""


def _readable(content: bytes) -> bool:
    """Whether bytes are text, nearly all of it printable: at the beginning, in the middle and at the end."""
    if b"\0" in content[:64] and any(_wide(content, encoding) for encoding in ("utf-16-le", "utf-16-be")):
        return True
    return all(map(_is_text, (content[:4096], content[len(content) // 2 :][:4096], content[-4096:])))


def _is_text(content: bytes) -> bool:
    text = content.decode("utf-8", errors="ignore")
    printable = sum(c.isprintable() or c.isspace() or unicodedata.category(c) == "Cf" for c in text)
    return len(text.encode()) > 0.9 * len(content) and printable > 0.9 * len(text)


def _characters(array: np.ndarray) -> str:
    """The text whose character codes an array holds; empty if it holds none."""
    flat = array.ravel()
    if len(flat) < LEAST or flat.dtype == bool:
        return ""
    whole = flat[np.isfinite(flat.astype(np.float64))]
    codes = whole[(whole >= 9) & (whole < 127) & (whole == np.round(whole))]
    return "".join(map(chr, codes.astype(int))) if len(codes) > 0.9 * len(flat) else ""


def _usual(text: str) -> str:
    """Full-width and styled letters as usual ones, and without characters that are not seen."""
    if text.isascii():
        return text
    bare = unicodedata.normalize("NFKD", text.translate(ALIKE))
    return "".join(c for c in bare if unicodedata.category(c) not in ("Cf", "Mn"))


def _tried(decode: Callable[[bytes], bytes], content: bytes) -> bytes:
    try:
        return decode(content)
    except (ValueError, binascii.Error, OSError, EOFError, zlib.error, lzma.LZMAError, OverflowError, MemoryError):
        return b""


def _tried_text(escape: str) -> str:
    try:
        return codecs.decode(escape, "unicode_escape")
    except UnicodeDecodeError:
        return escape


def _and(way: str, more: str) -> str:
    return ", ".join(filter(None, (way, more)))
