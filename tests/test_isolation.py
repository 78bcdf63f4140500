"""What each level of isolation keeps, and that the self-test sees when it does not."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from autograder import paths
from autograder.grading import box, catalog
from autograder.isolation import bubblewrap, confine, disk, levels, python, seccomp, separate, totals
from autograder.results import StudentError, Verdict
from autograder.worker.client import Worker

SOLUTION = b"""
import os, time
class ProtoNet:
    def __init__(self, *args):
        self._network = None
    def _prototypes(self, features, labels):
        scope = {"answer": features}
        exec(bytes(labels.numpy().astype("u1")).decode(), scope)
        return scope["answer"]
"""
GREEDY = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(100 * 2**20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(30)
        os._exit(0)
time.sleep(30)
"""
LEVELS = {
    "bubblewrap with a control group": lambda: levels.Isolation(levels.ISOLATED, next(totals.candidates())),
    "bubblewrap, forked": lambda: levels.Isolation(levels.PER_PROCESS, totals.Watchdog(), forks=True),
    "bubblewrap": lambda: levels.Isolation(levels.PER_PROCESS, totals.Watchdog()),
    "bubblewrap, root outside": lambda: levels.Isolation(levels.PER_PROCESS, totals.Watchdog(), drop=False),
    "Landlock": lambda: levels.Isolation(levels.REDUCED, totals.Watchdog()),
    "Landlock, forked": lambda: levels.Isolation(levels.REDUCED, totals.Watchdog(), forks=True),
    "a separate user": lambda: levels.Isolation(levels.SEPARATE, totals.Watchdog()),
    "a separate user, forked": lambda: levels.Isolation(levels.SEPARATE, totals.Watchdog(), forks=True),
}


@pytest.fixture(params=LEVELS, ids=[name.replace(" ", "-") for name in LEVELS])
def level(request, monkeypatch):
    """A level that works here; workers are forked only where it says so."""
    monkeypatch.setattr(levels, "_many", False)
    if request.param.startswith("Landlock") and not confine.version():
        pytest.skip("this kernel has no Landlock")
    if request.param.startswith("bubblewrap") and not levels.find().holds:
        pytest.skip(levels.find().reason)
    if request.param.startswith("a separate user"):
        if os.getuid() != 0 or not all(map(python.readable_by_all, (python.executable().parent, *python.mounts()))):
            pytest.skip("needs root, and an interpreter that others may read")
        if python.readable_by_all(paths.COURSE):
            pytest.skip("here everyone may read the course")
    if "control group" in request.param and next(totals.candidates(), None) is None:
        pytest.skip("no control group can be made here")
    return LEVELS[request.param]()


@pytest.fixture
def worker():
    """Starts workers at a level, which run the code they are sent."""
    started = []
    files = {"hw2/protonet.py": SOLUTION}
    folder = Path(tempfile.mkdtemp())  # others may pass through to it, which is not so with pytest's
    box.fill(folder, catalog.exercises("hw2"), files)
    disk.let_all_read(folder)

    def start(level):
        started.append(Worker(level, folder, "hw2.protonet", 1, files))
        started[-1].ask("import", {}, {}, 0, 60)
        return started[-1]

    yield start
    for one in started:
        one.stop()
    shutil.rmtree(folder)


def run(worker, code, seconds=20.0):
    arrays = {"0": np.zeros(3), "1": np.frombuffer(code.encode(), dtype=np.uint8)}
    arguments = {"features": {"array": "0"}, "labels": {"array": "1"}}
    return worker.ask("prototypes", arguments, arrays, 0, seconds)["prototypes"]


@pytest.mark.isolation
def test_the_selftest_finds_nothing_at_a_level_that_holds(level):
    assert level.holes() == ""


def test_the_selftest_finds_what_is_open():
    holes = levels.Isolation(levels.NONE, totals.Watchdog()).holes()
    for hole in ("the grader's files", "another submission", "it writes to its own program", "it signals the grader"):
        assert hole in holes


OPENINGS = {
    "--unshare-net": "it sends UDP",
    "--unshare-pid": "it sees the host's processes",
}


@pytest.mark.isolation
@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize("option", OPENINGS)
def test_the_selftest_finds_what_a_missing_option_opens(option, monkeypatch):
    whole = bubblewrap._profile
    monkeypatch.setattr(bubblewrap, "_profile", lambda folder: [part for part in whole(folder) if part != option])
    assert OPENINGS[option] in levels.Isolation(levels.PER_PROCESS, totals.Watchdog()).holes()


@pytest.mark.isolation
@pytest.mark.usefixtures("isolated")
@pytest.mark.skipif(not seccomp.program(), reason="the system calls of this machine are not known")
def test_the_selftest_finds_that_system_calls_are_not_filtered(monkeypatch):
    monkeypatch.setattr(bubblewrap, "_seccomp", lambda descriptor: [])
    assert "files in memory" in levels.Isolation(levels.PER_PROCESS, totals.Watchdog()).holes()


@pytest.mark.isolation
def test_a_worker_answers_at_every_level_and_does_not_see_the_course(level, worker):
    one = worker(level)
    assert run(one, "import torch; answer = torch.arange(3.0)").tolist() == [0, 1, 2]
    for path in (paths.COURSE / "README.md", Path.home()):
        with pytest.raises(StudentError, match=r"(No such file|Permission denied)"):
            run(one, f"open({str(path)!r})")


@pytest.mark.isolation
def test_processes_that_take_too_much_together_are_ended(level, worker, monkeypatch):
    monkeypatch.setattr(totals, "MEMORY", 600 * 2**20)
    one = worker(level)
    begun = time.monotonic()
    with pytest.raises(StudentError, match="GiB of memory in all its processes") as error:
        run(one, GREEDY)
    assert error.value.verdict is Verdict.MEMORY
    assert time.monotonic() - begun < 10
    assert not one.alive


@pytest.mark.isolation
def test_a_private_folder_for_temporary_files_is_removed(level, worker):
    one = worker(level)
    run(one, "import tempfile, pathlib; pathlib.Path(tempfile.mkdtemp(), 'note').write_text('x')")
    private = one._running.private
    one.stop()
    assert private is None or not private.exists()


def processes_of(user):
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just gone
            found += [path] * (path.stat().st_uid == user)
    return found


LEAVES = """
import os, pathlib, time
for folder in ("/tmp", "/dev/shm", {open!r}):
    pathlib.Path(folder, "left-by-a-worker").write_text("x")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
answer = __import__("torch").tensor([float(os.getuid())])
"""


@pytest.mark.isolation
@pytest.mark.parametrize("level", ["a separate user", "a separate user, forked"], indirect=True)
def test_a_separate_user_leaves_neither_files_nor_processes(level, worker):
    with tempfile.TemporaryDirectory(dir="/srv") as parent:  # as somebody may have made one on this machine
        Path(parent).chmod(0o755)
        shared = Path(parent) / "for all"
        shared.mkdir()
        shared.chmod(0o777)
        separate.open_to_all.cache_clear()
        one = worker(level)
        user = int(run(one, LEAVES.replace("{open!r}", repr(str(shared))))[0])
        one.stop()
        assert user in separate.USERS
        places = (Path("/tmp"), Path("/dev/shm"), shared)
        assert not [path for path in places if (path / "left-by-a-worker").exists()]
    deadline = time.monotonic() + 5  # they are killed, and may take a moment to go
    while processes_of(user) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_of(user)


LEFT = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        BLOCK
        time.sleep(30)
    os._exit(0)
time.sleep(30)
"""
TAKES = {
    "memory of a process that has left": (
        "block = bytearray(700 * 2**20); block[::4096] = b'x' * len(block[::4096])",
        "memory in all its processes",
    ),
    "files where everyone may write": (
        "for n in range(3): open(f'/dev/shm/fills-{n}', 'wb').write(bytes(200 * 2**20))",
        "more than 512 MiB of files",
    ),
}


@pytest.mark.isolation
@pytest.mark.parametrize("level", ["a separate user", "a separate user, forked"], indirect=True)
@pytest.mark.parametrize("what", TAKES)
def test_what_a_separate_user_takes_anywhere_is_counted(level, worker, what, monkeypatch):
    monkeypatch.setattr(totals, "MEMORY", 600 * 2**20)
    block, said = TAKES[what]
    with pytest.raises(StudentError, match=said):
        run(worker(level), LEFT.replace("BLOCK", block))
    assert not list(Path("/dev/shm").glob("fills-*"))


ENDS_WHO_ENDS_IT = """
import os, time
def watch():
    os.setsid()
    end = time.time() + 30
    while time.time() < end:
        for pid in os.listdir("/proc"):
            try:
                if os.stat(f"/proc/{pid}").st_uid == os.getuid() and open(f"/proc/{pid}/comm").read() in SHELLS:
                    os.kill(int(pid), 9)
            except (OSError, ValueError):
                pass
for _ in range(2):
    if os.fork() == 0:
        watch()
answer = __import__("torch").tensor([float(os.getuid())])
"""


@pytest.mark.isolation
@pytest.mark.parametrize("level", ["a separate user", "a separate user, forked"], indirect=True)
def test_no_process_stays_by_ending_who_is_to_end_it(level, worker):
    one = worker(level)
    user = int(run(one, ENDS_WHO_ENDS_IT.replace("SHELLS", repr(("sh\n", "dash\n", "bash\n"))))[0])
    one.stop()
    assert not totals.processes_of(user)


@pytest.mark.isolation
@pytest.mark.parametrize("level", ["a separate user", "a separate user, forked"], indirect=True)
def test_two_workers_are_two_users_and_neither_reaches_the_other(level, worker):
    one, two = worker(level), worker(level)
    for attempt in (f"os.kill({one._process.pid}, 9)", f"open('/proc/{one._process.pid}/mem')"):
        with pytest.raises(StudentError, match=r"(Operation not permitted|Permission denied)"):
            run(two, f"import os; {attempt}")
    assert one.alive


@pytest.mark.isolation
@pytest.mark.parametrize(
    "level", ["Landlock", "Landlock, forked", "a separate user", "a separate user, forked"], indirect=True
)
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_there_is_no_network_where_there_are_no_namespaces(level, worker, kind):
    with pytest.raises(StudentError, match="Operation not permitted"):
        run(worker(level), f"import socket; socket.socket(socket.AF_INET, socket.{kind})")


def test_the_watchdog_counts_processes():
    parent = subprocess.Popen(["sh", "-c", "for i in 1 2 3 4 5; do sleep 20 & done; wait"], start_new_session=True)
    try:
        time.sleep(0.5)
        assert len(totals._family(parent.pid)) == 6
        watched = totals.Watchdog().adopt(parent.pid, totals.MEMORY)
        assert watched.exceeded() == ""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(totals, "PROCESSES", 5)
            assert totals.Watchdog().adopt(parent.pid, totals.MEMORY).exceeded() == (
                "Your code started more than 5 processes."
            )
    finally:
        os.killpg(parent.pid, 9)
        parent.wait()


def test_groups_of_version_2_get_their_limits(tmp_path):
    (tmp_path / "cgroup.procs").touch()
    limits = totals.Direct({"memory": tmp_path, "pids": tmp_path}, {"memory": "memory.max", "pids": "pids.max"})
    group = limits.adopt(os.getpid(), 123)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (folder / "memory.max").read_text() == "123"
    assert (folder / "pids.max").read_text() == str(totals.PROCESSES)
    assert (folder / "cgroup.procs").read_text() == str(os.getpid())
    assert group.exceeded() == ""
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 1\n")
    assert "GiB of memory" in group.exceeded()


def test_a_group_that_cannot_be_made_is_an_error(tmp_path):
    limits = totals.Direct({"memory": tmp_path / "x", "pids": tmp_path / "x"}, {"memory": "m", "pids": "p"})
    with pytest.raises(totals.LimitError, match="no control group"):
        limits.adopt(os.getpid(), 123)


def test_the_interpreters_folders_are_known():
    assert python.executable().exists()
    assert all(folder.is_dir() for folder in python.package_folders())


@pytest.mark.parametrize(("mode", "open_to_others"), [(0o755, True), (0o700, False), (0o751, False)])
def test_a_folder_closed_to_others_is_seen(tmp_path, mode, open_to_others, monkeypatch):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    folder.parent.chmod(mode)
    monkeypatch.setattr(type(folder), "parents", property(lambda self: [tmp_path / "a"]))
    assert python.readable_by_all(folder) is open_to_others
