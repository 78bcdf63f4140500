"""A verdict against a student stands only where the reference passes; the machine's fault is nobody's."""

from types import SimpleNamespace

import msgspec
import pytest

from autograder.grading import catalog, second_try
from autograder.grading import grade as grading
from autograder.grading.checks import described
from autograder.grading.drawings import Drawings
from autograder.grading.second_try import try_again
from autograder.grading.settings import Settings
from autograder.instructor import confirm, references
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.intake.submission import Submission
from autograder.results import Verdict

PROTONET = next(e for e in catalog.exercises("hw2") if e.name == "protonet")


def graded(files):
    report = grading.grade(
        "hw2", Submission(files), settings=Settings(1, Drawings(None), Live()), subject="", only="protonet", fast=True
    )
    return {check.name: check for check in report.checks}


@pytest.fixture
def wrong(solution):
    """A ProtoNet with one mistake."""
    return {"hw2/protonet.py": mutants.load(PROTONET)[0].apply(solution("protonet")).encode()}


def test_a_wrong_answer_stays_wrong(wrong):
    assert Verdict.WRONG in {check.verdict for check in graded(wrong).values()}


def test_a_check_that_the_reference_does_not_pass_is_our_fault(wrong, monkeypatch):
    files = dict(references.solutions("hw2").files)
    monkeypatch.setattr(references, "solutions", lambda homework: Submission(files | wrong))
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
        return referee(next(self.results), chosen[0].name)


def referee(results, name="protonet", problems=None):
    return SimpleNamespace(results={name: results}, problems=problems or {}, flags={})


def _result(name, verdict, seconds, **fields):
    told = next(check for check in described(PROTONET) if check.name == name)
    told.again = verdict is Verdict.TIMEOUT
    told.verdict, told.seconds = verdict, seconds
    return msgspec.structs.replace(told, **fields)


def ours(**fields):
    return _result(NAME, Verdict.GRADER_ERROR, 1, **fields)


NAME, OTHER = (check.__name__ for check in grading.checks(PROTONET)[:2])
HANDED_IN = Submission({"hw2/protonet.py": b""})


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(second_try, "PAUSE", 0.0)


class Patient:
    """A key that allows so many times a check's time."""

    def __init__(self, times):
        self.patience = lambda exercise, check, run: times


# A second try


@pytest.mark.parametrize("again", [Verdict.PASS, Verdict.WRONG, Verdict.TIMEOUT])
def test_a_check_that_ran_out_of_time_is_run_once_more_by_itself(again):
    found = referee({NAME: _result(NAME, Verdict.TIMEOUT, 10)})
    runs = Runs(*({NAME: _result(NAME, again, 3)} for _ in range(2)))
    try_again(found, PROTONET, HANDED_IN, runs, Patient(3.0))
    assert found.results["protonet"][NAME].verdict is again
    assert runs.asked == [(HANDED_IN, 3.0)] * (1 + (again is not Verdict.TIMEOUT))


def test_where_another_try_is_of_no_use_there_is_none():
    found = referee({NAME: _result(NAME, Verdict.TIMEOUT, 10)})
    try_again(found, PROTONET, HANDED_IN, Runs(), Patient(0.0))
    assert found.results["protonet"][NAME].verdict is Verdict.TIMEOUT


OUTSIDE = {
    "a worker that does not start": (Verdict.GRADER_ERROR, {"again": True}),
    "a process that was killed": (Verdict.MEMORY, {"again": True}),
}


@pytest.mark.parametrize(("verdict", "fields"), OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("again", [Verdict.PASS, Verdict.CRASH, Verdict.MEMORY])
def test_what_came_from_outside_is_tried_again_with_all_that_waited_for_it(verdict, fields, again):
    found = referee({NAME: _result(NAME, verdict, 1, **fields), OTHER: _result(OTHER, Verdict.NOT_RUN, 0)})
    runs = Runs({NAME: _result(NAME, again, 1), OTHER: _result(OTHER, Verdict.PASS, 1)})
    try_again(found, PROTONET, HANDED_IN, runs, Patient(0.0))
    assert [result.verdict for result in found.results["protonet"].values()] == [again, Verdict.PASS]
    assert len(runs.asked) == 1


def test_what_failed_has_failed_whatever_the_second_try_makes_of_it():
    found = referee({NAME: _result(NAME, Verdict.WRONG, 1), OTHER: _result(OTHER, Verdict.MEMORY, 1, again=True)})
    runs = Runs({name: _result(name, Verdict.PASS, 1) for name in (NAME, OTHER)})
    try_again(found, PROTONET, HANDED_IN, runs, Patient(0.0))
    assert [result.verdict for result in found.results["protonet"].values()] == [Verdict.WRONG, Verdict.PASS]


def test_an_import_that_took_too_long_is_tried_again_and_what_was_said_of_it_forgotten():
    found = referee({NAME: _result(NAME, Verdict.TIMEOUT, 60)}, problems={"protonet": "No answer after 60 seconds"})
    try_again(found, PROTONET, HANDED_IN, Runs(*[{NAME: _result(NAME, Verdict.PASS, 1)}] * 2), Patient(3.0))
    assert found.problems == {} and found.results["protonet"][NAME].verdict is Verdict.PASS


def test_what_passes_costs_no_second_run():
    for verdict in (Verdict.PASS, Verdict.NOT_RUN, Verdict.WRONG, Verdict.CRASH):
        runs = Runs()
        try_again(referee({NAME: _result(NAME, verdict, 1)}), PROTONET, HANDED_IN, runs, Patient(3.0))
        assert runs.asked == []
    confirm.confirm(PROTONET, {NAME: _result(NAME, Verdict.PASS, 1)}, Runs(), {})
    confirm.confirm(PROTONET, {NAME: _result(NAME, Verdict.NOT_RUN, 1)}, Runs(), {})


def test_who_kills_the_own_process_each_time_has_the_verdict_and_costs_one_run_more(solution, monkeypatch):
    source = solution("protonet").replace(
        "        return -(features", "        import os\n        os.kill(os.getpid(), 9)\n        return -(features"
    )
    tried = []
    run = grading.run
    monkeypatch.setattr(grading, "run", lambda *given, **more: tried.append(given) or run(*given, **more))
    got = graded({"hw2/protonet.py": source.encode()})
    assert got["test_nearest_prototype_has_the_largest_logit"].verdict is Verdict.MEMORY
    assert got["test_prototype_is_the_mean_of_its_class"].verdict is Verdict.PASS
    assert len([handed_in for _, handed_in, *_ in tried if b"os.kill" in handed_in.files["hw2/protonet.py"]]) == 2


# What the reference says


def test_time_is_that_of_the_reference_at_this_moment():
    known = {NAME: _result(NAME, Verdict.PASS, 1)}
    runs = Runs({NAME: _result(NAME, Verdict.PASS, 3)}, {NAME: _result(NAME, Verdict.WRONG, 1)})
    assert confirm.patience(PROTONET, NAME, runs, known) == pytest.approx(3.0)  # 10 times 3 s, of a limit of 10 s
    assert confirm.patience(PROTONET, NAME, runs, known) == 0.0


def test_what_the_reference_has_passed_is_asked_once():
    known, runs = {}, Runs({NAME: _result(NAME, Verdict.PASS, 1)})
    for _ in range(3):
        confirm.confirm(PROTONET, {NAME: _result(NAME, Verdict.WRONG, 1)}, runs, known)
    assert len(runs.asked) == 1


def test_what_the_reference_has_not_passed_is_asked_again():
    runs = Runs({NAME: _result(NAME, Verdict.CRASH, 1)}, {NAME: _result(NAME, Verdict.PASS, 1)})
    known, verdicts = {}, []
    for _ in range(2):
        results = {NAME: _result(NAME, Verdict.WRONG, 1)}
        confirm.confirm(PROTONET, results, runs, known)
        verdicts.append(results[NAME].verdict)
    assert verdicts == [Verdict.GRADER_ERROR, Verdict.WRONG]


def test_the_reference_has_a_second_try_where_the_machine_was_in_its_way():
    runs = Runs({NAME: ours(again=True)}, {NAME: _result(NAME, Verdict.PASS, 1)})
    results = {NAME: _result(NAME, Verdict.WRONG, 1)}
    confirm.confirm(PROTONET, results, runs, {})
    assert results[NAME].verdict is Verdict.WRONG and len(runs.asked) == 2


def test_an_answer_that_our_check_cannot_read_is_the_students():
    results = {NAME: ours(unclear=True)}
    confirm.confirm(PROTONET, results, Runs({NAME: _result(NAME, Verdict.PASS, 1)}), {})
    assert results[NAME].verdict is Verdict.WRONG
    assert results[NAME].message == "The answer has a form that the check cannot read."


def test_a_fault_that_is_surely_ours_stays_ours_whatever_the_reference_does():
    results = {NAME: ours(again=True, message="The disk is full.")}
    confirm.confirm(PROTONET, results, Runs(), {})
    assert results[NAME].verdict is Verdict.GRADER_ERROR and results[NAME].message == "The disk is full."
