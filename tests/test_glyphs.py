"""data.glyphs: drawn handwriting that is the same everywhere, and about as hard as Omniglot."""

import hashlib
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner

from data import glyphs, images, split


@pytest.fixture(scope="module")
def drawn():
    return glyphs.draw(300)


def test_drawings_are_ink_one_on_paper_zero(drawn):
    assert drawn.shape == (300, 20, 28, 28)
    assert drawn.dtype == np.uint8
    assert set(np.unique(drawn)) == {0, 1}


def test_a_seed_gives_the_same_pixels_on_every_machine():
    assert hashlib.sha256(glyphs.draw(40, 5, seed=3).tobytes()).hexdigest()[:16] == "d385517fd68de875"


def test_another_seed_gives_other_characters(drawn):
    assert not (glyphs.draw(20, seed=1) == drawn[:20]).all(axis=(2, 3)).any()


def test_asking_for_more_only_adds(drawn, monkeypatch):
    np.testing.assert_array_equal(glyphs.draw(7, 9), drawn[:7, :9])
    monkeypatch.setattr(glyphs, "BLOCK", 3)
    np.testing.assert_array_equal(glyphs.draw(7, 20), drawn[:7])


def test_nothing_can_be_asked_for():
    assert glyphs.draw(0).shape == (0, 20, 28, 28)
    assert glyphs.draw(3, 0).shape == (3, 0, 28, 28)


def test_the_throws_of_dice_are_exactly_as_many_as_a_stream_has(monkeypatch):
    """Too few would break a drawing, too many would be drawn in vain."""
    used = []

    class Counting(glyphs.Dice):
        def uniform(self, *shape):
            throw = super().uniform(*shape)
            used.append((self, self._used, self._numbers.shape[-1]))
            return throw

    monkeypatch.setattr(glyphs, "Dice", Counting)
    glyphs.draw(2, 2)
    last = {id(dice): (count, length) for dice, count, length in used}
    assert len(last) == 3
    assert all(count == length for count, length in last.values())


def test_a_larger_size_is_the_same_writing():
    small, large = glyphs.draw(20, 3), glyphs.draw(20, 3, size=112)
    shrunk = large.reshape(20, 3, 28, 4, 28, 4).max(axis=(3, 5))
    assert (shrunk[small == 1]).mean() > 0.97


def test_every_drawing_has_about_as_much_ink_as_omniglots(drawn):
    ink = drawn.sum(axis=(2, 3))
    assert ink.min() >= 4
    assert 50 < ink.mean() < 70  # 63 in Omniglot
    assert ink.max() < 200


def test_drawings_of_a_character_differ_and_are_more_alike_than_those_of_others(drawn):
    flat = drawn.reshape(300, 20, -1).astype(np.int64)
    assert len(np.unique(flat.reshape(6000, -1), axis=0)) > 5990
    means = flat.mean(axis=1)
    within = ((flat - means[:, None]) ** 2).sum(axis=2).mean()
    between = ((flat - np.roll(means, 1, axis=0)[:, None]) ** 2).sum(axis=2).mean()
    assert between > 1.2 * within


def test_nearest_neighbour_on_pixels_does_about_as_well_as_on_omniglot(drawn):
    """5-way 1-shot: 0.38 on Omniglot, where chance is 0.2."""
    rng = np.random.default_rng(0)
    flat = drawn.reshape(300, 20, -1).astype(np.float32)
    hits = []
    for _ in range(1000):
        characters, (shot, query) = rng.choice(300, 5, replace=False), rng.choice(20, 2, replace=False)
        support, asked = flat[characters, shot], flat[characters, query]
        distances = ((asked[:, None] - support[None]) ** 2).sum(axis=2)
        hits.append((distances.argmin(axis=1) == np.arange(5)).mean())
    assert 0.33 < np.mean(hits) < 0.43


def test_a_hundred_characters_are_drawn_in_two_seconds():
    start = time.process_time()
    glyphs.draw(100)
    assert time.process_time() - start < 2


def test_files_are_laid_out_like_omniglots_and_hold_the_drawings(tmp_path, drawn):
    glyphs.write(tmp_path / "glyphs", 30, 4)
    assert (tmp_path / "glyphs" / "Glyphs_02" / "character05" / "0030_04.png").exists()
    names = split.characters(tmp_path / "glyphs")
    assert (len(names), names[0], names[-1]) == (30, "Glyphs_01/character01", "Glyphs_02/character05")
    loaded = images.load(tmp_path / "glyphs")
    np.testing.assert_array_equal(np.stack([loaded[name] for name in names]), drawn[:30, :4])


def test_writing_again_does_nothing_and_other_glyphs_replace_them(tmp_path):
    folder = tmp_path / "glyphs"
    glyphs.write(folder, 6, 2)
    before = folder.stat()
    glyphs.write(folder, 6, 2)
    assert (folder.stat().st_ino, folder.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    glyphs.write(folder, 5, 2, seed=1)
    assert len(split.characters(folder)) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["glyphs"]


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    folder = tmp_path / "glyphs"
    glyphs.write(folder, 6, 2)
    monkeypatch.setattr(glyphs.tree, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        glyphs.write(folder, 9, 2)
    assert len(split.characters(folder)) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["glyphs"]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(click.ClickException, match="move it away"):
        glyphs.write(tmp_path, 2)
    assert (tmp_path / "thesis.txt").exists()


def test_the_command_draws_into_a_folder(tmp_path):
    result = CliRunner().invoke(glyphs.main, ["--characters", "3", "--out", str(tmp_path / "glyphs")])
    assert result.exit_code == 0
    assert "3 characters, 60 drawings" in result.output
    assert len(split.characters(tmp_path / "glyphs")) == 3


def test_the_command_says_in_one_sentence_where_it_cannot_write(tmp_path):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(glyphs.main, ["--out", str(tmp_path / "file" / "glyphs")])
    assert result.exit_code == 1
    assert "in the way" in result.output
    assert "Traceback" not in result.output
