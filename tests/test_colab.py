"""The notebook's first cell in a stand-in for Colab, and the badge that opens it there."""

import importlib.util
import re
import shutil
import subprocess
import sys
import types
import zipfile
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.grading import catalog
from autograder.grading.catalog import exercises
from autograder.instructor import generated
from autograder.instructor.texts import colab, notebook

HOMEWORK, FILE = "hw2", "hw2/train.py"
PUBLISHED = "someone/few-shot@autumn"
INSTALL = "%pip install -q -e ."


@pytest.fixture
def published():
    listed = msgspec.structs.replace(catalog.homework(HOMEWORK), repository=PUBLISHED)
    with catalog.replaced(HOMEWORK, listed):
        yield


class Machine:
    """A machine of Colab's.

    Args:
        folder: stands for /content.

    Attributes:
        uploads: archives that the student chooses, one after the other.
        ran: programs and magics that were run.
        asked: how often a file was asked for.
        names: what the cell has bound.
    """

    def __init__(self, folder):
        self.content, self.drive = folder / "content", folder / "content" / "drive" / "MyDrive"
        self.content.mkdir()
        self.uploads, self.ran, self.asked, self.repositories = [], [], 0, {}

    def mount(self, path):
        assert path == "/content/drive".replace("/content", str(self.content))
        self.drive.mkdir(parents=True, exist_ok=True)

    def upload(self):
        self.asked += 1
        if not self.uploads:
            return {}
        source = self.uploads.pop(0)
        shutil.copy(source, source.name)
        return {source.name: b""}

    def run(self, command, **_):
        self.ran.append([str(word) for word in command])
        *_, address, target = self.ran[-1]
        if address in self.repositories:
            shutil.copytree(self.repositories[address], target)
        return subprocess.CompletedProcess(command, 0)

    def cell(self, in_drive=False):
        """Run the first cell."""
        (code,) = [cell.text for cell in notebook.cells(HOMEWORK, exercises(HOMEWORK)) if cell.id == "setup"]
        code = re.sub(r"^( *)(%.*)$", r"\1magic('\2')", code, flags=re.MULTILINE)
        code = code.replace("/content", str(self.content))
        if in_drive:
            code = code.replace("IN_DRIVE = False", "IN_DRIVE = True")
        names = {"magic": self.ran.append}
        exec(compile(code, "setup", "exec"), names)
        return names["COURSE"]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    package = types.ModuleType("google.colab")
    package.drive, package.files = types.SimpleNamespace(mount=made.mount), types.SimpleNamespace(upload=made.upload)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setattr(subprocess, "run", made.run)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(made.content)
    return made


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "hw2-handout.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"hw2-handout/{FILE}", "")
    return path


def test_an_archive_is_asked_for_once_and_unpacked(machine, archive):
    machine.uploads = [archive]
    assert machine.cell() == machine.content / "hw2-handout"
    assert machine.cell() == machine.content / "hw2-handout" and machine.asked == 1
    assert INSTALL not in machine.ran  # all that is needed is here


def test_what_is_missing_is_installed(machine, archive, monkeypatch):
    machine.uploads = [archive]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    machine.cell()
    assert machine.ran[0] == INSTALL


def test_in_drive_the_archive_is_found_and_the_files_stay(machine, archive):
    machine.mount(f"{machine.content}/drive")
    shutil.copy(archive, machine.drive)
    place = machine.cell(in_drive=True)
    assert place == machine.drive / "hw2-handout" and not machine.asked
    (place / FILE).write_text("mine")
    assert machine.cell(in_drive=True) == place and (place / FILE).read_text() == "mine"


def test_into_drive_an_archive_is_unpacked_that_was_uploaded(machine, archive):
    machine.uploads = [archive]
    assert machine.cell(in_drive=True) == machine.drive / "hw2-handout"


@pytest.mark.usefixtures("published")
def test_what_is_published_is_fetched_and_nothing_asked(machine, tmp_path):
    (tmp_path / "published" / "hw2").mkdir(parents=True)
    (tmp_path / "published" / FILE).touch()
    machine.repositories["https://github.com/someone/few-shot"] = tmp_path / "published"
    assert machine.cell() == machine.content / "hw2-handout" and not machine.asked
    assert machine.ran[0][:5] == ["git", "clone", "--quiet", "--branch", "autumn"]


@pytest.mark.usefixtures("published")
def test_where_nothing_can_be_fetched_an_archive_is_asked_for(machine, archive):
    machine.uploads = [archive]
    assert machine.cell() == machine.content / "hw2-handout"


def test_another_archive_is_named(machine, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("x/y.py", "")
    machine.uploads = [tmp_path / "other.zip"]
    with pytest.raises(FileNotFoundError, match=r"There is no hw2/train\.py: run this cell again"):
        machine.cell()


def test_elsewhere_nothing_is_asked_or_fetched(machine, monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab")
    with pytest.raises(FileNotFoundError, match="Open this notebook where the handout has it"):
        machine.cell()
    (machine.content / "hw2").mkdir()
    (machine.content / FILE).touch()
    monkeypatch.chdir(machine.content / "hw2")
    assert machine.cell() == machine.content and not machine.asked


# The badge


@pytest.mark.usefixtures("published")
def test_the_badge_opens_the_published_notebook_and_its_picture_lies_beside_it():
    link = "](https://colab.research.google.com/github/someone/few-shot/blob/autumn/hw2/hw2.ipynb)"
    files = generated.files(HOMEWORK)
    for name in ("hw2/README.md", "hw2/hw2.ipynb"):
        assert files[name].decode().count(f"[![Open in Colab](colab.svg){link}") == 1
    assert ElementTree.fromstring(files[f"hw2/{colab.PICTURE}"].decode()).tag.endswith("svg")
    assert colab.badge(HOMEWORK, "hw2/") == f"[![Open in Colab](hw2/colab.svg){link}"
    text = catalog.write(catalog.homework(HOMEWORK))
    assert msgspec.toml.decode(text, type=catalog.Homework).published == ("someone/few-shot", "autumn")


def test_without_a_repository_there_is_no_badge():
    files = generated.files(HOMEWORK)
    assert f"hw2/{colab.PICTURE}" not in files and b"colab.research" not in files["hw2/README.md"]


@pytest.mark.parametrize("repository", ["few-shot", "https://github.com/a/b", "a/b c", "a/b@", "a/b@-x", "a/b)x"])
def test_a_repository_that_is_none_is_named(tmp_path, repository):
    done = CliRunner().invoke(main, ["handout", "hw2", "--out", str(tmp_path / "x"), "--repository", repository])
    assert done.exit_code == 4 and "is no repository on GitHub" in done.output.replace("\n", " ")
