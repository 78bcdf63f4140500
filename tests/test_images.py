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


# One reader for both homeworks


def deep(ink):
    return Image.fromarray(np.where(ink, 300, 65000).astype(np.uint16))


def shades(ink):
    return Image.fromarray(np.where(ink, 40, 230).astype(np.uint8))


def coloured(ink):
    return Image.fromarray(np.where(ink[..., None], [90, 0, 40], [250, 240, 200]).astype(np.uint8))


def transparent(ink):
    """Black ink on transparent paper, which is black too."""
    return Image.fromarray(np.stack([np.zeros_like(ink), 255 * ink], axis=-1), "LA")


def transparent_in_colour(ink):
    return transparent(ink).convert("RGBA")


def palette(ink):
    image = Image.fromarray(ink, "P")
    image.putpalette([255, 255, 220, 10, 20, 30])
    return image


def transparent_palette(ink):
    """Paper is the palette's first colour, black and transparent."""
    image = palette(ink)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.info["transparency"] = 0
    return image


KINDS = [deep, shades, coloured, transparent, transparent_in_colour, palette, transparent_palette]


@pytest.fixture(params=["hw1", "hw2"])
def read(request):
    """The reader of each homework: path -> pixels (28, 28)."""
    if request.param == "hw2":
        return images.read
    from autograder.exercises.data_generator.solution import DataGenerator

    generator = DataGenerator.__new__(DataGenerator)
    generator.image_caching, generator.img_size = False, (28, 28)

    def array(path):
        pixels = generator.image_file_to_array(str(path), 784)
        assert pixels.dtype == np.float32 and pixels.shape == (784,)
        return pixels.reshape(28, 28)

    return array


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_png_is_read_alike_in_both_homeworks(tmp_path, read, kind):
    kind(INK).save(tmp_path / "1.png")
    np.testing.assert_array_equal(read(tmp_path / "1.png"), INK)


def animated(file):
    frames = [shades(INK), shades(1 - INK)]
    frames[0].save(file, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file: file.write_bytes(b""), "is not a PNG that can be read"),
        (lambda file: file.write_bytes(b"notes"), "is not a PNG that can be read"),
        (lambda file: (save(file, INK), file.write_bytes(file.read_bytes()[:60])), "is not a PNG that can be read"),
        (lambda file: save(file, np.zeros((105, 105), np.uint8)), "is 105x105 pixels, not 28x28"),
        (animated, "holds several pictures"),
    ],
)
def test_what_is_no_drawing_is_refused_in_one_sentence_in_both_homeworks(tmp_path, read, make, said):
    file = tmp_path / "1.png"
    make(file)
    with pytest.raises(images.DrawingError) as error:
        read(file)
    assert str(file) in str(error.value) and said in str(error.value)
    assert "remove" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("label", [0, (0, "1.png"), None])
def test_what_is_read_for_a_path_and_is_none_is_told_by_its_type(label):
    with pytest.raises(TypeError, match=f"for the path of that file is of type {type(label).__name__}$"):
        images.read(label)


def test_homework_1_passes_over_hidden_files_and_names_a_character_with_too_few_drawings(tmp_path):
    from autograder.exercises.data_generator.solution import get_images

    save(tmp_path / "1.png", INK)
    (tmp_path / "._1.png").write_bytes(b"a note of macOS")
    (tmp_path / "Thumbs.db").write_bytes(b"a note of Windows")
    assert get_images([tmp_path], [0]) == [(0, str(tmp_path / "1.png"))]
    with pytest.raises(images.DrawingError, match="2 drawings of a character, and one has 1 ") as error:
        get_images([tmp_path], [0], nb_samples=2)
    assert str(tmp_path) in str(error.value)
