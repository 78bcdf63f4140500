"""Faults of the grader are told by their cause and a way out, and are nobody's verdict."""

import errno
import os
import shutil
import tempfile

import pytest

from autograder import fault, paths
from autograder.grading import catalog, grade, subjects
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import references
from autograder.instructor.live_key import Live
from autograder.report import student
from autograder.results import StudentError, Verdict
from autograder.worker.client import Worker

PROTONET = next(e for e in catalog.exercises("hw2") if e.name == "protonet")
MISSING = str(paths.EXERCISES / "maml" / "pretrained.safetensors")
SENTENCES = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), "The disk is full: free some space in /"),
    "a full disk, at a file": (OSError(errno.ENOSPC, "x", "/far/a.json"), "The disk is full: free some space in /far."),
    "a quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "The disk is full"),
    "a folder that is read-only": (
        OSError(errno.EROFS, "Read-only file system", "/far/a"),
        "/far/a may not be read or",
    ),
    "a file of somebody else": (PermissionError(errno.EACCES, "Permission denied", "/far/a"), "change that, or use"),
    "a file of the course": (
        FileNotFoundError(errno.ENOENT, "x", MISSING),
        "autograder/exercises/maml/pretrained.safetensors",
    ),
    "no folder for temporary files": (
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/x']"),
        "There is no folder for temporary files: make one",
    ),
    "no memory": (MemoryError(), "The machine is out of memory"),
    "no memory for torch": (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out of memory"),
    "no process": (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "out of memory"),
    "too many files": (OSError(errno.EMFILE, "Too many open files"), "raise `ulimit -n`"),
    "a package that is not there": (ModuleNotFoundError("No module named 'torch'", name="torch"), "pip install"),
    "a module of ours that is not there": (ModuleNotFoundError("x", name="hw2.util"), "install the course again"),
    "an error of ours": (KeyError("x"), "The grader itself failed (KeyError): please report it."),
}


@pytest.mark.parametrize(("error", "said"), SENTENCES.values(), ids=SENTENCES)
def test_a_fault_is_one_sentence_with_its_cause_and_a_way_out(error, said):
    sentence = fault.sentence(error)
    assert said in sentence and sentence.endswith(".") and "\n" not in sentence and sentence.count("Error") < 2


PRINTED = {
    "torch is not there": ("Traceback\nModuleNotFoundError: No module named 'torch'", "force-reinstall torch"),
    "torch is damaged": ("ImportError: libtorch_cpu.so: cannot open shared object file", "force-reinstall torch"),
    "numpy is not there": ("ModuleNotFoundError: No module named 'numpy'", "force-reinstall numpy"),
    "a part of torch is not there": (
        "ImportError: cannot import name 'x' from 'torch.nn' (unknown)",
        "reinstall torch",
    ),
    "a part of ours is not there": (
        "ImportError: cannot import name 'absent' from 'autograder.worker' (unknown location)",
        "unpack or install the course again",
    ),
    "no memory to load it": ("ImportError: libtorch_cpu.so: failed to map segment from shared object", "out of memory"),
    "no memory for threads": (
        "OpenBLAS blas_thread_init: pthread_create failed: Resource temporarily",
        "out of memory",
    ),
    "something else": ("bwrap: Can't bind mount /oldroot/x", "does not start (bwrap: Can't bind mount /oldroot/x)"),
    "nothing": ("", "does not start (It was killed)"),
}


@pytest.mark.parametrize(("printed", "said"), PRINTED.values(), ids=PRINTED)
def test_a_worker_that_does_not_start_is_told_by_what_it_printed(printed, said):
    assert said in str(fault.of_worker("It was killed.", printed))


def test_what_the_system_did_may_pass_and_is_surely_ours_and_other_errors_are_neither():
    for error in (OSError(28, "x"), MemoryError(), fault.WorkerError("x"), RuntimeError("bad_alloc")):
        assert fault.may_pass(error) and fault.is_certain(error)
    for error in (fault.GraderError("x"), ImportError("x")):
        assert not fault.may_pass(error) and fault.is_certain(error)
    for error in (ValueError("x"), KeyError("x"), RuntimeError("x")):
        assert not fault.may_pass(error) and not fault.is_certain(error)


# In a grading


def graded(**settings):
    report = grade.grade(
        "hw2",
        references.solutions("hw2"),
        settings=Settings(1, Drawings(None), Live()),
        subject="",
        only="protonet",
        fast=True,
        **settings,
    )
    return report, report.exercises[0].checks


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("autograder.grading.second_try.PAUSE", 0.0)


def in_some_checks(monkeypatch, error, times=99):
    """Let the checks of shapes raise an error, so many times."""
    left = [error] * times

    def failing(*given):
        if left:
            raise left.pop()

    monkeypatch.setattr(PROTONET.load("checks"), "assert_shape", failing)


ERRORS = {
    "a full disk": OSError(errno.ENOSPC, "No space left on device"),
    "no memory": MemoryError("Unable to allocate 8 GiB"),
    "an error of numpy": ValueError("operands could not be broadcast together"),
}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_a_check_is_ours_with_a_traceback_for_the_staff_alone(monkeypatch, error):
    in_some_checks(monkeypatch, ERRORS[error])
    report, (first, *_) = graded()
    assert first.verdict is Verdict.GRADER_ERROR and "\n" not in first.message
    assert type(ERRORS[error]).__name__ in first.traceback and "in _run" in first.traceback
    assert student.view(report).exercises[0].checks[0].traceback == ""
    assert "fault of the grader" in student.view(report).exercises[0].checks[0].message


def test_an_error_that_passes_costs_nothing(monkeypatch):
    in_some_checks(monkeypatch, ERRORS["a full disk"], times=1)
    report, _ = graded()
    assert report.earned == report.points and not report.grader_errors


def test_checks_do_not_wait_for_one_that_is_surely_our_fault(monkeypatch):
    in_some_checks(monkeypatch, ERRORS["no memory"])
    _, checks = graded()
    ours = {check.name for check in checks if check.verdict is Verdict.GRADER_ERROR}
    assert "test_one_prototype_for_each_class" in ours and "test_nearest_prototype_has_the_largest_logit" in ours
    assert {check.name for check in checks if check.verdict is not Verdict.PASS} == ours


def test_an_assertion_of_the_engine_is_no_wrong_answer(monkeypatch):
    ask = subjects.Student.answer

    def broken(self, call, *given):
        assert call != "logits", "no check says this"
        return ask(self, call, *given)

    monkeypatch.setattr(subjects.Student, "answer", broken)
    failed = [check for check in graded()[1] if check.verdict is not Verdict.PASS and not check.waits_for]
    assert failed and {check.verdict for check in failed} == {Verdict.GRADER_ERROR}


@pytest.mark.parametrize("starts", [0, 1])
def test_a_worker_that_does_not_start_once_costs_nothing(monkeypatch, starts):
    start, outcomes = Worker.__init__, [True] * starts + [False]

    def failing(self, *given):
        if outcomes and not outcomes.pop(0):
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        start(self, *given)

    monkeypatch.setattr(Worker, "__init__", failing)
    report, _ = graded()
    assert report.earned == report.points


def test_a_worker_that_never_starts_is_our_fault(monkeypatch):
    def failing(self, *given):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(Worker, "__init__", failing)
    report, checks = graded()
    assert {check.verdict for check in checks} == {Verdict.GRADER_ERROR} and report.earned == 0
    assert "out of memory" in checks[0].message


def test_a_box_that_is_removed_in_the_middle_costs_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ask, seen = Worker.ask, []

    def removing(self, call, *given):
        answer = ask(self, call, *given)
        if call == "logits" and not seen:
            seen.append(call)
            for box in tmp_path.glob(f"box-{os.getpid()}-*"):
                shutil.rmtree(box)
            self.stop()  # the next one finds no box
        return answer

    monkeypatch.setattr(Worker, "ask", removing)
    tmp_path.chmod(0o755)
    report, _ = graded()
    assert seen and report.earned == report.points


def test_what_a_solution_imports_from_a_box_that_is_gone_is_not_its_crash(monkeypatch, tmp_path):
    subject = subjects.Student.__new__(subjects.Student)
    subject._box, subject._file = tmp_path, PROTONET.file
    with pytest.raises(fault.WorkerError, match="was removed while the grader ran"), subject._in_the_box():
        raise StudentError(Verdict.CRASH, "ModuleNotFoundError: No module named 'hw2.util'")
