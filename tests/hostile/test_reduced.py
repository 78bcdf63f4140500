"""What `reduced` keeps without namespaces: each attempt fails, its honest twin works, and the control is why."""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
import pytest

from autograder.grading import box, catalog
from autograder.isolation import confine, disk, forked, levels, python, seccomp, totals
from autograder.results import StudentError
from autograder.worker.client import Worker

pytestmark = [
    pytest.mark.hostile,
    pytest.mark.isolation,
    pytest.mark.skipif(not confine.version(), reason="this kernel has no Landlock"),
]
SOLUTION = b"""
class ProtoNet:
    def __init__(self, *args):
        self._network = None
    def _prototypes(self, features, labels):
        scope = {"answer": features}
        exec(bytes(labels.numpy().astype("u1")).decode(), scope)
        return scope["answer"] + 0 * features[:1]
"""


@pytest.fixture
def folder():
    """A box with a solution that runs what it is sent."""
    folder = Path(tempfile.mkdtemp(prefix="reduced-"))  # not pytest's: others pass through to it
    box.fill(folder, catalog.exercises("hw2"), {"hw2/protonet.py": SOLUTION})
    disk.let_all_read(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=[False, True], ids=["started", "forked"])
def worker(folder, request, monkeypatch):
    """Starts workers of the level."""
    monkeypatch.setattr(levels, "_many", False)
    yield from workers(folder, request.param)


def workers(folder, forks):
    """A function that starts a worker of the level; then they are stopped."""
    started = []

    def start():
        reduced = levels.Isolation(levels.REDUCED, totals.Watchdog(), forks=forks)
        started.append(Worker(reduced, folder, "hw2.protonet", 1, {"hw2/protonet.py": SOLUTION}))
        started[-1].ask("import", {}, {}, 0, 120)
        return started[-1]

    yield start
    for one in started:
        one.stop()


def confining(folder, monkeypatch, *changes):
    """Change what confines workers: in their box, and in what others are forked from."""
    name = "autograder/isolation/confine.py"
    text = (folder / name).read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / name).write_text(text)
    program = forked.program
    monkeypatch.setattr(forked, "program", lambda files: program(files) | {name: text.encode()})
    monkeypatch.setattr(forked, "_templates", {})


def run(worker, code, seconds=60.0):
    """Run code in the worker, which sets `answer` to a number: that number."""
    arrays = {"0": np.zeros(1), "1": np.frombuffer(code.encode(), dtype=np.uint8)}
    arguments = {"features": {"array": "0"}, "labels": {"array": "1"}}
    return float(worker.ask("prototypes", arguments, arrays, 0, seconds)["prototypes"][0])


def without_supervisor(monkeypatch):
    monkeypatch.setattr(seccomp, "supervised", lambda: (b"", {}))


# Sockets of other programs


@pytest.fixture
def server():
    """A socket of the grader's own user, which answers nobody: its path."""
    folder = Path(tempfile.mkdtemp(prefix="server-"))
    folder.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        listening.listen()
        yield folder / "socket"
    shutil.rmtree(folder)


CONNECT = "import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); answer = 1"
BY_LINK = """
import os, socket, tempfile
link = tempfile.mkdtemp() + "/link"
os.symlink({path!r}, link)
s = socket.socket(socket.AF_UNIX)
s.connect(link)
answer = 1
"""
BY_FOLDER = """
import os, socket, tempfile
link = tempfile.mkdtemp() + "/link"
os.symlink(os.path.dirname({path!r}), link)
s = socket.socket(socket.AF_UNIX)
s.connect(link + "/socket")
answer = 1
"""


@pytest.mark.parametrize("code", [CONNECT, BY_LINK, BY_FOLDER], ids=["by its path", "by a link", "by a linked folder"])
def test_no_socket_of_another_program_answers(worker, server, code, monkeypatch):
    code = code.format(path=str(server))
    with pytest.raises(StudentError, match=r"(not permitted|refused|Not a directory)"):
        run(worker(), code)
    without_supervisor(monkeypatch)
    assert run(worker(), code) == 1, "the supervisor is not why"


RACE = """
import os, socket, tempfile, threading, time
there, here = {path!r}, tempfile.mkdtemp()
own = os.path.join(here, "own")
os.mkdir(own)
with socket.socket(socket.AF_UNIX) as server:
    server.bind(own + "/socket")
    server.listen(1000)
    over = False
    def swap():
        while not over:
            os.replace(own, here + "/aside") if os.path.isdir(own) and not os.path.islink(own) else os.unlink(own)
            os.symlink(os.path.dirname(there), own)
            os.unlink(own)
            os.replace(here + "/aside", own)
    thread = threading.Thread(target=swap)
    thread.start()
    answer, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(own + "/socket")
                if line.getpeername() == there:
                    answer = 1
                else:  # or a queue that is full would block
                    server.accept()[0].close()
            except OSError:
                pass
    over = True
    thread.join()
"""


def test_a_folder_that_changes_under_the_supervisors_eyes_leads_nowhere_else(worker, server):
    assert run(worker(), RACE.format(path=str(server))) == 0


ABSTRACT = "import socket; s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + 'name'); answer = 1"
DATAGRAMS = "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); answer = 1"
PAIR = "import socket; s = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); answer = 1"
OUTSIDE = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/left-by-a-worker'); answer = 1"


@pytest.mark.parametrize("code", [ABSTRACT, DATAGRAMS, PAIR, OUTSIDE])
def test_no_socket_is_made_where_others_would_find_it_or_could_be_reached_without_connecting(worker, code):
    with pytest.raises(StudentError, match=r"(not permitted|Permission denied)"):
        run(worker(), code)


OWN = """
import os, socket, tempfile
path = tempfile.mkdtemp() + "/socket"
a, b = socket.socketpair()
with socket.socket(socket.AF_UNIX) as server:
    server.bind(path)
    server.listen()
    os.chdir(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as line:
        line.connect("socket")
        answer = float(server.getsockname() == path == line.getpeername())
"""


def test_its_own_sockets_serve(worker):
    assert run(worker(), OWN) == 1


# Shared memory


def test_no_shared_memory_of_another_program_opens(worker, folder, monkeypatch):
    block = shared_memory.SharedMemory(create=True, size=1)
    Path("/dev/shm", block.name).chmod(0o666)
    code = f"""
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(name={block.name!r})
answer = 1
"""
    try:
        with pytest.raises(StudentError, match="FileNotFoundError"):
            run(worker(), code)
        open_shared_memory(folder, monkeypatch)
        without_supervisor(monkeypatch)
        assert run(worker(), code) == 1, "its own folder is not why"
    finally:
        block.close()
        block.unlink()


def open_shared_memory(folder, monkeypatch):
    """Let Landlock allow /dev/shm, as it would be easiest."""
    assert 'everything = path in writable or path.startswith("/dev/")' in Path(confine.__file__).read_text()
    confining(folder, monkeypatch, ('"/proc", ', '"/proc", "/dev/shm", '))


NOTE = """
from multiprocessing import shared_memory
try:
    block = shared_memory.SharedMemory(name="note-of-a-worker")
    answer = 1
except FileNotFoundError:
    block = shared_memory.SharedMemory(name="note-of-a-worker", create=True, size=1)
    answer = 0
"""


def test_no_worker_leaves_a_note_in_shared_memory_for_the_next(worker, folder, monkeypatch):
    assert [run(worker(), NOTE) for _ in range(2)] == [0, 0]
    open_shared_memory(folder, monkeypatch)
    without_supervisor(monkeypatch)
    try:
        assert [run(worker(), NOTE) for _ in range(2)] == [0, 1], "its own folder is not why"
    finally:
        Path("/dev/shm/note-of-a-worker").unlink()


# Namespaces

NAMESPACES = """
import ctypes, os, signal, struct
libc = ctypes.CDLL(None)
arguments = struct.pack("=11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, *6 * [0])
calls = {"clone": (NUMBER, 0x10000011, 0, 0, 0, 0), "unshare": (UNSHARE, 0x10000000)}
calls["clone3"] = (435, arguments, len(arguments))
made = libc.syscall(*calls[NAME])
if made == 0 and NAME != "unshare":
    os._exit(0)
answer = float(made >= 0)
"""


@pytest.mark.parametrize("name", ["clone", "clone3", "unshare"])
def test_no_call_makes_a_user_namespace(worker, name, monkeypatch):
    column = seccomp.MACHINES[os.uname().machine][0]
    numbers = {
        "NUMBER": seccomp.OTHERS["clone"][column],
        "UNSHARE": seccomp.CALLS["unshare"][column],
        "NAME": repr(name),
    }
    code = functools.reduce(lambda text, pair: text.replace(pair[0], str(pair[1])), numbers.items(), NAMESPACES)
    assert run(worker(), code) == 0
    monkeypatch.setattr(seccomp, "NEW_NAMESPACES", 0)
    monkeypatch.setattr(seccomp, "OTHERS", seccomp.OTHERS | {"clone3": (-1 % 2**31,) * 2})
    monkeypatch.setattr(seccomp, "CALLS", {call: at for call, at in seccomp.CALLS.items() if call != "unshare"})
    seccomp.program.cache_clear()
    try:
        if subprocess.run(["unshare", "--user", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            assert run(worker(), code) == 1, "the filter is not why"
    finally:
        seccomp.program.cache_clear()


# Files and processes of the same user


@pytest.fixture
def user(folder):
    """Who the worker is."""
    user = python.unprivileged(folder)
    return os.getuid() if user is None else user


@pytest.fixture
def neighbours_file(user):
    """A file of the worker's own user, outside of its folder."""
    place = Path(tempfile.mkdtemp(prefix="neighbour-"))
    file = place / "file"
    file.write_text("secret")
    for path in (place, file):
        os.chown(path, user, -1) if os.getuid() == 0 else None
    file.chmod(0o600)
    place.chmod(0o755)
    yield file
    shutil.rmtree(place)


def without(monkeypatch, **changes):
    """Let the filter of system calls be another."""
    for name, value in changes.items():
        monkeypatch.setattr(seccomp, name, value)
    seccomp.program.cache_clear()


@pytest.fixture(autouse=True)
def whole_filter():
    """The next test has the whole filter again."""
    yield
    seccomp.program.cache_clear()


# os.lchown and others are there for whoever looks for another way to the same.
CHANGES = {
    "its mode": "os.chmod({path!r}, 0o777)",
    "its mode, from its folder": "os.chmod('file', 0o777, dir_fd=os.open(os.path.dirname({path!r}), os.O_PATH))",
    "its times": "os.utime({path!r}, (1, 1))",
    "what is noted of it": "os.setxattr({path!r}, 'user.note', b'x')",
}


def state(file):
    """What anybody may have changed of a file."""
    status = file.stat()
    return status.st_mode, status.st_mtime, status.st_size, os.listxattr(file)


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_of_the_same_user_stays_as_it_is(worker, neighbours_file, what, monkeypatch):
    code = f"import os\ntry: {CHANGES[what].format(path=str(neighbours_file))}\nexcept OSError: pass\nanswer = 1"
    before = state(neighbours_file)
    assert run(worker(), code) == 1
    assert state(neighbours_file) == before
    without(monkeypatch, UNCHANGED={}, SHARED={})
    run(worker(), code)
    assert state(neighbours_file) != before, "the filter is not why"


EMPTIES = {"by its name": "os.truncate({path!r}, 0)", "by opening it": "os.open({path!r}, os.O_RDONLY | os.O_TRUNC)"}


@pytest.mark.parametrize("how", EMPTIES)
def test_no_file_is_emptied_before_version_3_of_landlock(worker, folder, neighbours_file, how, monkeypatch):
    seen = f"(*FILES, *FOLDERS, {str(neighbours_file.parent)!r}, "  # as a file of Python's own, which may be read
    confining(
        folder,
        monkeypatch,
        ("return max(0, int(libc", "return min(2, int(libc"),
        ("(*FILES, *FOLDERS, ", seen),
    )
    code = f"import os\ntry: {EMPTIES[how].format(path=str(neighbours_file))}\nexcept OSError: pass\nanswer = 1"
    assert run(worker(), code) == 1
    assert neighbours_file.read_text() == "secret"
    without(monkeypatch, SHARED={}, OPENING=dict.fromkeys(seccomp.OPENING, (-1, -1, 0)))
    run(worker(), code)
    assert neighbours_file.read_text() == "", "the filter is not why"


LEASE = """
import fcntl, os
file = os.open({path!r}, os.O_RDONLY)
try:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    answer = 1
except OSError:
    answer = 0
"""


def test_nobody_waits_for_a_file_that_workers_share(worker, folder, user, monkeypatch):
    shared = folder / "shared.py"
    shared.write_text("")
    shared.chmod(0o644)
    os.chown(shared, user, -1) if os.getuid() == 0 else None
    one = worker()
    assert run(one, LEASE.format(path=str(shared))) == 0
    one.stop()  # who has it open, too, keeps others from it
    without(monkeypatch, OTHERS=seccomp.OTHERS | {"fcntl": (-1, -1)})
    assert run(worker(), LEASE.format(path=str(shared))) == 1, "the filter is not why"


WATCHES = """
import ctypes
libc = ctypes.CDLL(None)
answer = float(libc.inotify_add_watch(libc.inotify_init(), {folder!r}.encode(), 0xFFF) >= 0)
"""


def test_no_worker_is_told_what_happens_in_a_folder(worker, neighbours_file, monkeypatch):
    code = WATCHES.format(folder=str(neighbours_file.parent))
    assert run(worker(), code) == 0
    without(monkeypatch, CALLS={name: at for name, at in seccomp.CALLS.items() if name != "inotify_add_watch"})
    assert run(worker(), code) == 1, "the filter is not why"


@pytest.fixture
def neighbour(user):
    """Another process of the worker's user, which nobody ends: its number."""
    settings = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 and user else {}
    # As little of root's as the worker has, or the kernel itself protects it.
    with subprocess.Popen(["sleep", "60"], preexec_fn=confine.give_up_rights, **settings) as process:
        yield process.pid
        assert process.poll() is None
        process.kill()


HURTS = {
    "its limits": "resource.prlimit({pid}, resource.RLIMIT_CPU, (1, 1))",
    "its processor": "os.sched_setaffinity({pid}, {{0}})",
    "its turn": "os.sched_setscheduler({pid}, os.SCHED_IDLE, os.sched_param(0))",
    "its rank": "os.setpriority(os.PRIO_PROCESS, {pid}, 5)",
}


TRIES = """
import os, resource
try:
    {what}
    answer = 1
except OSError:
    answer = 0
"""


@pytest.mark.parametrize("what", HURTS)
def test_a_process_of_the_same_user_keeps_what_it_may_use(worker, neighbour, what, monkeypatch):
    code = TRIES.format(what=HURTS[what].format(pid=neighbour))
    assert run(worker(), code) == 0
    without(monkeypatch, OWN={})
    assert run(worker(), code) == 1, "the filter is not why"


@pytest.mark.parametrize("ends", ["it is stopped", "it ends itself"])
def test_the_end_of_a_worker_is_nobody_elses(worker, neighbour, ends):
    one = worker()
    if ends == "it ends itself":
        with pytest.raises(StudentError, match="exit status 7"):
            run(one, "import os; os._exit(7)")
    one.stop()


OWN_LIMITS = """
import os, resource, shutil, tempfile
resource.setrlimit(resource.RLIMIT_CPU, (600, 900))
os.sched_setaffinity(0, os.sched_getaffinity(0))
os.nice(1)
folder = tempfile.mkdtemp()
open(folder + "/file", "w").write("x")
shutil.copy2(folder + "/file", folder + "/copy")
with open(folder + "/copy", "r+") as file:
    file.truncate(0)
answer = float(os.path.getsize(folder + "/copy") == 0)
"""


def test_its_own_limits_and_files_it_may_change(worker):
    assert run(worker(), OWN_LIMITS) == 1


SEES = """
import glob
told = b""
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        told += open(path, "rb").read()
    except OSError:
        pass
answer = float(MARK in told)
"""


def test_the_graders_command_line_is_not_to_be_read(monkeypatch):
    """It may name the seed and students."""
    program = """
import sys
sys.path[:0] = {path!r}
import test_reduced
from autograder.isolation import reduced
if sys.argv[1] == "open":
    reduced.hide_command_line = lambda: None
import contextlib, types
folder = test_reduced.folder.__wrapped__()
start = test_reduced.workers(next(folder), False)
print(test_reduced.run(next(start)(), test_reduced.SEES.replace("MARK", "b'4711' + b'4711'")))
for one in (start, folder):
    next(one, None)
"""
    seen = {}
    for how in ("hidden", "open"):
        line = [sys.executable, "-c", program.format(path=sys.path), how, "--seed", "47114711"]
        seen[how] = subprocess.run(line, capture_output=True, text=True, check=True, timeout=100).stdout
    assert seen == {"hidden": "0.0\n", "open": "1.0\n"}


HAS_MANY = "import threading, time\nfor _ in range(200): threading.Thread(target=time.sleep, args=(60,)).start()"
HONEST = """
import torch
from torch.utils.data import DataLoader
answer = float(sum(DataLoader(torch.arange(4.0), num_workers=2, multiprocessing_context="fork"))) == 6
"""


def test_honest_workers_start_where_their_user_has_many_other_processes(worker, user, monkeypatch):
    settings = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 and user else {}
    with subprocess.Popen(
        [shutil.which("python3", path="/usr/bin") or sys.executable, "-c", HAS_MANY], **settings
    ) as many:
        try:
            time.sleep(2)
            assert run(worker(), HONEST) == 1
            if user:  # the kernel counts the processes of root as little as ever
                monkeypatch.setattr(totals, "threads_of", lambda user: 0)
                monkeypatch.setattr(levels, "TIMES", 1)
                with pytest.raises(StudentError, match="temporarily unavailable"):
                    run(worker(), HONEST)
        finally:
            many.kill()


# What is left

DAEMONS = """
import os, signal, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.execv(EXECUTABLE, [EXECUTABLE, "-c", "import time; time.sleep(40)", "MARK"])
        os._exit(0)
time.sleep(1)
answer = 1
"""


def daemons(mark):
    """Processes that have this in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += [int(path.parent.name)] * (mark.encode() in path.read_bytes())
    return found


@pytest.mark.parametrize("ends", ["it is stopped", "it ends itself"])
def test_no_daemon_outlives_its_worker(worker, ends, monkeypatch):
    mark = f"daemon-{time.monotonic_ns()}"
    code = DAEMONS.replace("EXECUTABLE", repr(str(python.executable()))).replace("MARK", mark)
    one = worker()
    assert run(one, code) == 1 and len(daemons(mark)) >= 20
    if ends == "it is stopped":
        one.stop()
    else:
        with pytest.raises(StudentError, match="exit status 7"):
            run(one, "import os; os._exit(7)")
    assert daemons(mark) == []
    without_supervisor(monkeypatch)
    start = levels.Isolation._start
    monkeypatch.setattr(
        levels.Isolation, "_start", lambda *given: levels.Running(**{**vars(start(*given)), "supervised": False})
    )
    one = worker()
    run(one, code)
    one.stop()
    left = daemons(mark)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert len(left) >= 20, "the supervisor is not why"


FORKS = """
import os, time
def bomb():
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
if os.fork() == 0:
    bomb()
time.sleep(1)
answer = 1
"""


@pytest.mark.skipif(os.getuid() == 0, reason="the kernel does not count the processes of root")
def test_processes_that_go_on_forking_come_to_an_end(worker):
    one = worker()
    begun = time.monotonic()
    with contextlib.suppress(StudentError):
        run(one, FORKS)
    one.stop()
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # the forks themselves are counted, too
    assert time.monotonic() - begun < 30 * busy
    assert not totals._family(one._process.pid)[1:]


# The disk

FILL = """
import os, tempfile, time
block, folder = bytes(2**20), tempfile.mkdtemp()
for number in range(8):
    with open(f"{folder}/{number}", "wb") as file:
        for _ in range(100):
            file.write(block)
time.sleep(2)
answer = 1
"""


def test_there_is_an_end_to_what_it_may_write(worker, monkeypatch):
    with pytest.raises(StudentError, match="Your code wrote more than 512 MiB of files"):
        run(worker(), FILL)
    monkeypatch.setattr(disk, "DISK", 2**40)
    assert run(worker(), FILL) == 1, "the look at the disk is not why"


ELSEWHERE = {
    "in a folder that it has closed": "os.mkdir(folder + '/closed', 0o300); folder += '/closed'",
    "where no path is long enough": """
os.chdir(folder)
for _ in range(20):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
folder = "."
""",
    "in files without a name": "unlink = os.unlink",
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_there_is_an_end_to_what_it_may_write_where_it_thinks_that_nobody_looks(worker, where):
    one = worker()
    with pytest.raises(StudentError, match="Your code wrote more than 512 MiB of files"):
        run(one, WRITE.replace("WHERE", ELSEWHERE[where]))
    one.stop()
    assert not one._running.private.exists()


WRITE = """
import os, tempfile, time
folder, unlink, files = tempfile.mkdtemp(), lambda path: None, []
WHERE
block = bytes(2**20)
for number in range(4):
    files.append(open(f"{folder}/{number}", "wb", buffering=0))
    unlink(f"{folder}/{number}")
    for _ in range(160):
        files[-1].write(block)
time.sleep(2)
answer = 1
"""
NESTS = """
import os, tempfile
os.chdir(tempfile.mkdtemp())
for _ in range(2000):
    os.mkdir("d", 0o700); os.chdir("d")
open("left", "w")
os.mkdir("closed", 0o300)
open("closed/left", "w")
answer = 1
"""


@pytest.mark.parametrize("ends", ["by itself", "in the sweep of a later grader"])
def test_folders_in_each_other_stop_no_grader_and_are_removed(worker, folder, ends, tmp_path, monkeypatch):
    one = worker()
    monkeypatch.setattr(disk.Watched, "exceeded", lambda self: "")  # as if it was done between two looks
    assert run(one, NESTS) == 1
    private = one._running.private
    if ends == "by itself":
        one.stop()
    else:
        one._process.kill()
        left = tmp_path / f"{box.PREFIX}left"
        left.mkdir()
        private.rename(left / "tmp")
        (left / box.LOCK).touch()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        box._sweep()
        assert not left.exists()
    assert not private.exists()


def test_many_small_files_come_to_an_end_and_few_do_not(worker):
    code = "import tempfile, time\nfor n in range({}): open(tempfile.mkstemp()[1], 'w')\ntime.sleep(1)\nanswer = 1"
    one = worker()
    with pytest.raises(StudentError, match="more than 20,000 files"):
        run(
            one,
            "import os, tempfile, time\nf = tempfile.mkdtemp()\nfor n in range(20_100): os.mknod(f'{f}/{n}')\n"
            "time.sleep(2)\nanswer = 1",
        )
    assert run(worker(), code.format(50)) == 1


def test_the_program_says_what_it_kept_and_what_it_did_not():
    words = levels.WORDS[levels.REDUCED]
    for kept in ("no other program's sockets or shared memory", "its own processes were ended"):
        assert kept in words
    for open_still in ("other processes and their command lines", "Memory and disk are only watched", "before 6.12"):
        assert open_still in words
