"""Real gradings of a class: processes that are killed, Dask workers that are killed, and the same results all ways."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from autograder import fault, paths
from autograder.grading import catalog, grade
from autograder.grading.drawings import Drawings
from autograder.grading.settings import Settings
from autograder.instructor import references, version
from autograder.instructor.classroom import cluster, grading_task, local
from autograder.instructor.classroom.grading_task import RefusedError, Task
from autograder.instructor.classroom.result_store import Key, Store
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.intake.submission import Submission
from autograder.isolation import levels
from autograder.results import Report

PROTONET = next(e for e in catalog.exercises("hw2") if e.name == "protonet")
SEED = 11
GLYPHS = str(Drawings(None))
ZEROS = np.zeros(4)
pytestmark = [pytest.mark.isolation, pytest.mark.usefixtures("isolated")]


def task(content, **more):
    return Task(
        "hw2", "protonet", version.digest(PROTONET), {PROTONET.file: content}, "", SEED, True, "glyphs", GLYPHS, False
    )._replace(**more)


def wrong(number):
    return mutants.load(PROTONET)[number].apply((PROTONET.folder / "solution.py").read_text()).encode()


def plainly(report):
    """What a report says, but for the time it took."""
    return [(c.name, c.verdict, c.message, c.likely, c.waits_for) for c in report.checks], report.left_out


@pytest.fixture(scope="module")
def contents():
    right = (PROTONET.folder / "solution.py").read_bytes()
    exits = right.replace(b"from hw2 import util", b"from hw2 import util\nimport os\nos._exit(0)")
    return [right, wrong(0), b"def half(", wrong(3), exits, right + b"# mine\n"]


# What a class has in common changes no verdict


def test_remembered_answers_and_confirmations_change_nothing(contents):
    for content in contents[:5]:
        in_class = msgspec.json.decode(grading_task.grade(task(content)), type=Report)
        alone = grade.grade(
            "hw2",
            Submission({PROTONET.file: content}),
            settings=Settings(SEED, Drawings(None), Live()),
            subject="",
            only="protonet",
            fast=True,
        )
        assert plainly(in_class) == plainly(alone)


def test_the_reference_works_out_no_answer_twice(monkeypatch):
    asked = []
    monkeypatch.setattr(
        references.Reference, "answer", lambda self, *question: asked.append(question) or {"x": ZEROS.copy()}
    )
    reference = references.Remembering(PROTONET)
    for _ in range(2):
        answer = reference.answer("logits", {"n": 1}, {"a": ZEROS})
        answer["x"][:] = 7  # a check that changes what it is given
    assert len(asked) == 1 and reference.answer("logits", {"n": 1}, {"a": ZEROS})["x"][0] == 0
    reference.answer("logits", {"n": 1}, {"a": ZEROS + 1})
    reference.seed += 1
    reference.answer("logits", {"n": 1}, {"a": ZEROS})
    assert len(asked) == 3


def test_what_the_reference_remembers_is_bounded(monkeypatch):
    monkeypatch.setattr(references, "MEMORY", 3 * (ZEROS.nbytes + 1024))
    monkeypatch.setattr(references.Reference, "answer", lambda self, *question: {"x": ZEROS})
    reference = references.Remembering(PROTONET)
    for number in range(20):
        reference.answer("logits", {"n": number}, {})
    assert len(reference._known) == 3


def test_another_version_is_refused():
    with pytest.raises(RefusedError, match="changed since this run began"):
        grading_task.grade(task(b"", version="another"))


def test_without_isolation_nothing_is_graded(monkeypatch):
    nothing = levels.Isolation(levels.NONE, levels.find().limits, "there is none")
    monkeypatch.setattr(levels, "find", lambda: nothing)
    with pytest.raises(RefusedError, match="--allow-unsandboxed"):
        grading_task.grade(task(b""))


def test_a_fault_has_a_row_for_every_check():
    told = json.loads(grading_task.grade(task(b"", fault="It died.")))
    checks = told["exercises"][0]["checks"]
    assert {(check["verdict"], check["message"]) for check in checks} == {("GRADER-ERROR", "It died.")}
    fast = [name for name, trains in PROTONET.outline().items() if not trains]
    assert [check["name"] for check in checks] == fast


# What a grader of a class may take


@pytest.fixture
def bound(monkeypatch):
    """Little more memory than this process has."""
    monkeypatch.setattr(grading_task, "MOST", 400 * 2**20)
    monkeypatch.setattr("autograder.grading.second_try.PAUSE", 0.0)


def test_a_grader_that_needs_too_much_memory_is_our_fault_and_its_worker_has_its_own_limit(bound, monkeypatch):
    soft = resource.getrlimit(resource.RLIMIT_DATA)
    right = (PROTONET.folder / "solution.py").read_bytes()
    taking = b"\n\n_much = torch.zeros(150_000_000)\n"  # 600 MB in the worker
    told = msgspec.json.decode(grading_task.grade(task(right + taking)), type=Report)
    assert not told.grader_errors and told.earned == told.points
    monkeypatch.setattr(PROTONET.load("checks"), "assert_shape", lambda *given: np.ones(2 * 10**8))
    told = msgspec.json.decode(grading_task.grade(task(right)), type=Report)
    assert {check.message for check in told.grader_errors} == {fault.OUT_OF_MEMORY}
    assert resource.getrlimit(resource.RLIMIT_DATA) == soft


def test_what_a_process_had_before_is_not_the_gradings(monkeypatch):
    monkeypatch.setattr(grading_task, "MOST", 400 * 2**20)
    before = np.ones(10**8)  # twice as much
    told = msgspec.json.decode(grading_task.grade(task((PROTONET.folder / "solution.py").read_bytes())), type=Report)
    assert told.earned == told.points and before.all()


def test_a_fault_is_not_kept_and_graded_again(tmp_path):
    told = msgspec.json.decode(grading_task.grade(task(b"", fault="It died.", traceback="Traceback")), type=Report)
    assert told.grader_errors[0].traceback == "Traceback"
    key = Key(submission="a", exercise="hw2/protonet", version="v", seed=1, fast=True, drawings="g")
    with Store(tmp_path).opened() as store:
        store.put(key, told)
        assert store.get(key) is None


# This machine


def test_jobs_go_by_cores_and_memory(monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 8)
    for available, jobs in ((64 * 2**30, 8), (5 * 2**30, 2), (2**20, 1)):
        monkeypatch.setattr(local, "_available", lambda available=available: available)
        assert local.default_jobs() == jobs


def lives(pid):
    """Whether there is such a process; one that has ended and that nobody has asked about does not count."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def children(parent):
    """Processes below one, by number."""
    with contextlib.suppress(OSError):
        return [
            int(stat.parent.name)
            for stat in Path("/proc").glob("[0-9]*/stat")
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent
        ]
    return children(parent)


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced_and_nothing_lost(contents, monkeypatch):
    graders = []
    real = local._Grader.begin

    def begin(self, *given):
        graders.append(self)
        real(self, *given)

    monkeypatch.setattr(local._Grader, "begin", begin)
    killed = []

    def running(count):
        if len(graders) == 2 and not killed:
            time.sleep(1)
            killed.append(graders[1]._process.pid)
            os.kill(killed[0], signal.SIGKILL)

    done = {name: json.loads(report) for name, _, report in local.run(named(contents), 1, running)}
    assert killed and sorted(done) == list(range(len(contents)))
    assert not [check for told in done.values() for check in told["exercises"][0]["checks"] if _ours(check)]


def _ours(check):
    return check["verdict"] == "GRADER-ERROR"


def named(contents):
    return ((number, task(content)) for number, content in enumerate(contents))


@pytest.mark.slow
def test_what_kills_every_process_is_our_fault_in_the_end(contents, monkeypatch):
    real = local._Grader.begin

    def begin(self, name, given, lives):
        real(self, name, given, lives)
        if name == 1 and not given.fault:
            os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(local._Grader, "begin", begin)
    done = {name: json.loads(report) for name, _, report in local.run(named(contents[:3]), 1, lambda count: None)}
    assert sorted(done) == [0, 1, 2]
    messages = {check["message"] for check in done[1]["exercises"][0]["checks"]}
    (message,) = messages
    assert message.startswith("The grader failed 3 times on this: its process ended with status -9; is the machine out")
    assert not [check for number in (0, 2) for check in done[number]["exercises"][0]["checks"] if _ours(check)]


@pytest.fixture
def class_of_six(tmp_path, contents):
    for number, content in enumerate(contents):
        (tmp_path / "in" / f"student{number}").mkdir(parents=True)
        (tmp_path / "in" / f"student{number}" / "protonet.py").write_bytes(content)
    return tmp_path


def command(folder, out, *more):
    given = ["--fast", "--only", "protonet", "--seed", str(SEED), "--data", "glyphs", *more]
    return [sys.executable, "-m", "autograder", "class", "hw2", str(folder / "in"), "--out", str(folder / out), *given]


def verdicts(out):
    """What was found, by student and check; times and where it ran left out."""
    found = {}
    for path in out.glob("results/*.json"):
        told = json.loads(path.read_bytes())
        checks = [check for exercise in told["report"]["exercises"] for check in exercise["checks"]]
        found[told["id"]] = [(c["name"], c["verdict"], c["message"], c["likely"]) for c in checks]
    return found


@pytest.mark.slow
def test_killed_in_the_middle_and_started_again_it_is_as_if_nothing_had_been(class_of_six):
    process = subprocess.Popen(command(class_of_six, "out", "--jobs", "2"), cwd=paths.COURSE)
    kept = class_of_six / "out" / "graded"
    while len(list(kept.glob("*/[!.]*.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.1)
    below = children(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(map(lives, below)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in below if lives(pid)], "its processes live on"
    before = {path.name: path.stat().st_mtime_ns for path in kept.glob("*/[!.]*.json")}
    assert 3 <= len(before) < 6
    subprocess.run(command(class_of_six, "out", "--jobs", "1"), cwd=paths.COURSE, check=True)
    after = {path.name: path.stat().st_mtime_ns for path in kept.glob("*/[!.]*.json")}
    assert len(after) == 6 and before.items() <= after.items()
    found = verdicts(class_of_six / "out")
    assert sorted(found) == [f"student{number}" for number in range(6)]
    passing = {name: {verdict for _, verdict, *_ in checks} == {"PASS"} for name, checks in found.items()}
    assert [passing[f"student{number}"] for number in range(6)] == [True, False, False, False, False, True]


@pytest.mark.slow
def test_a_cluster_gives_the_same_results_though_a_worker_is_killed(class_of_six):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    subprocess.run(command(class_of_six, "local", "--jobs", "2"), cwd=paths.COURSE, check=True)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as dask:
        there = ["--cluster", dask.scheduler_address]
        process = subprocess.Popen(command(class_of_six, "cluster", *there), cwd=paths.COURSE)
        while len(list(class_of_six.glob("cluster/graded/*/[!.]*.json"))) < 2:
            assert process.poll() is None
            time.sleep(0.1)
        victim = next(iter(dask.workers.values())).pid
        os.kill(victim, signal.SIGKILL)
        assert process.wait(timeout=300) == 0
    assert verdicts(class_of_six / "cluster") == verdicts(class_of_six / "local")


def test_without_a_cluster_it_says_so(monkeypatch):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(RefusedError, match="no Dask scheduler at"):
        next(cluster.run(iter([]), "tcp://127.0.0.1:9", lambda count: None))
