"""Written answers among what was handed in: Markdown, notebooks and PDFs, within the bounds of every submission.

Nothing of them is run or rendered here: text comes back as text, and a picture as the bytes that its first ones say.
"""

import base64
import binascii
import contextlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from autograder import untrusted
from autograder.intake import submission
from autograder.intake.handed_in import Entry, UnreadableError, folder
from autograder.intake.submission import SubmissionError

TEXTS, NOTEBOOK, PDF = (".md", ".txt"), ".ipynb", ".pdf"
GIVEN = ("readme.md", "requirements.txt")  # of the handout, or of nobody
MOST = {".md": 2**20, ".txt": 2**20, NOTEBOOK: 32 * 2**20, PDF: 32 * 2**20}  # bytes
MAX_PICTURE, MAX_PICTURES = 8 * 2**20, 32 * 2**20  # bytes of one, and of all
DOCUMENTS, PICTURES = 6, 60  # read of one submission
CHARACTERS = 100_000  # shown of a document
MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}  # pictures that are shown
LINK = re.compile(r"!\[[^\]\n]{0,300}\]\(\s*<?([^)>\s]{1,300})>?[^)\n]{0,300}\)")
ANSWER = re.compile(r"(?m)^#{1,3} *(?:question|problem)? *(\d{1,3})\b[^\n]*$", re.IGNORECASE)
CELL = re.compile(r"answer-(\d{1,3})")  # the notebook's own ids
NO_ANSWER = re.compile(r"\*Your answer to question \d+:[^*]*\*")  # as the notebook is handed out


class Picture(NamedTuple):
    """A picture of a kind that is shown."""

    kind: str
    content: bytes


class Part(NamedTuple):
    """A piece of a document.

    Attributes:
        question: the number of the question that it answers; empty where none is told.
        text: of it.
        pictures: that it shows, as places in the list of all.
    """

    question: str
    text: str
    pictures: list[int]


class Document(NamedTuple):
    """A document with answers.

    Attributes:
        name: as it was handed in.
        parts: of a text or a notebook; a PDF has none.
        is_pdf: whether it is one.
        content: of a PDF that was asked for, else nothing.
        problem: why it cannot be read; empty if it can.
    """

    name: str
    parts: list[Part]
    is_pdf: bool = False
    content: bytes = b""
    problem: str = ""


class Written(NamedTuple):
    """What was written.

    Attributes:
        documents: the likeliest first.
        pictures: that these show.
        problem: why there is nothing; empty if there is something, or nothing was handed in.
    """

    documents: list[Document]
    pictures: list[Picture]
    problem: str = ""

    def answers(self, number: str) -> list[tuple[Document, Part]]:
        """Return the pieces that answer a question, by its number."""
        return [(one, part) for one in self.documents for part in one.parts if number and part.question == number]


def collect(path: Path | None, loose: Mapping[str, Path], homework: str, whole: int = -1) -> Written:
    """Read the written answers of a submission; what cannot be read is named in the result.

    Args:
        path: the folder or archive; None if there is none, or only loose files.
        loose: files by the names by which they were handed in.
        homework: "hw1" or "hw2".
        whole: place of a PDF among the documents that is to be read, and not only found.
    """
    try:
        with _entries(path, loose) as entries:
            there, _ = submission.unpacked(entries, lambda found: bool(_documents(found)))
            return _read(there, homework, whole)
    except SubmissionError as error:
        return Written([], [], str(error))
    except (OSError, UnreadableError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Written([], [], f"What was handed in cannot be read: {reason}.")
    except Exception as error:  # whatever it is, its student has a page
        return Written([], [], f"What was handed in cannot be read ({type(error).__name__}).")


@contextlib.contextmanager
def _entries(path: Path | None, loose: Mapping[str, Path]) -> Iterator[list[Entry]]:
    if not loose and (path is None or path.is_symlink()):
        yield []
    elif not loose and path and path.is_dir():
        yield folder(path)
    else:
        with submission.opened(loose or {path.name: path} if path else loose) as entries:
            yield entries


def _ending(entry: Entry) -> str:
    return posixpath.splitext(entry.parts[-1].lower())[1]


def _documents(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if _ending(entry) in MOST and entry.parts[-1].lower() not in GIVEN]


def _read(entries: list[Entry], homework: str, whole: int) -> Written:
    def rank(entry: Entry) -> tuple[bool, bool, int, tuple[str, ...]]:
        stem = entry.parts[-1].lower().partition(".")[0]
        return stem != "answers", stem != homework, len(entry.parts), entry.parts

    by_name = {entry.name: entry for entry in entries}
    pictures: list[Picture] = []
    documents: list[Document] = []
    found = _documents(entries)
    likely = [one for one in found if _ending(one) == PDF or one.parts[-1].lower().startswith(("answer", homework))]
    for entry in sorted(likely or found, key=rank)[:DOCUMENTS]:
        ending = _ending(entry)
        try:
            wanted = ending != PDF or len(documents) == whole
            content = entry.read(hard_links=False, most=MOST[ending]) if wanted else entry.head()
        except UnreadableError as error:
            documents.append(Document(entry.shown, [], problem=f"{entry.shown} {error}."))
            continue
        if ending == PDF:
            is_pdf = content.startswith(b"%PDF-")
            problem = "" if is_pdf else f"{entry.shown} is no PDF, whatever it is called."
            documents.append(Document(entry.shown, [], is_pdf, content if is_pdf and wanted else b"", problem))
        elif ending == NOTEBOOK:
            documents.append(_notebook(entry, content, pictures))
        else:
            documents.append(_markdown(entry, content, by_name, pictures))
    return Written(documents, pictures)


def _markdown(entry: Entry, content: bytes, by_name: dict[str, Entry], pictures: list[Picture]) -> Document:
    """A text, cut at the headings that number its answers; the questions that it quotes are left out."""
    text = untrusted.clean(content.decode("utf-8-sig", errors="replace"), CHARACTERS)
    cuts = [*ANSWER.finditer(text)]
    if not cuts:
        return Document(entry.shown, [_shown("", text, entry, by_name, pictures)])
    ends = [*(cut.start() for cut in cuts[1:]), len(text)]
    parts = []
    for cut, end in zip(cuts, ends, strict=True):
        own = [line for line in text[cut.end() : end].splitlines() if not line.startswith(">")]
        parts.append(_shown(cut[1], "\n".join(own).strip(), entry, by_name, pictures))
    return Document(entry.shown, parts)


def _shown(question: str, text: str, entry: Entry, by_name: dict[str, Entry], pictures: list[Picture]) -> Part:
    """A piece of a text with the pictures in the submission that it links."""
    places = []
    for link in dict.fromkeys(LINK.findall(text)):
        name = posixpath.normpath(posixpath.join(*entry.parts[:-1], link))
        if found := by_name.get(name):
            with contextlib.suppress(UnreadableError):
                places += _kept(found.read(hard_links=False, most=MAX_PICTURE), pictures)
    return Part(question, text, places)


def _kept(content: bytes, pictures: list[Picture]) -> list[int]:
    """The place of a picture among all; none if it is none, or there are too many."""
    kind = next((kind for magic, kind in MAGIC.items() if content.startswith(magic)), None)
    size = len(content) + sum(len(one.content) for one in pictures)
    if kind is None or len(pictures) >= PICTURES or size > MAX_PICTURES:
        return []
    pictures.append(Picture(kind, content))
    return [len(pictures) - 1]


def _notebook(entry: Entry, content: bytes, pictures: list[Picture]) -> Document:
    """The cells of a notebook in which answers stand; where none is marked as such, all that are text."""
    try:
        cells = msgspec.json.decode(content)["cells"]
        texts = [cell for cell in cells if cell["cell_type"] == "markdown"]
        marked = [cell for cell in texts if "answer" in (cell.get("metadata") or {}).get("tags", [])]
        parts = [_cell(cell, pictures) for cell in marked or texts]
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, RecursionError):
        return Document(entry.shown, [], problem=f"{entry.shown} is no notebook, whatever it is called.")
    return Document(entry.shown, [part for part in parts if part.text and not NO_ANSWER.fullmatch(part.text)])


def _cell(cell: dict[str, Any], pictures: list[Picture]) -> Part:
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(map(str, source))
    number = CELL.fullmatch(str(cell.get("id", "")))
    places: list[int] = []
    attached = cell.get("attachments")
    for bundle in attached.values() if isinstance(attached, dict) else ():
        for data in bundle.values() if isinstance(bundle, dict) else ():
            if isinstance(data, str) and len(data) <= 2 * MAX_PICTURE:
                with contextlib.suppress(binascii.Error, ValueError):
                    places += _kept(base64.b64decode(data), pictures)
    return Part(number[1] if number else "", untrusted.clean(text, CHARACTERS).strip(), places)
