"""What becomes of student code that fails, misbehaves or attacks: a verdict with its reason, and no harm.

Most tests talk to one worker whose "solution" runs the code that it is sent, as if a student had written that.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autograder.grading import box as grading_box
from autograder.grading import catalog, subjects
from autograder.instructor import references
from autograder.isolation import bubblewrap, levels
from autograder.results import StudentError, Verdict
from autograder.worker import failure, wire
from autograder.worker.client import Worker
from autograder.worker.pipes import LOG_HEAD, LOG_TAIL

ROOT = Path(__file__).resolve().parents[1]
START = 60

OBEDIENT = """
import builtins, os, sys, time
import numpy as np
import torch


class ProtoNet:
    def __init__(self, learning_rate, log_dir, device):
        self._network = torch.nn.Identity()

    def _prototypes(self, features, labels):
        scope = {"features": features, "answer": torch.zeros(2)}
        exec(bytes(labels.numpy().astype("u1")).decode("utf-8", "surrogatepass"), scope)
        return scope["answer"]


def helper(x):
    return check(x)


def check(x):
    raise ValueError(f"{x} is wrong\\nsecond line")


class MyError(BaseException):
    pass
"""
FORGE = """
import json, struct, safetensors.numpy
def frame(header, arrays=None, magic=b"FSH1", size=None):
    head = json.dumps(header).encode()
    body = safetensors.numpy.save(arrays) if arrays else b""
    return struct.pack("<4sIQ", magic, len(head), len(body) if size is None else size) + head + body
def send(data):
    for fd in range(3, 20):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                os.write(fd, data)
        except OSError:
            pass
import os
import numpy as np
"""


class Box:
    """A worker that is started again when it has died, and what can be asked of it."""

    def __init__(self, folder, module):
        folder.chmod(0o755)
        self.files = {"hw2/protonet.py": module if isinstance(module, bytes) else module.encode()}
        grading_box.fill(folder, catalog.exercises("hw2"), self.files)
        self.folder = folder
        self.worker = None

    def open(self):
        """Start the worker and import the module."""
        if self.worker and not self.worker.alive:
            self.close()
        if not self.worker:
            self.worker = Worker(levels.find(), self.folder, "hw2.protonet", 1, self.files)
            self.worker.ask("hello", {}, {}, 0, START)
            self.worker.ask("import", {}, {}, 0, START)

    def run(self, code, seconds=20.0):
        """Run code in it, and return the array `answer`."""
        self.open()
        arrays = {"0": np.zeros(3), "1": np.frombuffer(code.encode("utf-8", "surrogatepass"), dtype=np.uint8)}
        arguments = {"features": {"array": "0"}, "labels": {"array": "1"}}
        return self.worker.ask("prototypes", arguments, arrays, 0, seconds)["prototypes"]

    def error(self, code, seconds=20.0):
        """Run code in it that must fail; the error, without what the worker's death leaves behind."""
        with pytest.raises(StudentError) as caught:
            self.run(code, seconds)
        return caught.value

    def log(self):
        """What it printed."""
        return self.worker.log.take()

    def close(self):
        """Kill it."""
        if self.worker:
            self.worker.stop()
        self.worker = None


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = Box(tmp_path_factory.mktemp("box"), OBEDIENT)
    yield box
    box.close()


@pytest.fixture
def box_of(tmp_path):
    boxes = []

    def make(module):
        boxes.append(Box(tmp_path, module))
        return boxes[-1]

    yield make
    for box in boxes:
        box.close()


def descendants():
    """Command lines of all processes that come from this one."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
            lines[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    found, front = [], {os.getpid()}
    while front:
        front = {pid for pid, parent in parents.items() if parent in front}
        found += [lines[pid] for pid in front]
    return found


# An ordinary answer, and ordinary mistakes


def test_an_answer_comes_back(box):
    assert box.run("answer = features + 2").tolist() == [2, 2, 2]


def test_an_error_is_a_crash_with_the_students_own_lines(box):
    error = box.error("import hw2.protonet as p; p.helper(7)")
    lines = OBEDIENT.splitlines()
    numbers = [lines.index(line) + 1 for line in ("    return check(x)", next(x for x in lines if "is wrong" in x))]
    assert error.verdict is Verdict.CRASH and not error.todo
    assert str(error).splitlines() == [
        "ValueError: 7 is wrong",
        f"hw2/protonet.py, line {OBEDIENT.splitlines().index(next(x for x in lines if 'exec' in x)) + 1}, "
        f"in _prototypes: {next(x for x in lines if 'exec' in x).strip()}",
        f"hw2/protonet.py, line {numbers[0]}, in helper: return check(x)",
        f"hw2/protonet.py, line {numbers[1]}, in check: {lines[numbers[1] - 1].strip()}",
    ]
    assert box.worker.alive


def test_a_todo_is_no_failure(box_of):
    box = box_of(
        OBEDIENT.replace("        exec(", "        raise NotImplementedError('X._y is still to do')\n        exec(")
    )
    error = box.error("")
    assert error.verdict is Verdict.NOT_RUN and error.todo and str(error) == "X._y is still to do"


def test_a_bare_todo_is_named_after_its_function(box_of):
    box = box_of(OBEDIENT.replace("        exec(", "        raise NotImplementedError\n        exec("))
    error = box.error("")
    assert error.todo and str(error) == "_prototypes is still to do"


@pytest.mark.parametrize("code", ["features.to('meta').cpu()", "import torch; torch.nn.Module()(features)"])
def test_what_torch_has_not_implemented_is_not_still_to_do(box, code):
    error = box.error(code)
    assert error.verdict is Verdict.CRASH and not error.todo and str(error).startswith("NotImplementedError: ")


ERRORS = {
    "SystemExit": ("import sys; sys.exit('enough')", Verdict.CRASH, "SystemExit: enough"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", Verdict.CRASH, "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit", Verdict.CRASH, "GeneratorExit"),
    "an own BaseException": ("import hw2.protonet as p; raise p.MyError('own')", Verdict.CRASH, "MyError: own"),
    "an error that cannot be printed": (
        "E = type('E', (Exception,), {'__str__': lambda self: 1 / 0}); raise E",
        Verdict.CRASH,
        "E: (its message cannot be read)",
    ),
    "an error whose printing ends Python": (
        "import sys; E = type('E', (Exception,), {'__str__': lambda self: sys.exit()}); raise E",
        Verdict.CRASH,
        "E: (its message cannot be read)",
    ),
    "endless recursion": ("f = lambda: f()\nf()", Verdict.CRASH, "RecursionError: "),
    "a list in itself": ("answer = []; answer.append(answer)", Verdict.CRASH, "RecursionError: "),
    "a package that is not there": ("import learn2learn", Verdict.CRASH, "ModuleNotFoundError: No module named 'l"),
    "a file of one's own computer": ("open('C:/Users/me/data.npy')", Verdict.CRASH, "FileNotFoundError: "),
    "reading from the keyboard": ("input()", Verdict.CRASH, "EOFError"),
    "a drawing read as text": ("b'\\x89PNG'.decode()", Verdict.CRASH, "UnicodeDecodeError: "),
    "code that is no code": ("eval('1 +')", Verdict.CRASH, "SyntaxError: invalid syntax"),
    "an error of its own that is called as one of ours": (
        "raise type('FormatError', (Exception,), {})('x')",
        Verdict.CRASH,
        "FormatError: x",
    ),
    "too much memory for torch": ("torch = __import__('torch'); torch.empty(10**13)", Verdict.MEMORY, ""),
    "too much memory for Python": ("b'x' * 10**11", Verdict.MEMORY, ""),
    "a string": ("answer = 'PASS'", Verdict.FORMAT, "prototypes: expected a tensor, got str"),
    "a verdict": ("answer = {'passed': True}", Verdict.FORMAT, "prototypes: expected a tensor, got a dict of 1"),
    "NaN": ("answer[0] = float('nan')", Verdict.FORMAT, "prototypes contains NaN, first at [0]"),
}


@pytest.mark.parametrize(("code", "verdict", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_and_the_worker_lives_on(box, code, verdict, message):
    error = box.error(code)
    assert error.verdict is verdict and not error.todo
    assert str(error).startswith(message), str(error)
    assert "autograder" not in str(error) and "/box" not in str(error) and str(box.folder) not in str(error)
    assert box.worker.alive and box.run("pass").tolist() == [0, 0]


@pytest.mark.parametrize(
    "text", ["'x' * 10**9", "chr(0xd800) + chr(0) + chr(27) + '[2J' + chr(8) + chr(0x9b) + 'x'", "'\\n' * 10**6"]
)
def test_the_text_of_an_error_is_cut_and_cleaned(box, text):
    shown = str(box.error(f"raise ValueError({text})"))
    assert shown.startswith("ValueError") and len(shown) < 5000
    assert all(character.isprintable() or character in "\n\t" for character in shown), ascii(shown)
    shown.encode()


def test_an_error_of_a_type_with_an_endless_name_is_still_an_error(box):
    assert box.error("raise type('E' * 10**6, (Exception,), {})").verdict is Verdict.CRASH


# Ends of the process, and of patience


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; os._exit(0)", "exit status 0"),
        ("import os; os._exit(3)", "exit status 3"),
        ("import os; os.abort()", "SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ],
)
def test_the_end_of_python_is_a_crash(box, code, how):
    error = box.error(code)
    assert error.verdict is Verdict.CRASH and how in str(error) and "has to return" in str(error)
    assert not box.worker.alive


ENDLESS = {
    "a loop": ("while True: pass", "computing; an endless loop?"),
    "work in torch": ("import torch; x = torch.rand(3000, 3000)\nwhile True: x = x @ x", "computing; an endless loop?"),
    "sleep": ("import time; time.sleep(10**6)", "waiting: for a sleep, an input, or a lock?"),
    "short sleeps": ("import time\nwhile True: time.sleep(0.01)", "waiting: for a sleep, an input, or a lock?"),
    "a lock": ("import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()", "waiting: for"),
    "a queue": ("import queue; queue.Queue().get()", "waiting: for"),
    "a child that sleeps": (
        "import os; os.wait() if os.fork() else os.execvp('sleep', ['sleep', '99'])",
        "waiting: for",
    ),
    "a child that computes": (
        "import os\nif os.fork(): os.wait()\nwhile True: pass",
        "computing; an endless loop?",
    ),
    "a stopped process": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "waiting: for"),
    "both": (
        "import time\nwhile True:\n    begun = time.process_time()\n"
        "    while time.process_time() - begun < 0.3: pass\n    time.sleep(0.3)",
        "seconds of computing and ",
    ),
}


@pytest.mark.parametrize(("code", "said"), ENDLESS.values(), ids=ENDLESS)
def test_no_answer_is_a_timeout_in_time(box, code, said):
    box.open()
    error = box.error(code, seconds=1.0)
    assert error.verdict is Verdict.TIMEOUT and said in str(error), str(error)
    assert 1 <= box.worker.spent < 2 and not box.worker.alive


@pytest.fixture
def busy():
    """Sixteen processes that compute, beside each other and whatever comes.

    Each has a session of its own, as a worker has: some systems share their processors out by sessions.
    """
    loop = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(loop, start_new_session=True) for _ in range(16)]
    yield
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_busy_machine_takes_no_time_from_a_solution(box, busy):
    code = "import time\nbegun = time.process_time()\nwhile time.process_time() - begun < 1.5: pass"
    begun = time.monotonic()
    assert box.run(code, seconds=2.5).tolist() == [0, 0]
    assert 1.4 <= box.worker.spent < 2.5 < time.monotonic() - begun


@pytest.mark.slow
def test_a_loop_on_a_busy_machine_is_told_with_the_load(box, busy):
    error = box.error("while True: pass", seconds=1.0)
    assert error.verdict is Verdict.TIMEOUT and "endless loop?" in str(error)
    assert "The machine was busy: this took " in str(error)


@pytest.mark.slow
def test_sleep_on_a_busy_machine_is_no_loop(box, busy):
    box.run("pass")  # it starts slowly here
    begun = time.monotonic()
    error = box.error("import time; time.sleep(99)", seconds=1.0)
    assert error.verdict is Verdict.TIMEOUT and "waiting: for a sleep" in str(error)
    assert time.monotonic() - begun < 10


@pytest.mark.isolation
def test_a_process_that_stays_behind_is_dead_with_the_worker(box, isolated):
    box.run(
        "import os\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.execv('/usr/bin/sleep', ['sleep', '7654321'])\n"
        "    os._exit(0)\n"
    )
    time.sleep(0.3)
    everyone = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert any(b"7654321" in line for line in everyone)
    box.close()
    time.sleep(0.3)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert b"7654321" not in path.read_bytes()
        except OSError:
            continue


def test_a_worker_that_is_stopped_is_gone(box, monkeypatch):
    monkeypatch.setattr(levels, "_many", False)
    before = sum(map(bool, descendants()))  # others may have ended, with nobody to ask for it
    box.open()
    assert sum(map(bool, descendants())) > before
    box.close()
    assert sum(map(bool, descendants())) == before


# Prints


def test_prints_are_kept_and_cleaned(box):
    box.run("print('one'); import sys; print('two', file=sys.stderr); print(chr(27) + '[2J' + chr(7) + 'three')")
    shown = box.log()
    assert [line for line in shown.splitlines() if line] == ["one", "two", "[2Jthree"]


def test_prints_of_a_library_written_in_c_are_kept_too(box):
    box.run("import os; os.write(1, b'raw\\n'); os.system('echo from a child')")
    assert box.log() == "raw\nfrom a child\n"


@pytest.mark.parametrize("line", ["'x' * 99 + '\\n'", "'x' * 10**6"], ids=["lines", "no end of line"])
def test_a_flood_of_prints_neither_blocks_nor_fills_memory(box, line):
    box.open()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    answer = box.run(
        f"import sys\nline = {line}\nfor _ in range(10**8 // len(line)): sys.stdout.write(line)\nprint('end')"
    )
    assert answer.tolist() == [0, 0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    shown = box.log()
    assert len(shown) < LOG_HEAD + LOG_TAIL + 100 and "bytes left out" in shown and shown.endswith("end\n")
    assert time.monotonic() - begun < 15


def test_a_flood_that_never_ends_is_a_timeout(box):
    error = box.error("while True: print('x' * 10**5)", seconds=1.5)
    assert error.verdict is Verdict.TIMEOUT


def test_a_thread_that_prints_for_ever_does_no_harm(box):
    code = (
        "import threading\n"
        "def chatter():\n"
        "    while True: print('chatter ' * 1000)\n"
        "threading.Thread(target=chatter, daemon=True).start()\n"
    )
    assert box.run(code).tolist() == [0, 0]
    time.sleep(0.5)
    assert box.run("pass").tolist() == [0, 0]
    box.close()


# Forgeries. The answer to these questions would be [0, 0]; a forged [1, 1] must not be taken for it quietly.


FORGERIES = {
    "bytes": "send(b'x' * 99)",
    "half a frame": "send(frame({'seq': 2, 'kind': 'result'})[:10]); os._exit(0)",
    "the answer twice, and an end": (
        "send(2 * frame({'seq': 2, 'kind': 'result'}, {'prototypes': np.ones(2)})); os._exit(0)"
    ),
    "a surplus field": (
        "send(frame({'seq': 2, 'kind': 'result', 'passed': True}, {'prototypes': np.ones(2)})); os._exit(0)"
    ),
    "the answer to another question": (
        "send(frame({'seq': 9, 'kind': 'result'}, {'prototypes': np.ones(2)})); os._exit(0)"
    ),
    "another magic": "send(frame({'seq': 2, 'kind': 'result'}, magic=b'PASS')); os._exit(0)",
    "a length that lies": "send(frame({'seq': 2, 'kind': 'result'}, size=2**60)); os._exit(0)",
    "NaN": "send(frame({'seq': 2, 'kind': 'result'}, {'prototypes': np.full(2, np.nan)})); os._exit(0)",
    "a verdict": "send(frame({'seq': 2, 'kind': 'PASS'})); os._exit(0)",
}


@pytest.mark.parametrize("code", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_answer_is_a_breach_of_protocol_or_an_end(box, code):
    box.close()  # so that the question's number is known
    error = box.error(FORGE + code)
    ended = "exit status 0" in str(error)
    assert error.verdict is Verdict.PROTOCOL or (ended and error.verdict is Verdict.CRASH), (error.verdict, str(error))
    assert not box.worker.alive


def test_a_surplus_answer_is_noticed_at_the_next_question_at_the_latest(box):
    box.close()
    with pytest.raises(StudentError) as caught:
        box.run(FORGE + "send(frame({'seq': 2, 'kind': 'result'}, {'prototypes': np.ones(2)}))")
        box.run("pass")
    assert caught.value.verdict is Verdict.PROTOCOL and not box.worker.alive


def test_a_well_formed_forgery_is_an_answer_like_any_other(box):
    """Values are all that it can send; whether they are right is decided elsewhere."""
    box.close()
    code = "send(frame({'seq': 2, 'kind': 'result'}, {'prototypes': np.ones(2)})); import time; time.sleep(9)"
    assert box.run(FORGE + code).tolist() == [1, 1]
    box.close()


def test_a_forged_error_without_words_is_an_error_of_the_student(box):
    box.close()
    for kind, verdict in (("todo", Verdict.NOT_RUN), ("crash", Verdict.CRASH), ("format", Verdict.FORMAT)):
        error = box.error(
            FORGE + f"send(frame({{'seq': 2, 'kind': '{kind}', 'text': ''}})); import time; time.sleep(9)"
        )
        assert error.verdict is verdict and str(error) == {"todo": "Something is still to do."}.get(kind, "")
        box.close()


HIDDEN = "1.2345678, 9.8765432"
FORGED = {  # replies by which hidden inputs would leave: header, verdict, what the student may read
    "a file that cannot be read, in the middle": (
        {"kind": "unreadable", "text": HIDDEN},
        Verdict.PROTOCOL,
        "What came back is not an answer.",
    ),
    "a line of thousands of digits": (
        {"kind": "crash", "error": "ValueError", "places": [["hw2/protonet.py", int("12345678" * 500), ""]]},
        Verdict.PROTOCOL,
        "What came back is not an answer.",
    ),
    "a line before the first": (
        {"kind": "crash", "error": "ValueError", "places": [["hw2/protonet.py", -12345678, ""]]},
        Verdict.PROTOCOL,
        "What came back is not an answer.",
    ),
    "a line behind the last": (
        {"kind": "crash", "error": "ValueError", "places": [["hw2/protonet.py", 123456, "f"]]},
        Verdict.CRASH,
        "Your code raised ValueError.",
    ),
    "a file that nobody handed in": (
        {"kind": "crash", "error": "ValueError", "places": [[HIDDEN, 1, "f"]]},
        Verdict.CRASH,
        "Your code raised ValueError.",
    ),
    "an error of the own make": ({"kind": "crash", "error": HIDDEN}, Verdict.CRASH, "Your code raised an exception."),
    "a type that is no error": ({"kind": "crash", "error": "int"}, Verdict.CRASH, "Your code raised an exception."),
    "something to do where nothing is": (
        {"kind": "todo", "text": HIDDEN, "places": [["hw2/protonet.py", 1, HIDDEN]]},
        Verdict.CRASH,
        "Your code raised an exception.",
    ),
    "a name that is too long": (
        {"kind": "crash", "error": "ValueError", "places": [["hw2/protonet.py", 2, "f" * 300]]},
        Verdict.PROTOCOL,
        "What came back is not an answer.",
    ),
    "a text that is too long": (
        {"kind": "format", "text": "x" * 5000},
        Verdict.PROTOCOL,
        "What came back is not an answer.",
    ),
}


@pytest.mark.parametrize(("header", "verdict", "plain"), FORGED.values(), ids=FORGED)
def test_nothing_of_a_forged_reply_is_for_the_students_eyes(header, verdict, plain):
    try:
        reply = wire.decode_header(json.dumps({"seq": 1, **header}).encode(), wire.Reply)
        error = failure.explain(reply, "hw2/protonet.py", {"hw2/protonet.py": OBEDIENT.encode()}, importing=False)
    except wire.FrameError:  # which the client makes this of
        error = StudentError(Verdict.PROTOCOL, "", plain="What came back is not an answer.")
    assert error.verdict is verdict and error.plain.splitlines()[0] == plain
    assert HIDDEN not in error.plain and "12345678" not in error.plain


def test_of_places_a_student_reads_one_line_and_the_staff_functions_that_exist():
    lines = OBEDIENT.splitlines()
    at = [lines.index(line) + 1 for line in lines if "def " in line][:2]
    places = [["hw2/protonet.py", line, name] for line, name in zip(at, ("helper", "1.2345"), strict=True)]
    reply = wire.decode_header(
        json.dumps({"seq": 1, "kind": "crash", "error": "ValueError", "places": places}).encode(), wire.Reply
    )
    error = failure.explain(reply, "hw2/protonet.py", {"hw2/protonet.py": OBEDIENT.encode()}, importing=False)
    assert error.plain == f"Your code raised ValueError.\nhw2/protonet.py, line {at[1]}: {lines[at[1] - 1].strip()}"
    assert "in helper" in str(error) and "1.2345" not in str(error)


def test_a_file_that_can_be_imported_no_more_tells_nothing_of_what_it_was_given(monkeypatch):
    student = subjects.Student.__new__(subjects.Student)
    student._imported, student._asked, student._deaths, student._box = False, True, 1, Path("/")
    student._file, student._files, student._runs = "", {"": b""}, np.zeros(0, dtype=np.int64)

    class Again:
        alive = True

        def ask(self, call, *given):
            if call == "import":
                raise StudentError(Verdict.CRASH, f"ValueError: {HIDDEN}")
            return {}

    student._worker = Again()
    with pytest.raises(StudentError) as caught:
        student.open()
    assert HIDDEN in str(caught.value) and caught.value.plain == "Your file could be imported before, and not again."


def test_an_answer_sent_a_byte_at_a_time_is_a_timeout(box):
    box.close()
    code = "import time\nfor byte in frame({'seq': 2, 'kind': 'result'}): send(bytes([byte])); time.sleep(0.5)"
    assert box.error(FORGE + code, seconds=2.0).verdict is Verdict.TIMEOUT


def test_closing_the_pipes_is_no_way_out(box):
    box.close()
    error = box.error("import os, time; os.closerange(3, 64); time.sleep(60)", seconds=2.0)
    assert error.verdict in (Verdict.PROTOCOL, Verdict.TIMEOUT) and not box.worker.alive


def test_patching_the_workers_own_functions_changes_values_at_most(box):
    code = "import numpy as np; from autograder.worker import values; values.to_array = lambda *_: np.full(2, np.nan)"
    error = box.error(code)
    box.close()
    assert error.verdict is Verdict.PROTOCOL and "not finite" in str(error)


# Modules that cannot be imported


MODULES = {
    "a syntax error": (b"x = 1\ndef f(:\n", Verdict.NOT_RUN, "hw2/protonet.py, line 2: invalid syntax: def f(:"),
    "wrong indentation": (b"if True:\nx = 1\n", Verdict.NOT_RUN, "hw2/protonet.py, line 2: expected an indented block"),
    "mixed tabs": (b"if 1:\n        x = 1\n\ty = 2\n", Verdict.NOT_RUN, "hw2/protonet.py, line 3: "),
    "latin-1": ("x = 'caf\xe9'\n".encode("latin-1"), Verdict.NOT_RUN, "utf-8"),
    "a merge conflict": (b"<<<<<<< HEAD\nx = 1\n", Verdict.NOT_RUN, "hw2/protonet.py, line 1: invalid syntax"),
    "deep brackets": (b"(" * 10_000 + b"\n", Verdict.NOT_RUN, "too many nested parentheses"),
    "an error": (b"x = 1\nx / 0\n", Verdict.CRASH, "ZeroDivisionError: division by zero\nhw2/protonet.py, line 2"),
    "sys.exit": (b"import sys\nsys.exit(0)\n", Verdict.CRASH, "SystemExit: 0\nhw2/protonet.py, line 2"),
    "os._exit": (b"import os\nos._exit(0)\n", Verdict.CRASH, "ended the Python process (exit status 0)"),
    "a package that is not there": (b"import torchmeta\ntorchmeta.x()\n", Verdict.CRASH, "No module named 'torchmeta'"),
    "a print of 10 MB, then an error": (b"print('x' * 10**7)\n1 / 0\n", Verdict.CRASH, "ZeroDivisionError"),
}


@pytest.mark.parametrize(("module", "verdict", "message"), MODULES.values(), ids=MODULES)
def test_a_module_that_cannot_be_imported_says_why(box_of, module, verdict, message):
    box = box_of(module)
    with pytest.raises(StudentError) as caught:
        box.open()
    assert caught.value.verdict is verdict and message in str(caught.value), (caught.value.verdict, str(caught.value))
    assert "/box" not in str(caught.value) and not caught.value.todo


@pytest.mark.parametrize(
    "module",
    [OBEDIENT.replace("\n", "\r\n"), OBEDIENT.replace("\n", "\r"), OBEDIENT.rstrip(), "\ufeff" + OBEDIENT.lstrip()],
    ids=["lines of Windows", "lines of old Macs", "no last line end", "byte order mark"],
)
def test_a_module_from_another_system_runs(box_of, module):
    assert box_of(module.encode()).run("pass").tolist() == [0, 0]


# The box


@pytest.mark.isolation
def test_student_code_finds_nothing_of_the_grader_the_host_or_the_network(box, isolated, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "marker-of-the-environment")
    box.close()
    home = Path.home()
    attempts = {
        "the course": f"os.listdir({str(ROOT)!r})",
        "the solution beside the probe": "open('/box/autograder/exercises/protonet/solution.py')",
        "the checks": "import autograder.exercises.protonet.checks",
        "the thresholds": "open('/box/autograder/exercises/protonet/thresholds.json')",
        "the grader's words": "import autograder.grading.check_vocabulary",
        "home": f"os.listdir({str(home)!r})",
        "passwords": "open('/etc/passwd')",
        "the environment": "os.environ['SECRET_TOKEN']",
        "the environment of others": "assert any(b'marker' in path.read_bytes() for path in processes('environ'))",
        "other processes": "assert len(processes('comm')) > 2",
        "the user's name": "assert getpass.getuser() != 'student'",
        "the host's name": "assert socket.gethostname() != 'sandbox'",
        "a server": "socket.create_connection(('1.1.1.1', 53), timeout=1)",
        "this machine's servers": "socket.create_connection(('127.0.0.1', 22), timeout=1)",
        "a name server": "socket.getaddrinfo('example.org', 80)",
        "its own program, to change it": "open('/box/hw2/protonet.py', 'a')",
        "the probe, to change it": "open('/box/autograder/exercises/protonet/probe.py', 'a')",
        "Python's own files, to change them": "open(np.__file__, 'a')",
        "the root": "open('/x', 'w')",
        "devices": "open('/dev/x', 'w')",
        "root's powers": "os.setuid(0)",
        "a new namespace": "ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0 or 1 / 0",
        "a mount": "ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0 or 1 / 0",
        "a file in /box through a link": "os.symlink('/box/autograder/worker/shim.py', '/tmp/l'); open('/tmp/l', 'a')",
    }  # fmt: skip
    code = f"""
import ctypes, getpass, os, pathlib, socket
import numpy as np
processes = lambda name: list(pathlib.Path("/proc").glob("[0-9]*/" + name))
found = []
for number, attempt in enumerate({list(attempts.values())!r}):
    try:
        exec(attempt)
        found.append(number)
    except Exception:
        pass
answer = [1.0 * number for number in found]
"""
    found = [list(attempts)[int(number)] for number in box.run(code)]
    assert found == []


@pytest.mark.isolation
def test_the_reference_solution_is_in_no_file_that_student_code_can_read(box, isolated):
    secret = "_".join(["features", "support"]) + " = self._network"
    code = f"""
import os, pathlib
answer = [0.0]
for folder in ("/box", "/tmp", "/usr/local", "/home", "/root", "/work", "/mnt", "/opt", "/srv", "/var"):
    for path in pathlib.Path(folder).rglob("*.py"):
        try:
            answer[0] += {secret!r} in path.read_text(errors="replace")
        except OSError:
            pass
"""
    assert box.run(code).tolist() == [0]


@pytest.mark.isolation
def test_a_worker_leaves_nothing_for_the_next_one(box, isolated):
    box.run("open('/tmp/note', 'w').write('for later'); open('/dev/shm/note', 'w').write('for later')")
    box.close()
    assert box.run("import os; answer = [os.path.exists('/tmp/note'), os.path.exists('/dev/shm/note')]").tolist() == [
        0,
        0,
    ]


@pytest.mark.isolation
@pytest.mark.skipif(os.geteuid() == 0, reason="the kernel does not count the processes of root")
def test_there_is_an_end_to_the_processes_that_it_may_start(box, isolated):
    code = """
import os, time
answer = [0.0]
try:
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        answer[0] += 1
except OSError:
    pass
"""
    assert box.run(code)[0] <= 64
    box.close()


@pytest.mark.isolation
def test_a_full_disk_is_the_students_own(box, isolated):
    code = """
import os
written = 0
try:
    for number in range(8):
        with open(f"/tmp/{number}", "wb") as file:
            for _ in range(128):
                written += file.write(bytes(2**20))
except OSError:
    pass
answer = [written / 2**20]
"""
    assert box.run(code)[0] <= bubblewrap.TMP / 2**20
    box.close()


def test_the_work_that_a_solution_may_do_is_possible(box):
    code = """
import concurrent.futures, multiprocessing, subprocess, tempfile
import torch
torch.set_num_threads(2)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    threads = sum(pool.map(abs, range(-3, 3)))
data = torch.utils.data.DataLoader(torch.arange(8), batch_size=2, num_workers=2)
loaded = sum(int(batch.sum()) for batch in data)
with tempfile.TemporaryFile() as file:
    file.write(b"x")
answer = [threads, loaded, torch.get_num_threads()]
"""
    assert box.run(code).tolist() == [9, 28, 1]


def test_the_same_seed_gives_the_same_random_numbers(box):
    code = "import random, numpy as np, torch; answer = [random.random(), np.random.rand(), torch.rand(()).item()]"
    assert box.run(code).tolist() == box.run(code).tolist()


# Whole gradings


def test_an_exercise_that_ends_python_in_every_call_leaves_the_other_one_alone(rewritten, grade, required_alone):
    files = references.solutions("hw2").files
    files["hw2/protonet.py"] = rewritten(
        "protonet",
        {
            "_prototypes": "import os\nos._exit(0)",
            "_logits": "import os\nos._exit(0)",
            "_step": "import os\nos._exit(0)",
        },
    ).encode()
    protonet, maml = grade("hw2", files).exercises
    assert protonet.earned == 0 and maml.earned == maml.points
    assert [check.verdict for check in protonet.checks if not check.waits_for][:2] == [Verdict.CRASH, Verdict.CRASH]
    assert {check.verdict for check in protonet.checks} == {Verdict.CRASH, Verdict.NOT_RUN}


def test_an_exercise_that_cannot_be_imported_leaves_the_other_one_alone(grade, required_alone):
    files = references.solutions("hw2").files
    files["hw2/protonet.py"] = b"import os\nprint('bye')\nos._exit(0)\n"
    protonet, maml = grade("hw2", files).exercises
    assert protonet.earned == 0 and "ended the Python process" in protonet.problem
    assert maml.earned == maml.points and maml.problem == ""


def test_prints_are_shown_with_the_check_in_which_they_came(edited, grade_source):
    source = edited(
        "protonet",
        "        return -(features",
        "        print('logits of', len(features))\n        return 0 * (features",
    )
    result = grade_source("protonet", source)
    printed = {check.name: check.printed for check in result.checks}
    assert printed["test_one_prototype_for_each_class"] == ""
    assert printed["test_nearest_prototype_has_the_largest_logit"] == "logits of 12\n"


def test_every_exercise_has_a_box_with_what_it_needs_and_no_more(tmp_path):
    for homework in catalog.homeworks():
        folder = tmp_path / homework
        grading_box.fill(folder, catalog.exercises(homework), references.solutions(homework).files)
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert not [name for name in names if name.endswith(("solution.py", "checks.py", ".json", ".safetensors"))]
        exercises = catalog.exercises(homework)
        own = {part for e in exercises for part in e.driver}
        names = {name for name in names if name.startswith(("autograder/exercises/", "autograder/shapes/"))}
        packages = {"autograder/exercises/__init__.py", "autograder/shapes/__init__.py"}
        assert own - packages == names - packages
