"""A homework is a list: required exercises make the sum, optional ones are outside of it, wherever points are shown."""

import csv
import json

import msgspec
import pytest
from toy_course import SOLUTION, WRONG, Course

from autograder.grading import catalog
from autograder.instructor.gradescope import results
from autograder.report import files
from autograder.results import Report

LIST = """\
title = "Numbers"
required = { first = 10, second = 25.55 }
optional = { extra = 5, more = 3 }
due = "2026-12-01 23:59 -08:00"
"""
SCORE = "hw7: 30.44 of 35.55 points of required exercises"
OUTSIDE = (
    "Outside the sum: Problem 3 (optional). Centre and spread: 4 of 5 points; Problem 4 (optional). Centre and spread: "
    "not handed in"
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A homework of four toys, shared: a test that changes it puts it back."""
    course = Course(tmp_path_factory.mktemp("toy"), "hw7", LIST)
    course.set_thresholds(bound=0.5)
    return course


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """A submission with a mistake in one required and one optional exercise, and without the other optional one."""
    folder = tmp_path_factory.mktemp("graded")
    course.hand_in(folder / "work", first=SOLUTION, second=WRONG, extra=WRONG)
    done = course.run(
        "hw7",
        "--submission",
        folder / "work",
        "--seed",
        1,
        "--json",
        folder / "all.json",
        "--allow-unsandboxed",
        "--verbose",
    )
    return done, msgspec.json.decode((folder / "all.json").read_bytes(), type=Report)


def test_points_are_shares_of_what_the_list_says_and_add_up_exactly(graded):
    _, report = graded
    points = {exercise.name: [check.points for check in exercise.checks] for exercise in report.exercises}
    assert points == {
        "first": [4.0, 3.0, 2.0, 1.0],
        "second": [10.22, 7.67, 5.11, 2.55],
        "extra": [2.0, 1.5, 1.0, 0.5],
        "more": [],
    }
    assert (report.earned, report.points, report.left_out) == (30.44, 35.55, 0.0)


def test_the_terminal_has_the_sum_of_required_exercises_and_the_others_in_a_line_of_their_own(graded):
    done, _ = graded
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert SCORE in lines and " ".join(done.stdout.split()).count(OUTSIDE) == 1
    assert "Problem 4 (optional). Centre and spread  hw7/more.py  not handed in" in lines
    assert [line.split()[1] for line in lines if line.startswith((" ✓", " ✗"))] == [
        *("4/4", "3/3", "2/2", "1/1"),
        *("10.22/10.22", "7.67/7.67", "0/5.11", "2.55/2.55"),
        *("2/2", "1.5/1.5", "0/1", "0.5/0.5"),
    ]


def test_every_file_says_what_the_terminal_says(graded):
    _, report = graded
    assert f"<h1>{SCORE}</h1>\n<p>{OUTSIDE}.</p>" in files.html(report)
    page = files.html(report)
    assert "hw7/more.py, not handed in" in page and page.count("<table") == 5  # what passed, and what did not
    text = files.markdown(report)
    assert text.startswith(f"# {SCORE}\n") and f"\n{OUTSIDE}.\n" in text
    assert "| Problem 4 (optional). Centre and spread | `hw7/more.py` | not handed in |  |" in text
    rows = list(csv.DictReader(files.table(report).splitlines()))
    assert sum(float(row["of"]) for row in rows if not row["outside the sum"]) == pytest.approx(35.55)
    assert sum(float(row["points"]) for row in rows if not row["outside the sum"]) == pytest.approx(30.44)
    assert [(row["exercise"], row["message"]) for row in rows if not row["check"]] == [("more", "not handed in")]
    told = json.loads(files.data(report))["exercises"]
    assert [(one["required"], one["handed_in"]) for one in told] == [(True, True)] * 2 + [(False, True), (False, False)]


def test_gradescope_adds_up_the_required_ones(course, graded):
    with catalog.replaced("hw7", msgspec.toml.decode(course.list.read_bytes(), type=catalog.Homework)):
        page = results.results(graded[1])
    scored = [test for test in page["tests"] if "score" in test]
    assert page["score"] == 30.44 == pytest.approx(sum(test["score"] for test in scored))
    assert sum(test["max_score"] for test in scored) == pytest.approx(35.55) and len(page["tests"]) == 12
    outside = [test for test in page["tests"] if "optional" in test["tags"]]
    assert [test["status"] for test in outside] == ["passed", "passed", "failed", "passed"]
    assert outside[0]["output"] == "2 of 2 points outside the sum" and "score" not in outside[0]
    assert page["output"].splitlines() == [f"{SCORE}.", f"{OUTSIDE}."]


def test_full_marks_are_those_of_the_required_ones(course, tmp_path):
    course.hand_in(tmp_path, first=SOLUTION, second=SOLUTION, extra=WRONG)
    options = ("--submission", tmp_path, "--allow-unsandboxed")
    assert course.run("hw7", *options).returncode == 0
    done = course.run("hw7", *options, "--only", "extra")
    assert done.returncode == 1 and "\nhw7: optional exercises alone were graded; the 35.55 points of" in done.stdout
    done = course.run("hw7", *options, "--only", "more")
    assert done.returncode == 1 and "Centre and spread: not handed in" in done.stdout and "✗" not in done.stdout


def test_a_list_of_checks_has_the_same_points(course):
    done = course.run("hw7", "--list")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "hw7: 35.55 points, and outside the sum extra, more"
    assert "Problem 2. Centre and spread  hw7/second.py  25.55 points" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(" ")][:8] == [
        *("4", "3", "2", "1"),
        *("10.22", "7.67", "5.11", "2.55"),
    ]


def test_a_class_has_columns_for_optional_exercises_outside_the_sum(course, tmp_path):
    course.hand_in(tmp_path / "class" / "ada", first=SOLUTION, second=SOLUTION, extra=WRONG)
    course.hand_in(tmp_path / "class" / "eve", first=SOLUTION, second=WRONG)
    (tmp_path / "class" / "kai").mkdir()
    done = course.run("class", "hw7", tmp_path / "class", "--out", tmp_path / "out", "--jobs", 1, "--allow-unsandboxed")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    columns = ("first", "second", "extra (optional)", "more (optional)", "checks", "checks of", "total")
    assert [[row[column] for column in columns] for row in rows.values()] == [
        ["10", "25.55", "4", "", "35.55", "35.55", "35.55"],
        ["10", "20.44", "", "", "30.44", "35.55", "30.44"],
        ["0", "0", "", "", "0", "35.55", "0"],
    ]
    assert rows["eve"]["notes"] == "" and "more" not in rows["kai"]["notes"]
    report = (tmp_path / "out" / "report.html").read_text()
    assert "Outside the sum: extra, more." in report
    assert report.count("<td>not handed in</td>") == 5 and "<td>4 of 5 points</td>" in report
    assert OUTSIDE in (tmp_path / "out" / "feedback" / "ada.html").read_text()


def test_submit_takes_optional_files_that_are_there_and_misses_none(course, tmp_path):
    course.hand_in(course.folder, first=SOLUTION, second=SOLUTION, extra=SOLUTION)
    try:
        done = course.run("submit", "hw7", "--out", tmp_path / "hw7.zip")
        assert (done.returncode, done.stderr) == (0, "")
        assert "hw7/extra.py, hw7/first.py, hw7/second.py.\n" in done.stdout and "The grader accepts it" in done.stdout
        (course.homework / "extra.py").rename(course.homework / "extra_final.py")
        done = course.run("submit", "hw7", "--out", tmp_path / "hw7.zip")
        assert done.returncode == 1 and "hw7.zip: hw7/first.py, hw7/second.py." in done.stdout
        renamed = "Expected hw7/extra.py, found hw7/extra_final.py: rename it. It is optional, and left out."
        assert renamed in done.stderr
        (course.homework / "second.py").unlink()
        done = course.run("submit", "hw7", "--out", tmp_path / "hw7.zip")
        assert done.returncode == 1 and "hw7/second.py is missing" in done.stderr and "more.py" not in done.stderr
    finally:
        for name in ("first.py", "extra_final.py", "extra.py", "second.py"):
            (course.homework / name).unlink(missing_ok=True)


# Lists that cannot be used

BROKEN = {
    "no TOML": ("required = {", "hw7/homework.toml is not TOML: "),
    "not text": (b"title = '\xff'", "hw7/homework.toml is not TOML: "),
    "unknown key": (
        LIST + "points = 100",
        "hw7/homework.toml has a key points that nothing reads; it may have title, ",
    ),
    "no title": ("required = {}", "hw7/homework.toml has no title."),
    "unknown exercise": (
        LIST.replace("first", "frist"),
        "hw7/homework.toml lists frist, and there is no folder autograder/exercises/frist; there are extra, ",
    ),
    "a path": (LIST.replace("first", '"../hw7"'), "hw7/homework.toml lists ../hw7, and there is no folder"),
    "twice": (LIST.replace("extra", "second"), "hw7/homework.toml lists second twice, as required and as optional."),
    "twice required": (LIST.replace("second", "first"), "hw7/homework.toml is not TOML: "),
    "no points": (
        LIST.replace("25.55", "0"),
        "hw7/homework.toml gives second 0 points: a positive number with at most",
    ),
    "less": (LIST.replace("25.55", "-1"), "hw7/homework.toml gives second -1 points: a positive number with at most"),
    "endless": (LIST.replace("25.55", "inf"), "hw7/homework.toml gives second inf points: a positive number"),
    "words": (LIST.replace("25.55", "'many'"), "hw7/homework.toml gives second 'many' points: a positive number"),
    "thirds": (
        LIST.replace("25.55", "0.333"),
        "hw7/homework.toml gives second 0.333 points: a positive number with at",
    ),
    "no table": ('title = ""\nrequired = 3', "hw7/homework.toml: required is a table, as { NAME = POINTS }."),
    "no text": ("title = 3\nrequired = {}", "hw7/homework.toml: title is a text in quotes."),
    "no date": (LIST.replace("2026-12-01", "soon"), "hw7/homework.toml: due = 'soon 23:59 -08:00' is no time with its"),
    "no zone": (
        LIST.replace(" -08:00", ""),
        "hw7/homework.toml: due = '2026-12-01 23:59' is no time with its zone, as",
    ),
    "gone": (None, "hw7/homework.toml is missing: put it back as it was."),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_list_that_cannot_be_used_is_a_sentence(course, case):
    text, sentence = BROKEN[case]
    course.list.unlink()
    try:
        if text is not None:
            course.list.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = course.run("hw7", "--list")
    finally:
        course.list.write_text(LIST)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1), done.stderr
    assert sentence in done.stderr


PAGES = {
    "gone": (None, "autograder/exercises/first/exercise.toml is missing: put it back as it was."),
    "no TOML": ("title", "autograder/exercises/first/exercise.toml is not TOML: "),
    "no paper": ('title = "x"', "autograder/exercises/first/exercise.toml has no paper."),
    "unknown key": ("points = 3", "autograder/exercises/first/exercise.toml has a key points that nothing reads"),
}


@pytest.mark.parametrize("case", PAGES)
def test_a_page_that_cannot_be_used_is_a_sentence(course, case):
    text, sentence = PAGES[case]
    page = course.exercises / "first" / "exercise.toml"
    before = page.read_text()
    page.unlink()
    try:
        if text is not None:
            page.write_text(text)
        done = course.run("hw7", "--list")
    finally:
        page.write_text(before)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1), done.stderr
    assert sentence in done.stderr


def test_a_homework_without_exercises_is_a_sentence(course):
    course.list.write_text('title = "x"\nrequired = {}\n')
    try:
        for command in (["hw7"], ["hw7", "--list"], ["submit", "hw7"]):
            done = course.run(*command)
            assert done.returncode == 4 and "hw7 has no exercise yet" in done.stderr
    finally:
        course.list.write_text(LIST)


# When it is due


def test_a_class_is_late_by_the_date_of_the_list_unless_another_is_given(course, tmp_path):
    course.hand_in(tmp_path / "class" / "submission_1", first=SOLUTION, second=SOLUTION)
    (tmp_path / "class" / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - :name: Ada\n    :sid: ada\n  :created_at: 2026-12-03 07:59:00 Z\n"
    )
    for words, days in (((), "1"), (("--due", "2026-12-02 19:59 -08:00"), "0.17")):
        done = course.run(
            *("class", "hw7", tmp_path / "class", "--out", tmp_path / "out", "--jobs", 1, "--allow-unsandboxed"), *words
        )
        assert done.returncode == 0, done.stderr
        with (tmp_path / "out" / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["late"], row["days late"]) == ("LATE", days)
