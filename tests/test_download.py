"""data.download: Omniglot arrives whole and the same by every route, or one sentence says why not."""

import errno
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import numpy as np
import pytest
from omniglot_stand_in import (
    FULL,
    ROOT,
    SMALL,
    assert_one_sentence,
    contents,
    expected,
    pixels,
    run,
)
from PIL import Image

from data import download, glyphs, images, split, tree

pytest_plugins = ["omniglot_stand_in"]


def test_every_route_gives_the_same_files(drawn, server, packed, tmp_path):
    routes = {
        "fetched": {"address": server.address, "full": True},
        "official archives": {"source": without(drawn, "omniglot_resized.zip"), "full": True},
        "resized archive": {"source": drawn / "omniglot_resized.zip"},
        "folder with nothing but the resized archive": {"source": only(drawn, "omniglot_resized.zip")},
    }
    for route, how in routes.items():
        assert download.download(tmp_path / route, **how)
    trees = [contents(tmp_path / route) for route in routes]
    assert all(tree == trees[0] for tree in trees)
    assert pixels(tmp_path / "fetched") == expected(packed, *FULL)


def without(folder, name):
    shutil.copytree(folder, folder.parent / "without")
    (folder.parent / "without" / name).unlink()
    return folder.parent / "without"


def only(folder, name):
    (folder.parent / "only").mkdir()
    shutil.copy(folder / name, folder.parent / "only")
    return folder.parent / "only"


def test_the_small_sets_are_the_default_by_every_route(drawn, server, packed, tmp_path):
    download.download(tmp_path / "fetched", address=server.address)
    download.download(tmp_path / "from a folder", source=drawn)
    assert contents(tmp_path / "fetched") == contents(tmp_path / "from a folder")
    assert pixels(tmp_path / "fetched") == expected(packed, *SMALL)
    assert [name for name, _ in server.requests] == SMALL


def test_one_archive_is_taken_alone(drawn, packed, tmp_path):
    download.download(tmp_path / "omniglot", source=drawn / SMALL[1])
    assert pixels(tmp_path / "omniglot") == expected(packed, SMALL[1])


def test_the_official_small_sets_are_the_courses_own_drawings_pixel_for_pixel(official, tmp_path):
    result = run("--source", official, "--out", tmp_path / "omniglot")
    assert result.exit_code == 0
    assert "242 characters" in result.output
    ours = pixels(tmp_path / "omniglot")
    assert len(ours) == 242 * 20
    with zipfile.ZipFile(official / "omniglot_resized.zip") as archive:
        for name, drawing in ours.items():
            theirs = np.asarray(Image.open(archive.open(f"omniglot_resized/{name}")))
            assert theirs.tobytes() == drawing, name


@pytest.mark.slow
def test_the_whole_official_set_is_the_courses_own_pixel_for_pixel(official, tmp_path):
    assert run("--full", "--source", official, "--out", tmp_path / "omniglot").exit_code == 0
    ours = pixels(tmp_path / "omniglot")
    with zipfile.ZipFile(official / "omniglot_resized.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        assert len(names) == len(ours) == 32460
        for name in names:
            theirs = np.asarray(Image.open(archive.open(name)))
            assert theirs.tobytes() == ours[name.partition("/")[2]], name
    parts = split.split(split.characters(tmp_path / "omniglot"))
    assert [len(parts[part]) for part in ("train", "val", "test")] == [1100, 100, 423]


def test_what_arrives_can_be_loaded(drawn, tmp_path):
    download.download(tmp_path / "omniglot", source=drawn)
    loaded = images.load(tmp_path / "omniglot")
    assert len(loaded) == 9
    assert {drawings.shape for drawings in loaded.values()} == {(4, 28, 28)}
    assert 0.02 < np.mean([drawings.mean() for drawings in loaded.values()]) < 0.2


@pytest.mark.parametrize("how", [["-m", "data.download"], ["data/download.py"]])
def test_it_runs_as_a_module_and_as_a_file(how):
    result = subprocess.run([sys.executable, *how, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0
    assert all(word in result.stdout for word in ("--full", "--source", "--out", "omniglot_resized.zip"))


def test_a_second_run_does_nothing(drawn, server, tmp_path):
    out = tmp_path / "omniglot"
    assert download.download(out, address=server.address)
    before, requests = stamps(out), len(server.requests)
    assert not download.download(out, address=server.address)
    assert not download.download(out, source=drawn)
    assert (stamps(out), len(server.requests)) == (before, requests)
    assert "nothing to do" in run("--out", out).output


def stamps(folder):
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")]}


def test_small_sets_make_way_for_the_full_ones_and_never_the_other_way_round(drawn, server, packed, tmp_path):
    out = tmp_path / "omniglot"
    download.download(out, address=server.address)
    assert download.download(out, full=True, address=server.address)
    assert pixels(out) == expected(packed, *FULL)
    assert not download.download(out, address=server.address)
    assert not download.download(out, source=drawn / SMALL[0])
    assert not download.download(out, source=drawn / "omniglot_resized.zip")
    assert pixels(out) == expected(packed, *FULL)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:40])])
def test_a_damaged_tree_is_made_again_as_large_as_it_was(drawn, server, packed, tmp_path, damage, full):
    out = tmp_path / "omniglot"
    download.download(out, full=full, address=server.address)
    damage(out / "Greek/character01/0001_02.png")
    assert download.download(out, address=server.address)
    assert pixels(out) == expected(packed, *(FULL if full else SMALL))


def test_nothing_else_is_left_beside_the_tree(drawn, server, tmp_path):
    (tmp_path / "place").mkdir()
    download.download(tmp_path / "place" / "omniglot", address=server.address)
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["omniglot"]


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
def test_a_link_to_a_folder_elsewhere_stays_a_link(drawn, tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "omniglot").symlink_to(tmp_path / "scratch", target_is_directory=True)
    download.download(tmp_path / "omniglot", source=drawn)
    assert (tmp_path / "omniglot").is_symlink()
    assert len(split.characters(tmp_path / "scratch")) == 9


def failing(code):
    def fail(path, *_):
        raise OSError(code, os.strerror(code), str(path))

    return fail


@pytest.mark.parametrize(
    "code, words",
    [
        (errno.ENOSPC, "no room on the disk"),
        (errno.EACCES, "no permission to write"),
        (errno.EROFS, "no permission to write"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_a_disk_that_cannot_be_written_is_explained(drawn, tmp_path, monkeypatch, code, words):
    monkeypatch.setattr(tree, "save", failing(code))
    assert_one_sentence(run("--source", drawn, "--out", tmp_path / "place" / "omniglot"), words, tmp_path)
    assert list((tmp_path / "place").iterdir()) == []


def test_a_disk_that_fills_up_while_fetching_is_no_fault_of_the_network(drawn, server, tmp_path, monkeypatch):
    opened = Path.open

    def full(path, mode="r", *rest, **keywords):
        return FullDisk() if mode == "wb" else opened(path, mode, *rest, **keywords)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError) as error:
        download.download(tmp_path / "omniglot", address=server.address)
    assert error.value.errno == errno.ENOSPC
    assert len(server.requests) == 1


class FullDisk(io.BytesIO):
    def write(self, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_path_below_a_file_is_explained(drawn, tmp_path):
    (tmp_path / "file").touch()
    assert_one_sentence(
        run("--source", drawn, "--out", tmp_path / "file" / "omniglot"), tmp_path / "file", "in the way"
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_explained(drawn, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_one_sentence(run("--source", drawn, "--out", tmp_path / "locked" / "omniglot"), "permission", "--out")


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_this_program_did_not_make_is_left_alone(drawn, tmp_path, what):
    out = tmp_path / "mine"
    if what == "folder":
        out.mkdir()
        (out / "thesis.txt").write_text("years of work")
    else:
        out.write_text("years of work")
    assert_one_sentence(run("--source", drawn, "--out", out), out, "move it away")
    assert "years of work" in "".join(path.read_text() for path in [out, *out.rglob("*")] if path.is_file())


def test_glyphs_and_omniglot_do_not_replace_each_other(drawn, tmp_path):
    glyphs.write(tmp_path / "glyphs", 3, 2)
    assert_one_sentence(run("--source", drawn, "--out", tmp_path / "glyphs"), "move it away")
    download.download(tmp_path / "omniglot", source=drawn)
    with pytest.raises(click.ClickException, match="move it away"):
        glyphs.write(tmp_path / "omniglot", 3, 2)
