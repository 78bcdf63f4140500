"""The controls that cases of the groups RES, OUT and SUB hold, each with a way to switch it off; see controls.py."""

import contextlib
import pickle
import re
from pathlib import Path

import hostile_case

from autograder.grading import box
from autograder.intake import handed_in, submission
from autograder.isolation import bubblewrap, python, seccomp, totals
from autograder.worker import client, pipes, wire

CONTROLS = {}


def control(name):
    """Add a switch under this name."""

    def add(function):
        CONTROLS[name] = contextlib.contextmanager(function)
        return function

    return add


def _change_in_box(monkeypatch, name, old, new):
    """Change a passage of the worker's own program, in the copy that the worker runs."""
    fill = box.fill

    def changed(folder, chosen, files):
        fill(folder, chosen, files)
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"not the case: {text.count(old)} times in {name}: {old}"
        (folder / name).write_text(text.replace(old, new))

    monkeypatch.setattr(box, "fill", changed)


def _in_shim(old, new):
    def switch(monkeypatch):
        _change_in_box(monkeypatch, "autograder/worker/shim.py", old, new)
        yield

    return switch


# What the worker may use up

control("file size")(_in_shim("FILE = 256 * 2**20", "FILE = 2**50"))
control("open files")(_in_shim('("RLIMIT_NOFILE", 256)', '("RLIMIT_NOFILE", None)'))


@control("process limit")
def _(monkeypatch):
    monkeypatch.setattr(totals, "PROCESSES", 1000)  # the cases start 300
    yield


@control("memory limit")
def _(monkeypatch):
    limited = hostile_case.limited
    monkeypatch.setattr(hostile_case, "limited", lambda **limits: limited(**limits | {"memory": 2**20}))
    yield


@control("leases")
def _(monkeypatch):
    monkeypatch.setattr(seccomp, "OTHERS", seccomp.OTHERS | {"fcntl": (-1, -1)})
    seccomp.program.cache_clear()
    yield


@control("seccomp")
def _(monkeypatch):
    monkeypatch.setattr(bubblewrap, "_seccomp", lambda descriptor: [])
    yield


@control("deadline")
def _(monkeypatch):
    take, clocks = client.Answers.take, []

    class Noted(client.Clock):
        def __init__(self, processes):
            super().__init__(processes)
            clocks[:] = [self]

    def patient(self, seconds):  # as if it were for each read, and not for the whole answer
        data = take(self, seconds)
        if data:
            clocks[0].computed = clocks[0].waited = 0.0
        return data

    monkeypatch.setattr(client, "Clock", Noted)
    monkeypatch.setattr(client.Answers, "take", patient)
    yield


@control("log cap")
def _(monkeypatch):
    monkeypatch.setattr(pipes, "LOG_TAIL", 10**9)
    yield


# What an answer may be


@control("frame cap")
def _(monkeypatch):
    lengths = wire.lengths
    monkeypatch.setattr(wire, "MAX_HEADER", 2**30)
    monkeypatch.setattr(wire, "lengths", lambda prefix: lengths(prefix, 2**30))
    yield


@control("no unpickling")
def _(monkeypatch):
    decode = wire.decode_arrays

    def unpickling(body, *types):
        return pickle.loads(body) if body.startswith(b"\x80") else decode(body, *types)

    monkeypatch.setattr(wire, "decode_arrays", unpickling)
    yield


# What is taken of a submission


def _follow(path, most):
    return path.read_bytes()[: most + 1], False


@control("links refused")
def _(monkeypatch):
    folder = handed_in.folder

    def unobjected(root, *bounds):
        return [handed_in.Entry(entry.parts, "", entry._read) for entry in folder(root, *bounds)]

    monkeypatch.setattr(handed_in, "_read", _follow)
    monkeypatch.setattr(submission, "folder", unobjected)
    yield


@control("archive caps")
def _(monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_FILE", 2**30)
    yield


def _take_everything(monkeypatch):
    """All that lies in the homework's folder comes into the box, but for the package's own file: the probes need it."""
    collect = submission.collect

    def all_of_it(path, homework):
        found = collect(path, homework)
        for file in Path(path, homework).rglob("*"):
            if file.is_file() and file.name != "__init__.py":
                found.files.setdefault(str(file.relative_to(path)), file.read_bytes())
        return found

    monkeypatch.setattr(submission, "collect", all_of_it)


@control("allow-list of files")
def _(monkeypatch):
    _take_everything(monkeypatch)
    yield


@control("path appended")
def _(monkeypatch):
    _take_everything(monkeypatch)  # else there is no file of a student's name to find
    yield from _in_shim("sys.path.append(os.path.join", "sys.path.insert(0, os.path.join")(monkeypatch)


@control("bytecode")
def _(monkeypatch):
    _take_everything(monkeypatch)
    options = [option for option in python.OPTIONS if not re.match("--check-hash|always", option)]
    monkeypatch.setattr(python, "OPTIONS", tuple(options))
    yield
