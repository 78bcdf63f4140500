"""Workers that are forked from a process which has imported torch: kept apart as those that bubblewrap starts."""

import dataclasses
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from autograder import paths
from autograder.grading import catalog
from autograder.grading.spare import Spare
from autograder.instructor import references
from autograder.instructor.handout import carried
from autograder.instructor.quality import mutants
from autograder.isolation import bubblewrap, confine, disk, forked, levels, reduced, totals

pytestmark = pytest.mark.isolation
IN_NAMESPACES = pytest.mark.parametrize("forking", ["namespaces"], indirect=True)
WAIT = "import time; print('here', flush=True); time.sleep(100)"


@pytest.fixture
def isolated_forking(isolated):
    """The level that there is, with forked workers."""
    found = dataclasses.replace(levels.find(), forks=True)
    if found.limits.prefix(totals.MEMORY):
        pytest.skip("no isolation: only the user's service manager makes control groups here")
    return found


@pytest.fixture(params=["namespaces", "rights"])
def forking(request):
    """A level with forked workers: in namespaces of their own, or with fewer rights."""
    if request.param == "namespaces":
        return request.getfixturevalue("isolated_forking")
    if not confine.version():
        pytest.skip("this kernel has no Landlock")
    return levels.Isolation(levels.REDUCED, totals.Watchdog(), forks=True)


@pytest.fixture
def place():
    """A box that others may read, with what a worker needs that is not forked."""
    with tempfile.TemporaryDirectory(prefix="forked-") as name:
        for path in (reduced.CONFINE, reduced.SUPERVISOR):
            Path(name, path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths.COURSE / path, Path(name, path))
        disk.let_all_read(Path(name))
        yield Path(name)


@pytest.fixture
def start(forking, place):
    """Starts a script in a worker of its own."""
    running = []

    def started(code):
        box = place / f"box-{len(running)}"
        box.mkdir()
        (box / "script.py").write_text(code)
        running.append(forking.start(box, "script.py", ["one", "two"]))
        assert isinstance(running[-1].process, forked.Process)
        return running[-1]

    yield started
    for one in running:
        one.stop()


@pytest.fixture
def told(start):
    """Runs a script to its end: what it printed."""

    def run(code):
        out, log = start(code).process.communicate()
        assert log == b"", log.decode()
        return out.decode()

    return run


@pytest.fixture(autouse=True)
def none_is_forked_unasked(monkeypatch):
    """Fork workers only at a level that says so."""
    monkeypatch.setattr(levels, "_many", False)


@pytest.fixture(autouse=True)
def no_changed_templates_are_left(monkeypatch):
    """Templates that a test has started with another program end with it."""
    before = dict(forked._templates)
    yield
    for key, template in list(forked._templates.items()):
        if template is not before.get(key):
            template.close()
            del forked._templates[key]


def change(monkeypatch, name, old, new):
    """Let templates have another program from now on."""
    program = forked.program

    def changed(files):
        found = program(files)
        path = f"autograder/{name}"
        assert old.encode() in found[path]
        return found | {path: found[path].replace(old.encode(), new.encode())}

    monkeypatch.setattr(forked, "_templates", {})
    monkeypatch.setattr(forked, "program", changed)


# What a forked worker is kept from


def test_the_selftest_finds_nothing(forking):
    assert forking.holes() == ""


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize("drop", [True, False], ids=["as nobody", "root outside"])
def test_the_selftest_finds_nothing_without_a_control_group(drop):
    assert levels.Isolation(levels.PER_PROCESS, totals.Watchdog(), drop=drop, forks=True).holes() == ""


CONTROLS = {
    "it makes files in memory": ("isolation/confine.py", "_checked(libc.prctl(FILTER_CALLS", "_ = ((FILTER_CALLS"),
    "it keeps capabilities": ("isolation/confine.py", "_checked(libc.capset(", "_ = (("),
    "it writes to its own program": (
        "worker/namespaces.py",
        "READ_ONLY | NO_SETUID | NO_DEVICES | AGAIN",
        "NO_SETUID | NO_DEVICES | AGAIN",
    ),
}


@pytest.mark.parametrize("hole", CONTROLS)
def test_the_selftest_finds_what_opens_without_a_control(hole, isolated_forking, monkeypatch):
    name, old, new = CONTROLS[hole]
    change(monkeypatch, name, old, new)
    assert hole in isolated_forking.holes()


@pytest.mark.skipif(not confine.version(), reason="this kernel has no Landlock")
@pytest.mark.skipif(os.getuid() != 0, reason="needs root, who has capabilities")
def test_the_selftest_finds_capabilities_that_root_would_keep_where_there_are_no_namespaces(monkeypatch):
    name, old, new = CONTROLS["it keeps capabilities"]
    change(monkeypatch, name, old, new)
    assert (
        "it keeps capabilities" in levels.Isolation(levels.REDUCED, totals.Watchdog(), drop=False, forks=True).holes()
    )


@IN_NAMESPACES
def test_workers_see_nothing_of_each_other(start, told):
    first = start(f"""
import os, socket
from multiprocessing import shared_memory
line = socket.socket(socket.AF_UNIX)
line.bind("\\0left")
line.listen()
open("/tmp/left", "w").write("x")
kept = shared_memory.SharedMemory("left", create=True, size=1)
{WAIT}
""")
    assert first.process.stdout.readline() == b"here\n"
    said = told("""
import os, socket
print(os.strerror(socket.socket(socket.AF_UNIX).connect_ex("\\0left")))
print([os.listdir(folder) for folder in ("/tmp", "/dev/shm", "/box")])
print(os.getpid(), sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
""")
    assert said == "Connection refused\n[[], [], ['script.py']]\n2 [1, 2]\n"


def test_the_process_above_a_worker_is_closed_to_it(told):
    code = """
import os
above = os.getppid()
for look, names in ((lambda path: open(path, "rb").read(1), ("mem", "environ", "maps")),
                    (os.readlink, ("cwd", "root", "fd/0"))):
    for name in names:
        try:
            look(f"/proc/{above}/{name}")
            print(name)
        except OSError:
            pass
"""
    assert told(code) == ""


@IN_NAMESPACES
def test_the_process_above_a_worker_heeds_no_signal_of_its(told):
    code = """
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
    os.kill(1, number)
time.sleep(0.5)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    assert told(code) == "True\n"


def test_no_memory_that_can_be_written_is_shared_with_other_workers(told):
    code = "print([line for line in open('/proc/self/maps') if line.split()[1] in ('rw-s', 'rwxs', '-w-s')])"
    assert told(code) == "[]\n"


def test_no_descriptor_of_the_template_is_a_workers(told):
    assert told("import os; print(os.listdir('/proc/self/fd'))") == "['0', '1', '2', '3']\n"  # the last is the folder's


@IN_NAMESPACES
def test_its_folder_for_temporary_files_has_a_size(told):
    assert (
        told("import os; there = os.statvfs('/tmp'); print(there.f_blocks * there.f_frsize)") == f"{bubblewrap.TMP}\n"
    )


# What it is like


@IN_NAMESPACES
def test_a_script_runs_as_if_it_had_been_started(told):
    code = "import sys, os; print(sys.argv, sys.path[0], __name__, os.getcwd(), 'autograder' in sys.modules)"
    assert told(code) == "['/box/script.py', 'one', 'two'] /box __main__ /tmp False\n"


def test_a_script_has_what_it_has_when_its_worker_is_not_forked(forking, place):
    code = """
import os, sys, tempfile
folder = tempfile.gettempdir()
print([word.replace(os.path.dirname(sys.argv[0]), "box") for word in (*sys.argv, *sys.path)])
print({name: value.replace(folder, "own") for name, value in sorted(os.environ.items())}, os.listdir(folder))
print(__name__, os.getuid(), os.getgid(), os.getgroups(), {name.partition(".")[0] for name in sys.modules} & {
    "autograder", "confine", "supervisor", "namespaces"})
"""
    (place / "script.py").write_text(code)
    seen = []
    for isolation in (forking, dataclasses.replace(forking, forks=False)):
        running = isolation.start(place, "script.py", ["one", "two"])
        seen.append(running.process.communicate())
        running.stop()
    assert seen[0] == seen[1]
    assert seen[0][1] == b""


ENDS = {
    "pass": 0,
    "raise SystemExit(7)": 7,
    "import os; os._exit(9)": 9,
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": -signal.SIGKILL,
    "import ctypes; ctypes.string_at(0)": -signal.SIGSEGV,
    "import os; os.abort()": -signal.SIGABRT,
}


@pytest.mark.parametrize("code", ENDS)
def test_how_it_ended_is_told_as_where_it_is_not_forked(start, forking, code):
    status = ENDS[code]
    if status < 0 and forking.level != levels.REDUCED:
        status = 128 - status  # as bubblewrap tells it
    running = start(code)
    running.process.communicate()
    assert running.process.wait() == status == running.process.poll()


def test_an_error_is_printed(start):
    running = start("print('first')\nraise ValueError('second')")
    out, log = running.process.communicate()
    assert (out, running.process.wait()) == (b"first\n", 1)
    assert log.decode().endswith("ValueError: second\n")


def test_chance_is_another_in_each(told):
    code = "import random, numpy; print(random.random(), numpy.random.rand())"
    first, second = told(code), told(code)
    assert all(a != b for a, b in zip(first.split(), second.split(), strict=True))


def test_torch_computes(told):
    code = "import torch; x = torch.ones(300, 300, requires_grad=True); (x @ x).sum().backward(); print(x.grad.mean())"
    assert told(code) == "tensor(600.)\n"


def test_what_it_computes_is_counted(start):
    running = start("import time\nwhile time.process_time() < 0.5: pass\n" + WAIT)
    running.process.stdout.readline()
    running.group.busy()  # looks
    assert 0.4 < running.group.computed() < 5


# Its end


def lives(pid):
    """Whether a process has not ended, though it may not have been waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_all_that_it_started_ends_with_it(start):
    running = start(f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: pass
    os._exit(0)
{WAIT}
""")
    running.process.stdout.readline()
    family = set(totals._family(running.process.pid))
    # In namespaces: who waits for it, the first in them, itself, its daemon. Else its supervisor, itself, its daemon.
    assert len(family) >= 3
    running.stop()
    deadline = time.monotonic() + 5
    while (living := {pid for pid in family if lives(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not living
    assert running.process.wait() in (-signal.SIGKILL, -signal.SIGTERM)


def test_all_that_it_started_ends_with_the_template(forking, place, monkeypatch):
    monkeypatch.setattr(forked, "_templates", {})
    (place / "script.py").write_text(f"import os\nif os.fork() == 0: os.setsid()\n{WAIT}")
    running = forking.start(place, "script.py", [])
    assert running.process.stdout.readline() == b"here\n"
    family = set(totals._family(running.process.pid))
    (template,) = forked._templates.values()
    os.kill(template._process.pid, signal.SIGKILL)
    assert running.process.wait(20) < 0
    deadline = time.monotonic() + 20
    while (living := {pid for pid in family if lives(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not living
    running.stop()


def test_a_template_that_was_killed_is_started_again(forking, place, monkeypatch):
    monkeypatch.setattr(forked, "_templates", {})
    (place / "script.py").write_text("print(1)")
    seen = []
    for _ in range(2):
        running = forking.start(place, "script.py", [])
        assert isinstance(running.process, forked.Process)
        seen.append(running.process.communicate()[0])
        running.stop()
        (template,) = forked._templates.values()
        os.kill(template._process.pid, signal.SIGKILL)
        template._process.wait()
    assert seen == [b"1\n", b"1\n"]


def test_where_nothing_can_be_forked_workers_are_started(forking, place, monkeypatch):
    monkeypatch.setattr(forked, "_templates", {})
    monkeypatch.setattr(forked, "program", lambda files: {files[0]: b"raise SystemExit('no')"})
    (place / "script.py").write_text("print(1)")
    running = forking.start(place, "script.py", [])
    assert not isinstance(running.process, forked.Process)
    assert running.process.communicate()[0] == b"1\n"
    running.stop()


# When they are forked


@pytest.mark.usefixtures("isolated")
def test_workers_are_forked_where_many_are_expected_and_the_selftest_finds_nothing(place, monkeypatch):
    (place / "script.py").write_text("print(1)")

    def is_forked():
        levels._forking.cache_clear()
        running = levels.find().start(place, "script.py", [])
        running.stop()
        return isinstance(running.process, forked.Process)

    monkeypatch.setattr(levels, "_many", False)
    assert not is_forked()
    levels.expect_many()
    assert is_forked()
    monkeypatch.setattr(levels, "_holes", lambda isolation, closed: "a hole" if isolation.forks else "")
    assert not is_forked()
    levels._forking.cache_clear()


def test_a_worker_that_waits_for_its_files_has_no_copy_of_the_box(monkeypatch):
    monkeypatch.setattr(levels, "_many", True)
    exercise = catalog.exercises("hw2")[0]
    right = references.solutions("hw2").files
    earlier = {**right, exercise.file: b"raise RuntimeError('an earlier save')\n"}
    spare = Spare(exercise, earlier)
    try:
        spare.take({exercise.file: right[exercise.file]}).open()
    finally:
        spare.close()


def test_no_other_level_forks():
    for level in (levels.CONTAINER, levels.NONE):
        isolation = levels.Isolation(level, totals.Watchdog())
        assert levels._forking(isolation) is isolation


@pytest.mark.parametrize("name", ["right", "wrong", "raises", "dies"])
def test_verdicts_are_the_same_forked_or_not(name, forking, grade, monkeypatch):
    exercise = catalog.exercises("hw2")[0]
    right = references.solutions("hw2").files[exercise.file].decode()
    texts = {
        "right": lambda: right,
        "wrong": lambda: mutants.load(exercise)[0].apply(right),
        "raises": lambda: re.sub(r"\.mean\(", ".nothing(", right),
        "dies": lambda: f"import os\nos.abort()\n{right}",
    }
    files = {exercise.file: texts[name]().encode()}
    seen = []
    for forks in (False, True):
        monkeypatch.setattr(levels, "find", lambda forks=forks: dataclasses.replace(forking, forks=forks))
        report = grade("hw2", files, only=exercise.name)
        seen.append([(check.name, check.verdict, check.message) for check in report.checks])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("homework", catalog.homeworks())
def test_a_handout_has_what_workers_are_forked_from(homework):
    needed = {f"autograder/{name}" for name in (*bubblewrap.TEMPLATE, *reduced.TEMPLATE)}
    assert needed <= set(carried.modules(homework))
