"""Decisions about a class that was graded: what each does to scores, and that nothing is run for it."""

import csv
import io
import re
import sqlite3
import threading
import time
from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.grading import catalog
from autograder.grading.checks import described, refreshed
from autograder.instructor import version
from autograder.instructor.classroom import class_rows, pages, people, score, similar
from autograder.instructor.classroom.layouts import HandedIn
from autograder.instructor.classroom.result_store import Remembered, Settings, Store
from autograder.instructor.classroom.scoring import Question, Scoring
from autograder.instructor.decisions.log import (
    FILE,
    Decision,
    DecisionError,
    Kind,
    Log,
    OvertakenError,
    holding,
)
from autograder.report import files
from autograder.results import ExerciseResult, Report, Verdict
from tests.test_class_pages import EVIL

pytestmark = pytest.mark.usefixtures("required_alone")
DUE = datetime(2026, 3, 1, 23, 59, tzinfo=timezone(-timedelta(hours=8)))
HOMEWORK = "hw2"
FIRST, SECOND = [exercise for exercise in catalog.exercises(HOMEWORK) if exercise.required]
CHECK, OTHER = described(FIRST)[:2]
STUDENTS = {"ada": "Ada Lovelace", "bob": "Bob Kahn", "eve": f"Eve {EVIL}"}


def judged(*failed):
    """A report in which all passes but some checks of the first exercise."""
    results = []
    for exercise in (FIRST, SECOND):
        checks = described(exercise)
        for check in checks:
            check.verdict = Verdict.WRONG if exercise is FIRST and check.name in failed else Verdict.PASS
        results.append(ExerciseResult(name=exercise.name, title=exercise.title, file=exercise.file, checks=checks))
    return Report(homework=HOMEWORK, subject="", seed=7, data="glyphs", isolation="isolated", exercises=results)


def made(folder, count=0):
    """A graded class: who fails nothing, one check, and another one; and more who fail nothing."""
    people = STUDENTS | {f"s{number}": f"Student {number}" for number in range(count)}
    submitted = DUE - timedelta(hours=1)
    found = [HandedIn(id=one, name=name, source=one, submitted=submitted) for one, name in people.items()]
    rows = class_rows.gather(found, [])
    for row, failed in zip(rows, [(), (CHECK.name,), (OTHER.name,), *[()] * count], strict=True):
        row.report = judged(*failed)
    store = Store(folder)
    with store.opened():
        store.keep(Settings(homework=HOMEWORK, seed=7, options=Remembered()))
        for _ in pages.keep(folder, rows):
            pass
    return folder


@pytest.fixture
def out(tmp_path):
    return made(tmp_path / "out")


def scored(out, *options, status=0):
    done = CliRunner().invoke(main, ["score", str(out), *map(str, options)])
    assert done.exit_code == status, done.output
    return done.output


def totals(out):
    text = (out / "gradebook.csv").read_text(encoding="utf-8-sig")
    return {row["id"]: float(row["total"]) for row in csv.DictReader(io.StringIO(text))}


def feedback(out, student):
    (page,) = (out / "feedback").glob(f"*{student}*.html")
    return page.read_text(encoding="utf-8")


# What a decision does


def test_a_class_without_decisions_has_the_points_of_its_verdicts(out):
    told = scored(out)
    assert "Nothing was run" in told
    assert totals(out) == {"ada": 100, "bob": 100 - CHECK.points, "eve": 100 - OTHER.points}


def test_a_dropped_check_counts_for_nobody_and_says_so(out):
    scored(out, "--drop", CHECK.name, "--why", "It asked for what the text does not say")
    left = 100 - CHECK.points
    assert totals(out) == {"ada": left, "bob": left, "eve": pytest.approx(left - OTHER.points)}
    assert "counts for nobody: It asked for what the text does not say." in feedback(out, "bob")


def test_a_given_check_has_its_points_for_everybody_who_handed_in(out):
    told = scored(out, "--give", CHECK.title)
    assert totals(out) == {"ada": 100, "bob": 100, "eve": 100 - OTHER.points}
    assert "1 of 3 totals change: Bob Kahn" in told


def test_a_bonus_is_beside_the_points_that_are_possible(out):
    scored(out, "--bonus", CHECK.name)
    row = next(csv.DictReader(io.StringIO((out / "gradebook.csv").read_text(encoding="utf-8-sig"))))
    assert (float(row["checks"]), float(row["checks of"])) == (100, 100 - CHECK.points)


def test_points_of_a_check_can_be_others(out):
    scored(out, "--points", CHECK.name, CHECK.points + 3)
    assert totals(out)["ada"] == 103 and totals(out)["bob"] == pytest.approx(100 - CHECK.points)


def test_an_override_is_of_one_student_and_shown_with_its_reason(out):
    scored(out, "--override", "Kahn, Bob", CHECK.name, CHECK.points / 2, "--why", "Right but for a typo")
    assert totals(out)["bob"] == pytest.approx(100 - CHECK.points / 2)
    assert totals(out)["ada"] == 100 and "Right but for a typo." in feedback(out, "bob")
    assert "Right but for a typo" not in feedback(out, "ada")


def test_an_adjustment_loses_nothing_to_lateness(out):
    scored(out, "--due", "2026-02-28 00:00 -08:00", "--late", "50%/week")
    before = totals(out)["ada"]
    scored(out, "--adjust", "ada", -7.5)
    assert before == 50 and totals(out)["ada"] == 42.5


def test_deadlines_have_a_zone_and_extensions_are_by_date(out):
    told = scored(out, "--due", "2026-02-28 23:59 -08:00", "--late", "10%/day")
    assert "Deadline: 2026-02-28 23:59 UTC-08:00." in told
    assert totals(out)["ada"] == 90 and "due 2026-02-28 23:59 UTC-08:00" in feedback(out, "ada")
    assert "Due 2026-02-28 23:59 UTC-08:00." in (out / "report.html").read_text()
    scored(out, "--extend", "ada", "2026-03-01 22:59 -08:00", "--extend", "bob", "excused")
    assert totals(out) == {"ada": 100, "bob": 100 - CHECK.points, "eve": pytest.approx(0.9 * (100 - OTHER.points))}
    scored(out, "--extend", "ada", "2026-02-28 20:00")  # in the deadline's zone
    assert totals(out)["ada"] == 80 and "2026-02-28 20:00 UTC-08:00" in feedback(out, "ada")


def test_written_points_come_from_a_table_and_a_newer_one_takes_its_place(out, tmp_path):
    (tmp_path / "points.csv").write_text("id,Q1,Q2\nada,3,4\nbob,2,\n")
    scored(out, "--manual", tmp_path / "points.csv")
    assert totals(out)["ada"] == 107 and "Written question Q1: 3 points." in feedback(out, "ada")
    (tmp_path / "points.csv").write_text("id,Q1\nada,1\n")
    scored(out, "--manual", tmp_path / "points.csv")
    assert totals(out)["ada"] == 101 and totals(out)["bob"] == 100 - CHECK.points
    scored(out, "--forget", "manual")
    assert totals(out)["ada"] == 100


def test_a_table_of_written_points_may_have_comments(out, tmp_path):
    (tmp_path / "points.csv").write_text("id,Q1,Q1 comment,Comments\nada,3,Show the sum.,Well done\nbob,,,\n")
    scored(out, "--manual", tmp_path / "points.csv")
    page = feedback(out, "ada")
    assert totals(out)["ada"] == 103 and "Comment on Q1: Show the sum." in page and "Comment: Well done" in page
    assert "Comment" not in feedback(out, "bob")


def test_a_student_whose_id_changed_is_still_the_same_one(tmp_path):
    (row,) = class_rows.gather([HandedIn(id="7", name="Ada", email="a@x.org", source="x")], [])
    before, after = (("7", "Ada"), ("s7", "7", "a@x.org", "Ada"))
    decisions = [Decision(kind=Kind.ADJUST, student=who, value=v) for who, v in ((before, 1.0), (after, 2.0))]
    scored = Scoring([row], decisions).score(row)
    assert scored.adjusted == 2.0 and len(scored.told) == 1


def test_a_rubric_adds_up_or_takes_off():
    assert Question("Q1", 5, {"idea": 3, "proof": 4}).worth(["idea", "proof"]) == 5
    assert Question("Q1", 5, {"no proof": -2, "no idea": -4}).worth(["no proof"]) == 3
    assert Question("Q1", 5, {"no proof": -2, "no idea": -4}).worth(["no proof", "no idea"]) == 0


def test_items_of_a_rubric_are_told_to_whom_they_hold_for(out):
    rows = pages.heads(out)
    decisions = [
        Decision(kind=Kind.QUESTION, subject="Q1", value=5.0),
        Decision(kind=Kind.RUBRIC, subject="Q1", value=[["idea", 3.0], ["proof", 2.0]]),
        Decision(kind=Kind.TICKS, student=rows[0].names, subject="Q1", value=["idea"]),
        Decision(kind=Kind.TICKS, student=rows[1].names, subject="Q1", value=["idea"]),
        Decision(kind=Kind.MARK, student=rows[1].names, subject="Q1", value=4.0),
    ]
    scoring = Scoring(rows, decisions)
    assert [scoring.score(row).manual for row in rows] == [{"Q1": 3.0}, {"Q1": 4.0}, {}]
    assert scoring.score(rows[0]).told == ["Written question Q1: 3 of 5 points. idea."]
    assert scoring.possible == 5


def test_comments_are_read_by_their_student_as_text(out):
    scored(out, "--comment", "eve", f"See me {EVIL}")
    page = feedback(out, "Eve")
    assert "Comment: See me" in page and EVIL not in page
    assert "See me" not in feedback(out, "ada")


@pytest.mark.parametrize("whole", [True, False])
def test_formulas_of_comments_are_drawn_on_the_students_page(out, whole):
    text = f"The mean is $\\frac{{1}}{{K}}$, it costs $5 or {EVIL}"
    if whole:
        scored(out, "--comment", "eve", text)
    else:
        scored(out, "--give", CHECK.title, "--why", text)
    page = feedback(out, "Eve")
    assert "The mean is <math" in page and "costs $5 or" in page and EVIL not in page


def test_students_are_found_by_a_login_of_the_roster_and_by_a_part_of_a_name(tmp_path):
    (tmp_path / "roster.csv").write_text('Student,ID,SIS User ID,SIS Login ID\n"Doe, Jane",2,s2,jane\nX Doe,3,s3,xd\n')
    rows = class_rows.gather([HandedIn(id="2", name="doejane", source="x")], people.roster(tmp_path / "roster.csv"))
    assert {score.find_student(who, rows).id for who in ("2", "s2", "jane", "Jane")} == {"2"}
    with pytest.raises(DecisionError, match="names of 2 students"):
        score.find_student("Doe", rows)


# Taking back


def test_everything_can_be_undone_and_the_log_says_by_whom(out):
    scored(out, "--drop", CHECK.name, "--author", "Grace")
    scored(out, "--adjust", "ada", 5, "--author", "Alan")
    told = scored(out, "--undo-last", "--author", "Grace")
    assert "Undone: adjust of Ada Lovelace (ada): 5" in told and totals(out)["ada"] == 100 - CHECK.points
    scored(out, "--undo", 3)  # the undo itself
    assert totals(out)["ada"] == pytest.approx(105 - CHECK.points)
    scored(out, "--undo", 1)
    assert totals(out)["ada"] == 105
    log = scored(out, "--log")
    assert re.search(r"1  .* UTC  Grace, no longer: drop", log) and "Alan: adjust of Ada Lovelace (ada): 5" in log
    assert "was undone already" in scored(out, "--undo", 1, status=4)
    assert "There is no decision 99" in scored(out, "--undo", 99, status=4)


def test_what_was_decided_before_is_not_decided_twice(out):
    scored(out, "--adjust", "ada", 2, "--why", "kind")
    assert "as was decided before" in scored(out, "--adjust", "ada", 2, "--why", "kind")
    scored(out, "--adjust", "ada", 2, "--why", "kinder", "--late", "10%/day")
    assert [one.comment for one in Log(out).all()] == ["kind", "", "kinder"]


def test_the_later_of_two_decisions_on_one_matter_holds_and_undoing_it_brings_the_first_back(tmp_path):
    log = Log(tmp_path)
    first, second = (Decision(kind=Kind.OVERRIDE, student=("a",), subject="c", value=v) for v in (1.0, 2.0))
    log.add([first], "x")
    log.add([second], "y")
    assert [one.value for one in log.current()] == [2.0]
    log.undo(None, "x")
    assert [one.value for one in log.current()] == [1.0]
    assert holding([]) == []


def test_who_did_not_see_the_last_decision_overwrites_nothing(tmp_path):
    log = Log(tmp_path)
    one = Decision(kind=Kind.MARK, student=("a",), subject="Q1", value=1.0)
    seen = log.add([one], "Grace")[-1].number
    log.add([msgspec.structs.replace(one, value=2.0)], "Alan", seen)
    with pytest.raises(OvertakenError, match=r"Alan decided on this at \d\d:\d\d UTC: mark Q1 of a: 2"):
        log.add([msgspec.structs.replace(one, value=3.0)], "Grace", seen)
    log.add([msgspec.structs.replace(one, subject="Q2")], "Grace", seen)  # another matter
    assert [(one.subject, one.value) for one in log.current()] == [("Q1", 2.0), ("Q2", 1.0)]


def test_many_can_decide_at_once_and_nothing_is_lost(tmp_path):
    def decide(who):
        for number in range(20):
            Log(tmp_path).add([Decision(kind=Kind.COMMENT, student=(who,), value=str(number))], who)

    threads = [threading.Thread(target=decide, args=(f"ta{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Log(tmp_path).current()) == 80


def test_a_damaged_log_is_named(out):
    (out / FILE).write_bytes(b"no database" * 100)
    assert f"{FILE} cannot be used" in scored(out, status=4)


def test_a_log_is_a_plain_table(out):
    scored(out, "--drop", CHECK.name)
    with sqlite3.connect(out / FILE) as connection:
        assert connection.execute("select kind, subject from decision").fetchall() == [("drop", CHECK.name)]


# Words


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--drop", "no such check"], "No check has"),
        (["--drop", "e"], "write more of it"),
        (["--override", "adaa", CHECK.name, 1], "meant may be ada"),
        (["--override", "a", CHECK.name, 1], "is in the names of 3 students, as Ada Lovelace, Bob Kahn"),
        (["--override", "ada", CHECK.name, 1000], "--adjust adds more"),
        (["--override", "ada", CHECK.name, -1], "--adjust takes points"),
        (["--points", CHECK.name, "nan"], "is no number of points"),
        (["--override", "ada", CHECK.name, 0.123], "two decimals at most"),
        (["--adjust", "ada", "inf"], "is no number of points"),
        (["--extend", "ada", "soon"], "neither a time"),
        (["--late", "much"], "no late policy"),
    ],
)
def test_a_decision_that_cannot_be_is_named_and_none_is_taken(out, options, says):
    assert says in scored(out, "--adjust", "bob", 1, *options, status=4)
    assert Log(out).all() == []


def test_a_folder_without_a_class_is_named(tmp_path):
    assert "No class was graded into" in scored(tmp_path, status=4)


def test_decisions_about_nobody_are_named(out):
    Log(out).add([Decision(kind=Kind.ADJUST, student=("zoe",), value=1.0)], "x")
    assert "students without a row: zoe" in scored(out)


def test_similar_submissions_stay_in_the_report(out):
    pairs = similar.Pairs([similar.Pair(FIRST.title, 0.9, ("Ada", [("a", True)]), ("Eve", [("a", True)]))])
    pairs.found = 1
    similar.keep(out / similar.FILE, pairs)
    scored(out)
    assert "1 pairs" in (out / "report.html").read_text() and "90%" in (out / "similar.html").read_text()


# Verdicts are facts


def test_changed_points_titles_and_hints_grade_nothing_anew():
    source = (FIRST.folder / "checks.py").read_bytes()
    points = re.sub(rb"@points\([\d.]+\)", b"@points(17)", source)
    hints = re.sub(rb'mend="', b'mend="Think. ', source)
    titles = re.sub(rb'(def test_\w+\([^)]*\):\n    """)', rb"\1Now: ", source)
    judging = source.replace(b"def test_", b"def test_another_", 1)
    kept = {version._statements(text) for text in (source, points, hints, titles, source + b"\n# a comment\n")}
    assert points != source and hints != source and titles != source
    assert len(kept) == 1 and version._statements(judging) not in kept


def test_a_report_is_read_with_the_points_of_today():
    report = judged(CHECK.name)
    for check in report.exercises[0].checks:
        check.points, check.title, check.hint = 1.0, f"Was: {check.title}", "old"
    report.exercises[0].checks[1].waits_for = [report.exercises[0].checks[0].title]
    now = refreshed(report).exercises[0].checks
    assert [(one.title, one.points, one.hint) for one in now] == [
        (one.title, one.points, one.hint) for one in described(FIRST)
    ]
    assert now[1].waits_for == [CHECK.title] and now[0].verdict is Verdict.WRONG


def test_two_rows_of_one_student_are_both_meant():
    twice = [HandedIn(id="ada", name="Ada", source="a"), HandedIn(id="ada", name="Ada", source="b")]
    rows = class_rows.gather(twice, [])
    scoring = Scoring(rows, [Decision(kind=Kind.ADJUST, student=("ada",), value=2.0)])
    assert [scoring.score(row).total for row in rows] == [2.0, 2.0] and not scoring.unknown


@pytest.mark.slow
def test_two_thousand_results_are_scored_within_a_minute(tmp_path):
    """Of a busy machine; benchmarks/score.py measures it."""
    made(tmp_path / "out", 1997)
    started = time.process_time()
    assert score.score_class(tmp_path / "out", score.Wanted(drop=(CHECK.name,))) == 0
    assert time.process_time() - started < 60 and len(totals(tmp_path / "out")) == 2000


def test_a_page_that_would_say_the_same_is_not_made_again_and_one_that_is_gone_is(out, monkeypatch):
    scored(out)
    made = []
    real = files.html
    monkeypatch.setattr(files, "html", lambda report, written: made.append(report.subject) or real(report, written))
    (gone,) = (out / "feedback").glob("*bob*")
    gone.unlink()
    scored(out, "--adjust", "ada", 1)
    assert len(made) == 2 and "In all: 101 points" in feedback(out, "ada") and gone.is_file()
