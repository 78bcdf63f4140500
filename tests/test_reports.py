"""Reports say the same everywhere, run nothing, and give the student no secret."""

import csv
import io
import json
import re
import unicodedata

import msgspec
import pytest
from rich.console import Console

from autograder.isolation import levels
from autograder.report import files, student, terminal
from autograder.results import CheckResult, ExerciseResult, Report, Verdict
from autograder.untrusted import cell, clean, name

EVIL = (
    '=HYPERLINK("x")<script>alert(1)</script>\n```\n# heading\n[link](javascript:1)\x1b[31m\x1b]0;title\x07 {{ 7*7 }} '
    "\u202eevil\u202c \ud800 &amp;"
)


def check(verdict, **fields):
    told = {"name": "test_x", "title": "Something holds.", "points": 3.0, "verdict": verdict, "hint": "Think."}
    return CheckResult(**(told | fields))


def report_of(*checks, **fields):
    exercise = ExerciseResult(name="sums", title="Problem 2. Sums", file="hw2/sums.py", checks=list(checks))
    told = {"homework": "hw2", "subject": "a student", "seed": 4711, "data": "glyphs", "isolation": levels.ISOLATED}
    return Report(**(told | {"exercises": [exercise]} | fields))


def terminal_text(report):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    terminal.show(report, console, of_another=True)
    return console.file.getvalue()


@pytest.fixture
def evil():
    """A report in which everything that a student may write is hostile, as it comes out of the grader."""
    text = clean(EVIL)
    report = report_of(check(Verdict.CRASH, message=text, plain=text, printed=text), subject=name(EVIL), notes=[text])
    report.exercises[0].flags = [text]
    return report


def test_pages_hold_no_markup_of_the_students(evil):
    page = files.html(evil)
    assert "<script" not in page and "&lt;script&gt;" in page and "{{ 7*7 }}" in page
    assert page.count("<pre>") == 1 and "\x1b" not in page


def test_markdown_holds_no_markup_of_the_students(evil):
    for line in files.markdown(evil).splitlines():
        if "script" in line or "```" in line or "# heading" in line:
            assert line.startswith("    "), line


def test_markdown_shows_failures_first_and_what_passes_last():
    checks = [check(verdict) for verdict in (Verdict.PASS, Verdict.NOT_RUN, Verdict.WRONG, Verdict.CRASH)]
    lines = files.markdown(report_of(*checks)).splitlines()
    shown = [line.partition(",")[0] for line in lines if line.startswith("- ")]
    assert shown == ["- WRONG", "- CRASH", "- NOT-RUN", "- PASS"]


def test_markdown_begins_with_a_table_of_scores():
    lines = [line for line in files.markdown(report_of(check(Verdict.PASS), check(Verdict.WRONG))).splitlines() if line]
    assert lines[:4] == [
        "# hw2: 3 of 6 points",
        "| exercise | file | points | of |",
        "|---|---|--:|--:|",
        "| Problem 2. Sums | `hw2/sums.py` | 3 | 6 |",
    ]


def test_no_cell_is_a_formula(evil):
    rows = list(csv.reader(io.StringIO(files.table(evil))))
    assert [len(row) for row in rows] == [10, 10]
    assert all(not value.startswith(("=", "+", "-", "@", "\t")) for row in rows for value in row)
    assert rows[1][6].startswith("'=HYPERLINK")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "|x", "%0A=1", " =1", "\r=1"])
def test_every_beginning_of_a_formula_is_quoted(text):
    assert cell(text).startswith("'") or cell(text)[0].isalnum()


FORMULAS = [
    *("=1+1", "+1+1", "-2+3", "@SUM(A1)", "=cmd|' /C calc'!A0", "-cmd|'/c calc'!A1", '=HYPERLINK("http://x","y")'),
    *("\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(1)", "\ufe661+1"),  # full-width and small signs
    *("\u200b=1+1", "\xa0=1+1", "\ufeff=1+1", "\xad=1+1"),  # behind what is not seen
]
PLACES = [
    "{}",
    "Ada;{}",
    "Ada; {}",
    "Ada\t{}",
    "Ada,{}",
    "Ada, {}",
    "Ada|{}",
    "Ada {}",
    "Ada\n{}",
    "Ada\r{}",
    "Ada\r\n{}",
    "\t{}",
]
PLACES += [
    "\r{}",
    '"{}',
    'Ada;"{}"',
    "Ada:{}",
    ";{}",
    ";;{}",
    "Ada\u00a0{}",
    "Ada\u3000{}",
    "Ada|\t{}",
    *(f"Ada{separator}{{}}" for separator in "^~/\\\u00a6\u00a7\u00b7"),
    "\n\n{}",
    '""{}',
    "Ada\v{}",
    "Ada\x85{}",
    "Ada\u2028{}",
    "Ada\x00;{}",
]


def runs(value):
    """Whether a spreadsheet would take a cell for a formula: it begins as one, and is more than a number."""
    begins = unicodedata.normalize("NFKC", value.strip().lstrip('\u200b\ufeff\xad"')).strip()
    return len(begins) > 1 and begins[0] in "=+-@" and not re.fullmatch(r"[-+][\d.]+", begins)


@pytest.mark.parametrize(
    "separator", [",", ";", "\t", "|", ":", " ", "^", "~", "/", "\\", "\u00a6", "\u00a7", "\u00b7"]
)
@pytest.mark.parametrize("quotes", ['"', None])
def test_tables_open_as_text_whatever_the_separator(separator, quotes):
    text = [place.format(formula) for place in PLACES for formula in FORMULAS]
    report = report_of(*(check(Verdict.WRONG, title=title, message=title) for title in text), subject=text[0])
    written = files.table(report)
    assert len(written.splitlines()) == 1 + len(text), "no cell begins a line"
    options = {"quotechar": quotes} if quotes else {"quoting": csv.QUOTE_NONE}
    rows = list(csv.reader(io.StringIO(written), delimiter=separator, **options))
    assert [value for row in rows for value in row if runs(value)] == []


@pytest.mark.parametrize(
    "text", ["got -4.3813, expected -19.195.", "ada@example.org", "María-José O'Neill", "a - b = c"]
)
def test_honest_text_stays_as_it_is(text):
    assert cell(text) == text


def test_the_terminal_is_not_taken_over(evil):
    shown = terminal_text(evil)
    assert "\x1b]0;" not in shown and "\x07" not in shown and "\u202e" not in shown
    assert "<script>" in shown  # as text, not as markup


def test_json_is_valid_whatever_is_in_it(evil):
    assert json.loads(files.data(evil))["exercises"][0]["checks"][0]["message"].startswith("=HYPERLINK")


SECRETS = {
    Verdict.WRONG: "The answer is not what it must be.",
    Verdict.FORMAT: "plain words",
    Verdict.CRASH: "plain words",
    Verdict.TIMEOUT: "plain words",
    Verdict.NOT_RUN: "plain words",
    Verdict.GRADER_ERROR: "fault of the grader",
}


@pytest.mark.parametrize("verdict", SECRETS)
@pytest.mark.parametrize("ending", files.RENDERERS)
def test_the_student_sees_no_value(verdict, ending):
    told = check(
        verdict,
        message="got 0.12345",
        plain="plain words",
        printed="0.12345",
        likely="It is first order.",
    )
    report = report_of(told)
    report.exercises[0].flags = ["line 3: 0.12345"]
    shown = files.RENDERERS[ending](student.view(report))
    assert "0.12345" not in shown and "4711" not in shown
    assert SECRETS[verdict] in shown and "Something holds." in shown
    assert "It is first order." in shown
    assert "0.12345" in files.data(report), "the instructor's report has everything"


CRASHED = check(Verdict.CRASH, message="E: x\nThis means that.\nfile, line 3", likely="You get exactly this if so.")


@pytest.mark.parametrize("ending", [".md", ".html", ".csv"])
def test_the_name_of_a_crash_stands_before_what_its_message_means_in_general(ending):
    text = files.RENDERERS[ending](report_of(CRASHED))
    for said in (text, terminal_text(report_of(CRASHED))):
        assert said.index("E: x") < said.index("exactly this") < said.index("This means that") < said.index("line 3")


def test_what_is_wrong_is_said_before_the_name_where_nothing_has_crashed():
    wrong = check(Verdict.WRONG, message="got 1\nexpected 2", likely="You get exactly this if so.")
    text = terminal_text(report_of(wrong))
    assert text.index("got 1") < text.index("expected 2") < text.index("exactly this")


def test_a_failure_of_another_mistake_than_the_first_one_that_is_named_has_its_own_hint():
    named = check(Verdict.WRONG, message="got 1", likely="You get exactly this if so.")
    other = check(Verdict.WRONG, name="test_y", title="Another thing holds.", message="got 2", hint="Look there.")
    assert "Look there." in terminal_text(report_of(named, other))
    explained = msgspec.structs.replace(other, likely="You get exactly this if so.")
    assert "Look there." not in terminal_text(report_of(named, explained))
    assert "Look there." not in terminal_text(report_of(check(Verdict.WRONG, message="got 1"), other))


def test_a_problem_is_told_in_its_plain_form():
    told = check(Verdict.CRASH, message="ValueError: 0.12345", plain="Your code raised ValueError.")
    report = report_of(told)
    report.exercises[0].problem = "ValueError: 0.12345"
    shown = files.html(student.view(report))
    assert "0.12345" not in shown and "Your code raised ValueError." in shown


def test_only_a_report_of_anothers_work_shows_flags_and_the_level():
    report = report_of(check(Verdict.PASS))
    report.exercises[0].flags = ["hw2/sums.py, line 3 opens a file by itself: open('x')"]
    console = Console(file=io.StringIO(), width=100)
    terminal.show(report, console)
    assert "opens a file" not in console.file.getvalue()
    words = re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", terminal_text(report)))
    assert "opens a file" in words and "it is not a virtual machine" in words


def test_a_report_without_a_sandbox_begins_so():
    shown = terminal_text(report_of(check(Verdict.PASS), isolation=levels.NONE))
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).startswith("NO SANDBOX.")
