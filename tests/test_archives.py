"""data.archives: which archives a source gives, whether they are undamaged, and what is taken out of them."""

import hashlib
import io
import zipfile
from pathlib import Path

import click
import numpy as np
import pytest
from omniglot_stand_in import (
    FULL,
    SMALL,
    assert_one_sentence,
    expected,
    pack,
    pixels,
    png,
    run,
)
from PIL import Image

from data import archives, download

pytest_plugins = ["omniglot_stand_in"]


def test_a_source_that_lacks_an_archive_is_told_which(drawn, tmp_path):
    (drawn / "omniglot_resized.zip").unlink()
    for name in (SMALL[1], FULL[0]):
        (drawn / name).unlink()
    assert_one_sentence(run("--source", drawn, "--out", tmp_path / "o"), "lacks images_background_small2.zip")
    assert_one_sentence(run("--full", "--source", drawn, "--out", tmp_path / "o"), "lacks images_background.zip")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--source", "nowhere"], ["there is no", "nowhere"]),
        (["--source", "thesis.zip"], ["thesis.zip", "none of Omniglot's archives", "omniglot_resized.zip"]),
        (["--full", "--source", SMALL[0]], [SMALL[0], "not all of Omniglot"]),
    ],
)
def test_a_source_of_the_wrong_kind_is_refused(drawn, tmp_path, arguments, words):
    (drawn / "thesis.zip").write_bytes(b"")
    *options, source = arguments
    assert_one_sentence(run(*options, drawn / source, "--out", tmp_path / "omniglot"), *words)


@pytest.mark.parametrize("name", [*SMALL, "omniglot_resized.zip"])
@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b[:4000] + bytes(400) + b[4400:], lambda b: b""])
def test_a_damaged_source_is_named_with_both_checksums(drawn, packed, tmp_path, name, damage):
    bad = damage(packed.files[name])
    (drawn / name).write_bytes(bad)
    source = drawn / name if name == "omniglot_resized.zip" else drawn
    result = run("--source", source, "--out", tmp_path / "place" / "omniglot")
    checksum = packed.known[Path(name).stem].checksum.partition(":")[2]
    assert_one_sentence(result, drawn / name, "checksum", checksum, hashlib.sha256(bad).hexdigest())
    assert list((tmp_path / "place").iterdir()) == []


def test_an_archive_packed_again_is_taken_for_its_drawings(drawn, packed, tmp_path):
    """CS330 hands out its own omniglot_resized.zip; the same drawings can be packed in many ways."""
    repack(drawn / "omniglot_resized.zip", lambda name, content: content)
    download.download(tmp_path / "omniglot", source=drawn / "omniglot_resized.zip")
    assert pixels(tmp_path / "omniglot") == expected(packed, *FULL)


def test_an_archive_packed_again_with_another_pixel_is_refused(drawn, tmp_path):
    def edit(name, content):
        if not name.endswith("Greek/character02/0001_03.png"):
            return content
        ink = 1 - np.asarray(Image.open(io.BytesIO(content))).astype(np.uint8)
        ink[5, 5] ^= 1
        return png(ink)

    repack(drawn / "omniglot_resized.zip", edit)
    result = run("--source", drawn / "omniglot_resized.zip", "--out", tmp_path / "omniglot")
    assert_one_sentence(result, "checksum")


def repack(path, edit):
    with zipfile.ZipFile(path) as archive:
        content = {name: edit(name, archive.read(name)) for name in archive.namelist()}
    path.write_bytes(pack(dict(reversed(content.items()))))


@pytest.mark.parametrize(
    "member",
    [
        "images_background_small1/../../evil.png",
        "/etc/Greek/character01/evil.png",
        "images_background_small1/Greek/../../evil.png",
        "images_background_small1/Greek/..\\..\\evil/evil.png",
        "images_background_small1/C:evil/character01/evil.png",
        "images_background_small1//character01/evil.png",
        "elsewhere/Greek/character01/evil.png",
        "evil.png",
    ],
)
def test_a_member_that_would_leave_its_folder_is_refused(member):
    with pytest.raises(click.ClickException, match="no place in it"):
        list(archives.drawings(archives.SMALL[0], io.BytesIO(pack({member: png(np.zeros((28, 28), np.uint8))}))))


def test_only_drawings_are_taken_from_an_archive():
    ink = np.eye(28, dtype=np.uint8)
    content = {
        "images_background_small1/Greek/character01/0001_01.png": png(ink),
        "images_background_small1/Greek/character01/virus.exe": b"x",
        "images_background_small1/Greek/character01/._0001_01.png": b"x",
        "../../evil.sh": b"x",
    }
    ((name, taken),) = archives.drawings(archives.SMALL[0], io.BytesIO(pack(content)))
    assert name == "Greek/character01/0001_01.png"
    np.testing.assert_array_equal(taken, ink)


@pytest.mark.parametrize("content", [b"no png", png(np.zeros((50, 50), np.uint8)), png(np.eye(28))[:50]])
def test_a_member_that_is_no_drawing_is_named(content):
    name = "Greek/character01/0001_01.png"
    archive = io.BytesIO(pack({f"images_background_small1/{name}": content}))
    with pytest.raises(click.ClickException, match=name):
        list(archives.drawings(archives.SMALL[0], archive))
