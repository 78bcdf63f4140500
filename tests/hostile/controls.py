"""The controls of the grader, each with a way to switch it off: some case must then come out otherwise.

CONTROLS holds by name a context manager that takes pytest's monkeypatch. All of it happens in a child process.
"""

import contextlib
import json
import os
import shutil
import tempfile
import types
from pathlib import Path

import hostile_case
import numpy as np
import safetensors.numpy

from autograder import paths, untrusted
from autograder.exercises.black_box import checks as black_box
from autograder.exercises.black_box import probe as black_box_probe
from autograder.grading import box, check_vocabulary, questions, subjects, thresholds
from autograder.grading import grade as grading
from autograder.grading.draw import Draw
from autograder.grading.referee import Referee
from autograder.instructor import confirm
from autograder.instructor.references import Reference
from autograder.isolation import bubblewrap, disk
from autograder.report import student
from autograder.results import Verdict
from autograder.worker import client, wire

CONTROLS = {}


def control(name):
    """Add a switch under this name."""

    def add(function):
        CONTROLS[name] = contextlib.contextmanager(function)
        return function

    return add


# Whose word counts


class Here(Reference):
    """The student's code in the grader's own process."""

    def __init__(self, exercise, isolation, box, threads, files):
        super().__init__(exercise)
        self._solution = types.ModuleType(exercise.module)
        self._source = files[exercise.file]

    def open(self):
        if self._source:
            source, self._source = self._source, b""
            exec(compile(source, "student.py", "exec"), vars(self._solution))


@control("own process")
def _(monkeypatch):
    monkeypatch.setattr(grading, "Student", Here)
    yield


@control("exit status")
def _(monkeypatch):
    run = Referee._run

    def believing(self, exercise, function, result, fixtures):
        run(self, exercise, function, result, fixtures)
        if "exit status 0" in result.message:
            result.verdict = Verdict.PASS

    monkeypatch.setattr(Referee, "_run", believing)
    yield


@control("confirmation")
def _(monkeypatch):
    monkeypatch.setattr(confirm, "confirm", lambda *given: None)
    yield


# What an answer may be


@control("typed header")
def _(monkeypatch):
    def lax(head, kind):
        told = json.loads(head)
        return kind(**{field: told[field] for field in kind.__struct_fields__ if field in told})

    monkeypatch.setattr(wire, "decode_header", lax)
    yield


class Equal(int):
    """A number that every other is equal to."""

    __hash__ = int.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


@control("request order")
def _(monkeypatch):
    decode = wire.decode_header

    def any_order(head, kind):
        header = decode(head, kind)
        header.seq = Equal(header.seq)
        return header

    monkeypatch.setattr(wire, "decode_header", any_order)
    yield


@control("one request in flight")
def _(monkeypatch):
    monkeypatch.setattr(client.Worker, "_is_more", lambda self, received, end: False)
    yield


@control("exact fields")
def _(monkeypatch):
    answer = questions.Question.answer

    def lax(self, arguments, arrays):
        return answer(self, arguments, {n: a for n, a in arrays.items() if n.partition("/")[0] in self.fields})

    monkeypatch.setattr(questions.Question, "answer", lax)
    yield


@control("declared shapes")
def _(monkeypatch):
    monkeypatch.setattr(questions, "_held", lambda what, array, shape: array)
    yield


@control("kinds that fit")
def _(monkeypatch):
    explain = client.explain
    monkeypatch.setattr(client, "explain", lambda *given, importing: explain(*given, importing=True))
    yield


@control("finite numbers")
def _(monkeypatch):
    monkeypatch.setattr(wire, "decode_arrays", lambda body: safetensors.numpy.load(body) if body else {})
    yield


@control("fail-closed comparison")
def _(monkeypatch):
    def lax(got, want, what, tolerance):
        assert np.allclose(got, want, rtol=0, atol=tolerance)

    monkeypatch.setattr(check_vocabulary, "_assert_close", lax)
    yield


# What is said of it


@control("clean text")
def _(monkeypatch):
    monkeypatch.setattr(untrusted, "CONTROL", {})
    monkeypatch.setattr(untrusted, "BIDI", {})
    yield


@control("hidden values")
def _(monkeypatch):
    monkeypatch.setattr(student, "view", lambda report: report)
    yield


@control("static look")
def _(monkeypatch):
    monkeypatch.setattr(subjects, "notices", lambda *given: [])
    yield


# What is asked


@control("fresh inputs")
def _(monkeypatch):
    monkeypatch.setattr(hostile_case, "SECRET", 1)  # the run that S01 has memorised
    yield


@control("secret seed")
def _(monkeypatch):
    monkeypatch.setattr(hostile_case, "SECRET", 4321)
    yield


@control("threshold")
def _(monkeypatch):
    monkeypatch.setattr(thresholds.Bar, "reached_by", lambda self, accuracy, *, made=False: None)
    yield


@control("query shuffled")
def _(monkeypatch):
    monkeypatch.setattr(Draw, "labels", lambda self, way, each: np.repeat(np.arange(way), each))
    yield


@control("no labels in the worker")
def _(monkeypatch):
    def with_labels(subject, draw, courses, batches, held_out):
        weights = subject.train(courses, batches, way=2, shot=1, batch=64, seed=draw.seed()).weights
        images, labels = black_box_probe.episodes(draw.rng, held_out, way=2, shot=1, count=1000)
        logits = subject.predict(weights, images, labels).logits
        return check_vocabulary.accuracy(logits[:, -1].reshape(-1, 2), labels[:, -1].argmax(axis=-1).reshape(-1))

    monkeypatch.setattr(black_box, "_accuracy_after_training", with_labels)
    yield


# What the worker can reach


def _change_profile(monkeypatch, change):
    """Let a function change bubblewrap's options, given with the box."""
    profile = bubblewrap._profile
    monkeypatch.setattr(bubblewrap, "_profile", lambda box: change(profile(box), str(box)))


def _without(option):
    def switch(monkeypatch):
        _change_profile(monkeypatch, lambda options, box: [each for each in options if each != option])
        yield

    return switch


control("network")(_without("--unshare-net"))
control("pid namespace")(_without("--unshare-pid"))
control("ipc namespace")(_without("--unshare-ipc"))


@control("mount list")
def _(monkeypatch):
    course = str(paths.COURSE)
    at = len(("--remount-ro", "/dev", "--remount-ro", "/"))
    _change_profile(monkeypatch, lambda options, box: [*options[:-at], "--ro-bind", course, course, *options[-at:]])
    yield


@control("kernel settings")
def _(monkeypatch):
    def writable(options, box):
        at = [n for n, option in enumerate(options) if options[n : n + 2] == ["--remount-ro", "/proc"]]
        return options[: at[0]] + options[at[0] + 2 :] if at else options

    _change_profile(monkeypatch, writable)
    yield


@control("environment")
def _(monkeypatch):
    popen = bubblewrap.popen
    monkeypatch.setattr(
        bubblewrap,
        "popen",
        lambda command, environment, *rest: popen(command, {**os.environ, **environment}, *rest),
    )
    yield from _without("--clearenv")(monkeypatch)


@control("private tmp")
def _(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="box-shared-") as shared:
        Path(shared).chmod(0o777)

        def kept(options, box):
            at = options.index("/tmp", options.index("--proc"))
            return [*options[: at - 3], "--bind", shared, "/tmp", *options[at + 1 :]]

        _change_profile(monkeypatch, kept)
        yield


@control("read-only")
def _(monkeypatch):
    def let_all_read(folder):
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)

    def writable(options, box):
        at = options.index(box)
        return [*options[: at - 1], "--bind", *options[at:]]

    monkeypatch.setattr(disk, "let_all_read", let_all_read)
    _change_profile(monkeypatch, writable)
    yield


@control("allow-list of the box")
def _(monkeypatch):
    fill = box.fill

    def everything(folder, chosen, files):
        fill(folder, chosen, files)
        for exercise in chosen:
            shutil.copy(exercise.folder / "solution.py", folder / exercise.place)

    monkeypatch.setattr(box, "fill", everything)
    yield
