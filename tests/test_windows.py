"""Students on Windows and macOS, as far as Linux can pretend to be either: see pretend_windows/sitecustomize.py."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from few_mutants import SEED, few_mutants

from autograder import paths
from autograder.grading import catalog
from autograder.instructor.handout import command
from autograder.isolation import levels, totals
from autograder.isolation.clock import Clock
from autograder.results import number

PRETENCE = Path(__file__).parent / "pretend_windows"
absent = {}
exec((PRETENCE / "absent.py").read_text(encoding="utf-8"), absent)
LINUX = {  # never used there
    f"isolation/{name}.py"
    for name in ("bubblewrap", "confine", "disk", "forked", "reduced", "seccomp", "separate", "supervisor")
} | {f"worker/{name}.py" for name in ("namespaces", "selftest", "template")}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course with the solutions in place."""
    folder = tmp_path_factory.mktemp("windows") / "course"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks", "docs", "logs", "*.egg-info")
    shutil.copytree(paths.COURSE, folder, ignore=left_out)
    for homework in catalog.homeworks():
        for exercise in catalog.exercises(homework):
            shutil.copy(exercise.folder / "solution.py", folder / exercise.file)
    return folder


def windows(folder, *words, status=0, expected=""):
    """Run Python in a folder as on Windows, and hold its exit status; what it says."""
    environment = {"PATH": os.environ["PATH"], "SYSTEMROOT": r"C:\Windows", "USERPROFILE": str(folder)}
    environment |= {"PYTHONPATH": str(PRETENCE), "PYTHONWARNDEFAULTENCODING": "1"}
    environment |= {"PYTHONIOENCODING": "cp1252", "MPLCONFIGDIR": str(folder)}
    # Its locks are none to Linux: a grader beside it, as of another test, would take its box for one that was left.
    with tempfile.TemporaryDirectory() as temporary:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=environment | {"TMPDIR": temporary},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="cp1252",
            check=False,
        )
    assert done.returncode == status, done.stdout
    assert expected in done.stdout, done.stdout
    return done.stdout


# Windows


def test_the_stubs_have_none_on_windows_and_the_words_are_honest(tmp_path):
    shutil.copytree(paths.COURSE / "hw2", tmp_path / "hw2")
    words = ("hw2", "--fast", "--only", "protonet")
    told = windows(paths.COURSE, "-m", "autograder", *words, status=1, expected="hw2: 0 of ")
    assert "your code runs without a full sandbox: no sandbox is known for Windows." in told
    refused = windows(paths.COURSE, "-m", "autograder", "hw2", "--submission", str(tmp_path), status=4)
    assert "NO SANDBOX." in refused and "Nothing was graded." in refused


def test_work_is_packed_on_windows(course, tmp_path):
    words = ("submit", "hw2", "--unchecked", "--out", str(tmp_path / "x.zip"))
    windows(course, "-m", "autograder", *words, status=1, expected="hw2/answers.md has no answers yet.")
    (course / "hw2" / "answers.pdf").write_bytes(b"%PDF-1.7\n")
    windows(course, "-m", "autograder", *words, expected="hand it in")
    with zipfile.ZipFile(tmp_path / "x.zip") as packed:
        assert {"hw2/maml.py", "hw2/protonet.py"} <= set(packed.namelist())


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["hw1.train", "--num-way", "2", "--num-shot", "1", "--num-workers", "1"],  # which is spawned
        ["hw2.train", "protonet", "--num-way", "2", "--num-query", "1", "--num-tasks", "1"],
    ],
    ids=["hw1", "hw2"],
)
def test_training_runs_on_windows(course, words):
    if not (course / "data/few").exists():
        windows(course, "-m", "data.glyphs", "--characters", "60", "--out", "data/few")
    windows(course, "-m", *words, "--data", "data/few", "--num-iterations", "2", "--val-interval", "2")
    (best,) = (course / "logs").rglob("best.safetensors")
    assert len(str(best.relative_to(course))) < 60
    shutil.rmtree(course / "logs")


@pytest.mark.slow
def test_a_handout_is_worked_in_and_upgraded_on_windows(course, tmp_path, shared):
    with few_mutants(shared):
        assert command.handout("hw2", tmp_path / "old", False, command.Wanted(seed=SEED)) == 0
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    old = tmp_path / "old"
    shutil.copy(course / "hw2/protonet.py", old / "hw2/protonet.py")
    windows(old, "-m", "autograder", "hw2", "--fast", "--only", "protonet", expected="hw2: 37 of 37 points")
    windows(old, "-m", "autograder", "submit", "hw2", status=1, expected="hand it in")
    windows(old, "-m", "autograder", "upgrade", str(tmp_path / "new"), expected="taken over, all of it")
    assert (tmp_path / "new/hw2/protonet.py").read_bytes() == (old / "hw2/protonet.py").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("homework", catalog.homeworks())
def test_the_reference_has_full_marks_on_windows_with_training(course, homework):
    points = number(catalog.homework(homework).points)
    expected = f"{homework}: {points} of {points} points"
    windows(course, "-m", "autograder", homework, "--reference", expected=expected)


WORKER = """
import subprocess, sys, tempfile, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from autograder.isolation import levels
from autograder.isolation import totals, windows
from autograder.results import StudentError
import autograder.grading.box as grading_box
from autograder.grading import catalog
from autograder.worker.client import Worker
import numpy as np

windows.kernel = windows.kernel if {jobs} else lambda: None
found = levels.find()
assert found.level == levels.NONE
with tempfile.TemporaryDirectory() as folder:
    files = {{"hw2/protonet.py": {module!r}.encode()}}
    grading_box.fill(Path(folder), catalog.exercises("hw2"), files)
    for code in {codes!r}:
        worker = Worker(found, Path(folder), "hw2.protonet", 1, files)
        worker.ask("hello", {{}}, {{}}, 0, 60)
        worker.ask("import", {{}}, {{}}, 0, 60)
        arrays = {{"0": np.zeros(3), "1": np.frombuffer(code.encode(), dtype=np.uint8)}}
        asked = {{"features": {{"array": "0"}}, "labels": {{"array": "1"}}}}
        try:
            print(worker.ask("prototypes", asked, arrays, 0, 2.0)["prototypes"])
        except StudentError as error:
            print(error.verdict.value, error)
        worker.stop()
"""
MODULE = """
class ProtoNet:
    def __init__(self, learning_rate, log_dir, device):
        self._network = None

    def _prototypes(self, features, labels):
        scope = {"features": features, "answer": features}
        exec(bytes(labels.numpy().astype("u1")).decode(), scope)
        return scope["answer"]
"""
CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(7654321)'])"


def loops(jobs, *codes):
    """What a worker on Windows makes of some code that is to have two seconds."""
    program = WORKER.format(tests=str(Path(__file__).parent), module=MODULE, codes=list(codes), jobs=jobs)
    return windows(paths.COURSE, "-c", program).splitlines()


def test_time_is_that_of_the_job_and_all_its_processes_end_on_windows():
    told = loops(True, "while True: pass", "import time; time.sleep(99)", CHILD, "1 / 0")
    assert told[0].startswith("TIMEOUT No answer after 2 seconds of computing; an endless loop?")
    assert told[1].startswith("TIMEOUT No answer after 2 seconds of waiting: for a sleep, an input, or a lock?")
    assert told[2] == "[0. 0. 0.]"
    assert told[3] == "CRASH ZeroDivisionError: division by zero" and "hw2/protonet.py, line 8" in "".join(told[4:])
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"sleep(7654321)" in line for line in lines)


def test_without_a_job_time_is_that_on_the_wall_on_windows():
    begun = time.monotonic()
    assert re.fullmatch(r"TIMEOUT No answer after \d+ seconds\.", loops(False, "import time; time.sleep(99)")[0])
    assert time.monotonic() - begun >= 6  # how busy the machine is is not known: three times the limit


def test_files_of_a_worker_on_windows_are_named_as_in_the_handout():
    program = (
        "import sys; sys.path.insert(0, ''); import autograder.worker.shim as shim; shim.COURSE = 'C:/Temp/box-1';"
        r"print(shim._own(r'C:\Temp\box-1\hw2\protonet.py'), shim._own('C:/Temp/box-1\\hw2\\maml.py'))"
    )
    assert windows(paths.COURSE, "-c", program).split() == ["hw2/protonet.py", "hw2/maml.py"]


# What must not come onto that path


def _modules():
    """Files that students run, with their trees."""
    for package in absent["COURSE"]:
        for path in sorted((paths.COURSE / package).rglob("*.py")):
            name = path.relative_to(paths.COURSE / package).as_posix()
            if not name.startswith("instructor/") and not (package == "autograder" and name in LINUX):
                yield f"{package}/{name}", ast.parse(path.read_text(encoding="utf-8"))


def _guarded(tree):
    """Names that a module asks for before it uses them, by hasattr or getattr."""
    return {
        call.args[1].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("hasattr", "getattr") and len(call.args) > 1
        if isinstance(call.args[1], ast.Constant)
    }


def _imports(tree):
    """Names of modules that are imported with this one, with the line."""
    later = {id(node) for part in ast.walk(tree) if isinstance(part, LATER) for node in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in later or not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for alias in node.names:
            yield node.lineno, alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"


LATER = (ast.FunctionDef, ast.If)  # "if sys.platform ..."
LINUX_MODULES = (
    *("autograder.isolation.confine", "autograder.worker.selftest", "autograder.isolation.supervisor"),
    "autograder.worker.template",
)


def test_nothing_is_imported_that_windows_lacks():
    found = [
        f"{name}, line {line}: {module}"
        for name, tree in _modules()
        for line, module in _imports(tree)
        if module.partition(".")[0] in absent["MODULES"] or module.startswith(LINUX_MODULES)
    ]
    assert found == []


def test_nothing_is_used_that_windows_lacks():
    unknown = {"os": set(absent["OS"]), "signal": set(absent["SIGNALS"])}
    linux_only = {"totals.py": {"getuid", "sysconf"}, "levels.py": {"getuid"}, "python.py": {"getuid"}}
    found = []
    for name, tree in _modules():
        allowed = _guarded(tree) | linux_only.get(Path(name).name, set())
        allowed |= {"SIGKILL"} if "killpg" in allowed else set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in unknown.get(getattr(node.value, "id", ""), ()):
                found += [f"{name}, line {node.lineno}: {node.attr}"] if node.attr not in allowed else []
    assert found == []


# macOS


@pytest.mark.skipif(not shutil.which("ps"), reason="there is no ps")
def test_where_there_is_no_proc_ps_tells_time(monkeypatch):
    loop = "import os\nif os.fork(): os.wait()\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", loop], start_new_session=True)
    listed = totals.Listed(process.pid)
    try:
        time.sleep(1)
        clock = Clock(listed)
        while clock.passed < 3 or (not clock.computed and clock.passed < 60):  # ps counts whole seconds
            clock.look()
            time.sleep(0.05)
        assert listed.busy() and clock.computed > 0 and clock.waited < 0.5
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.mark.parametrize(
    ("spent", "seconds"),
    [("0:01.23", 1.23), ("12:00.00", 720), ("00:01:05", 65), ("2-03:00:00", 183600), ("0:00,50", 0.5)],
)
def test_times_of_ps_are_read(spent, seconds):
    assert totals._seconds(spent) == pytest.approx(seconds)


def test_macos_has_a_level_and_says_so(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    found = levels.find.__wrapped__()
    assert found.level == levels.NONE and found.reason == "no sandbox is known for macOS"
