"""data/packed.py: the cache of packed bits."""

import os

import numpy as np
import pytest
from PIL import Image

from data import images, packed, split
from hw2.omniglot import Tasks, turned


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for character in ("Greek/alpha", "Greek/beta"):
        (tmp_path / character).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(rng.random((28, 28)) < 0.8).save(tmp_path / character / f"{number}.png")
    return tmp_path


@pytest.fixture
def count(monkeypatch):
    """The files that are read as PNGs."""
    files = []
    read = images.read
    monkeypatch.setattr(images, "read", lambda path: files.append(path) or read(path))
    return files


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_each_png_is_read_once(folder, count):
    first = images.load(folder, ["Greek/beta"])
    assert len(count) == 3
    both = images.load(folder)
    assert len(count) == 6 and np.array_equal(first["Greek/beta"], both["Greek/beta"])
    assert same(images.load(folder), both) and len(count) == 6


def test_a_changed_a_new_and_a_lost_drawing_are_noticed(folder, count):
    images.load(folder)
    file = folder / "Greek/alpha/1.png"
    Image.fromarray(np.zeros((28, 28), bool)).save(file)
    os.utime(file, ns=(0, 12345))
    assert images.load(folder)["Greek/alpha"][1].all()
    file.rename(folder / "Greek/alpha/3.png")
    assert images.load(folder)["Greek/alpha"][2].all()
    (folder / "Greek/alpha/3.png").unlink()
    assert len(images.load(folder)["Greek/alpha"]) == 2
    assert not any("beta" in str(path) for path in count[6:])


@pytest.mark.parametrize("rubbish", [b"", b"not a cache", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_broken_cache_is_made_anew(folder, count, rubbish):
    before = images.load(folder)
    (folder / packed.NAME).write_bytes(rubbish)
    assert same(images.load(folder), before) and len(count) == 12
    images.load(folder)
    assert len(count) == 12


def test_where_no_cache_can_be_written_the_files_are_read(folder, count):
    (folder / packed.NAME).mkdir()
    before = images.load(folder)
    assert same(images.load(folder), before) and len(count) == 12
    assert [path.name for path in folder.iterdir() if path.name.startswith(f"{packed.NAME}.")] == []


def test_the_cache_is_no_character(folder):
    images.load(folder)
    assert split.characters(folder) == ["Greek/alpha", "Greek/beta"]


def test_a_character_makes_four_classes_by_quarter_turns():
    drawings = {"Greek/alpha": np.zeros((3, 28, 28), np.uint8), "Greek/beta": np.zeros((3, 28, 28), np.uint8)}
    drawings["Greek/alpha"][:, 0, 5] = 1
    classes = turned(drawings)
    assert len(classes) == 8
    places = [tuple(int(i) for i in np.argwhere(array[0])[0]) for name, array in classes.items() if "alpha" in name]
    assert places == [(0, 5), (22, 0), (27, 22), (5, 27)]
    assert len(Tasks(classes, 8, 1, 2).sample(np.random.default_rng(0), 1)[0][0]) == 8
