"""Which files of a submission are graded: the student's own, wherever an archive hides them, and nothing else."""

import contextlib
import io
import os
import re
import stat
import struct
import zipfile

import pytest

from autograder.grading import box, catalog
from autograder.intake import submission as submissions
from autograder.intake.handed_in import MAX_FILE, MAX_NAMES
from autograder.intake.submission import SubmissionError

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


DEEP = {
    "a handout in itself": ["hw2-handout/hw2-handout/hw2/{}"],
    "a user's folders": ["C:\\Users\\ada\\Documents\\cs330\\hw2\\{}"],
    "an absolute path": ["/Users/ada/Documents/cs330/hw2/{}"],
    "thirty folders": ["x/" * 30 + "{}"],
    "no homework's folder": ["a/b/c/d/{}"],
    "mixed slashes": ["work\\cs330/hw2\\{}"],
    "a nearer one and a copy": ["a/b/hw2/{}", "a/b/c/old/{}"],
    "equal copies": ["a/b/{}", "c/d/{}"],
}


def loose_files(root, files):
    """As Canvas exports files beside each other, if there is no more than one in a place: their names alone."""
    names = [name.replace("\\", "/").rpartition("/")[2] for name in files]
    return folder_of(root, dict(zip(names, files.values(), strict=True)))


def packed_twice(root, files):
    """An archive in an archive."""
    content = archive_of(root, files).read_bytes()
    return archive_of(root, {"hw2.zip": content, "answers.pdf": b"%PDF"})


def packed_and_unpacked(root, files):
    """As Gradescope unpacks an archive in an archive, and GitHub clones hold one."""
    content = archive_of(root, files).read_bytes()
    (root / "work.zip").unlink()
    return folder_of(root / "clone", {"hw2.zip": content, ".git/HEAD": b"x", "README.md": b"x"})


def packed_thrice(root, files):
    return archive_of(root, {"upload.zip": packed_twice(root, files).read_bytes()})


WAYS = [folder_of, archive_of, packed_twice, packed_and_unpacked, packed_thrice, loose_files]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
@pytest.mark.parametrize("forms", DEEP.values(), ids=DEEP)
def test_the_only_file_of_its_name_is_taken_whatever_the_way_in(tmp_path, way, forms):
    files = {form.format(name): name[:1].encode() for form in forms for name in ("protonet.py", "maml.py")}
    if way is folder_of:
        files = {name.lstrip("/"): content for name, content in files.items()}
    assert collect(way(tmp_path, files), "hw2") == WANTED


def test_files_that_lie_in_different_places_are_taken_together(submitted):
    files = {"protonet.py": b"p", "deep/er/hw2/maml.py": b"m", "hw2/hw2-old.zip": b"PK no archive"}
    found = submissions.collect(submitted(files), "hw2")
    assert found.files == WANTED
    assert found.notes == ["deep/er/hw2/maml.py is graded."]


def test_an_archive_is_opened_only_where_a_file_is_missing(submitted, tmp_path):
    old = archive_of(tmp_path / "..", {"hw2/protonet.py": b"old", "hw2/maml.py": b"m"}).read_bytes()
    found = submissions.collect(submitted({"hw2/protonet.py": b"p", "old.zip": old}), "hw2")
    assert found.files == WANTED
    assert found.notes == [
        "hw2/protonet.py is graded; left aside: old.zip/hw2/protonet.py.",
        "old.zip/hw2/maml.py is graded.",
    ]


def test_two_files_that_lie_equally_near_are_named(submitted):
    found = submissions.collect(submitted({"hw2/protonet.py": b"p", "a/b/maml.py": b"1", "c/d/maml.py": b"2"}), "hw2")
    assert found.problems == {
        "maml": "There are two different files for hw2/maml.py: a/b/maml.py, c/d/maml.py; keep one."
    }


def test_the_files_as_they_were_given_are_nobodys_work(submitted):
    files = {"h/hw2/protonet.py": b"p", "h/hw2/maml2.py": b"m", "h/autograder/stubs/hw2/maml.py": b"stub"}
    found = submissions.collect(submitted(files), "hw2")
    assert found.files == {"hw2/protonet.py": b"p"}
    assert found.problems == {"maml": "Expected hw2/maml.py, found h/hw2/maml2.py: rename it."}


def test_a_library_of_the_same_name_is_not_graded(submitted):
    inside = "venv/lib/python3.11/site-packages/learn2learn/algorithms/maml.py"
    found = submissions.collect(submitted({"hw2/protonet.py": b"p", inside: b"theirs", ".venv/maml.py": b"x"}), "hw2")
    assert found.problems == {"maml": "hw2/maml.py is missing; found hw2/protonet.py."}


SENTENCES = {
    "work.rar": (
        b"Rar!\x1a\x07\x00" + bytes(100),
        "{} cannot be read: it is a RAR archive; pack your homework as zip.",
    ),
    "work.7z": (
        b"7z\xbc\xaf\x27\x1c" + bytes(100),
        "{} cannot be read: it is a 7z archive; pack your homework as zip.",
    ),
    "maml.py.gz": (b"\x1f\x8b\x08" + bytes(100), "{} cannot be read: it is a gzip archive; pack your homework as zip."),
    "hw2.tar.gz": (b"\x1f\x8b\x08" + bytes(100), "{} cannot be read: it is a gzip archive; pack your homework as zip."),
    "hw2.tar.bz2": (b"BZh9" + bytes(100), "{} cannot be read: it is a bzip2 archive; pack your homework as zip."),
    "hw2.tar.xz": (b"\xfd7zXZ\x00" + bytes(99), "{} cannot be read: it is an xz archive; pack your homework as zip."),
    "hw2.tar": (
        bytes(257) + b"ustar\x0000" + bytes(248),
        "{} cannot be read: it is a tar archive; pack your homework as zip.",
    ),
    "hw2.zip": (b"Rar!\x1a\x07\x00" + bytes(100), "{} cannot be read: it is a RAR archive; pack your homework as zip."),
    "maml.ipynb": (b"{}", "Expected hw2/maml.py, found only a notebook ({}): hand in the .py files."),
    "maml.py.txt": (b"x", "Expected hw2/maml.py, found {}: rename it (Windows may hide the ending .txt)."),
    "maml.PY": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "MAML.py": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "maml (1).py": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "maml_final(2) copy.py": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "Copy of maml.py": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "maml.py ": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "maml.py.download": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "maml": (b"x", "Expected hw2/maml.py, found {}: rename it."),
    "maml.pyc": (b"x", "Expected hw2/maml.py, found {}: that is compiled; hand in the .py file."),
    "maml.cpython-311.pyc": (b"x", "Expected hw2/maml.py, found {}: that is compiled; hand in the .py file."),
    "maml.docx": (
        b"PK\3\4" + bytes(50),
        "Expected hw2/maml.py, found {}: that is a document; hand in the Python file itself.",
    ),
    "maml.pdf": (b"%PDF", "Expected hw2/maml.py, found {}: that is a document; hand in the Python file itself."),
    "hw1 (1).py": (b"x", "hw2/maml.py is missing; found {}."),
    "hw2.py": (b"x", "hw2/maml.py is missing; found {}."),
    "report.docx": (b"PK\3\4" + bytes(50), "hw2/maml.py is missing; found no Python file (only {})."),
}


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("place", ["alone", "folder", "deep", "archive", "loose"])
def test_what_is_no_file_of_the_homework_gets_the_sentence_that_is_true_of_it(tmp_path, name, place):
    content, sentence = SENTENCES[name]
    shown = {"folder": f"work/{name}", "deep": f"a/b/c/{name}", "archive": f"work/{name}"}.get(place, name)
    if place in ("alone", "loose"):
        path = folder_of(tmp_path, {name: content}) / name
    else:
        path = (archive_of if place == "archive" else folder_of)(tmp_path, {shown: content})
    with pytest.raises(SubmissionError) as error:
        submissions.collect_loose({name: path}, "hw2") if place == "loose" else collect(path, "hw2")
    assert sentence.format(shown) in str(error.value)


def test_an_archive_named_as_a_python_file_is_no_python(submitted):
    found = submissions.collect(submitted(WANTED | {"hw2/maml.py": b"PK\3\4" + bytes(50)}), "hw2")
    assert found.problems == {"maml": "hw2/maml.py is a zip archive, not Python; hand in the file that is in it."}


def test_a_missing_file_is_left_out(submitted):
    assert collect(submitted({"hw2/maml.py": b"m"}), "hw2") == {"hw2/maml.py": b"m"}


@pytest.mark.parametrize(
    "files",
    [{}, {"hw2/Maml.py": b"m"}, {"hw2/maml (1).py": b"m"}, {"hw2/maml.ipynb": b"m"}],
    ids=["nothing", "a capital", "a copy's number", "a notebook"],
)
def test_a_submission_without_any_file_of_the_homework_says_what_was_expected_and_found(submitted, files):
    with pytest.raises(SubmissionError) as error:
        collect(submitted({"notes.txt": b"x"} | files), "hw2")
    said = str(error.value)
    assert re.match(r"Nothing to grade\. (hw2/protonet\.py is missing; found|Expected hw2/protonet\.py, found) ", said)
    if not files:
        assert said.count("found no Python file (only notes.txt).") == 2
    elif "hw2/Maml.py" in files or "hw2/maml (1).py" in files:
        assert f"Expected hw2/maml.py, found {next(iter(files))}: rename it." in said
    elif "hw2/maml.ipynb" in files:
        assert "Expected hw2/protonet.py, found only a notebook (hw2/maml.ipynb)" in said


FORMS = ["hw2\\{}", "./hw2/{}", "hw2//{}", "work\\hw2\\{}", "/Users/ada/hw2/{}", "C:\\Users\\ada\\hw2\\{}", "D:{}"]


@pytest.mark.parametrize("form", FORMS)
def test_names_in_an_archive_may_be_written_in_other_ways(tmp_path, form):
    path = archive_of(tmp_path, {form.format("protonet.py"): b"p", form.format("maml.py"): b"m"})
    assert collect(path, "hw2") == WANTED


@pytest.mark.parametrize("form", ["../hw2/{}", "work/../../hw2/{}", "..\\hw2\\{}"])
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
    path = archive_of(tmp_path, {f"{number}.txt": b"" for number in range(MAX_NAMES + 1)})
    with pytest.raises(SubmissionError, match=r"holds too many files; hand in only your homework"):
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
    box.fill(tmp_path, catalog.exercises("hw2"), WANTED)
    assert (tmp_path / "hw2" / "maml.py").read_bytes() == b"m"
    assert "def score" in (tmp_path / "hw2" / "util.py").read_text()
    assert not (tmp_path / "hw1").exists()
