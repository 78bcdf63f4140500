"""The review page: each action is a decision, nobody overwrites anybody, and nobody else gets in."""

import csv
import html.parser
import http.client
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone

import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.grading.checks import described
from autograder.instructor.classroom import pages, similar
from autograder.instructor.classroom.layouts import HandedIn
from autograder.instructor.classroom.result_store import Store
from autograder.instructor.decisions.log import FILE, Decision, Kind, Log, OvertakenError
from autograder.intake import written
from autograder.paths import COURSE
from tests import reviewing
from tests.reviewing import CHECK, EVIL, FIRST, HOMEWORK, LINE, OTHER, PNG
from tests.test_class_pages import CHROMIUM, PHONE

pytest.importorskip("flask", reason="the extra `review` is not installed")
from autograder.instructor.review import app, command, server
from autograder.instructor.review.reviewed import Class

pytestmark = pytest.mark.usefixtures("required_alone")
TOKEN = "a token for tests"
ADA, BOB, EVE = "Ada Lovelace", "Bob Kahn", "Eve O'Neill & Co"  # in the order of the class
FAILED = [(), (CHECK.name,), (OTHER.name,)]


class Field(html.parser.HTMLParser):
    """The forms of a page: each with its fields as a browser sends them, and tags that are there."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.tags, self._area = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        if tag == "form":
            self.forms.append({"action": found.get("action", "")})
        name = found.get("name")
        if tag == "input" and self.forms and name and (found.get("type") != "checkbox" or "checked" in found):
            if found.get("type") == "checkbox" and name == "tick":
                self.forms[-1].setdefault(name, []).append(found.get("value", ""))
            else:
                self.forms[-1][name] = found.get("value", "")
        if tag == "textarea":
            self._area = name
            self.forms[-1][name] = ""

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = None

    def handle_data(self, data):
        if self._area:
            self.forms[-1][self._area] += data


class Assistant:
    """A teaching assistant with a browser."""

    def __init__(self, application, author=""):
        self.client = application.test_client()
        first = self.client.get(f"/?token={TOKEN}", base_url="http://127.0.0.1:1")
        assert first.status_code == 302 and first.location == "/"
        self.author = author
        if author:
            form = next(one for one in self.forms("/") if one["action"] == "/author")
            self.post(form | {"author": author})

    def page(self, address, status=200):
        found = self.client.get(address, base_url="http://127.0.0.1:1")
        assert found.status_code == status, found.text
        return found.text

    def forms(self, address):
        return Field(self.page(address)).forms

    def form(self, address, kind, **fields):
        """The one form of a kind on a page that has these fields."""
        found = [
            one
            for one in self.forms(address)
            if one.get("form") == kind and all(one.get(name) == value for name, value in fields.items())
        ]
        assert len(found) == 1, f"{len(found)} forms"
        return found[0]

    def post(self, form, status=303, **headers):
        fields = {name: value for name, value in form.items() if name != "action"}
        done = self.client.post(form["action"], data=fields, base_url="http://127.0.0.1:1", headers=headers)
        assert done.status_code == status, done.text
        return done


@pytest.fixture
def out(tmp_path):
    return reviewing.graded(tmp_path, [ADA, BOB, EVE], lambda place: FAILED[place])


@pytest.fixture
def application(out):
    return app.make(Class(out), TOKEN, "root")


@pytest.fixture
def ta(application):
    return Assistant(application)


def key(out, name):
    return next(row.stem for row in pages.heads(out) if row.name == name)


def student(out, name):
    return f"/student/{key(out, name)}"


def held(out):
    return [(one.kind.value, one.subject, one.value) for one in Log(out).current()]


def totals(out):
    text = (out / "gradebook.csv").read_text(encoding="utf-8-sig")
    return {row["id"].lstrip("'"): float(row["total"]) for row in csv.DictReader(io.StringIO(text))}


def a_question(out, points=5.0, items=(("no proof", -2.0), ("no numbers", -1.0))):
    Log(out).add(
        [
            Decision(kind=Kind.QUESTION, subject="Q1", value=points),
            Decision(kind=Kind.RUBRIC, subject="Q1", value=[list(item) for item in items]),
        ],
        "Grace",
    )


# What is seen


def test_the_class_is_seen_at_a_glance_and_filtered(ta, out):
    text = ta.page("/")
    assert text.index(ADA) < text.index(BOB) < text.index("Eve O")
    for query, shown in (
        ("text=kahn", [BOB]),
        ("text=AVERAGED", [BOB, "Eve O"]),
        (f"exercise={FIRST.name}", [BOB, "Eve O"]),
        (f"check={FIRST.name}:{CHECK.name}", [BOB]),
        ("flagged=1", [BOB]),
        ("commented=1", []),
        ("sort=low", [BOB, "Eve O", ADA] if CHECK.points > OTHER.points else ["Eve O", BOB, ADA]),
        ("sort=nonsense&text=%00", []),
    ):
        text = ta.page(f"/?{query}")
        table = text.partition("<tbody>")[2].partition("</tbody>")[0]
        assert re.findall(r'<a href="/student/[^"]*">([^<]*?)(?:&#39;[^<]*)?</a>', table) == shown, query


def test_the_list_says_what_is_decided_and_what_is_left(ta, out):
    a_question(out)
    ta.post(ta.form(student(out, ADA), "comment") | {"value": "Well done"})
    text = ta.page("/")
    assert "1 to grade, 1 comment" in text and "⚑1" in text
    assert ta.page("/?commented=1").count('<a href="/student/') == 1
    assert ta.page("/?question=Q1").count('<a href="/student/') == 3


def test_next_and_previous_keep_the_filter(ta, out):
    text = ta.page(f"{student(out, BOB)}?exercise={FIRST.name}&sort=name")
    links = {found["rel"]: found["href"] for tag, found in Field(text).tags if tag == "a" and "rel" in found}
    assert links == {"next": f"{student(out, EVE)}?exercise={FIRST.name}&sort=name"} and "1 of 2" in text
    assert "3 of 3" in ta.page(f"{student(out, EVE)}")


def test_a_student_is_shown_with_code_prints_flags_and_the_lines_that_failures_name(ta, out):
    text = ta.page(student(out, BOB))
    assert "Seen 1, expected 2" in text and "printed " in text and "is odd" in text
    failed = re.findall(r'class="row failed" id="code-(\d)-(\d+)"', text)
    assert [line for _, line in failed] == [str(LINE)]
    assert 'class="row flagged"' in text
    assert text.index(CHECK.title) < text.index("<summary>12 pass")  # what fails is first, and open
    assert "u202e" not in text and "\u202e" not in text


def test_answers_stand_beside_their_marks_and_their_pictures(ta, out):
    a_question(out)
    text = ta.page("/answers/Q1")
    assert text.count("It grows.") == 3 and "The question.</pre>" not in text  # quoted by the student, who is not asked
    assert "No." not in text  # of question 2
    picture = ta.client.get(f"{student(out, ADA)}/picture/0", base_url="http://127.0.0.1:1")
    assert picture.data == PNG and picture.mimetype == "image/png"
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    ta.page(f"{student(out, ADA)}/picture/1", 404)  # the other link leads out


def test_formulas_are_drawn_without_a_script_or_a_network(tmp_path):
    text = f"## 1\n\n$x < 1$ {EVIL} and\n\n$$\n\\frac{{1}}{{2}}\n$$\n"
    reviewing.hand_in(tmp_path / "submissions", ADA, answers=text)
    out = reviewing.graded(tmp_path, [ADA])
    a_question(out)
    text = Assistant(app.make(Class(out), TOKEN, "root")).page("/answers/Q1")
    assert "<mi>x</mi><mo>&lt;</mo>" in text and '<math display="block"><mrow><mfrac>' in text
    assert "http" not in text and "onerror=alert" in text and "<img src=x" not in text


@pytest.mark.parametrize("packed", [False, True])
def test_notebooks_and_pdfs_are_read_too(tmp_path, packed):
    files = {"hw2/hw2.ipynb": reviewing.notebook("Mine", "Too"), "hw2/answers.pdf": "%PDF-1.4 words"}
    if packed:
        (tmp_path / "submissions").mkdir()
        reviewing.zipped(tmp_path / "submissions" / f"{ADA}.zip", files | {f"{FIRST.file}": "x = 1\n"})
    else:
        inside = reviewing.hand_in(tmp_path / "submissions", ADA)
        (inside / "answers.md").unlink()
        for name, content in files.items():
            (inside.parent / name).write_text(content)
    out = reviewing.graded(tmp_path, [ADA])
    a_question(out)
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    text = ta.page("/answers/Q1")
    assert "Mine" in text and "Too" not in text and "other" not in text
    text = ta.page(student(out, ADA))
    (address,) = re.findall(r'href="(/student/[^"]*/pdf/\d)"', text)
    assert f'<iframe src="{address}/shown#' in text and f'<iframe src="{address}/shown#' in ta.page("/answers/Q1")
    pdf = ta.client.get(address, base_url="http://127.0.0.1:1")
    assert pdf.data == b"%PDF-1.4 words" and pdf.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in pdf.headers["Content-Security-Policy"]
    assert pdf.headers["X-Frame-Options"] == "DENY"
    beside = ta.client.get(f"{address}/shown", base_url="http://127.0.0.1:1")
    assert beside.data == b"%PDF-1.4 words" and beside.mimetype == "application/pdf"
    assert beside.headers["Content-Disposition"].startswith("inline")
    policy = beside.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and "script-src" not in policy
    assert beside.headers["X-Frame-Options"] == "SAMEORIGIN" and beside.headers["X-Content-Type-Options"] == "nosniff"
    ta.page(f"{student(out, ADA)}/pdf/7/shown", 404)
    assert (
        "frame-ancestors 'none'" in ta.client.get("/", base_url="http://127.0.0.1:1").headers["Content-Security-Policy"]
    )


def test_where_the_submissions_are_gone_verdicts_are_shown_and_one_sentence_says_so(out, tmp_path):
    (tmp_path / "submissions").rename(tmp_path / "moved")
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    text = ta.page(student(out, BOB))
    assert "submissions is gone" in text and "--submissions DIR" in text and CHECK.title in text
    found = Assistant(app.make(Class(out, tmp_path / "moved"), TOKEN, "root")).page(student(out, BOB))
    assert "is gone" not in found and "def broken" in found


def test_results_that_were_graded_anew_are_shown_without_a_restart(ta, out):
    assert "✗1" in ta.page("/?text=kahn")
    rows = list(pages.kept(out, pages.heads(out)))
    for row in rows:
        row.report = reviewing.judged()
    list(pages.keep(out, rows))
    assert "✗0" in ta.page("/?text=kahn")


def test_each_check_says_who_fails_it(ta):
    text = ta.page("/checks")
    assert f'/?check={FIRST.name}%3A{CHECK.name}">1 fail it' in text or f"/?check={FIRST.name}:{CHECK.name}" in text
    assert text.count("Nobody fails it.") == text.count('<section class="check"') - 2


# What is decided


def test_a_check_is_overridden_and_the_override_undone(ta, out):
    own = {"exercise": FIRST.name, "subject": CHECK.name}
    form = ta.form(student(out, BOB), "override", **own)
    done = ta.post(form | {"value": str(CHECK.points / 2), "why": "a typo"})
    assert done.location.endswith(f"#{FIRST.name}-{CHECK.name}")
    text = ta.page(done.location)
    assert "Decided by root" in text and "a typo" in text
    assert held(out) == [("override", CHECK.name, CHECK.points / 2)]
    (undo, *_) = [one for one in Field(text).forms if one["action"] == "/undo"]
    ta.post(undo | {"number": "1"})
    assert held(out) == []
    told = ta.post(undo | {"number": "1"}, 409).text
    assert "was undone already" in told


def test_an_empty_field_takes_an_override_back(ta, out):
    own = {"exercise": FIRST.name, "subject": CHECK.name}
    ta.post(ta.form(student(out, BOB), "override", **own) | {"value": "0"})
    form = ta.form(student(out, BOB), "override", **own)
    assert form["value"] == "0"
    ta.post(form | {"value": ""})
    assert held(out) == []


@pytest.mark.parametrize("value", ["1000", "-1", "much", "nan", "1e999"])
def test_points_that_cannot_be_are_named_and_what_was_typed_is_kept(ta, out, value):
    form = ta.form(student(out, BOB), "override", exercise=FIRST.name, subject=CHECK.name)
    told = ta.post(form | {"value": value, "why": "my reasons"}, 400).text
    assert "Nothing was changed" in told and "my reasons" in told and f">{value}</textarea>" in told
    assert held(out) == []
    again = next(one for one in Field(told).forms if one.get("form") == "override")
    ta.post(again | {"value": "0"})
    assert held(out) == [("override", CHECK.name, 0.0)]


def test_comments_are_on_checks_lines_answers_and_the_whole(ta, out):
    a_question(out)
    address = student(out, BOB)
    ta.post(ta.form(address, "comment") | {"value": f"Whole {EVIL}"})
    ta.post(ta.form(address, "comment-check", subject=OTHER.name) | {"value": "Check"})
    ta.post(ta.form(address, "comment-line", file=FIRST.file) | {"value": "Line", "line": "3"})
    ta.post(ta.form(address, "answer") | {"value": "Answer"})
    subjects = [(one.exercise, one.subject) for one in Log(out).current() if one.kind is Kind.COMMENT]
    assert subjects == [("", ""), (FIRST.name, OTHER.name), ("", f"{FIRST.file}:3"), ("", "Q1")]
    text = ta.page(address)
    row = text.index('id="code-1-3"')
    assert ">Line</div>" in text[row : row + 2500]
    ta.post(ta.forms("/")[-2])  # writes
    (page,) = (out / "feedback").glob("Bob*.html")
    told = page.read_text(encoding="utf-8")
    for words in ("Comment: Whole", "Comment: Check", f"Comment on {FIRST.file}:3: Line", "Comment on Q1: Answer"):
        assert words in told
    assert EVIL not in told


def test_formulas_of_comments_are_drawn(ta, out):
    address = student(out, BOB)
    ta.post(ta.form(address, "comment") | {"value": f"The mean is $\\frac{{1}}{{K}}$, not 5 $ or {EVIL}"})
    text = ta.page(address)
    assert "The mean is <math" in text and "not 5 $ or " in text and EVIL not in text


def test_files_are_open_where_there_is_something_to_see_and_those_as_handed_out_are_not_shown(ta, out):
    text = ta.page(student(out, BOB))
    assert re.findall(r'<details class="file" id="(code-\d)"( open)?>', text) == [("code-1", " open"), ("code-2", "")]
    place = out.parent / "submissions" / BOB / reviewing.SECOND.file
    place.write_bytes((COURSE / reviewing.SECOND.file).read_bytes())
    text = ta.page(student(out, BOB))
    assert f"{reviewing.SECOND.file} is as it was handed out" in text and text.count('<details class="file"') == 1


def test_a_line_number_fills_the_form_without_javascript(ta, out):
    text = ta.page(f"{student(out, BOB)}?file={FIRST.file}&line=3")
    assert [one["line"] for one in Field(text).forms if one.get("form") == "comment-line"] in (["3", ""], ["", "3"])


@pytest.mark.parametrize(
    ("file", "line"), [("hw2/util.py", "3"), (FIRST.file, "0"), (FIRST.file, "x"), ("../x.py", "1")]
)
def test_a_comment_is_on_a_line_of_a_graded_file_alone(ta, out, file, line):
    form = ta.form(student(out, BOB), "comment-line", file=FIRST.file)
    ta.post(form | {"value": "x", "file": file, "line": line}, 400)
    assert held(out) == []


def test_comments_used_before_are_offered_for_the_same_matter(ta, out):
    a_question(out)
    ta.post(ta.form(student(out, ADA), "answer") | {"value": "Where are the numbers?"})
    text = ta.page("/answers/Q1")
    assert text.count('<button class="small" name="bank" value="Where are the numbers?">') == 3
    ta.post(
        ta.form("/answers/Q1", "answer", student=key(out, BOB)) | {"bank": "Where are the numbers?", "value": "Also"}
    )
    said = [one.value for one in Log(out).current() if one.kind is Kind.COMMENT and BOB in one.student]
    assert said == ["Also", "Where are the numbers?"]
    assert 'option value="Where are' not in ta.page(student(out, ADA))  # not for another matter


def test_a_question_is_made_with_a_rubric_and_answers_are_graded_by_it(ta, out):
    make = next(one for one in ta.forms("/questions") if one.get("form") == "question")
    ta.post(make | {"question": "Q1", "points": "5", "rubric": "-2 no proof\r\n-1.5 no numbers\n"})
    assert "3 of 3 to grade" in ta.page("/questions") and "As <math" in ta.page("/answers/Q1")
    form = ta.form("/answers/Q1", "answer", student=key(out, ADA))
    ta.post(form | {"tick": ["no proof", "no such item"]})
    assert ("ticks", "Q1", ["no proof"]) in held(out)
    ta.post(ta.form("/answers/Q1", "answer", student=key(out, BOB)) | {"full": "1"})
    ta.post(ta.form("/answers/Q1", "answer", student=key(out, EVE)) | {"mark": "4,5"})
    text = ta.page("/answers/Q1")
    assert [float(x) for x in re.findall(r'quiet">([\d.]+) of 5</span></h2>', text)] == [3, 5, 4.5]
    assert "All are graded" in ta.page("/answers/Q1?left=1")
    ta.post(ta.forms("/")[-2])
    assert totals(out)[ADA] == 103 and totals(out)[BOB] == pytest.approx(105 - CHECK.points)


def test_a_form_changes_only_what_its_author_changed(ta, application, out):
    a_question(out)
    other = Assistant(application, "Alan")
    form = ta.form(student(out, ADA), "answer")
    other.post(other.form(student(out, ADA), "answer") | {"tick": ["no proof"]})
    ta.post(form | {"mark": "4"})  # the ticks, which Alan set meanwhile, are not in this form
    assert ("ticks", "Q1", ["no proof"]) in held(out) and ("mark", "Q1", 4.0) in held(out)
    assert "Nothing was changed: this is what holds already" in ta.post(ta.form(student(out, ADA), "answer"), 400).text


def test_a_mark_from_a_table_is_changed_and_not_silently_kept(ta, out):
    Log(out).add([Decision(kind=Kind.TABLE, value=[[[ADA], {"Q1": 3.0}, {}]], comment="points.csv")], "Grace")
    form = ta.form(student(out, ADA), "answer")
    assert form["mark"] == "3"
    assert "table of written points" in ta.post(form | {"mark": ""}, 400).text
    ta.post(form | {"mark": "0"})
    assert ta.form(student(out, ADA), "answer")["mark"] == "0"
    assert "points.csv" in ta.page("/log") and str([ADA]) not in ta.page("/log")


@pytest.mark.parametrize("rubric", ["no proof", "-2", "-2 a\n-3 a", f"-2 {'x' * 200}", "-9999999 a"])
def test_a_rubric_that_cannot_be_read_is_named(ta, out, rubric):
    make = next(one for one in ta.forms("/questions") if one.get("form") == "question")
    ta.post(make | {"question": "Q1", "points": "5", "rubric": rubric}, 400)
    assert held(out) == []


def test_an_extension_without_a_zone_is_in_the_deadlines(ta, out):
    Log(out).add([Decision(kind=Kind.DUE, value="2026-12-01T23:59:00-08:00")], "Grace")
    ta.post(ta.form(student(out, BOB), "extend") | {"value": "2026-12-05"})
    (held,) = [one for one in Log(out).current() if one.kind is Kind.EXTEND]
    assert held.value == "2026-12-05T23:59:00-08:00"


def test_a_total_is_adjusted_and_a_deadline_extended(ta, out):
    ta.post(ta.form(student(out, ADA), "adjust") | {"value": "-2.5", "why": "as agreed"})
    ta.post(ta.form(student(out, ADA), "extend") | {"value": "2026-12-05 23:59 -08:00"})
    assert "neither a time" in ta.post(ta.form(student(out, BOB), "extend") | {"value": "soon"}, 400).text
    ta.post(ta.form(student(out, BOB), "extend") | {"value": "excused"})
    assert [value for kind, _, value in held(out)] == [-2.5, "2026-12-05T23:59:00-08:00", "excused"]
    assert "97.5 of 100" in ta.page(student(out, ADA))


@pytest.mark.parametrize("kind", ["drop", "give", "bonus"])
def test_a_check_is_decided_for_all(ta, out, kind):
    ta.post(ta.form("/checks", "check", subject=CHECK.name) | {kind: "1", "why": "not asked"})
    assert held(out) == [(kind, CHECK.name, True)]
    form = ta.form("/checks", "check", subject=CHECK.name)
    assert form[kind] == "1" and "not asked" in ta.page("/checks")
    del form[kind]
    ta.post(form)
    assert held(out) == []


def test_after_a_decision_for_all_the_class_is_as_if_read_anew(ta, out):
    Log(out).add([Decision(kind=Kind.COMMENT, student=[BOB], value="See me")], "Grace")
    ta.page("/")
    for fields in ({"drop": "1"}, {"points": "1.5"}):
        ta.post(ta.form("/checks", "check", subject=CHECK.name) | fields)
    ta.post(ta.form("/questions", "question") | {"question": "Q1", "points": "5"})
    shown = ta.page("/")
    assert "3 students" in shown and "1 to grade" in shown
    anew = Assistant(app.make(Class(out), TOKEN, "root")).page("/")
    first, second = (page.split("<table")[1].split("</table>")[0] for page in (shown, anew))
    assert first == second


def test_whose_work_could_not_be_graded_is_noted_in_the_list_and_found(ta, out):
    rows = list(pages.heads(out))
    for row in rows:
        row.report = reviewing.judged()
    for exercise in rows[0].report.exercises:
        exercise.problem = "hw2/x.py is missing"
    rows[1].report.exercises[0].problem = "hw2/x.py is missing"
    rows[2].notes.append("Not in the roster.")
    list(pages.keep(out, rows))
    found = {word: ta.page(f"/?text={word}") for word in ("nothing+could", "1+of+2+exercises", "not+in+the+roster")}
    for (_, page), name in zip(found.items(), ("Ada", "Bob", "Eve"), strict=True):
        assert name in page and page.count('<th scope="row">') == 1
    assert "nothing could be graded" in ta.page("/") and "1 of 2 exercises not graded" in ta.page("/")


def test_what_was_decided_is_said_in_words_and_not_as_data(ta, out):
    about = {"student": [ADA], "subject": "Q1"}
    rubric = Decision(kind=Kind.RUBRIC, subject="Q1", value=[["no proof", -2.0], ["idea", 1.5]])
    ticks = [Decision(kind=Kind.TICKS, value=value, **about) for value in (["no proof"], [])]
    Log(out).add([rubric, ticks[0]], "Grace")
    Log(out).add([ticks[1]], "Grace")
    Log(out).undo(2, "Grace")
    text = ta.page("/log")
    assert "rubric Q1: -2 no proof, +1.5 idea" in text and ": no item" in text and "[[" not in text
    for page in (text, ta.page("/?done=4")):
        assert f"took back 2: ticks Q1 of {ADA}: no proof" in page


def test_points_of_a_check_are_changed_and_set_back(ta, out):
    ta.post(ta.form("/checks", "check", subject=CHECK.name) | {"points": str(CHECK.points + 3)})
    assert held(out) == [("points", CHECK.name, CHECK.points + 3)] and "103" in ta.page("/")
    ta.post(ta.form("/checks", "check", subject=CHECK.name) | {"points": str(CHECK.points)})
    assert held(out) == []


def test_similar_submissions_stand_side_by_side_with_a_decision(ta, out):
    reviewing.keep_similar(out)
    form = next(one for one in ta.forms("/similar") if one.get("form") == "similar")
    ta.post(form | {"value": "copied", "why": "see the comments"})
    text = ta.page("/similar")
    assert "copied (see the comments)" in text and text.count("<mark>") == 2
    (one,) = Log(out).current()
    assert one.kind is Kind.SIMILAR and one.exercise == FIRST.name and one.subject.split(" / ")[0] == ADA
    assert one.value == "copied"
    assert "copied" in ta.page("/log")
    (out / similar.FILE).unlink()
    assert "not listed as similar any more" in ta.post(form | {"value": "x"}, 400).text


def test_the_log_shows_all_that_was_decided_and_undoes_it(ta, application, out):
    alan = Assistant(application, "Alan Turing")
    alan.post(alan.form(student(out, ADA), "adjust") | {"value": "1"})
    ta.post(ta.form(student(out, BOB), "adjust") | {"value": "2"})
    text = ta.page("/log")
    assert text.index("Bob Kahn: 2") < text.index("Ada Lovelace: 1") and "Alan Turing, " in text
    undo = [one for one in Field(text).forms if one["action"] == "/undo"]
    assert len(undo) == 2
    ta.post(undo[0] | {"number": "1"})
    assert [value for _, _, value in held(out)] == [2.0]
    assert "took back 1" in ta.page("/log")


def test_the_button_writes_what_the_score_command_writes(ta, out):
    ta.post(ta.form(student(out, ADA), "adjust") | {"value": "5"})
    done = ta.post(ta.forms("/")[-2])
    assert "are written" in ta.page(done.location) and totals(out)[ADA] == 105
    mine = (out / "gradebook.csv").read_bytes()
    assert CliRunner().invoke(main, ["score", str(out)]).exit_code == 0
    assert (out / "gradebook.csv").read_bytes() == mine
    with Store(out).opened():
        assert "Another run" in ta.post(ta.forms("/")[-2], 409).text


# Several at once


def test_who_is_overtaken_sees_both_and_loses_nothing_that_was_typed(ta, application, out):
    alan = Assistant(application, "Alan")
    own = {"exercise": FIRST.name, "subject": CHECK.name}
    mine, theirs = (one.form(student(out, BOB), "override", **own) for one in (ta, alan))
    alan.post(theirs | {"value": "0.5", "why": "half right"})
    told = ta.post(mine | {"value": "1", "why": "my long reasons"}, 409).text
    assert "Alan decided on this" in told and "0.5 (half right)" in told and "my long reasons" in told
    assert held(out) == [("override", CHECK.name, 0.5)]
    again = next(one for one in Field(told).forms if one.get("form") == "override")
    ta.post(again)
    assert held(out) == [("override", CHECK.name, 1.0)]


def test_an_undo_overtakes_too(tmp_path):
    log = Log(tmp_path)
    one = Decision(kind=Kind.MARK, student=("a",), subject="Q1", value=1.0)
    seen = log.add([one], "Grace")[-1].number
    log.undo(seen, "Alan")
    with pytest.raises(OvertakenError, match=r"Alan decided on this"):
        log.add([Decision(kind=Kind.MARK, student=("a",), subject="Q1", value=2.0)], "Grace", seen)


def test_many_decide_at_once_and_nothing_is_lost(application, out):
    refused = []

    def decide(place):
        own = Assistant(application, f"TA {place}")
        for number in range(6):
            own.post(own.form(student(out, ADA), "comment") | {"value": f"{place} {number}"})
            form = own.form(student(out, BOB), "adjust") | {"value": str(100 * place + number + 1)}
            done = own.client.post("/decide", data=form, base_url="http://127.0.0.1:1")
            if done.status_code == 409:
                refused.append(form["value"])

    threads = [threading.Thread(target=decide, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = Log(out).all()
    said = [one for one in everything if one.kind is Kind.COMMENT]
    adjusted = [one for one in everything if one.kind is Kind.ADJUST]
    assert len(said) == 24 and {one.author for one in said} == {f"TA {place}" for place in range(4)}
    assert len(adjusted) + len(refused) == 24


def test_what_is_kept_from_before_is_what_a_new_start_reads(out):
    reviewed, log = Class(out), Log(out)
    names = [row.names for row in pages.heads(out)]
    steps = [
        Decision(kind=Kind.ADJUST, student=names[0], value=5.0),
        Decision(kind=Kind.MARK, student=names[1], subject="Q1", value=2.0),  # makes a question, for all
        Decision(kind=Kind.DROP, exercise=FIRST.name, subject=CHECK.name, value=True),
        Decision(kind=Kind.TABLE, value=[[[BOB], {"Q1": 3.0, "Q2": 1.0}, {}]], comment="points.csv"),
        Decision(kind=Kind.OVERRIDE, student=names[2], exercise=FIRST.name, subject=OTHER.name, value=0.0),
        Decision(kind=Kind.UNDO, value=1),
        Decision(kind=Kind.UNDO, value=3),
    ]
    for step in steps:
        log.add([step], "Grace")
        assert reviewed.state().students == Class(out).state().students, step


def test_decisions_of_the_command_line_are_seen_at_once(ta, out):
    assert CliRunner().invoke(main, ["score", str(out), "--adjust", ADA, "7"]).exit_code == 0
    assert "107 of 100" in ta.page(student(out, ADA))


# Who gets in

ADDRESSES = ["/", "/checks", "/questions", "/similar", "/log", "/style.css", "/answers/Q1", "/nothing", "/favicon.ico"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_sees_anything_without_the_token(application, out, address):
    for client in (application.test_client(), application.test_client()):
        for query in ("", "?token=", "?token=wrong", "?token=%F0%9F%98%80"):
            found = client.get(address + query, base_url="http://127.0.0.1:1")
            assert found.status_code == 403 and ADA not in found.text and "Set-Cookie" not in found.headers
    found = application.test_client().get(student(out, ADA), base_url="http://127.0.0.1:1")
    assert found.status_code == 403 and "Lovelace" not in found.text


def test_nobody_decides_without_the_token(application, ta, out):
    form = ta.form(student(out, ADA), "adjust") | {"value": "5"}
    for address in ("/decide", "/undo", "/write", "/author"):
        for query in ("", f"?token={TOKEN}"):
            done = application.test_client().post(address + query, data=form, base_url="http://127.0.0.1:1")
            assert done.status_code == 403
    assert held(out) == [] and not (out / "gradebook.csv").exists()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:1", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0:1", "[::]:1"],
)
def test_another_name_for_this_machine_gets_nothing(ta, host):
    assert ta.client.get("/", base_url="http://127.0.0.1:1", headers={"Host": host}).status_code == 403
    assert ta.client.get(f"/?token={TOKEN}", headers={"Host": host}).status_code == 403
    assert ta.client.get(f"/?token={TOKEN}", base_url="http://localhost:1").status_code == 302


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN])
def test_a_form_of_another_site_changes_nothing(ta, out, token):
    form = ta.form(student(out, ADA), "adjust") | {"value": "5"}
    fields = {name: value for name, value in form.items() if name != "form_token"}
    if token is not None:
        fields["form_token"] = token
    for address in ("/decide", "/undo", "/write", "/author"):
        assert ta.client.post(address, data=fields, base_url="http://127.0.0.1:1").status_code == 403
    assert ta.post(form, 403, Origin="http://evil.example").text.startswith("This form was not made")
    ta.post(form, 403, Origin="null")
    assert held(out) == []
    ta.post(form, Origin="http://127.0.0.1:1")
    assert len(held(out)) == 1


def test_the_cookie_and_the_headers_are_strict(application):
    first = application.test_client().get(f"/?token={TOKEN}", base_url="http://127.0.0.1:1")
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
    found = Assistant(application).client.get("/", base_url="http://127.0.0.1:1")
    policy = found.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
    assert re.findall(r"<script[^>]*>", found.text) == [f'<script nonce="{nonce}">'] and TOKEN not in found.text
    assert found.headers["X-Frame-Options"] == "DENY" and found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Referrer-Policy"] == "same-origin" and found.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x=1", ""]
)
def test_nobody_is_sent_elsewhere(ta, out, back):
    done = ta.post(ta.form(student(out, ADA), "adjust") | {"value": "5", "back": back})
    assert done.location.startswith("/?done=")


@pytest.mark.parametrize(
    "address",
    [
        "/student/..%2f..%2fsettings",
        "/student/../settings.json",
        "/student/%00",
        "/student/settings",
        "/student/Ada_Lovelace/picture/99",
        "/student/Ada_Lovelace/pdf/0",
        "/answers/..%2f..%2fsettings.json",
        "/answers/no such question",
        "/results/Ada_Lovelace.json",
    ],
)
def test_no_address_reaches_a_file(ta, address):
    found = ta.client.get(address, base_url="http://127.0.0.1:1", follow_redirects=True)
    assert found.status_code == 404 and "seed" not in found.text


@pytest.mark.parametrize(
    "fields",
    [
        {"form": "nothing"},
        {"form": "adjust", "value": "1", "student": "nobody"},
        {"form": "adjust", "value": "1", "student": ""},
        {"form": "override", "value": "1", "exercise": "none", "subject": CHECK.name},
        {"form": "override", "value": "1", "exercise": FIRST.name, "subject": "none"},
        {"form": "answer", "question": "Q9", "mark": "1"},
        {"form": "question", "question": "", "points": "1"},
        {"form": "question", "question": "x" * 200, "points": "1"},
        {"form": "similar", "pair": "none", "value": "x"},
        {"form": "comment", "value": " \r\n"},
        {"form": "comment", "value": "x" * 20_000},
    ],
)
def test_a_form_that_makes_no_sense_changes_nothing(ta, out, fields):
    form = {"action": "/decide", "seen": "0", "student": key(out, ADA)} | fields
    token = ta.form(student(out, ADA), "adjust")["form_token"]
    ta.post(form | {"form_token": token}, 400)
    assert held(out) == []


@pytest.mark.parametrize("seen", ["", "-1", "x", "7", "999999999999"])
def test_a_form_must_say_what_its_page_was_made_from(ta, out, seen):
    ta.post(ta.form(student(out, ADA), "adjust") | {"value": "1", "seen": seen}, 400)
    assert held(out) == []


def test_too_much_is_not_read(ta, out):
    ta.post(ta.form(student(out, ADA), "comment") | {"value": "x" * 10**6}, 413)


# Hostile students


def test_nothing_of_a_student_is_markup(tmp_path):
    names = [f"Eve {EVIL.replace('/', '')}", "Bob", "Zoe"]
    out = reviewing.graded(tmp_path, names, lambda place: FAILED[1])
    reviewing.keep_similar(out)
    a_question(out)
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    for row in pages.heads(out):
        ta.post(ta.form(f"/student/{row.stem}", "comment") | {"value": EVIL})
        ta.post(ta.form(f"/student/{row.stem}", "answer") | {"value": EVIL, "tick": ["no proof"]})
    stems = [row.stem for row in pages.heads(out)]
    for address in ["/", "/similar", "/log", "/checks", "/questions", "/answers/Q1", *(f"/student/{s}" for s in stems)]:
        text = ta.page(f"{address}?text=&done=3")
        for tag, found in Field(text).tags:
            assert not [name for name in found if name.startswith("on")], address
            assert tag not in ("iframe", "object", "embed", "style", "base", "meta") or found.keys() & {
                "charset",
                "name",
            }
            assert tag != "img" or re.fullmatch(r"/student/[\w.@-]+/picture/\d+", found["src"])
        assert text.count("<script") == 1
    assert EVIL not in ta.page("/?text=" + EVIL.replace("<", "%3C"))


HUGE = "![x](a.png)" * 20_000


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("answers.md", "## 1\n" + "x" * 2_000_000, "is larger than"),
        ("answers.md", HUGE, ""),
        ("answers.md", "## 1\n" * 20_000, ""),
        ("answers.pdf", "<script>alert(1)</script>", "is no PDF"),
        ("hw2.ipynb", "{", "is no notebook"),
        ("hw2.ipynb", "[" * 100_000, "is no notebook"),
        ("hw2.ipynb", '{"cells": [1, null]}', "is no notebook"),
        ("hw2.ipynb", '{"cells": [{"cell_type": "markdown", "source": 3, "attachments": {"a": {"b": "!"}}}]}', ""),
    ],
)
def test_hostile_answers_have_a_page(tmp_path, name, content, says):
    inside = reviewing.hand_in(tmp_path / "submissions", ADA)
    (inside / "answers.md").unlink()
    (inside / name).write_text(content)
    out = reviewing.graded(tmp_path, [ADA])
    a_question(out)
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    started = time.process_time()
    for address in (student(out, ADA), "/answers/Q1"):
        assert says in ta.page(address) and "<script>alert" not in ta.page(address)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (b"\xff\xfe\x00" * 1000, "Checks"),
        (b"\n" * 100_000, "Only the first 5000 lines are shown"),
        (b"x" * 500_000, "x" * 1000),
        (b"x" * 600_000, "Checks"),  # larger than a file may be
    ],
)
def test_hostile_code_has_a_page(tmp_path, code, says):
    inside = reviewing.hand_in(tmp_path / "submissions", ADA)
    (inside / f"{FIRST.name}.py").write_bytes(code)
    out = reviewing.graded(tmp_path, [ADA], lambda place: FAILED[1])
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    started = time.process_time()
    assert says in ta.page(student(out, ADA))
    assert time.process_time() - started < 5


def test_links_and_pictures_that_are_none_are_not_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "secret.md").write_text("## 1\n\nsecret words\n")
    inside = reviewing.hand_in(tmp_path / "submissions", ADA, answers="## 1\n\n![a](link.png) ![b](page.png)\n")
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    (inside / "page.png").write_text("<svg onload=alert(1)>")
    linked = reviewing.hand_in(tmp_path / "submissions", BOB)
    (linked / "answers.md").unlink()
    (linked / "answers.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "submissions" / EVE).symlink_to(tmp_path / "submissions" / ADA)
    found = {name: written.collect(tmp_path / "submissions" / name, {}, HOMEWORK) for name in (ADA, BOB, EVE)}
    assert found[ADA].pictures == [] and found[EVE].documents == []
    assert "is a link" in found[BOB].documents[0].problem and "secret" not in str(found[BOB].documents)


def test_an_archive_that_is_none_has_a_sentence(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04" + b"x" * 100)
    assert "cannot be read" in written.collect(tmp_path / "bad.zip", {}, HOMEWORK).problem
    (tmp_path / "bad.rar").write_bytes(b"Rar!" + b"x" * 100)
    assert "RAR" in written.collect(tmp_path / "bad.rar", {}, HOMEWORK).problem


# Anonymous


def test_anonymous_pages_say_no_name(out):
    pair = similar.Pair(FIRST.title, 0.9, (ADA, [(f"# {ADA}\n", True)]), (BOB, [(f"# {BOB}\n", False)]))
    similar.keep(out / similar.FILE, similar.Pairs([pair]))
    (out.parent / "submissions" / ADA / FIRST.file).write_text(f"# by {ADA.upper()}\n")
    a_question(out)
    named = Assistant(app.make(Class(out), TOKEN, "root"))
    named.post(named.form(student(out, ADA), "adjust") | {"value": "5"})
    pair = next(one for one in named.forms("/similar") if one.get("form") == "similar")
    named.post(pair | {"value": "copied"})
    reviewed = Class(out, anonymous=True)
    ta = Assistant(app.make(reviewed, TOKEN, "root"))
    addresses = ["/", "/similar", "/log", "/answers/Q1", "/checks", "/questions", "/?done=3", "/?done=4"]
    addresses += [f"/student/{number}" for number in (1, 2, 3)]
    for address in addresses:
        text = ta.page(address)
        for name in ("Ada Lo", "Ada_Lo", "ADA LO", "Lovelace", "Kahn", "Neill"):
            assert name not in text, f"{address} says {name}"
    ta.page(student(out, ADA), 404)
    number = next(one.key for one in reviewed.state().students.values() if one.row.name == BOB)
    form = ta.form(f"/student/{number}", "adjust") | {"value": "3"}
    ta.post(form)
    assert any(one.value == 3.0 and BOB in one.student for one in Log(out).current())
    told = ta.post(form | {"value": "4"}, 409).text
    assert f"Student {number}: 3" in told and "Kahn" not in told
    assert reviewed.state().students.keys() == {"1", "2", "3"}


def test_the_numbers_of_anonymous_students_do_not_follow_the_alphabet(tmp_path):
    names = [f"Student {letter}" for letter in "ABCDEFGHIJ"]
    out = reviewing.graded(tmp_path, names)
    students = Class(out, anonymous=True).state().students.values()
    assert [one.row.name for one in students] != names and sorted(one.row.name for one in students) == names


# The command


def reached(port, address, headers=(), method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, address, headers=dict(headers))
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


@pytest.fixture
def running(out):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    line = [sys.executable, "-m", "autograder", "review", str(out), "--author", "Grace"]
    process = subprocess.Popen(
        line,
        cwd=COURSE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a job in the background ignores
    )
    try:
        assert process.stdout
        told = [process.stdout.readline(), process.stdout.readline()]
        yield process, told[1].strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_command_serves_this_machine_alone_and_only_who_has_the_token(running, out):
    process, address = running
    port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=[\w-]{40,}", address)[1])
    assert reached(port, "/")[0] == 403  # another process without the token
    status, headers, _ = reached(port, address.partition(str(port))[2])
    assert status == 302
    cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    status, _, text = reached(port, "/", cookie)
    assert status == 200 and ADA in text and 'value="Grace"' in text
    assert reached(port, "/", {**cookie, "Host": "evil.example"})[0] == 403
    listening = subprocess.run(
        ["cat", f"/proc/{process.pid}/net/tcp"], capture_output=True, text=True, check=True
    ).stdout
    assert f"0100007F:{port:04X} 00000000:0000 0A" in listening and f"00000000:{port:04X} 00000000" not in listening
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert address.partition("token=")[2] not in process.stderr.read()


def test_a_port_that_is_taken_is_named(out):
    taken = server.bound(Class(out), TOKEN, "root", "127.0.0.1", 0)
    try:
        done = CliRunner().invoke(main, ["review", str(out), "--port", str(taken.port)])
    finally:
        taken.server_close()
    assert done.exit_code == 4 and f"Port {taken.port} of 127.0.0.1 cannot be used" in done.output


def test_what_is_missing_is_named(out, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert "No class was graded into" in CliRunner().invoke(main, ["review", str(tmp_path / "empty")]).output
    told = CliRunner().invoke(main, ["review", str(out), "--submissions", str(tmp_path / "no")]).output
    assert "There is no folder" in told
    (out / FILE).write_bytes(b"no database" * 100)
    assert f"{FILE} cannot be used" in CliRunner().invoke(main, ["review", str(out)]).output
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    told = CliRunner().invoke(main, ["review", str(out)]).output
    assert "review needs Flask: `python -m pip install -e '.[review]'`" in told


def test_a_class_remembers_where_the_submissions_lie():
    from autograder.instructor.classroom import run

    options = run.Options(HOMEWORK, COURSE / "somewhere", COURSE / "out")
    made = object.__new__(run._Class)
    made._options = options
    assert made._remember().submissions == str(COURSE / "somewhere")


def test_another_attempt_than_the_graded_one_is_said(tmp_path):
    out = reviewing.graded(tmp_path, [ADA])
    rows = list(pages.kept(out, pages.heads(out)))
    rows[0].handed_in = HandedIn(
        id=ADA, name=ADA, source=ADA, submitted=datetime(2026, 3, 1, tzinfo=timezone.utc), attempt=2
    )
    list(pages.keep(out, rows))
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    assert "another attempt than the one that was graded" in ta.page(student(out, ADA))


# Speed


@pytest.mark.slow
def test_pages_of_five_hundred_students_take_less_than_two_tenths_of_a_second(tmp_path):
    """Of processor time, which a busy machine takes none of."""
    names = [f"Student {number:03}" for number in range(500)]
    out = reviewing.graded(tmp_path, names, lambda place: FAILED[place % 3])
    a_question(out)
    heads = pages.heads(out)
    log = Log(out)
    log.add(
        [Decision(kind=Kind.TICKS, student=row.names, subject="Q1", value=["no proof"]) for row in heads]
        + [Decision(kind=Kind.COMMENT, student=row.names, subject="Q1", value=f"Text {row.place % 9}") for row in heads]
        + [
            Decision(kind=Kind.OVERRIDE, student=row.names, exercise=FIRST.name, subject=one.name, value=0.5)
            for row in heads
            for one in described(FIRST)[:2]
        ],
        "Grace",
    )
    ta = Assistant(app.make(Class(out), TOKEN, "root"))
    taken = {}
    for address in ("/", "/?text=averaged&sort=low", f"/student/{heads[250].stem}", "/answers/Q1", "/checks", "/log"):
        ta.page(address)
        visits = []
        for _ in range(3):  # in one of which Python may tidy its memory, and that of all tests before
            started = time.process_time()
            ta.page(address)
            visits.append(time.process_time() - started)
        taken[address] = sorted(visits)[1]
    ta.post(ta.form(f"/student/{heads[250].stem}", "adjust") | {"value": "1"})
    started = time.process_time()
    ta.page("/")  # what follows from the decision, for all
    taken["after a decision"] = time.process_time() - started
    print({address: f"{1000 * seconds:.0f} ms" for address, seconds in taken.items()})
    assert max(taken.values()) < 0.2, taken


# In a browser


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
def test_a_browser_decides_by_keys_and_forms_on_a_phone(out):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    reviewing.keep_similar(out)
    a_question(out)
    serving = server.bound(Class(out), TOKEN, "root", "127.0.0.1", 0)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{serving.port}"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": PHONE, "height": 800}).new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(f"{base}/?token={TOKEN}")
        assert page.url == f"{base}/"
        for address in ("/", student(out, BOB), "/answers/Q1", "/questions", "/checks", "/similar", "/log"):
            page.goto(f"{base}{address}")
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            wide = (
                f"[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > {PHONE} + 1)"
                ".map(e => e.outerHTML.slice(0, 80))"
            )
            assert page.evaluate(wide) == [], address
        page.goto(f"{base}{student(out, ADA)}?sort=name")
        page.keyboard.press("n")
        page.wait_for_url(f"**{student(out, BOB)}?sort=name")
        page.locator("details.decide summary").first.click()
        page.locator("input[name=value]").first.fill("0.5")
        page.keyboard.type("n")  # in a field a key is a letter
        page.locator("input[name=value]").first.fill("0.5")
        page.get_by_role("button", name="Override").first.click()
        page.wait_for_url("**done=3**")
        assert "Decided by root: override" in page.locator(".done").inner_text()
        page.locator("h1").click()
        page.keyboard.press("p")
        page.wait_for_url(f"**{student(out, ADA)}?sort=name")
        browser.close()
    serving.shutdown()
    assert complaints == [] and ("override", CHECK.name, 0.5) in held(out)
