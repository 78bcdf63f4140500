"""Archives that pass for Omniglot's, a server that fails as told, and what tests of data.download share.

A test that uses the fixture `drawn` runs on small archives drawn here; one that uses `official` runs on the official
ones in ../shared/omniglot, or says that they are not there.

PYTEST_DONT_REWRITE: a plugin that test modules also import, so pytest comes too late to rewrite it.
"""

import hashlib
import http.server
import io
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from data import archives, download, glyphs, tree

ROOT = Path(__file__).resolve().parents[1]
OFFICIAL = ROOT.parent / "shared" / "omniglot"
SETS = {  # archive -> alphabets; the two small sets share one, and the full one has more, as Omniglot's do
    "images_background_small1": ("Balinese", "Greek"),
    "images_background_small2": ("Greek", "Korean"),
    "images_background": ("Balinese", "Greek", "Hebrew", "Korean"),
    "images_evaluation": ("Tibetan",),
    "omniglot_resized": ("Balinese", "Greek", "Hebrew", "Korean", "Tibetan"),
}
SMALL = ["images_background_small1.zip", "images_background_small2.zip"]
FULL = ["images_background.zip", "images_evaluation.zip"]


def png(ink):
    file = io.BytesIO()
    Image.fromarray(ink == 0).save(file, "PNG")
    return file.getvalue()


def pack(members, compression=zipfile.ZIP_DEFLATED):
    """Names and contents -> the bytes of an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2015, 10, 20, 18, 47, 0)), content, compression)
    return file.getvalue()


def members(name, drawings, reduced):
    """Names and contents of an archive of three characters an alphabet, with what people's zips have besides."""
    result = {f"{name}/": b"", f"{name}/.DS_Store": b"x", f"__MACOSX/{name}/._a.png": b"x"}
    for alphabet in SETS[name]:
        for character in range(3):
            for number in range(4):
                ink = drawings[alphabet, character][number]
                ink = resized(ink) if reduced else ink
                result[f"{name}/{alphabet}/character{character + 1:02}/0001_{number + 1:02}.png"] = png(ink)
    return result


def resized(ink):
    return 1 - np.asarray(Image.fromarray(ink == 0).resize((28, 28), Image.Resampling.NEAREST)).astype(np.uint8)


@pytest.fixture(scope="session")
def packed():
    """File name -> bytes of archives that are drawn here, and what data.archives must know about them."""
    alphabets = SETS["omniglot_resized"]
    drawn = glyphs.draw(3 * len(alphabets), 4, seed=9, size=105)
    drawings = {(alphabet, i): drawn[3 * a + i] for a, alphabet in enumerate(alphabets) for i in range(3)}
    files = {
        f"{name}.zip": pack(members(name, drawings, reduced=name == "omniglot_resized"), zipfile.ZIP_STORED)
        for name in SETS
    }
    known = {
        archive.name: archives.Archive(
            archive.name,
            "sha256:" + hashlib.sha256(files[archive.file]).hexdigest(),
            archive.covers,
            checksum_of_drawings(files[archive.file], archive) if archive.drawings_checksum else None,
        )
        for archive in archives.ALL
    }
    return SimpleNamespace(files=files, known=known)


def checksum_of_drawings(content, archive):
    return archives._checksum_of_drawings(archive, io.BytesIO(content))


def facts(known):
    """What data.archives knows, for drawn archives."""
    small, full = ([known[Path(name).stem] for name in names] for names in (SMALL, FULL))
    everything = (*small, *full, known["omniglot_resized"])
    return {"SMALL": tuple(small), "FULL": tuple(full), "RESIZED": everything[-1], "ALL": everything}


@pytest.fixture
def drawn(packed, monkeypatch, tmp_path):
    """A folder with all drawn archives, which pass for Omniglot's. No waiting between attempts."""
    for name, value in facts(packed.known).items():
        monkeypatch.setattr(archives, name, value)
    monkeypatch.setattr(download, "PAUSE", 0)
    folder = tmp_path / "archives"
    folder.mkdir()
    for name, content in packed.files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def official():
    if not OFFICIAL.is_dir():
        pytest.skip("needs the official archives in ../shared/omniglot")
    return OFFICIAL


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.files; server.faults, taken one a request, are functions (handler, content) -> None."""

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.requests.append((name, self.headers.get("Range")))
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
        elif self.server.faults:
            self.server.faults.pop(0)(self, content)
        else:
            self.serve(content)

    def serve(self, content, cut=None):
        """Send what is asked for, but of the body only the first bytes if cut."""
        asked = self.headers.get("Range")
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            content = content[start:]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])

    def log_message(self, *_):
        pass


def drop(number):
    """Close the connection after so many bytes."""
    return lambda handler, content: handler.serve(content, cut=number)


def answer(code):
    return lambda handler, content: handler.send_error(code)


def corrupt(handler, content):
    handler.serve(content[:300] + bytes([content[300] ^ 1]) + content[301:])


def truncate(handler, content):
    """Pass a part for the whole."""
    handler.serve(content[:500])


@pytest.fixture
def server(packed):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.faults, server.requests, server.ranges = dict(packed.files), [], [], True
        server.address = f"http://127.0.0.1:{server.server_address[1]}/"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def contents(folder):
    """All files of a tree but its label: relative name -> bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != tree.LABEL
    }


def expected(packed, *names):
    """Relative name -> pixels of what archives hold, by Pillow alone."""
    result = {}
    for name in names:
        with zipfile.ZipFile(io.BytesIO(packed.files[name])) as archive:
            for member in archive.namelist():
                if member.endswith(".png") and not member.startswith("__MACOSX"):
                    image = Image.open(archive.open(member)).resize((28, 28), Image.Resampling.NEAREST)
                    result[member.partition("/")[2]] = np.asarray(image).tobytes()
    return result


def pixels(folder):
    return {name: np.asarray(Image.open(io.BytesIO(png))).tobytes() for name, png in contents(folder).items()}


def run(*arguments):
    return CliRunner().invoke(download.main, [str(argument) for argument in arguments])


def assert_one_sentence(result, *words):
    assert result.exit_code == 1, result.output
    *_, sentence = result.output.strip().splitlines()
    assert sentence.startswith("Error: "), result.output
    assert "Traceback" not in result.output, result.output
    for word in words:
        assert str(word) in sentence, sentence
