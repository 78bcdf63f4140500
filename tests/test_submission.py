"""Which files of a submission are graded: the student's own, wherever an archive hides them, and nothing else."""

import contextlib
import io
import os
import re
import stat
import struct
import zipfile

import pytest

from autograder import box
from autograder import submission as submissions
from autograder.handed_in import MAX_ENTRIES, MAX_FILE
from autograder.submission import SubmissionError

WANTED = {"hw2/protonet.py": b"p", "hw2/maml.py": b"m"}


def collect(path, homework):
    """The files alone."""
    return submissions.collect(path, homework).files


def folder_of(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def archive_of(root, files):
    path = root / "work.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(params=[folder_of, archive_of], ids=["folder", "archive"])
def submitted(request, tmp_path):
    """Makes a submission of files by name: once a folder, once an archive."""
    return lambda files: request.param(tmp_path, files)


LAYOUTS = {
    "the course folder": {"hw2/protonet.py": b"p", "hw2/maml.py": b"m", "hw1/black_box.py": b"b"},
    "the homework's folder": {"protonet.py": b"p", "maml.py": b"m"},
    "one folder deeper": {"my work/hw2/protonet.py": b"p", "my work/hw2/maml.py": b"m"},
    "the homework's folder, packed": {"hw2 final/protonet.py": b"p", "hw2 final/maml.py": b"m"},
    "noise of a Mac": WANTED | {"__MACOSX/hw2/._maml.py": b"x", "__MACOSX/hw2/maml.py": b"x", ".DS_Store": b"x"},
    "a backup beside it": WANTED | {"backup/maml.py": b"old", "a/hw2/maml.py": b"old"},
    "a stray copy above it": WANTED | {"maml.py": b"old"},
    "a stray copy below it": WANTED | {"hw2/old/maml.py": b"old"},
    "other files": WANTED | {"hw2/util.py": b"cheat", "random.py": b"x", "hw2/train.py": b"x", "conftest.py": b"x"},
    "caches": WANTED | {"hw2/__pycache__/maml.cpython-311.pyc": b"x"},
}


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_the_students_files_are_found_and_no_others(submitted, files):
    assert collect(submitted(files), "hw2") == WANTED


def test_a_missing_file_is_left_out(submitted):
    assert collect(submitted({"hw2/maml.py": b"m"}), "hw2") == {"hw2/maml.py": b"m"}


@pytest.mark.parametrize(
    "files",
    [{}, {"hw2/Maml.py": b"m"}, {"hw2/maml (1).py": b"m"}, {"a/b/hw2/maml.py": b"m"}, {"hw2/maml.ipynb": b"m"}],
    ids=["nothing", "a capital", "a copy's number", "too deep", "a notebook"],
)
def test_a_submission_without_any_file_of_the_homework_says_what_was_expected_and_found(submitted, files):
    with pytest.raises(SubmissionError) as error:
        collect(submitted({"notes.txt": b"x"} | files), "hw2")
    said = str(error.value)
    assert re.match(r"Nothing to grade\. (hw2/protonet\.py is missing; found|Expected hw2/protonet\.py, found) ", said)
    if not files:
        assert said.count("found no Python file.") == 2
    elif "hw2/Maml.py" in files or "hw2/maml (1).py" in files:
        assert f"Expected hw2/maml.py, found {next(iter(files))}: rename it." in said
    elif "hw2/maml.ipynb" in files:
        assert "Expected hw2/maml.py, found only a notebook (hw2/maml.ipynb)" in said


@pytest.mark.parametrize("form", ["hw2\\{}", "./hw2/{}", "hw2//{}", "work\\hw2\\{}"])
def test_names_in_an_archive_may_be_written_in_other_ways(tmp_path, form):
    path = archive_of(tmp_path, {form.format("protonet.py"): b"p", form.format("maml.py"): b"m"})
    assert collect(path, "hw2") == WANTED


@pytest.mark.parametrize("form", ["../hw2/{}", "/hw2/{}", "..\\hw2\\{}"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path, form):
    path = archive_of(tmp_path, {form.format("protonet.py"): b"p", form.format("maml.py"): b"m"})
    with pytest.raises(SubmissionError, match="leads out of the archive"):
        collect(path, "hw2")


def test_of_two_files_of_one_rank_none_is_graded_unless_they_are_the_same(tmp_path):
    path = tmp_path / "work.zip"
    for second, graded in ((b"first", {"hw2/maml.py": b"first"}), (b"second", None)):
        with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("hw2/maml.py", b"first")
            archive.writestr("hw2/maml.py", second)
        if graded:
            assert collect(path, "hw2") == graded
        else:
            with pytest.raises(SubmissionError, match=r"two different files for hw2/maml\.py: .*; keep one"):
                collect(path, "hw2")


def test_what_is_left_aside_is_noted(submitted):
    found = submissions.collect(submitted(WANTED | {"maml.py": b"old"}), "hw2")
    assert found.notes == ["hw2/maml.py is graded; left aside: maml.py."]


def test_a_file_that_cannot_be_graded_costs_its_own_exercise_alone(submitted):
    found = submissions.collect(submitted(WANTED | {"hw2/maml.py": bytes(MAX_FILE + 1)}), "hw2")
    assert found.files == {"hw2/protonet.py": b"p"}
    assert found.problems == {"maml": "hw2/maml.py is larger than 512 KiB."}


def test_an_archive_alone_in_a_folder_is_opened(tmp_path):
    archive_of(tmp_path, WANTED)
    assert submissions.collect(tmp_path, "hw2").files == WANTED


@pytest.mark.parametrize("name", ["maml.py", "my.ipynb"])
def test_one_file_is_a_submission_too(tmp_path, name):
    (tmp_path / name).write_bytes(b"m")
    if name == "maml.py":
        assert collect(tmp_path / name, "hw2") == {"hw2/maml.py": b"m"}
    else:
        with pytest.raises(SubmissionError, match=r"found only a notebook \(my\.ipynb\): hand in the \.py files"):
            collect(tmp_path / name, "hw2")


def packed(**options):
    """Bytes of a good archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr("hw2/maml.py", b"print(1)\n" * 100)
    return file.getvalue()


def encrypted():
    """An archive that says it is encrypted."""
    data = bytearray(packed())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def corrupted(kind):
    """An archive whose compressed data are noise."""
    data = bytearray(packed(compression=kind))
    begin = data.index(b"maml.py") + 7
    data[begin : begin + 8] = b"\xff" * 8
    return bytes(data)


def lying():
    """An archive whose directory gives another size."""
    data = bytearray(packed())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = struct.pack("<I", 5)
    return bytes(data)


def with_method(number):
    """An archive that says it is compressed in another way."""
    data = bytearray(packed())
    for signature, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        data[data.index(signature) + offset] = number
    return bytes(data)


BROKEN = {
    "empty": b"",
    "no archive": b"Rar!\x1a\x07\x00" + bytes(100),
    "cut off": packed()[:-30],
    "a byte changed": packed().replace(b"print(1)", b"print(2)", 1),
    "encrypted": encrypted(),
    "deflated noise": corrupted(zipfile.ZIP_DEFLATED),
    "bzip2 noise": corrupted(zipfile.ZIP_BZIP2),
    "lzma noise": corrupted(zipfile.ZIP_LZMA),
    "an unknown method": with_method(99),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_an_archive_that_cannot_be_read_says_so(tmp_path, content):
    path = tmp_path / "work.zip"
    path.write_bytes(content)
    with pytest.raises(SubmissionError) as error:
        collect(path, "hw2")
    assert re.search(r"not a zip archive|a RAR archive; pack|is encrypted|is damaged|uncommon method", str(error.value))
    assert str(tmp_path) not in str(error.value)


def test_a_size_that_lies_makes_no_difference(tmp_path):
    path = tmp_path / "work.zip"
    path.write_bytes(lying())
    with contextlib.suppress(SubmissionError):
        assert len(collect(path, "hw2")["hw2/maml.py"]) <= 900


def test_a_file_that_is_too_large_is_not_read(submitted):
    with pytest.raises(SubmissionError, match=r"maml\.py .*(bytes|larger)"):
        collect(submitted({"hw2/maml.py": bytes(MAX_FILE + 1)}), "hw2")


def test_an_archive_of_very_many_files_is_not_read(tmp_path):
    path = archive_of(tmp_path, {f"{number}.txt": b"" for number in range(MAX_ENTRIES + 1)})
    with pytest.raises(SubmissionError, match=r"holds (10001|too many) files; pack only your homework"):
        collect(path, "hw2")


def test_a_link_in_an_archive_is_refused(tmp_path):
    path = tmp_path / "work.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("hw2/maml.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(SubmissionError, match=r"hw2/maml\.py is a link; pack the file itself"):
        collect(path, "hw2")


def test_links_of_files_and_folders_are_not_followed(tmp_path):
    other = folder_of(tmp_path / "other", WANTED)
    mine = folder_of(tmp_path / "mine", {"notes.py": b"x"})
    (mine / "hw2").symlink_to(other / "hw2")
    (mine / "maml.py").symlink_to(other / "hw2" / "maml.py")
    with pytest.raises(SubmissionError, match=r"protonet\.py is missing; found .*notes\.py.* maml\.py is a link;"):
        collect(mine, "hw2")


def test_a_submission_may_itself_be_reached_by_a_link(tmp_path):
    folder_of(tmp_path / "real", WANTED)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert collect(tmp_path / "link", "hw2") == WANTED


def test_what_is_no_regular_file_is_passed_over_and_blocks_nothing(tmp_path):
    (tmp_path / "hw2" / "maml.py").mkdir(parents=True)
    os.mkfifo(tmp_path / "hw2" / "protonet.py")
    with pytest.raises(SubmissionError, match=r"protonet\.py is not a regular file"):
        collect(tmp_path, "hw2")


def test_a_hard_link_is_not_read(tmp_path):
    folder_of(tmp_path / "other", WANTED)
    folder_of(tmp_path / "mine", {"hw2/protonet.py": b"p"})
    os.link(tmp_path / "other" / "hw2" / "maml.py", tmp_path / "mine" / "hw2" / "maml.py")
    found = submissions.collect(tmp_path / "mine", "hw2")
    assert found.problems == {"maml": "hw2/maml.py is a hard link; hand in a file of its own."}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    folder_of(tmp_path, WANTED)
    (tmp_path / "hw2" / "maml.py").chmod(0)
    assert "Permission denied" in submissions.collect(tmp_path, "hw2").problems["maml"]


@pytest.mark.parametrize("name", ["-rf", "new\nline", 'quo"te', "🦉", "n" * 200, " "])
def test_a_submission_may_have_any_name(tmp_path, name):
    assert collect(folder_of(tmp_path / name, WANTED), "hw2") == WANTED


def test_a_submission_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SubmissionError, match=re.escape(f"There is no folder or archive {tmp_path / 'x'}.")):
        collect(tmp_path / "x", "hw2")


def test_the_given_files_in_the_box_are_the_graders_own(tmp_path):
    box.fill(tmp_path, "hw2", WANTED)
    assert (tmp_path / "hw2" / "maml.py").read_bytes() == b"m"
    assert "def score" in (tmp_path / "hw2" / "util.py").read_text()
    assert not (tmp_path / "hw1").exists()
