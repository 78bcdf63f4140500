"""What `reduced` keeps without namespaces: each attempt fails, its honest twin works, and the control is why."""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
import pytest

from autograder.grading import box
from autograder.isolation import confine, disk, levels, seccomp, separate, totals
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
    box.fill(folder, "hw2", {"hw2/protonet.py": SOLUTION})
    separate.let_all_read(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def worker(folder):
    """Starts workers of the level."""
    started = []

    def start():
        reduced = levels.Isolation(levels.REDUCED, totals.Watchdog())
        started.append(Worker(reduced, folder, "hw2.protonet", 1, {"hw2/protonet.py": SOLUTION}))
        started[-1].ask("import", {}, {}, 0, 120)
        return started[-1]

    yield start
    for one in started:
        one.stop()


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
        open_shared_memory(folder)
        without_supervisor(monkeypatch)
        assert run(worker(), code) == 1, "its own folder is not why"
    finally:
        block.close()
        block.unlink()


def open_shared_memory(folder):
    """Let Landlock allow /dev/shm, as it would be easiest."""
    program = folder / "autograder/isolation/confine.py"
    text = program.read_text()
    assert text.count('everything = path in writable or path.startswith("/dev/")') == text.count('"/proc", ') == 1
    program.write_text(text.replace('"/proc", ', '"/proc", "/dev/shm", '))


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
    open_shared_memory(folder)
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
    from autograder.isolation import python

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
    assert time.monotonic() - begun < 30
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
    for open_still in ("see that other processes exist", "memory and disk are only watched", "before 6.12"):
        assert open_still in words
