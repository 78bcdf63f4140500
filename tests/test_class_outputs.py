"""What a class gives to other programs: spreadsheets, Moodle's worksheet, and the pages as one archive to upload."""

import csv
import io
import zipfile

import openpyxl
import pytest

from autograder.grading import catalog
from autograder.grading.checks import described
from autograder.instructor.classroom import class_rows, layouts, pages, people, score
from autograder.instructor.classroom.gradebook import Workbook
from autograder.instructor.classroom.layouts import HandedIn
from autograder.instructor.classroom.scoring import Scoring
from autograder.instructor.decisions.log import Decision, Kind
from autograder.results import ExerciseResult, Report, Verdict

pytestmark = pytest.mark.usefixtures("required_alone")
EXERCISES = [exercise for exercise in catalog.exercises("hw2") if exercise.required]
WORKSHEET = """\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed"
"Participant 657801","Jane Doe",jane@x.org,"Submitted for grading",,100.00,Yes
"Participant 657802","=HYPERLINK(1)",bob@x.org,"No submission",,100.00,Yes
"""


def report():
    results = []
    for exercise in EXERCISES:
        checks = described(exercise)
        for check in checks:
            check.verdict = Verdict.PASS
        results.append(ExerciseResult(name=exercise.name, title=exercise.title, file=exercise.file, checks=checks))
    return Report(homework="hw2", subject="", seed=7, data="glyphs", isolation="isolated", exercises=results)


def written(out, found, roster=None, decisions=()):
    out.mkdir(exist_ok=True)
    rows = class_rows.gather(found, people.roster(roster) if roster else people.Roster())
    for row in rows:
        row.report = report()
    scoring = Scoring(rows, list(decisions))
    pages.write(out, rows, EXERCISES, scoring, None, score.exports("hw2", roster, None, scoring.possible))
    return rows


def test_the_workbook_has_the_gradebooks_cells_with_numbers_as_numbers_and_no_formula(tmp_path):
    out = tmp_path / "out"
    names = ["Ada", "=cmd|' /C calc'!A0", "bell\a"]
    found = [HandedIn(id=str(number), name=name, source=name) for number, name in enumerate(names)]
    written(out, found, decisions=[Decision(kind=Kind.MARK, student=("0",), subject="Q1", value=2.5)])
    sheet = openpyxl.load_workbook(out / "gradebook.xlsx").active
    lines = list(sheet.iter_rows(values_only=True))
    book = list(csv.reader(io.StringIO((out / "gradebook.csv").read_text(encoding="utf-8-sig"))))
    assert [list(lines[0]), len(lines)] == [book[0], len(book)]
    ada = dict(zip(lines[0], lines[1], strict=True))
    assert (ada["name"], ada["Q1"], ada["total"]) == ("Ada", 2.5, 102.5)
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}  # and none is "f"
    assert lines[2][1] == "=cmd|' /C calc'!A0"


def test_without_openpyxl_there_is_no_workbook_and_nothing_else_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(Workbook, "fits", False)
    written(tmp_path / "out", [HandedIn(id="1", name="Ada", source="x")])
    assert not (tmp_path / "out" / "gradebook.xlsx").exists() and (tmp_path / "out" / "gradebook.csv").exists()


def test_moodles_worksheet_comes_back_with_its_grades(tmp_path):
    (tmp_path / "worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    found = [HandedIn(id="657801", name="Jane Doe", source="Jane Doe_657801_assignsubmission_file_")]
    rows = written(tmp_path / "out", found, tmp_path / "worksheet.csv")
    assert [row.notes for row in rows] == [[], []]  # the one is in the roster, the other handed in nothing
    back = list(csv.reader(io.StringIO((tmp_path / "out" / "moodle.csv").read_text(encoding="utf-8-sig"))))
    assert back[0] == ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", back[0][6]]
    assert [line[4] for line in back[1:]] == ["100", ""]
    assert back[2][1].startswith("'")


def test_another_roster_leaves_no_worksheet_of_before(tmp_path):
    (tmp_path / "worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    found = [HandedIn(id="657801", name="Jane Doe", source="x")]
    written(tmp_path / "out", found, tmp_path / "worksheet.csv")
    written(tmp_path / "out", found)
    assert not (tmp_path / "out" / "moodle.csv").exists()


@pytest.mark.parametrize(
    ("names", "returned"),
    [
        (["doejane_LATE_4711_98765_x-2.py", "doejane_LATE_4711_98766_y.py"], "doejane_LATE_4711_98765_feedback.html"),
        (["de_la_cruzana_4751_9501_x.py"], "de_la_cruzana_4751_9501_feedback.html"),
        (["anon_x7Kq2_98765_x.py"], "anon_x7Kq2_98765_feedback.html"),
        (["Jane Doe_657801_assignsubmission_file_x.py"], "Jane Doe_657801_assignsubmission_file_/feedback.html"),
    ],
)
def test_pages_go_back_under_the_names_that_the_system_knows(tmp_path, names, returned):
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_text("")
    written(tmp_path / "out", layouts.find(tmp_path / "in")[1])
    with zipfile.ZipFile(tmp_path / "out" / "feedback.zip") as archive:
        assert archive.namelist() == [returned]
        assert b"of required exercises" in archive.read(returned) or b"100 of 100" in archive.read(returned)
    first = (tmp_path / "out" / "feedback.zip").read_bytes()
    written(tmp_path / "out", layouts.find(tmp_path / "in")[1])
    assert (tmp_path / "out" / "feedback.zip").read_bytes() == first


def test_who_handed_in_nothing_gets_no_page_in_the_archive(tmp_path):
    (tmp_path / "roster.csv").write_text("id,name\n1,Ada\n2,Bob\n")
    written(tmp_path / "out", [HandedIn(id="1", name="Ada", source="../../ada")], tmp_path / "roster.csv")
    with zipfile.ZipFile(tmp_path / "out" / "feedback.zip") as archive:
        assert archive.namelist() == ["Ada-1.html"]
