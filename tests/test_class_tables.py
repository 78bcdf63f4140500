"""Exports and rosters as they also come, what Canvas imports, and options that a later command need not name again."""

import csv
import io
import re
import shutil

import pytest
from toy_course import SOLUTION, WRONG, Course

from autograder.instructor.classroom import class_rows, layouts, people


def folder_of(place, *names):
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    return place


# Exports


@pytest.mark.parametrize(
    ("names", "layout", "found"),
    [
        (
            [
                "de_la_cruzana_4751_9501_one.py",
                "de_la_cruzana_4751_9502_two-2.py",
                "doejane_LATE_4711_98_two.py",
            ],
            "Canvas",
            [("de_la_cruzana", "4751", False), ("doejane", "4711", True)],
        ),
        (
            ["anon_x7Kq2_9501_one.py", "LATE_anon_b0Zz9_9502_two.py", "anon_x7Kq2_9503_two.py"],
            "Canvas",
            [("anonymous b0Zz9", "b0Zz9", True), ("anonymous x7Kq2", "x7Kq2", False)],
        ),
        (
            ["anon_LATE_b0Zz9_9502_two.py", "anon_x7Kq2_9501_one.py"],
            "Canvas",
            [("anonymous b0Zz9", "b0Zz9", True), ("anonymous x7Kq2", "x7Kq2", False)],
        ),
        (
            ["doejane_4711_link.html", "adalovelace_4712_text.html", "turing_4713_1_two.py"],
            "Canvas",
            [("adalovelace", "4712", False), ("doejane", "4711", False), ("turing", "4713", False)],
        ),
        (
            ["Jane Doe_657801_assignsubmission_file_/two.py", "Ada Love_lace_657802_assignsubmission_file_/two.py"],
            "Moodle",
            [("Ada Love_lace", "657802", False), ("Jane Doe", "657801", False)],
        ),
        (
            ["Jane Doe_657801_assignsubmission_file_two.py", "Jane Doe_657801_assignsubmission_file_one.py"],
            "Moodle",
            [("Jane Doe", "657801", False)],
        ),
    ],
)
def test_exports_are_read_as_they_also_come(tmp_path, names, layout, found):
    for place in (folder_of(tmp_path / "flat", *names), folder_of(tmp_path / "deep" / "submissions", *names).parent):
        told, those = layouts.find(place)
        assert (told, [(one.name, one.id, one.marked_late) for one in those]) == (layout, found)


def test_one_stray_file_makes_no_other_layout_of_a_class(tmp_path):
    folder_of(tmp_path, "doejane_4711_1_two.py", "ada_4712_2_two.py", "notes.txt")
    layout, found = layouts.find(tmp_path)
    assert layout == "Canvas" and [one.id for one in found] == ["4712", "4711", "notes"]


# Rosters

TABLE = [["name", "id", "email"], ["Zoë Doe", "1", "zoe@x.edu"], ["Ada", "2", "ada@x.edu"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_roster_has_any_usual_separator_and_encoding(tmp_path, separator, encoding):
    (tmp_path / "roster.csv").write_text("\n".join(map(separator.join, TABLE)), encoding=encoding)
    found = people.roster(tmp_path / "roster.csv")
    assert [(one.name, one.id, one.email) for one in found] == [tuple(line) for line in TABLE[1:]]


def test_staff_and_the_test_student_are_left_out_and_named(tmp_path):
    (tmp_path / "a.csv").write_text("First Name,Last Name,SID,Role\nAda,L,1,Student\nTim,A,2,TA\nJo,B,3,Instructor\n")
    found = people.roster(tmp_path / "a.csv")
    assert [one.name for one in found] == ["Ada L"] and found.left == ("Tim A", "Jo B")
    (tmp_path / "b.csv").write_text('Student,ID\n"    Points Possible",\n"L, Ada",1\n"Student, Test",9\n')
    found = people.roster(tmp_path / "b.csv")
    assert [one.id for one in found] == ["1"] and found.left == ("Student, Test",)


# A class

EXPORTED = """Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (4711),Homework 2 (4712)
    Points Possible,,,,,10,10
"Lovelace, Ada",1,s1,ada,A,,
"=Doe, Jane",2,s2,jane,A,,
"Turing, Alan",3,s3,alan,B,,
"Student, Test",9,,test,A,,
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = Course(tmp_path_factory.mktemp("course"))
    made.set_thresholds()
    assert made.run("write").returncode == 0
    (made.folder / "canvas.csv").write_text(EXPORTED)
    (made.folder / "manual.csv").write_text("id,Question 1\n1,5\n2,4\n")
    for name, text in (("lovelaceada_1_11_toy.py", SOLUTION), ("doejane_2_12_toy.py", WRONG)):
        (made.folder / "handed").mkdir(exist_ok=True)
        (made.folder / "handed" / name).write_text(text)
    return made


def grade(course, out, *options):
    return course.run("class", "hw1", course.folder / "handed", "--out", out, *options)


def book(out, name="gradebook.csv"):
    return list(csv.DictReader(io.StringIO((out / name).read_text(encoding="utf-8-sig"))))


@pytest.mark.slow
def test_a_later_command_keeps_what_it_does_not_name(course, tmp_path):
    out = tmp_path / "out"
    named = ["--roster", course.folder / "canvas.csv", "--manual", course.folder / "manual.csv", "--late", "10%/day"]
    done = grade(course, out, *named)
    assert done.returncode == 0 and "no students, and left out of the roster: Student, Test" in done.stderr
    first = (out / "gradebook.csv").read_bytes()
    again = grade(course, out)
    assert again.returncode == 0 and (out / "gradebook.csv").read_bytes() == first
    assert "As in the last run: --roster" in again.stderr and "--late 10%/day" in again.stderr
    forgotten = grade(course, out, "--forget", "manual")
    assert forgotten.returncode == 0 and "Question 1" not in book(out)[0] and len(book(out)) == 3
    for options, lost in (
        (["--fast"], "the points of the checks that train"),
        (["--only", "toy"], "all exercises but toy"),
    ):
        narrower = grade(course, out, *options)
        assert narrower.returncode == 4 and lost in narrower.stderr and "--force" in narrower.stderr
    assert grade(course, out, "--fast", "--force").returncode == 0
    shorter = (out / "gradebook.csv").read_bytes()
    kept = grade(course, out)
    assert "--fast" in kept.stderr and "graded now 0 of" in kept.stdout
    assert (out / "gradebook.csv").read_bytes() == shorter, "who leaves --fast out would grade the class anew"
    assert "--fast" not in grade(course, out, "--forget", "fast").stderr
    (course.folder / "gone.csv").write_text("id,name\n1,Ada\n2,Jane\n")
    assert grade(course, out, "--roster", course.folder / "gone.csv").returncode == 0
    (course.folder / "gone.csv").unlink()
    done = grade(course, out)
    assert done.returncode == 4 and "which is gone" in done.stderr and "--forget roster" in done.stderr


def test_canvas_gets_its_five_columns_the_assignment_and_the_points_possible(course, tmp_path):
    assert grade(course, tmp_path, "--roster", course.folder / "canvas.csv").returncode == 0
    rows = list(csv.reader(io.StringIO((tmp_path / "canvas.csv").read_text(encoding="utf-8-sig"))))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework 1 (4711)"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "10"]
    assert [row[1] for row in rows[2:]] == ["1", "2", "3"] and rows[3][0].startswith("'=")
    totals = {line["id"]: line["total"] for line in book(tmp_path)}
    assert [row[5] for row in rows[2:]] == [totals["1"], totals["2"], ""]
    assert grade(course, tmp_path, "--assignment", "Week 3 (99)").returncode == 0
    assert (tmp_path / "canvas.csv").read_text(encoding="utf-8-sig").splitlines()[0].endswith(",Week 3 (99)")


def test_an_export_of_another_class_stops_before_anything_is_graded(course, tmp_path):
    (course.folder / "others.csv").write_text("id,name\n77,Grace\n78,Edsger\n")
    done = grade(course, tmp_path / "out", "--roster", course.folder / "others.csv")
    assert done.returncode == 5 and not (tmp_path / "out").exists()
    assert "2 of 2 submissions are of nobody in the roster. Read as Canvas, " in done.stderr
    assert "for example, Grace (id 77)" in done.stderr


def test_who_handed_in_nothing_counts_in_no_figure(course, tmp_path):
    assert grade(course, tmp_path, "--roster", course.folder / "canvas.csv").returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 handed in nothing: they have a row, and count in no figure below." in page
    assert "2 submissions, mean" in page
    rows = class_rows.gather([], people.Roster())
    assert rows == []


@pytest.mark.slow
def test_one_student_is_graded_again_on_the_same_inputs_and_nothing_is_written(course, tmp_path):
    out = tmp_path / "out"
    assert grade(course, out, "--seed", "5").returncode == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = grade(course, out, "--student", "doejane")
    assert again.returncode == 0, again.stderr
    assert "WRONG" in again.stdout and "The verdicts are those that are kept." in again.stdout
    assert "Nothing was written. Inputs: --seed 5." in again.stdout
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert "means no student" in grade(course, out, "--student", "zoe").stderr
    assert "No class was graded into" in grade(course, tmp_path / "new", "--student", "doejane").stderr


@pytest.mark.slow
def test_two_runs_are_compared_by_what_changed_and_why(course, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert grade(course, first, "--seed", "5").returncode == 0
    mended = shutil.copytree(course.folder / "handed", tmp_path / "handed")
    (mended / "doejane_2_12_toy.py").write_text(SOLUTION)
    assert course.run("class", "hw1", mended, "--out", second, "--seed", "6").returncode == 0
    told = course.run("compare", first, second).stdout
    assert "1 verdicts changed, of 2 students who are in both." in told
    assert re.search(r"WRONG -> PASS\s+\(other work was handed in; other\s+inputs\)", told), told
    assert "0 verdicts changed" in course.run("compare", first, first).stdout
