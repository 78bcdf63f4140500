"""A first report says where to look; how to mend a mistake comes when it is asked for, or at the second failure."""

import io
import subprocess

import msgspec
import pytest
from rich.console import Console

from autograder import results
from autograder.grading import catalog
from autograder.instructor.gradescope import results as gradescope
from autograder.report import files, stages, terminal
from autograder.results import CheckResult, ExerciseResult, Report, Verdict
from autograder.student import history, pytest_plugin
from autograder.student.notebook import Checked

LOOK, MEND = "Look at the sign of the step.", "Subtract the gradient from theta."
WRONG = (Verdict.WRONG, Verdict.FORMAT, Verdict.CRASH)
ANSWERED = ("asked", "second failure", "always")


def report_of(*verdicts):
    checks = [
        CheckResult(name=f"test_{i}", title=f"Fact {i} holds.", points=2, verdict=verdict, hint=LOOK, mend=MEND)
        for i, verdict in enumerate(verdicts)
    ]
    exercise = ExerciseResult(name="toy", title="Problem 2. Toy", file="hw2/toy.py", checks=checks)
    return Report(homework="hw2", subject="x", seed=7, data="glyphs", isolation="isolated", exercises=[exercise])


def shown(report, width=80, **options):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    terminal.show(report, console, **options)
    return console.file.getvalue()


@pytest.mark.parametrize("ending", files.RENDERERS)
@pytest.mark.parametrize("verdict", WRONG)
def test_every_file_has_the_second_stage_only_when_it_is_asked_for(ending, verdict):
    render = files.RENDERERS[ending]
    first, second = (stages.staged(report_of(verdict), "asked", asked=asked) for asked in (False, True))
    assert LOOK in render(first) and MEND not in render(first)
    assert LOOK in render(second) and MEND in render(second)


ADVISED = [  # verdict, what is known of the failure, whether the hint and how to mend it are shown
    (Verdict.WRONG, {}, True, True),
    (Verdict.WRONG, {"likely": "You get exactly this if so."}, False, True),
    (Verdict.WRONG, {"likely": "You get exactly this if so.", "foreign": True}, False, False),
    (Verdict.FORMAT, {"advised": True}, False, False),
    (Verdict.FORMAT, {}, True, True),
    (Verdict.CRASH, {"advised": True}, False, False),
    (Verdict.CRASH, {"advised": True, "likely": "You get exactly this if so."}, False, False),
    (Verdict.CRASH, {"likely": "You get exactly this if so.", "foreign": True}, False, False),
    (Verdict.CRASH, {}, True, True),
]


@pytest.mark.parametrize(("verdict", "known", "hints", "mends"), ADVISED)
def test_every_way_out_shows_what_cannot_be_false(verdict, known, hints, mends):
    report = report_of(verdict)
    for name, value in known.items():
        setattr(report.checks[0], name, value)
    for asked in (False, True):
        found = stages.staged(report, "asked", asked=asked)
        texts = [files.html(found), files.markdown(found), files.table(found), pytest_plugin.words(found.checks[0])]
        texts += [shown(found, width=200), repr(Checked(found)), gradescope._said(found.exercises[0], found.checks[0])]
        for text in texts:
            assert (LOOK in text, MEND in text) == (hints, mends and asked)
            if "likely" in known:
                assert known["likely"] in text
        assert bool(found.held_back) == (mends and not asked) == found.checks[0].held_back
        assert ("--hint says" in shown(found)) == (mends and not asked)


def test_a_name_that_has_been_said_is_pointed_at():
    report = report_of(Verdict.WRONG, Verdict.WRONG)
    for check in report.checks:
        check.likely = "You get exactly this if so."
    text = shown(report)
    assert text.count("exactly this if so") == 1 and text.count(terminal.AGAIN) == 1


def test_where_there_is_no_answer_the_hint_says_on_what_it_depends():
    for verdict, words in ((Verdict.WRONG, results.WRONG), *((v, results.UNANSWERED) for v in WRONG[1:])):
        assert [before for before, _ in report_of(verdict).checks[0].advice] == list(words)


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict not in WRONG])
def test_what_is_not_wrong_is_not_mended(verdict):
    report = stages.staged(report_of(verdict), "always", asked=True)
    assert MEND not in files.data(report) and not report.held_back


@pytest.mark.parametrize(
    ("policy", "first", "second"), [("asked", "", ""), ("second failure", "", MEND), ("always", MEND, MEND)]
)
def test_the_homework_decides_what_a_second_failure_says(policy, first, second):
    report = report_of(Verdict.WRONG)
    for before, mend in ((set(), first), ({("toy", "test_0")}, second)):
        found = stages.staged(report, policy, before=before)
        assert found.checks[0].mend == mend and bool(found.held_back) == (not mend)


def test_what_failed_is_remembered_until_it_passes(tmp_path):
    folder = tmp_path / ".autograder"
    runs = [
        (Verdict.WRONG, Verdict.CRASH, Verdict.PASS),
        (Verdict.NOT_RUN, Verdict.PASS, Verdict.GRADER_ERROR),
        (Verdict.PASS, Verdict.PASS, Verdict.PASS),
    ]
    kept = [{("toy", "test_0"), ("toy", "test_1")}, {("toy", "test_0")}, set()]
    for verdicts, expected in zip(runs, kept, strict=True):
        history.remember(report_of(*verdicts), folder)
        assert history.failed(history.read(folder)) == expected


def test_what_is_remembered_is_nothing_for_git(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    history.remember(report_of(Verdict.WRONG), tmp_path / ".autograder")
    assert (tmp_path / ".autograder" / history.NAME).is_file()
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True)
    assert status.stdout == b""


@pytest.mark.parametrize("content", [b"", b"[]", b'{"toy": 7}', b"\xff", b'"' + b"x" * 2**21])
def test_a_damaged_memory_is_an_empty_one(tmp_path, content):
    (tmp_path / history.NAME).write_bytes(content)
    assert history.failed(history.read(tmp_path)) == set()
    history.remember(report_of(Verdict.WRONG), tmp_path)
    assert history.failed(history.read(tmp_path)) == {("toy", "test_0")}


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path):
    (tmp_path / "file").write_text("")
    history.remember(report_of(Verdict.WRONG), tmp_path / "file")
    assert (tmp_path / "file").read_text() == ""


def test_only_of_ones_own_work_it_is_remembered(monkeypatch, tmp_path):
    monkeypatch.setattr(history, "FOLDER", tmp_path)
    report = report_of(Verdict.WRONG)
    for _ in range(2):
        assert history.staged(report, own=False, asked=False).held_back
    assert not list(tmp_path.iterdir())
    assert history.staged(report, own=True, asked=False).held_back
    assert history.staged(report, own=True, asked=False).checks[0].mend == MEND


def test_gradescope_remembers_nothing_and_says_where_to_ask():
    report = report_of(Verdict.WRONG)
    page = gradescope.results(report)
    assert LOOK in page["tests"][0]["output"] and MEND not in str(page)
    assert "python -m autograder hw2 --hint" in page["output"]
    listed = msgspec.structs.replace(catalog.homework("hw2"), hints="always")
    with catalog.replaced("hw2", listed):
        page = gradescope.results(report)
    assert MEND in page["tests"][0]["output"] and "--hint" not in page["output"]


def test_a_notebook_shows_both_stages_as_its_cell_asked():
    first, second = (stages.staged(report_of(Verdict.WRONG), "asked", asked=asked) for asked in (False, True))
    for show in (repr, Checked._repr_html_):
        assert MEND not in show(Checked(first)) and MEND in " ".join(show(Checked(second)).split())


def test_the_terminal_says_once_how_to_read_the_second_stage():
    text = shown(stages.staged(report_of(Verdict.WRONG, Verdict.WRONG), "asked"), verbose=True)
    assert text.count("--hint says how to mend it.") == 1
    assert "--hint" not in shown(stages.staged(report_of(Verdict.WRONG), "asked", asked=True))


def test_the_first_failure_comes_first_and_in_full_and_what_passes_is_one_line():
    report = stages.staged(report_of(*[Verdict.PASS] * 3, Verdict.WRONG, Verdict.WRONG), "asked")
    lines = shown(report).splitlines()
    assert "Fact 3" in lines[2] and LOOK in "".join(lines) and "".join(lines).count(LOOK) == 1
    assert any("6/6  3 checks pass" in line for line in lines) and "Fact 0" not in "".join(lines)
    assert any(line.startswith("--verbose shows") for line in lines)
    full = shown(report, verbose=True)
    assert all(f"Fact {i}" in full for i in range(5)) and full.count(LOOK) == 2


def test_where_all_passes_each_check_has_its_line():
    assert "Fact 0 holds." in shown(report_of(Verdict.PASS, Verdict.PASS))


def test_a_fault_of_the_grader_in_many_checks_is_said_once():
    report = report_of(*[Verdict.GRADER_ERROR] * 4)
    for check in report.checks:
        check.message = "The disk is full."
    text = shown(report)
    assert text.count("The disk is full.") == 1 and "0/6  3 checks end with the same fault" in text


def test_the_score_says_what_was_left_out():
    report = report_of(Verdict.PASS)
    report.left_out, report.untrained = 98, 8
    assert report.beside == (
        "8 more are for checks that train, which --fast leaves out, and 90 for exercises that --only leaves out"
    )
    report.left_out = 8
    assert "hw2: 2 of 2 points; 8 more are for checks that train" in shown(report)


def test_a_page_begins_with_what_fails_and_folds_the_rest():
    report = report_of(Verdict.PASS, Verdict.WRONG, *[Verdict.GRADER_ERROR] * 3, Verdict.NOT_RUN)
    report.checks[-1].waits_for = ["Fact 1 holds."]
    for check in report.checks[2:5]:
        check.message = "The disk is full."
    page = files.html(report)
    table, *folded = page.split("<details>")
    assert [f"Fact {i}" in table for i in range(6)] == [False, True, True, False, False, False]
    said = [" ".join(part.partition("</summary>")[0].split()) for part in folded]
    assert [text.rpartition(">")[2] for text in said] == [
        "✗ 2 checks end with the same fault, 4 points",
        "· 1 check waits for a failure above, 2 points",
        "✓ 1 check passes, 2 points",
    ]
    assert "<details>" not in files.html(report_of(Verdict.PASS))


@pytest.mark.parametrize("hints", ANSWERED)
def test_a_homework_without_the_usual_policy_keeps_it_in_a_handout(hints):
    listed = msgspec.structs.replace(catalog.homework("hw2"), hints=hints)
    assert (f'hints = "{hints}"' in catalog.write(listed)) == (hints != "second failure")
