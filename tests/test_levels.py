"""Right work has full marks at every level of isolation, for root and for an ordinary user.

A level is had by hiding what a stronger one needs: the matrix is the same on every machine, as far as it goes there.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import selection

from autograder.instructor import references
from autograder.isolation import confine, levels, python, totals
from autograder.paths import COURSE

NO_BUBBLEWRAP = (
    "import shutil; there = shutil.which; shutil.which = lambda name: None if name == 'bwrap' else there(name)"
)
NO_GROUPS = "from autograder.isolation import totals; totals.candidates = lambda: iter(())"
NO_LANDLOCK = "from autograder.isolation import confine; confine.version = lambda: 0"
NOTHING_HOLDS = "from autograder.isolation import levels; levels._holes = lambda isolation, closed: 'hidden'"
HIDDEN = {
    levels.ISOLATED: (),
    levels.PER_PROCESS: (NO_GROUPS,),
    levels.REDUCED: (NO_BUBBLEWRAP,),
    levels.SEPARATE: (NO_BUBBLEWRAP, NO_LANDLOCK),
    levels.NONE: (NOTHING_HOLDS,),
}
MATRIX = [(level, who) for level in HIDDEN for who in ("root", "an ordinary user")]
MATRIX.remove((levels.SEPARATE, "an ordinary user"))
ORDINARY = 65533  # a user without a name, who is nobody else
FULL_MARKS = 0

HONEST = """
import concurrent.futures
import multiprocessing
import sys
import tempfile
from multiprocessing import shared_memory

import numpy as np
from torch.utils.data import DataLoader


def double(number):
    return 2 * number


def fill(tensor, lock, queue, event):
    with lock:
        tensor += 1
        queue.put(tensor.double().sum() * torch.ones(2))
    event.wait(20)


def loader():
    data = DataLoader(torch.arange(8.0), batch_size=2, num_workers=2, multiprocessing_context="fork")
    return torch.cat(list(data)).sum() == 28


def tensors():
    tensor, context = torch.zeros(3).share_memory_(), torch.multiprocessing.get_context("fork")
    lock, queue, event = context.Lock(), context.Queue(), context.Event()
    process = context.Process(target=fill, args=(tensor, lock, queue, event))
    process.start()
    answer = queue.get(timeout=20)
    event.set()
    process.join(20)
    return (answer.tolist(), tensor.tolist(), process.exitcode) == ([3, 3], [1, 1, 1], 0)


def pool():
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map(double, [1, 2]) == [2, 4]


def manager():
    with multiprocessing.get_context("fork").Manager() as shared:
        numbers = shared.list([1])
        numbers.append(2)
        return list(numbers) == [1, 2]


def memory():
    block = shared_memory.SharedMemory(create=True, size=8)
    again = shared_memory.SharedMemory(name=block.name)
    block.buf[0] = 7
    seen = again.buf[0]
    again.close()
    block.close()
    block.unlink()
    return seen == 7


def threads():
    with concurrent.futures.ThreadPoolExecutor(4) as workers:
        return sum(workers.map(double, range(4))) == 12


def prints():
    print("honest", "x" * 10_000)
    print("honest", file=sys.stderr)
    return True


def doubles():
    return np.ones(2).dtype == torch.ones(2, dtype=torch.float64).numpy().dtype


def files():
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write("note")
        file.seek(0)
        return file.read() == "note"


WORK = [loader, tensors, pool, manager, memory, threads, prints, doubles, files]


def do_it_all():
    while WORK:
        work = WORK.pop()
        if not work():
            raise RuntimeError(f"{work.__name__} does not work")
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course that others may not read, as `separate user` needs it: by level, where to run."""
    closed = tmp_path_factory.mktemp("closed") / "course"
    ignored = shutil.ignore_patterns(".*", "omniglot_resized", "glyphs", "docs", "tests", "build", "dist", "logs")
    shutil.copytree(COURSE, closed, ignore=ignored)
    closed.chmod(0o700)
    return lambda level: closed if level == levels.SEPARATE else COURSE


@pytest.fixture
def place():
    """A folder that everyone may read and write to, for submissions and results."""
    with tempfile.TemporaryDirectory(prefix="levels-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(params=MATRIX, ids=[f"{level.replace(', ', ' with ')}, {who}" for level, who in MATRIX])
def level(request):
    """A level that can be had here by this user."""
    level, who = request.param
    if who == "root" and os.getuid():
        pytest.skip("needs root")
    if who != "root" and not os.getuid() and selection.closed_to_others():
        pytest.skip(f"other users may not read {selection.closed_to_others()}")
    if level in (levels.ISOLATED, levels.PER_PROCESS) and not levels.find().holds:
        pytest.skip(levels.find().reason)
    if level == levels.ISOLATED and next(totals.candidates(), None) is None:
        pytest.skip("no control group can be made here")
    if level == levels.ISOLATED and who != "root" and not os.getuid():
        pytest.skip("root can make no control group for an ordinary user")
    if level == levels.REDUCED and not confine.version():
        pytest.skip("this kernel has no Landlock")
    if level == levels.SEPARATE:
        closed = [path for path in (python.executable().parent, *python.mounts()) if not python.readable_by_all(path)]
        if closed:
            pytest.skip(f"other users may not read {closed[0]}")
    return level


@pytest.fixture
def user(level, request):
    """Who grades, if not who runs the tests."""
    ordinary = request.node.callspec.params["level"][1] != "root"
    return ORDINARY if ordinary and not os.getuid() else None


@pytest.fixture
def grade(course, place, level, user):
    """Grades at the level, as the user: what --json says."""

    def run(*arguments):
        start = "\n".join([*HIDDEN[level], "from autograder.__main__ import main", "main()"])
        where = course(level)
        line = [sys.executable, "-c", start, *arguments, "--fast", "--data", "glyphs", "--json", place / "result.json"]
        settings = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        environment = {**os.environ, "PYTHONPATH": str(where), "HOME": str(place), "TMPDIR": str(place)}
        done = subprocess.run(
            line, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False, **settings
        )
        assert done.returncode == FULL_MARKS, done.stdout + done.stderr
        return json.loads((place / "result.json").read_text())

    return run


@pytest.mark.isolation
@pytest.mark.slow
@pytest.mark.parametrize("homework", ["hw1", "hw2"])
def test_the_reference_has_full_marks_at_every_level(grade, level, homework):
    result = grade(homework, "--reference")
    assert result["isolation"] == level
    assert {check["verdict"] for part in result["exercises"] for check in part["checks"]} == {"PASS"}


@pytest.mark.isolation
def test_what_honest_work_does_is_possible_at_every_level_and_no_file_is_left(grade, level, place):
    source = references.solutions("hw2").files["hw2/protonet.py"].decode()
    handed_in = place / "protonet.py"
    assert source.count("return -(features") == source.count("from hw2 import util") == 1
    source = source.replace("return -(features", "do_it_all()\n        return -(features")
    handed_in.write_text(source.replace("from hw2 import util", f"from hw2 import util\n{HONEST}"))
    result = grade("hw2", "--only", "protonet", "--submission", str(handed_in.parent), "--allow-unsandboxed")
    assert result["isolation"] == level and result["exercises"][0]["problem"] == ""
    assert {path.name for path in place.iterdir()} == {"protonet.py", "result.json"}
