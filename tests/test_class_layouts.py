"""Who handed in what is read from what Canvas, Gradescope and GitHub Classroom export."""

import os
import subprocess
import time
import zipfile
from datetime import datetime, timedelta, timezone

import pytest

from autograder.instructor.classroom import class_rows, export, layouts, people, policies, policy
from autograder.instructor.classroom.layouts import HandedIn, LayoutError
from autograder.instructor.classroom.scoring import Scoring
from autograder.instructor.decisions.log import Decision, Kind

DUE = datetime(2026, 3, 1, 23, 59, tzinfo=timezone.utc)


def scores(found, due=DUE):
    """The rows of submissions, scored with a deadline."""
    rows = class_rows.gather(found, [])
    scoring = Scoring(rows, [], due)
    return [scoring.score(row) for row in rows]


SOURCE = b"class ProtoNet: pass\n"


def put(path, content=SOURCE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def pack(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_py", ".py"), content)


# Canvas


@pytest.fixture
def canvas(tmp_path):
    pack(tmp_path / "doejane_4711_98765_hw2.zip", protonet_py=SOURCE)
    put(tmp_path / "lovelaceada_LATE_4712_98766_protonet-2.py")
    put(tmp_path / "lovelaceada_LATE_4712_98767_maml.py")
    put(tmp_path / "turingalan_4713_text.html", b"<p>I could not do it.")
    return tmp_path


def test_canvas_names_students_ids_late_marks_and_attempts(canvas):
    layout, found = layouts.find(canvas)
    assert layout == "Canvas"
    assert [(one.name, one.id, one.marked_late, one.attempt) for one in found] == [
        ("doejane", "4711", False, 1),
        ("lovelaceada", "4712", True, 3),
        ("turingalan", "4713", False, 1),
    ]


def test_files_that_canvas_renamed_are_found_under_their_own_names(canvas):
    rows = class_rows.gather(layouts.find(canvas)[1], [])
    assert [sorted(class_rows.read(row, "hw2").files) for row in rows] == [
        ["hw2/protonet.py"],
        ["hw2/maml.py", "hw2/protonet.py"],
        [],
    ]


def test_a_canvas_gradebook_serves_as_roster(canvas, tmp_path):
    table = tmp_path.parent / "roster.csv"
    table.write_text(
        "\ufeffStudent,ID,SIS Login ID,Section\n    Points Possible,,,\n"
        '"Doe, Jane",4711,jane,1\n"Lovelace, Ada",9999,ada,1\n"Hopper, Grace",4799,grace,1\n',
        encoding="utf-8",
    )
    rows = class_rows.gather(layouts.find(canvas)[1], people.roster(table))
    by_name = {row.name: row for row in rows}
    assert by_name["Doe, Jane"].handed_in.source  # by the id
    assert by_name["Lovelace, Ada"].handed_in.source  # by the name, as Canvas writes it in file names
    assert not by_name["Hopper, Grace"].handed_in.source
    assert by_name["turingalan"].notes == ["Not in the roster."]
    assert class_rows.read(by_name["Hopper, Grace"], "hw2").problems["maml"] == class_rows.NOTHING


@pytest.mark.parametrize(
    ("named", "own"), [("maml-2.rar", "maml.rar"), ("maml.py-2.txt", "maml.py.txt"), ("maml-2.docx", "maml.docx")]
)
def test_what_canvas_renamed_is_told_by_its_own_name(tmp_path, named, own):
    put(tmp_path / f"doejane_4711_98765_{named}", b"Rar!" if own.endswith("rar") else b"x")
    put(tmp_path / "turingalan_4713_98766_protonet.py")
    rows = class_rows.gather(layouts.find(tmp_path)[1], [])
    problem = class_rows.read(rows[0], "hw2").problems["maml"]
    assert own in problem and "4711" not in problem


WAYS = {
    "Canvas": lambda folder, packed, name: put(folder / f"{name}_4711_98765_hw2.zip", packed),
    "plain": lambda folder, packed, name: put(folder / f"{name}.zip", packed),
    "plain folders": lambda folder, packed, name: put(folder / name / "upload" / "hw2.zip", packed),
    "GitHub Classroom": lambda folder, packed, name: (
        put(folder / f"hw2-{name}" / "hw2.zip", packed),
        put(folder / f"hw2-{name}" / ".git" / "HEAD"),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_archive_gives_the_same_files_whatever_exported_it(tmp_path, way):
    pack(
        tmp_path / "inner.zip",
        **{"C:\\Users\\ada\\hw2\\protonet_py": SOURCE, "hw2-handout/hw2-handout/hw2/maml_py": SOURCE},
    )
    pack(tmp_path / "outer.zip", **{"inner.zip": (tmp_path / "inner.zip").read_bytes()})
    folder = tmp_path / "class"
    for name in ("ada", "alan"):
        WAYS[way](folder, (tmp_path / "outer.zip").read_bytes(), name)
    rows = class_rows.gather(layouts.find(folder)[1], [])
    assert all(class_rows.read(row, "hw2").files == {"hw2/protonet.py": SOURCE, "hw2/maml.py": SOURCE} for row in rows)


# Gradescope

METADATA = """---
submission_101:
  :submitters:
  - :name: Jane Doe
    :sid: '007'
    :email: jane@example.org
  :created_at: 2026-03-02 12:59:00.104461000 Z
  :score: 0.0
  :status: processed
  :history:
  - :id: 99
    :created_at: 2026-02-27 10:00:00.000000000 Z
submission_102:
  :submitters:
  - :name: Ada Lovelace
    :sid: '8'
    :email: ada@example.org
  - :name: Alan Turing
    :sid: '9'
    :email: alan@example.org
  :created_at: 2026-03-01 20:00:00.000000000 Z
submission_103:
  :submitters:
  - :name: "=HYPERLINK(\\"x\\")"
    :sid: '10'
    :email: eve@example.org
  :created_at: 2026-03-01 20:00:00.000000000 Z
"""


@pytest.fixture
def gradescope(tmp_path):
    pytest.importorskip("yaml")
    folder = tmp_path / "assignment_5_export"
    put(folder / "submission_101" / "protonet.py")
    put(folder / "submission_102" / "hw2" / "protonet.py")
    put(folder / "submission_104" / "protonet.py")
    put(folder / layouts.METADATA, METADATA.encode())
    return tmp_path


def test_gradescope_names_students_ids_times_and_attempts(gradescope):
    layout, found = layouts.find(gradescope)
    assert layout == "Gradescope"
    by_id = {one.id: one for one in found}
    jane = by_id["007"]
    assert (jane.name, jane.email, jane.attempt) == ("Jane Doe", "jane@example.org", 2)
    scored = {row.id: row for row in scores(found)}
    assert scored["007"].handed_in.marked_late and not scored["8"].handed_in.marked_late
    assert timedelta(hours=13) <= scored["007"].late < timedelta(hours=13, seconds=1)


def test_students_who_hand_in_together_have_a_row_each(gradescope):
    found = {one.id: one for one in layouts.find(gradescope)[1]}
    assert found["8"].path == found["9"].path
    assert found["9"].notes == ["Handed in by 2 students together."]


def test_what_the_metadata_and_the_folders_do_not_share_has_a_row_too(gradescope):
    found = {one.id: one for one in layouts.find(gradescope)[1]}
    assert found["10"].path is None
    assert found["submission_104"].path is not None


def test_lateness_and_attempts_of_the_table_of_scores_count(gradescope):
    table = "First Name,Last Name,SID,Submission ID,Submission Time,Lateness (H:M:S),Submission Count\n"
    put(gradescope / "assignment_5_export" / "scores.csv", f"{table}Jane,Doe,007,101,2026-03-02,25:00:00,7\n".encode())
    jane = next(one for one in layouts.find(gradescope)[1] if one.id == "007")
    assert (jane.late, jane.marked_late, jane.attempt) == (timedelta(hours=25), True, 7)


def test_damaged_metadata_are_named(gradescope):
    put(gradescope / "assignment_5_export" / layouts.METADATA, b"a: [1, 2")
    with pytest.raises(LayoutError, match=r"submission_metadata\.yml cannot be read"):
        layouts.find(gradescope)


# GitHub Classroom


@pytest.fixture
def github(tmp_path):
    folder = tmp_path / "hw2-submissions"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    when = {"GIT_COMMITTER_DATE": "2026-03-03T00:59:00+0000", "GIT_AUTHOR_DATE": "2026-03-03T00:59:00+0000"}
    for account in ("janedoe", "ada-l"):
        clone = folder / f"hw2-{account}"
        put(clone / "hw2" / "protonet.py")
        subprocess.run(["git", "init", "-q", str(clone)], check=True)
        subprocess.run([*git, "add", "."], cwd=clone, check=True)
        for message in ("begin", "end"):
            command = [*git, "commit", "-q", "--allow-empty", "-m", message]
            subprocess.run(command, cwd=clone, check=True, env=os.environ | when)
    return folder


def test_github_names_accounts_times_and_commits(github):
    layout, found = layouts.find(github)
    assert layout == "GitHub Classroom"
    assert [(row.id, row.late, row.handed_in.attempt) for row in scores(found)] == [
        ("ada-l", timedelta(days=1, hours=1), 2),
        ("janedoe", timedelta(days=1, hours=1), 2),
    ]
    assert found[0].notes == ["The time is that of the student's own clock."]


def test_settings_of_a_clone_start_nothing(github, tmp_path):
    trace = tmp_path / "trace"
    for clone in github.iterdir():
        program = clone / "program"
        program.write_text(f"#!/bin/sh\ntouch {trace}\nexit 1\n")
        program.chmod(0o755)
        names = ("core.fsmonitor", "core.pager", "gpg.program", "core.sshCommand", "core.alternateRefsCommand")
        settings = [(name, str(program)) for name in names]
        settings += [
            ("log.showSignature", "true"),
            ("extensions.partialClone", "origin"),
            ("protocol.ext.allow", "always"),
        ]
        for name, value in [*settings, ("remote.origin.url", f"ext::{program}"), ("remote.origin.promisor", "true")]:
            subprocess.run(["git", "config", name, value], cwd=clone, check=True)
        subprocess.run(["git", "gc", "-q"], cwd=clone, check=False)
    trace.unlink(missing_ok=True)
    found = layouts.find(github)[1]
    assert [one.attempt for one in found] == [2, 2] and not trace.exists()
    for path in github.glob("*/.git/objects/pack/*"):
        path.unlink()
    assert [one.attempt for one in layouts.find(github)[1]] == [None, None] and not trace.exists()


@pytest.mark.parametrize("name", ["objects/info/alternates", "objects/{}/{}"])
def test_a_clone_in_which_git_waits_for_ever_costs_a_moment(github, name):
    """Where a file of the repository is a pipe into which nobody writes."""
    for clone in github.iterdir():
        head = "ab" * 20
        (clone / ".git" / "HEAD").write_text(head)
        pipe = clone / ".git" / name.format(head[:2], head[2:])
        pipe.parent.mkdir(exist_ok=True)
        os.mkfifo(pipe)
    begun = time.monotonic()
    assert [(one.submitted, one.attempt) for one in layouts.find(github)[1]] == [(None, None)] * 2
    assert time.monotonic() - begun < 8  # it was 20; some of it is the machine's


def test_the_table_of_grades_gives_names_and_times(github):
    header = "assignment_name,github_username,roster_identifier,student_repository_name,submission_timestamp\n"
    lines = "hw2,janedoe,Jane Doe,hw2-janedoe,2026-03-01T22:00:00Z\nhw2,eve,Eve,hw2-eve,\n"
    put(github / "grades.csv", (header + lines).encode())
    found = {one.id: one for one in layouts.find(github)[1]}
    assert found["janedoe"].name == "Jane Doe"
    assert not [row for row in scores(found.values()) if row.id == "janedoe" and row.handed_in.marked_late]
    assert not found["janedoe"].notes
    assert found["eve"].path is None  # accepted, and never cloned


# Plain, and what is wrong with it


def test_every_item_is_a_row_whatever_it_is(tmp_path):
    put(tmp_path / "jane" / "protonet.py")
    pack(tmp_path / "ada.v2.zip", protonet_py=SOURCE)
    put(tmp_path / "eve.rar", b"Rar!")
    (tmp_path / "mallory").symlink_to("/")
    put(tmp_path / ".DS_Store", b"")
    layout, found = layouts.find(tmp_path)
    assert (layout, [one.id for one in found]) == ("plain", ["ada.v2", "eve", "jane", "mallory"])
    rows = class_rows.gather(found, [])
    told = {row.id: class_rows.read(row, "hw2") for row in rows}
    assert told["ada.v2"].files and told["jane"].files
    assert "RAR" in told["eve"].problems["maml"]
    assert "is a link" in told["mallory"].problems["protonet"]


AROUND = {
    "folders": lambda folder, name: put(folder / name / "hw2" / "protonet.py"),
    "folders of one file": lambda folder, name: put(folder / name / "maml.py"),
    "archives": lambda folder, name: pack(folder / f"{name}.zip", protonet_py=SOURCE),
    "clones": lambda folder, name: (put(folder / name / "protonet.py"), put(folder / name / ".git" / "HEAD")),
}


@pytest.mark.parametrize("what", AROUND)
@pytest.mark.parametrize("around", ["class", "export/class", "a/b/c"])
def test_a_class_with_folders_around_it_is_no_student(tmp_path, what, around):
    folder = tmp_path / around
    folder.mkdir(parents=True)
    for name in ("ada", "alan", "grace"):
        AROUND[what](folder, name)
    put(tmp_path / "__MACOSX" / "x", b"")
    assert [one.id for one in layouts.find(tmp_path)[1]] == ["ada", "alan", "grace"]


@pytest.mark.parametrize(
    "files",
    [
        ["hw2/protonet.py", "hw2/maml.py"],
        ["hw1/train.py", "hw1/black_box.py", "hw2/train.py", "hw2/maml.py"],
        ["hw2-handout/hw2/protonet.py", "notes/plan.txt"],
        ["cs330/protonet.py", "cs330/.git/HEAD"],
        ["protonet.py", "old/protonet.py"],
        ["hw2/protonet.py", "hw2.zip"],
    ],
)
def test_the_folder_of_a_class_of_one_is_that_student(tmp_path, files):
    for name in files:
        put(tmp_path / "ada" / name)
    assert [one.id for one in layouts.find(tmp_path)[1]] == ["ada"]


@pytest.mark.parametrize(("name", "message"), [("nowhere", "no folder"), ("empty", "no submission")])
def test_a_folder_without_a_class_is_named(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError, match=message):
        layouts.find(tmp_path / name)


def test_an_export_is_unpacked_where_the_class_is_graded_and_anew_when_it_changes(tmp_path):
    archive, out = tmp_path / "hw2-submissions.zip", tmp_path / "grades"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("doejane_98765_4711_protonet.py", SOURCE)
        packed.writestr("../../roelee_98766_4712_protonet.py", SOURCE)
    folder = export.unpacked(archive, out)
    assert folder == out / "submissions" / "hw2-submissions" and out.stat().st_mode & 0o777 == 0o700
    layout, found = layouts.find(folder)
    assert (layout, [one.name for one in found]) == ("Canvas", ["doejane", "roelee"])
    assert {path.name for path in tmp_path.iterdir()} == {"hw2-submissions.zip", "grades"}
    (folder / "seen").write_text("")
    assert export.unpacked(archive, out) == folder and (folder / "seen").exists()
    os.utime(archive, (1, 1))
    assert export.unpacked(archive, out) == folder and not (folder / "seen").exists()
    assert export.unpacked(folder, out) == folder


@pytest.mark.parametrize(("content", "message"), [(b"Rar!", "no zip archive"), (None, "cannot be unpacked")])
def test_an_archive_that_cannot_be_unpacked_is_named_and_nothing_is_left(tmp_path, content, message):
    archive = tmp_path / "export.zip"
    if content is None:
        pack(archive, protonet_py=SOURCE * 100)
        content = bytearray(archive.read_bytes())
        content[60:80] = bytes(20)  # of the file in it
    archive.write_bytes(content)
    with pytest.raises(LayoutError, match=message):
        export.unpacked(archive, tmp_path / "grades")
    assert [path for path in tmp_path.rglob("*") if path not in (archive, tmp_path / "grades")] == []


def test_whatever_reading_raises_is_a_row(tmp_path, monkeypatch):
    def broken(path, homework):
        raise RuntimeError(path)

    monkeypatch.setattr(class_rows.submission, "collect", broken)
    rows = class_rows.gather([HandedIn(id="x", source="x", path=tmp_path)], [])
    assert class_rows.read(rows[0], "hw2").problems["maml"] == "What was handed in cannot be read (RuntimeError)."


def test_files_of_students_have_names_of_their_own():
    found = [HandedIn(id="", name=name) for name in ("A/B", "a_b", "../../etc", "Łukasz", "=1+1", "CON" * 50)]
    rows = class_rows.gather(found, [])
    stems = [row.stem for row in rows]
    assert len({stem.lower() for stem in stems}) == len(stems)
    assert all(stem and stem == os.path.basename(stem) and not stem.startswith(".") for stem in stems)  # noqa: PTH119


def test_two_students_of_one_name_are_told_apart_by_their_ids(tmp_path):
    table = tmp_path / "roster.csv"
    table.write_text("id,name\n1,Jane Doe\n2,Jane Doe\n")
    found = [HandedIn(id="2", name="Jane Doe", source="x"), HandedIn(id="zz", name="Jane Doe", source="y")]
    rows = class_rows.gather(found, people.roster(table))
    assert [(row.id, row.notes) for row in rows if row.handed_in.source] == [("2", []), ("zz", ["Not in the roster."])]


@pytest.mark.parametrize(
    ("table", "message"),
    [("id,name\n1,a\n1,b\n", "the id 1 twice"), ("id,name\n", "no student"), ("color\nred\n", "no student")],
)
def test_a_roster_that_is_none_is_named(tmp_path, table, message):
    (tmp_path / "roster.csv").write_text(table)
    with pytest.raises(people.TableError, match=message):
        people.roster(tmp_path / "roster.csv")


# Lateness


@pytest.mark.parametrize(
    ("text", "hours", "penalty"),
    [
        ("10%/day", 0, 0.0),
        ("10%/day", 1, 0.1),
        ("10%/day", 24, 0.1),
        ("10%/day", 24.1, 0.2),
        ("10%/day, 2 free", 47, 0.0),
        ("10%/day, 2 free", 49, 0.1),
        ("10%/day, 2 free, at most 15%", 24 * 9, 0.15),
        ("10%/day", 24 * 99, 1.0),
        ("1.5% per hour, max 50%", 2, 0.03),
        ("20% a week", 24, 0.2),
    ],
)
def test_being_late_costs_what_the_policy_says(text, hours, penalty):
    assert policy.parse(text).penalty(timedelta(hours=hours)) == pytest.approx(penalty)


@pytest.mark.parametrize("text", ["", "ten percent", "10%", "10%/day, two free", "200%/day", "10%/day; 2 free"])
def test_a_policy_that_is_none_is_named(text):
    with pytest.raises(policy.PolicyError):
        policy.parse(text)


def test_late_by_nobody_knows_how_much_costs_the_least_there_is():
    (row,) = class_rows.gather([HandedIn(id="a", source="a", marked_late=True)], [])
    scored = Scoring([row], [Decision(kind=Kind.LATE, value="10%/day")]).score(row)
    assert scored.penalty == pytest.approx(0.1)
    assert scored.notes == ["How late is not told: counted as the least there is."]


def test_the_roster_may_say_how_late(tmp_path):
    (tmp_path / "roster.csv").write_text("id,name,days late\n4711,Jane,3\n4712,Ada,0\n")
    found = [HandedIn(id=one, source=one, marked_late=True) for one in ("4711", "4712")]
    rows = class_rows.gather(found, people.roster(tmp_path / "roster.csv"))
    scoring = Scoring(rows, [Decision(kind=Kind.LATE, value="10%/day, 1 free")])
    scored = [scoring.score(row) for row in rows]
    assert [(row.penalty, row.handed_in.marked_late) for row in scored] == [(pytest.approx(0.2), True), (0.0, False)]


# Written questions


def test_points_of_written_questions_go_to_their_students(tmp_path):
    (tmp_path / "manual.csv").write_text(
        "email,name,Q1 (proof),Q2\njane@x.org,,3,1.5\n,Ada Lovelace,,2\nno@x.org,,1,1\n"
    )
    found = [HandedIn(id="1", name="x", email="jane@x.org"), HandedIn(id="2", name="lovelaceada")]
    rows = class_rows.gather(found, [])
    scoring = Scoring(rows, policies.named(None, None, tmp_path / "manual.csv", ()))
    assert [scoring.score(row).manual for row in rows] == [{"Q1 (proof)": 3.0, "Q2": 1.5}, {"Q2": 2.0}]
    assert scoring.unknown == ["no@x.org"]


@pytest.mark.parametrize(("table", "message"), [("id,q\n1,many\n", "line 2, q: .many. is no"), ("q\n3\n", "no id")])
def test_a_table_of_points_that_is_none_is_named(tmp_path, table, message):
    (tmp_path / "manual.csv").write_text(table)
    with pytest.raises(people.TableError, match=message):
        people.manual(tmp_path / "manual.csv")
