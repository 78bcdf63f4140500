"""data.images: drawings as arrays, ink 1."""

import numpy as np
import pytest
from PIL import Image

from data import images

INK = np.zeros((28, 28), np.uint8)
INK[3, 5:9] = 1


def save(path, ink, mode="1"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ink == 0).convert(mode).save(path)


def test_ink_is_one_and_drawings_come_in_the_order_of_their_names(tmp_path):
    for number in (2, 1, 3):
        save(tmp_path / f"Greek/character01/0001_{number:02}.png", np.roll(INK, number, axis=0))
    drawings = images.load(tmp_path)["Greek/character01"]
    assert drawings.dtype == np.uint8
    np.testing.assert_array_equal(drawings, [np.roll(INK, number, axis=0) for number in (1, 2, 3)])


def test_only_the_characters_asked_for_are_read_in_that_order(tmp_path):
    for character in ("a", "b", "c"):
        save(tmp_path / "Greek" / character / "1.png", INK)
    assert list(images.load(tmp_path, ["Greek/c", "Greek/a"])) == ["Greek/c", "Greek/a"]
    assert list(images.load(str(tmp_path))) == ["Greek/a", "Greek/b", "Greek/c"]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_files_that_an_image_editor_has_saved_count_the_same(tmp_path, mode):
    save(tmp_path / "1.png", INK, mode)
    np.testing.assert_array_equal(images.read(tmp_path / "1.png"), INK)


def test_hidden_files_are_no_drawings(tmp_path):
    save(tmp_path / "Greek/a/1.png", INK)
    (tmp_path / "Greek/a/._1.png").write_bytes(b"a note of macOS")
    assert images.load(tmp_path)["Greek/a"].shape == (1, 28, 28)


@pytest.mark.parametrize("damage", [lambda png: b"", lambda png: png[:60], lambda png: b"<html>" + png])
def test_a_broken_png_is_named_in_one_sentence(tmp_path, damage):
    file = tmp_path / "Greek/a/1.png"
    save(file, INK)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError) as error:
        images.load(tmp_path)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_another_size_is_named_in_one_sentence(tmp_path):
    save(tmp_path / "Greek/a/1.png", np.zeros((105, 90), np.uint8))
    with pytest.raises(ValueError, match=r"1\.png is 90x105 pixels, not 28x28"):
        images.load(tmp_path)


def test_a_missing_character_is_named(tmp_path):
    save(tmp_path / "Greek/a/1.png", INK)
    with pytest.raises(FileNotFoundError, match="zeta"):
        images.load(tmp_path, ["Greek/zeta"])


def test_an_error_of_the_system_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError):
        images.read(tmp_path / "nothing.png")
