"""data/output.py and data/copies.py: what programs write arrives everywhere, and says of which copy it speaks."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from autograder.isolation import levels
from autograder.paths import COURSE
from autograder.report import terminal
from autograder.results import CheckResult, ExerciseResult, Report, Verdict
from data import copies, output

MARKS = "✓ ✗ · ☐ ± … 中 \udcff"
WRITES = (
    f"from data import output; output.for_any_terminal(); print({MARKS!r}); import sys; print('é', file=sys.stderr)"
)
GRADES = ("-m", "autograder", "hw2", "--reference", "--fast", "--only", "protonet", "--data", "glyphs")


def run(*words, cwd=COURSE, **variables):
    """A program's exit status, stdout and stderr, as bytes."""
    environment = {**os.environ, "PYTHONPATH": "", **variables}
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=environment, capture_output=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


# Encodings


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "utf-8", "utf-16"])
def test_every_character_is_written_in_every_encoding(encoding):
    status, out, _ = run("-c", WRITES, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    shown = out.decode(encoding).strip()
    assert status == 0 and "\\udcff" in shown
    if encoding == "ascii":
        assert shown == "+ x . - +- ... \\u4e2d \\udcff"
    if encoding.startswith("utf"):
        assert shown.startswith(MARKS[:-1])


def test_the_c_locale_is_no_obstacle(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WRITES, encoding="utf-8")
    status, out, err = run(
        program, PYTHONPATH=str(COURSE), LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING=""
    )
    assert status == 0 and out.startswith((b"+ x", "✓ ✗".encode())) and err


def test_a_report_in_ascii_says_everything_and_files_are_utf_8(tmp_path):
    file, page = tmp_path / "r.json", tmp_path / "r.html"
    status, out, err = run(*GRADES, "--json", file, "--feedback", page, PYTHONIOENCODING="ascii")
    shown = out.decode("ascii")
    assert status == 0, err
    assert shown.startswith("hw2: the reference\n") and " +    5/5  " in shown and "hw2: 37 of 37 points" in shown
    assert json.loads(file.read_text(encoding="utf-8"))["homework"] == "hw2" and page.read_text(encoding="utf-8")


# Nobody reads


@pytest.mark.skipif(sys.platform == "win32", reason="speaks to a shell of POSIX")
@pytest.mark.parametrize("way", [">&-", "2>&-", ">&- 2>&-", "2>&1 | true"])
def test_where_nobody_reads_files_are_written_and_the_status_is_true(tmp_path, way):
    program = (
        "import sys, time; from pathlib import Path; from data import output\n"
        "output.for_any_terminal(); time.sleep(0.3)\n"
        "for line in range(5000): print('a line of some length', line)\n"
        f"print('end', file=sys.stderr); Path({str(tmp_path / 'written')!r}).touch(); sys.exit(7)"
    )
    line = f'("$0" -c "$1"; echo $? > "$2") {way}'
    if "|" in way:
        line = f'("$0" -c "$1" {way.split("|")[0]}; echo $? > "$2") | true'
    subprocess.run(["sh", "-c", line, sys.executable, program, tmp_path / "status"], cwd=COURSE, check=False)
    assert (tmp_path / "written").exists()
    assert (tmp_path / "status").read_text().strip() == "7"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_report_that_finds_no_room_leaves_files_and_one_sentence(tmp_path):
    file = tmp_path / "r.json"
    with open("/dev/full", "w") as full:
        line = [sys.executable, *GRADES, "--json", file]
        done = subprocess.run(line, cwd=COURSE, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3 and "The disk is full" in done.stderr and "Traceback" not in done.stderr
    assert json.loads(file.read_text(encoding="utf-8"))["exercises"]


# Widths and colours


def check(number, verdict=Verdict.PASS, **fields):
    told = {"name": f"test_{number}", "title": f"The prototypes of episode {number} have the shape of their classes."}
    return CheckResult(**(told | {"points": 2.0, "verdict": verdict} | fields))


def report():
    wrong = check(1, Verdict.WRONG, message="shape (3, 4), expected (3, 5)", likely="That is the sum.", hint="Mean.")
    waiting = [check(n, Verdict.NOT_RUN, waits_for=[wrong.title], message="waits") for n in (2, 3)]
    behind = check(4, Verdict.NOT_RUN, waits_for=[waiting[0].title], message="waits")
    checks = [wrong, *waiting, behind, check(5), check(6, Verdict.GRADER_ERROR, message="no room"), check(7)]
    exercise = ExerciseResult(name="x", title="Problem 1. Prototypes", file="hw2/x.py", checks=checks, flags=["line 3"])
    return Report(homework="hw2", subject="~/x", seed=1, data="glyphs", isolation=levels.REDUCED, exercises=[exercise])


def shown(width, **options):
    console = Console(file=io.StringIO(), width=width, highlight=False, **options)
    terminal.show(report(), console, of_another=True)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_width_breaks_a_word_or_pads_a_line(width):
    lines = shown(width).splitlines()
    assert max(map(len, lines)) <= width and all(line == line.rstrip() for line in lines)
    words = set(shown(1000).split())
    assert {word for line in lines for word in line.split()} == words


def test_colours_can_be_read_on_light_and_on_dark():
    codes = {
        code for found in re.findall(r"\x1b\[([\d;]*)m", shown(80, force_terminal=True)) for code in found.split(";")
    }
    assert codes <= {"0", "1", "2", "31", "32", "35"} and {"31", "32", "35"} <= codes


def test_no_color_is_obeyed(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3\dm", shown(80, force_terminal=True))


def test_what_waits_is_one_line_below_what_it_waits_for():
    lines = shown(80).splitlines()
    (at,) = [number for number, line in enumerate(lines) if "3 checks wait for this one" in line]
    assert lines[at].split()[:2] == ["·", "0/6"]
    assert "That is the sum." in lines[at - 1] and "episode 6" in lines[at + 1] and "episode 2" not in "".join(lines)


def test_how_to_mend_it_is_told_of_each_mistake_once():
    names = {1: "That is the sum.", 2: "That is the root.", 3: "That is the sum.", 4: "That is the root."}
    checks = [
        check(n, Verdict.WRONG, message="got 1", likely=says, mend=f"Mend {n}.", foreign=n == 4)
        for n, says in names.items()
    ]
    exercise = ExerciseResult(name="x", title="Problem 1. Prototypes", file="hw2/x.py", checks=checks)
    whole = msgspec.structs.replace(report(), exercises=[exercise])
    console = Console(file=io.StringIO(), width=100, highlight=False)
    terminal.show(whole, console)
    said = console.file.getvalue()
    assert [n for n in names if f"Mend {n}." in said] == [1, 2]


def test_in_a_terminal_long_lines_break_between_words(monkeypatch):
    monkeypatch.setattr(output.Output, "isatty", lambda self: True)
    monkeypatch.setenv("COLUMNS", "30")
    bottom = io.BytesIO()
    stream = output.Output(io.TextIOWrapper(bottom, "utf-8", newline="\n"))
    stream.write("one sentence that is longer than a terminal is wide\nshort\n")
    stream.write("\x1b[31mwhat has colours was broken already, and stays as it is\x1b[0m\n")
    stream.flush()
    plain, short, coloured = bottom.getvalue().decode().rstrip().rsplit("\n", 2)
    assert plain.split("\n") == ["one sentence that is longer", "than a terminal is wide"]
    assert short == "short" and "already, and stays" in coloured


# Several copies


@pytest.fixture
def another(tmp_path):
    """Another copy of the course, beside the one that is installed."""
    for folder, _, names in os.walk(COURSE):
        inside = Path(folder).relative_to(COURSE)
        if inside.parts and inside.parts[0] in ("autograder", "data", "hw1", "hw2", "trainer"):
            for name in names:
                if name.endswith((".py", ".json", ".toml", ".ini", ".j2")):
                    target = tmp_path / "another" / inside / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(Path(folder, name).read_bytes())
    dataset = tmp_path / "another" / "trainer" / "dataset.py"
    dataset.write_text(dataset.read_text(encoding="utf-8").replace("There are no drawings", "Another has no drawings"))
    return tmp_path / "another"


INSTALLED = {"PYTHONPATH": str(COURSE)}


@pytest.mark.parametrize("words", [("-m", "autograder", "hw2", "--fast"), ("-m", "autograder", "submit", "hw2")])
def test_the_installed_copy_does_not_grade_itself_in_another_ones_folder(another, words):
    status, out, err = run(*words, cwd=another / "hw2", **INSTALLED)
    said = err.decode()
    assert status == 4 and not out
    assert f"You stand in {copies.short(another)}" in said and copies.short(COURSE) in said and "pip install -e" in said
    assert not list(another.rglob("*.zip"))


def test_another_copy_grades_itself_from_its_top_and_its_name_comes_first(another, tmp_path):
    status, out, _ = run("-m", "autograder", "hw2", "--fast", "--only", "protonet", "--data", "glyphs", cwd=another)
    assert status == 1 and out.decode().splitlines()[0] == f"hw2: the work in {copies.short(another)}"
    status, out, _ = run(*GRADES[:3], *GRADES[4:], "--submission", another, cwd="/", **INSTALLED)
    assert status == 1 and copies.short(another) in out.decode().splitlines()[0]


@pytest.mark.parametrize("homework", ["hw1", "hw2"])
def test_a_training_program_that_is_started_by_its_path_belongs_to_its_copy(another, homework):
    words = ["maml"] if homework == "hw2" else []
    for place, program in ((another, f"{homework}/train.py"), ("/", another / homework / "train.py")):
        status, _, err = run(program, *words, "--data", "nowhere", cwd=place, **INSTALLED)
        assert status == 1 and b"Another has no drawings" in err


def test_the_installed_training_program_says_so_in_another_ones_folder(another):
    status, _, err = run("-m", "hw2.train", "maml", "--data", "nowhere", cwd=another / "hw2", **INSTALLED)
    assert status == 1 and f"You stand in {copies.short(another)}".encode() in err


def test_a_short_path_begins_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert copies.short(tmp_path / "course") == str(Path("~", "course"))
    assert copies.short(tmp_path.parent) == str(tmp_path.parent)
