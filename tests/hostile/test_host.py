"""HOST: what becomes of the grader when the machine under it fails, through the command line itself."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from handing_in import changed, put

from autograder.instructor import references
from autograder.isolation import levels, python, totals
from autograder.paths import COURSE

FULL_MARKS, LESS, INTERRUPTED, GRADER_FAULT, USAGE = range(5)
ARGUMENTS = ("hw2", "--fast", "--only", "protonet", "--seed", "7", "--data", "glyphs")
LOGITS = "return -(features[:, None] - prototypes[None]).square().sum(dim=-1)"
THIS_PATH = "import os; os.defpath = os.environ['PATH']"  # not only the system's own folders
NO_LANDLOCK = f"{THIS_PATH}\nfrom autograder.isolation import confine; confine.version = lambda: 0"
pytestmark = [pytest.mark.hostile, pytest.mark.isolation, pytest.mark.usefixtures("isolated")]


@pytest.fixture
def place():
    """A folder that everyone may read, for submissions, results and programs."""
    with tempfile.TemporaryDirectory(prefix="host-") as folder:
        Path(folder).chmod(0o755)
        Path(folder, "temporary").mkdir()
        Path(folder, "temporary").chmod(0o777)
        yield Path(folder)


@pytest.fixture
def reference(place):
    """The reference, handed in by another."""
    return put(place / "handed in", references.solutions("hw2").files)


@pytest.fixture
def endless(place):
    """The reference with a loop in one function."""
    files = changed(references.solutions("hw2").files, "hw2/protonet.py", (LOGITS, "while True:\n            pass"))
    return put(place / "handed in", files)


def command(path, *options, first=""):
    """The grader's command line; first is run before it, in its process."""
    start = ["-m", "autograder"]
    if first:
        start = ["-c", f"{first}\nfrom autograder.__main__ import main\nmain()"]
    return [sys.executable, *start, *ARGUMENTS, "--submission", str(path), *map(str, options)]


def environment(place, **changes):
    return {
        **os.environ,
        "TMPDIR": str(place / "temporary"),
        "PYTHONPATH": str(COURSE),
        "OMP_NUM_THREADS": "1",
        **changes,
    }


def run(place, path, *options, first="", **settings):
    """Run the grader: the finished process, with the result of --json as .result."""
    options = [*options, "--json", place / "result.json"]
    settings.setdefault("env", environment(place))
    done = subprocess.run(
        command(path, *options, first=first), cwd=COURSE, capture_output=True, text=True, timeout=120, **settings
    )
    file = place / "result.json"
    done.result = json.loads(file.read_text()) if file.exists() else None
    return done


def earned(result):
    """Verdicts by check."""
    return {check["name"]: check["verdict"] for exercise in result["exercises"] for check in exercise["checks"]}


def program(place, text):
    """A folder with a bwrap of this text, for the front of PATH."""
    folder = place / "programs"
    folder.mkdir()
    (folder / "bwrap").write_text(textwrap.dedent(text).lstrip())
    (folder / "bwrap").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


# bubblewrap is missing, broken, or no sandbox


def without_bubblewrap(place):
    """A PATH on which all programs are but this one."""
    folder = place / "programs"
    folder.mkdir()
    for path in os.environ["PATH"].split(":"):
        for tool in Path(path).iterdir() if Path(path).is_dir() else ():
            if tool.name != "bwrap" and not (folder / tool.name).exists():
                (folder / tool.name).symlink_to(tool)
    return str(folder)


BROKEN = {
    "none": (None, "bubblewrap is not installed"),
    "one that fails": ("#!/bin/sh\nexit 1\n", "bubblewrap does not isolate here: "),
    "one that may make no namespaces": (
        f"""
        #!{sys.executable}
        import os, sys

        os.read(int(sys.argv[sys.argv.index("--args") + 1]), 65536)
        sys.exit("bwrap: setting up uid map: Permission denied")
        """,
        "AppArmor needs a profile for bwrap",
    ),
    "one that runs what it is given": (
        f"""
        #!{sys.executable}
        import os, sys

        with os.fdopen(int(sys.argv[sys.argv.index("--args") + 1]), "rb") as pipe:
            options = pipe.read().decode().split("\\0")
        box = options[options.index("/box") - 1]
        command = sys.argv[sys.argv.index("--") + 1 :]
        given = [part.replace("/box", box) for part in command[1:]]
        os.execve(sys.executable, [sys.executable, *given], {{**os.environ, "SANDBOX": "1"}})
        """,
        "bubblewrap does not isolate here: it ",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=[name.replace(" ", "-") for name in BROKEN])
def test_without_a_sandbox_nothing_of_others_is_graded_unless_it_is_asked_for(place, reference, text, reason):
    path = without_bubblewrap(place) if text is None else program(place, text)
    done = run(place, reference, first=NO_LANDLOCK, env=environment(place, PATH=path))
    assert done.returncode == USAGE and done.result is None
    assert done.stderr.startswith("NO SANDBOX. Student code runs as you") and reason in done.stderr, done.stderr
    assert "--allow-unsandboxed" in done.stderr and done.stdout == ""
    if text is None:
        done = run(place, reference, "--allow-unsandboxed", first=NO_LANDLOCK, env=environment(place, PATH=path))
        assert done.returncode == FULL_MARKS and done.result["isolation"] == levels.NONE
        assert done.stdout.lstrip().startswith("NO SANDBOX.")


def test_without_a_sandbox_ones_own_work_is_graded_with_a_quiet_line(place):
    env = environment(place, PATH=without_bubblewrap(place))
    line = [sys.executable, "-c", f"{NO_LANDLOCK}\nfrom autograder.__main__ import main\nmain()", *ARGUMENTS]
    done = subprocess.run(line, cwd=COURSE, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == LESS and "still to do" in done.stdout
    assert done.stderr.startswith(
        "Note: your code runs without a full sandbox: bubblewrap is not installed (Debian, Ubuntu: apt-get install "
        "bubblewrap)"
    )
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "NO SANDBOX" not in done.stdout + done.stderr


def test_landlock_serves_where_bubblewrap_does_not_and_says_what_it_does_not_keep(place, reference):
    from autograder.isolation import confine

    if not confine.version():
        pytest.skip("this kernel has no Landlock")
    path = program(place, "#!/bin/sh\nexit 1\n")
    done = run(place, reference, first=THIS_PATH, env=environment(place, PATH=path))
    assert done.returncode == FULL_MARKS and done.result["isolation"] == levels.REDUCED
    assert "REDUCED SANDBOX." in done.stderr and "could see other processes and their command lines" in done.stderr


# Who runs it


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_root_isolates(place, reference):
    done = run(place, reference)
    assert done.returncode == FULL_MARKS and done.result["isolation"] in (levels.ISOLATED, levels.PER_PROCESS)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, who may become another user")
def test_an_ordinary_user_isolates(place, reference):
    needed = (COURSE, Path(sys.executable).parent, python.executable().parent, *python.mounts())
    closed = [str(folder) for folder in needed if not python.readable_by_all(folder)]
    if closed:
        pytest.skip(f"other users may not read {closed[0]}")
    os.chown(place, 65533, 65533)
    done = run(place, reference, user=65533, group=65533, extra_groups=[], env=environment(place, HOME=str(place)))
    assert done.returncode == FULL_MARKS, done.stderr
    assert done.result["isolation"] in (levels.ISOLATED, levels.PER_PROCESS)


# It is ended in the middle


@contextlib.contextmanager
def at_work(place, path):
    """A grader in the middle of its work: itself, and the ids of its worker's processes."""
    (place / "result.json").write_text("of an earlier run")
    line = command(path, "--json", place / "result.json")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Whoever starts the tests in the background has them ignore Ctrl-C, and all that they start.
    pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(line, cwd=COURSE, env=environment(place), **pipes) as grader:
        try:
            yield grader, _busy(grader)
        finally:
            grader.kill()


def _busy(grader):
    """Wait until its worker has computed for a second, in the endless loop."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        family = set(totals._family(grader.pid)) - {grader.pid}
        if sum(map(_seconds, family)) > 8 or any(_seconds(pid) > 4 for pid in family):
            return family
        time.sleep(0.1)
    raise AssertionError("no worker is busy")


def _seconds(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _living(pids):
    """Those of these processes that have not ended."""
    living = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                living.add(pid)
    return living


def _all_end(pids):
    deadline = time.monotonic() + 5
    while _living(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _living(pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_grader_that_is_told_to_end_leaves_nothing(place, endless, number):
    with at_work(place, endless) as (grader, workers):
        grader.send_signal(number)
        _, said = grader.communicate(timeout=20)
    assert grader.returncode == INTERRUPTED and said.endswith("interrupted\n")
    assert workers and _all_end(workers)
    assert list((place / "temporary").iterdir()) == []
    assert (place / "result.json").read_text() == "of an earlier run"


def test_a_grader_that_is_killed_leaves_no_process_and_the_next_one_tidies_up(place, endless):
    with at_work(place, endless) as (grader, workers):
        grader.kill()
        grader.communicate(timeout=20)
    assert workers and _all_end(workers)
    assert (place / "result.json").read_text() == "of an earlier run"
    shutil.rmtree(endless)
    (place / "result.json").unlink()
    done = run(place, put(endless, references.solutions("hw2").files))
    assert done.returncode == FULL_MARKS
    assert list((place / "temporary").iterdir()) == []


# The disk is full


def test_a_full_disk_keeps_the_old_result(place, reference):
    out = place / "out"
    out.mkdir()
    grading = subprocess.list2cmdline(command(reference, "--json", out / "result.json"))
    inside = f"echo earlier > '{out}/result.json'; {grading}; echo status $?; cat '{out}/result.json'; ls -A '{out}'"
    small = ["bwrap", "--dev-bind", "/", "/", "--size", "8192", "--tmpfs", str(out), "--chdir", str(COURSE)]
    done = subprocess.run(
        [*small, "sh", "-c", inside], capture_output=True, text=True, timeout=120, env=environment(place)
    )
    report, _, rest = done.stdout.rpartition("status ")
    assert " of 37 points" in report
    assert rest == f"{GRADER_FAULT}\nearlier\nresult.json\n", rest
    assert "The disk is full" in done.stderr and "Traceback" not in done.stderr


# Two at once


def test_two_graders_at_once_give_the_same_verdicts(place):
    files = changed(references.solutions("hw2").files, "hw2/protonet.py", (LOGITS, f"{LOGITS}.sqrt()"))
    path = put(place / "handed in", files)
    lines = [command(path, "--json", place / f"{n}.json") for n in range(2)]
    graders = [
        subprocess.Popen(line, cwd=COURSE, env=environment(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for line in lines
    ]
    assert [grader.wait(timeout=120) for grader in graders] == [LESS, LESS]
    first, second = (earned(json.loads((place / f"{n}.json").read_text())) for n in range(2))
    assert first == second and list(first.values()).count("WRONG") == 1
    assert list((place / "temporary").iterdir()) == []


# What else is there for pytest to find


def test_pytest_in_the_environment_and_in_the_folder_has_no_say(place, reference):
    trap = 'from pathlib import Path\nPath({!r}).touch()\nraise SystemExit("trapped")\n'.format(str(place / "trapped"))
    plugins, here = place / "plugins", place / "here"
    put(
        plugins,
        {
            "trap.py": trap.encode(),
            "trap-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: trap\nVersion: 1.0\n",
            "trap-1.0.dist-info/entry_points.txt": b"[pytest11]\ntrap = trap\n",
        },
    )
    put(
        here,
        {
            "conftest.py": trap.encode(),
            "pytest.ini": b"[pytest]\naddopts = -p trap -k nothing\n",
            "tox.ini": b"[pytest]\naddopts = -p trap\n",
        },
    )
    put(reference, {"conftest.py": trap.encode(), "pytest.ini": b"[pytest]\naddopts = -p trap\n"})
    env = environment(
        place,
        PYTHONPATH=f"{COURSE}:{plugins}",
        PYTEST_ADDOPTS="-p trap --collect-only -k nothing",
        PYTEST_PLUGINS="trap",
        PYTEST_DEBUG="1",
    )
    line = command(reference, "--json", place / "result.json")
    done = subprocess.run(line, cwd=here, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == FULL_MARKS, done.stderr
    assert set(earned(json.loads((place / "result.json").read_text())).values()) == {"PASS"}
    assert not (place / "trapped").exists()


def test_no_check_is_no_success(place, reference):
    (reference / "hw2" / "protonet.py").unlink()
    done = run(place, reference)
    assert done.returncode == LESS and set(earned(done.result).values()) == {"NOT-RUN"}
    done = run(place, reference, "--only", "nothing")
    assert done.returncode == USAGE
