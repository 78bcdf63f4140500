"""data.split: the same characters for everybody."""

import hashlib
import json
import random
import zipfile
from pathlib import Path

import pytest

from data import split

ARCHIVE = Path(__file__).resolve().parents[2] / "shared" / "omniglot" / "omniglot_resized.zip"


def names(number):
    return [f"Alphabet_{i // 30}/character{i % 30:02}" for i in range(number)]


def digest(parts):
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "number, sizes",
    [(1623, (1100, 100, 423)), (242, (164, 15, 63)), (20, (14, 1, 5)), (4, (2, 1, 1)), (3, (1, 1, 1))],
)
def test_parts_are_in_proportion_and_never_empty(number, sizes):
    parts = split.split(names(number))
    assert tuple(len(parts[part]) for part in ("train", "val", "test")) == sizes


def test_every_character_is_in_exactly_one_part():
    parts = split.split(names(242))
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == sorted(names(242))


def test_order_and_repetition_of_the_names_do_not_matter():
    shuffled = names(242) * 2
    random.Random(7).shuffle(shuffled)
    assert split.split(iter(shuffled)) == split.split(names(242))


def test_the_split_is_pinned_for_every_machine_and_version():
    assert digest(split.split(names(1623))) == "61f3a9484f9667b4"
    assert digest(split.split(names(50))) == "0671fdaf785cf170"


def test_alphabets_are_spread_over_the_parts():
    parts = split.split(names(1623))
    assert len({name.split("/")[0] for name in parts["val"]}) > 30


def test_fewer_than_three_characters_are_refused():
    with pytest.raises(ValueError, match="at least 3 characters, not 2"):
        split.split(names(2))


def test_omniglots_own_split_is_pinned():
    if not ARCHIVE.exists():
        pytest.skip("needs ../shared/omniglot/omniglot_resized.zip")
    omniglot = {"/".join(name.split("/")[1:3]) for name in zipfile.ZipFile(ARCHIVE).namelist()}
    assert digest(split.split(omniglot)) == "1efc889bc2c27dd1"
    assert {part: len(members) for part, members in split.vinyals(omniglot).items()} == {
        "train": 1028,
        "val": 172,
        "test": 423,
    }
    assert digest(split.vinyals(omniglot)) == "f9e717fb950bcb00"
    apart, together = split.vinyals(omniglot), split.vinyals_trainval(omniglot)
    assert together == apart | {"train": apart["train"] + apart["val"]}
    assert {part: len(members) for part, members in split.lake(omniglot).items()} == {
        "train": 884,
        "val": 80,
        "test": 659,
    }


def test_lake_knows_thirty_and_twenty_alphabets():
    assert len(split.BACKGROUND) == 30
    assert len(split.EVALUATION) == 20
    assert not split.BACKGROUND & split.EVALUATION


def test_lake_tests_on_evaluation_alphabets_only():
    omniglot = [f"{alphabet}/character{i:02}" for alphabet in split.BACKGROUND | split.EVALUATION for i in range(20)]
    parts = split.lake(omniglot)
    assert {name.split("/")[0] for name in parts["test"]} == split.EVALUATION
    assert {name.split("/")[0] for name in parts["train"] + parts["val"]} == split.BACKGROUND
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == sorted(omniglot)
    assert (len(parts["train"]), len(parts["val"])) == (550, 50)


def test_lake_names_alphabets_that_are_not_omniglots():
    with pytest.raises(ValueError, match="Glyphs_01"):
        split.lake(["Greek/character01", "Glyphs_01/character01"])


def test_vinyals_splits_omniglot_only_and_all_of_it():
    with pytest.raises(ValueError, match="Glyphs_01"):
        split.vinyals(["Greek/character01", "Glyphs_01/character01"])
    with pytest.raises(ValueError, match=r"1,623 characters, and there are 24.*--full"):
        split.vinyals([f"Greek/character{i:02}" for i in range(24)])


def test_lake_on_the_small_sets_points_to_the_full_ones():
    with pytest.raises(ValueError, match="--full"):
        split.lake([f"Greek/character{i:02}" for i in range(24)])


def test_characters_are_found_and_everything_else_is_passed_over(tmp_path):
    for file in (
        "Greek/character02/0002_01.png",
        "Greek/character01/0001_01.png",
        "Aurek-Besh/character01/0003_01.png",
        "Greek/.hidden/0001_01.png",
        ".hidden/character01/0001_01.png",
        "Greek/.DS_Store",
        ".DS_Store",
        "readme.txt",
        "Greek/empty/notes.txt",
        "Greek/ghost/._0001_01.png",
        "stray.png",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    expected = ["Aurek-Besh/character01", "Greek/character01", "Greek/character02"]
    assert split.characters(tmp_path) == expected
    assert split.characters(str(tmp_path)) == expected


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_folder_without_characters_names_the_command_that_fetches_them(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"python -m data\.download"):
        split.characters(tmp_path / folder)
