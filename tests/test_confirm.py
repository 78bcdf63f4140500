"""A verdict against a student stands only where the reference passes; the machine's fault is nobody's."""

import pytest

from autograder import catalog
from autograder import grade as grading
from autograder.drawings import Drawings
from autograder.instructor import confirm, live, mutants
from autograder.results import Verdict
from autograder.submission import Submission

PROTONET = next(e for e in catalog.exercises("hw2") if e.name == "protonet")


def graded(files):
    report = grading.grade(
        "hw2", Submission(files), subject="", seed=1, drawings=Drawings(None), only="protonet", fast=True
    )
    return {check.name: check for check in report.checks}


@pytest.fixture
def wrong(solution):
    """A ProtoNet with one mistake."""
    return {"hw2/protonet.py": mutants.load(PROTONET)[0].apply(solution("protonet")).encode()}


def test_a_wrong_answer_stays_wrong(wrong):
    assert Verdict.WRONG in {check.verdict for check in graded(wrong).values()}


def test_a_check_that_the_reference_does_not_pass_is_our_fault(wrong, monkeypatch):
    files = dict(live.solutions("hw2").files)
    monkeypatch.setattr(live, "solutions", lambda homework: Submission(files | wrong))
    failed = [check for check in graded(wrong).values() if check.verdict is not Verdict.PASS and not check.waits_for]
    assert failed and all(check.verdict is Verdict.GRADER_ERROR for check in failed)
    assert "The reference does not pass this check" in failed[0].message


class Runs:
    """In the place of grade.run: gives prepared results, one after the other."""

    def __init__(self, *results):
        self.results = iter(results)
        self.asked = []

    def __call__(self, chosen, handed_in, *, wanted, patience=1.0):
        self.asked.append((handed_in, patience))
        results = next(self.results)
        return type("Referee", (), {"results": {chosen[0].name: results}})()


def _result(name, verdict, seconds):
    told = next(grading.describe(check) for check in grading.checks(PROTONET) if check.__name__ == name)
    told.verdict, told.seconds = verdict, seconds
    return told


NAME = grading.checks(PROTONET)[0].__name__
HANDED_IN = Submission({"hw2/protonet.py": b""})


@pytest.mark.parametrize("again", [Verdict.PASS, Verdict.WRONG, Verdict.TIMEOUT])
def test_a_check_that_ran_out_of_time_is_run_once_more_by_itself(again):
    results = {NAME: _result(NAME, Verdict.TIMEOUT, 10)}
    runs = Runs(*({NAME: _result(NAME, v, 3)} for v in (Verdict.PASS, again, again)))
    confirm.confirm(PROTONET, HANDED_IN, results, runs, {})
    assert results[NAME].verdict is again
    assert [handed_in is HANDED_IN for handed_in, _ in runs.asked] == [False, True, True][
        : 2 + (again is not Verdict.TIMEOUT)
    ]
    assert runs.asked[1][1] == pytest.approx(3.0)  # ten times the reference's 3 s, of a limit of 10 s


def test_what_passes_costs_no_second_run():
    runs = Runs()
    confirm.confirm(PROTONET, HANDED_IN, {NAME: _result(NAME, Verdict.PASS, 1)}, runs, {})
    confirm.confirm(PROTONET, HANDED_IN, {NAME: _result(NAME, Verdict.NOT_RUN, 1)}, runs, {})
    assert runs.asked == []


def test_what_the_reference_has_passed_is_asked_once_and_its_time_again():
    known = {}
    runs = Runs({NAME: _result(NAME, Verdict.PASS, 1)}, {NAME: _result(NAME, Verdict.PASS, 2)}, {})
    for _ in range(3):
        confirm.confirm(PROTONET, HANDED_IN, {NAME: _result(NAME, Verdict.WRONG, 1)}, runs, known)
    assert len(runs.asked) == 1
    late = {NAME: _result(NAME, Verdict.TIMEOUT, 10)}
    runs.results = iter([{NAME: _result(NAME, Verdict.PASS, 2)}, {NAME: _result(NAME, Verdict.TIMEOUT, 20)}])
    confirm.confirm(PROTONET, HANDED_IN, late, runs, known)
    assert len(runs.asked) == 3 and runs.asked[2][1] == pytest.approx(2.0)


def test_what_the_reference_has_not_passed_is_asked_again():
    runs = Runs({NAME: _result(NAME, Verdict.CRASH, 1)}, {NAME: _result(NAME, Verdict.PASS, 1)})
    known, verdicts = {}, []
    for _ in range(2):
        results = {NAME: _result(NAME, Verdict.WRONG, 1)}
        confirm.confirm(PROTONET, HANDED_IN, results, runs, known)
        verdicts.append(results[NAME].verdict)
    assert verdicts == [Verdict.GRADER_ERROR, Verdict.WRONG]


def test_an_answer_that_our_check_cannot_read_is_the_students():
    results = {NAME: _result(NAME, Verdict.GRADER_ERROR, 1)}
    results[NAME].message = "Traceback ..."
    confirm.confirm(PROTONET, HANDED_IN, results, Runs({NAME: _result(NAME, Verdict.PASS, 1)}), {})
    assert results[NAME].verdict is Verdict.WRONG
    assert results[NAME].message.startswith("The answer has a form that the check cannot read: ")
