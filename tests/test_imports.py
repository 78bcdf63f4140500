"""What happens at import: packages that are not here, code that runs, compilers, versions; and what is said of it."""

import platform
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from autograder.grading import box, catalog
from autograder.grading.subjects import Student
from autograder.instructor import in_process, references
from autograder.isolation import levels
from autograder.paths import COURSE
from autograder.results import StudentError, Verdict
from autograder.worker import failure, wire

(EXERCISE,) = (exercise for exercise in catalog.exercises("hw2") if exercise.name == "protonet")
FILE = EXERCISE.file
PYTHON = "{}.{}".format(*platform.python_version_tuple())


@pytest.fixture
def opened():
    """Imports a module in a worker, or says why that cannot be done: the error, and what it printed."""

    def start(source):
        files = {FILE: source if isinstance(source, bytes) else source.encode()}
        with box.filled(catalog.exercises("hw2"), files) as folder:
            student = Student(EXERCISE, levels.find(), folder, 1, files)
            try:
                student.open()
            except StudentError as error:
                return error
            finally:
                student.printed()
                student.close()
        return None

    return start


UNUSED = """
import cv2, einops, higher, pandas as pd
import gdown
import learn2learn as l2l
import sklearn.metrics.cluster as cluster
import scipy.stats
import torch.utils.tensorboard
import torch.utils.tensorboard as tb
import torchvision.transforms
import wandb
from google_drive_downloader import GoogleDriveDownloader as gdd
from torch.utils import data, tensorboard
from torch.utils.tensorboard import SummaryWriter
from torchmeta.datasets.helpers import (
    miniimagenet,
    omniglot,
)
from tqdm import tqdm, trange
from tqdm.auto import tqdm as bar
from imaginary_package import *
from hw2 import util
import util as same

assert data.DataLoader and torch.utils.data and same.score
if wandb.run:
    wandb.log({})


class Model(torch.nn.Module):
    def __init__(self, writer: SummaryWriter | None = None, run: wandb.Run = None):
        import another_imaginary_package
        super().__init__()
        assert not isinstance(self, einops.Thing)


Model()
"""
HONEST = """
import contextlib
import importlib.util

for name in ("einops", "imaginary_package"):
    assert importlib.util.find_spec("imaginary_package") is None
    try:
        importlib.import_module("imaginary_package")
    except ImportError:
        continue
    raise SystemExit("it is there")
try:
    import imaginary_package
except ImportError:
    imaginary_package = None
try:
    from imaginary_package import thing
except (ValueError, ModuleNotFoundError) as error:
    assert error.name == "imaginary_package"
    thing = None
with contextlib.suppress(ImportError):
    import imaginary_package.inner
    raise SystemExit("it is there")


def load():
    import imaginary_package


try:
    load()
except ImportError:
    loaded = False
assert imaginary_package is thing is None and not loaded
"""


@pytest.mark.parametrize("source", [UNUSED, HONEST], ids=["unused", "provided for"])
def test_a_package_that_is_not_here_and_not_used_costs_nothing(opened, source):
    assert opened(source) is None


USED = {
    "called": "from imaginary_package import thing\nx = thing(3)\n",
    "an attribute called": "import imaginary_package.inner as inner\nx = inner.part.thing(3)\n",
    "derived from": "import imaginary_package\nclass Model(imaginary_package.Module): pass\n",
    "a decorator": "from imaginary_package import decorate\n@decorate\ndef f(): pass\n",
    "counted with": "from imaginary_package import pi\nx = 2 * pi\n",
    "gone through": "from imaginary_package import things\nfor x in things: pass\n",
    "its version": "import imaginary_package\nimaginary_package.__version__\n",
}


@pytest.mark.parametrize("source", USED.values(), ids=USED)
def test_a_package_that_is_used_is_named_with_the_line_and_with_what_there_is(opened, source):
    error = opened(source)
    assert error.verdict is Verdict.CRASH and error.plain == str(error)
    assert str(error).startswith(
        "ModuleNotFoundError: No module named 'imaginary_package'\n"
        f"{FILE}, line 2 uses imaginary_package, which is not here: there are the library of Python {PYTHON}, torch, "
        f"numpy, matplotlib and PIL. Remove the line, or write it with these.\n{FILE}, line 2, in <module>: "
    )


def test_a_package_that_torch_cannot_take_is_named_in_torchs_own_words(opened):
    error = opened("import torch; from imaginary_package import pi\nx = torch.zeros(pi)\n")
    assert "not imaginary_package, which is not here" in str(error)


def test_a_tensorboard_that_is_used_is_named(opened):
    error = opened("from torch.utils.tensorboard import SummaryWriter\nwriter = SummaryWriter()\n")
    if error is not None:  # it is not here
        assert f"{FILE}, line 2 uses tensorboard, which is not here" in str(error)


RUNS = {
    "an argument that is required": (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--x', required=True)\n"
        "args = parser.parse_args()\n",
        "SystemExit: 2",
        4,
    ),
    "an end": ("import sys\n\nsys.exit(main() if False else 3)\n", "SystemExit: 3", 3),
    "data that are not here": (
        "def load(n):\n    return load(n - 1) if n else open('data/x')\n\n\nimages = load(9)\n",
        "FileNotFoundError",
        5,
    ),
    "an episode": ("from hw2 import omniglot\nomniglot.Omniglot('nowhere')\n", "", 2),
    "training": ("model = None\nfor step in range(3):\n    model.train()\n", "AttributeError", 3),
}


@pytest.mark.parametrize(("source", "says", "line"), RUNS.values(), ids=RUNS)
def test_what_fails_on_import_is_told_to_run_on_import(opened, source, says, line):
    error = opened(source)
    assert says in str(error) and error.plain == str(error)
    assert (
        f"{FILE}, line {line} runs whenever the file is imported, as it is here: put it under "
        '`if __name__ == "__main__":`, or remove it.\n' in str(error)
    )
    assert f"{FILE}, line {line}, in <module>: " in str(error)


@pytest.mark.parametrize(
    "source",
    ["class Model(nothing):\n    pass\n", "@nothing\ndef f():\n    pass\n", "from torch import nothing\n"],
    ids=["a class", "a decorator", "an import"],
)
def test_what_every_module_has_is_not_told_to_be_guarded(opened, source):
    assert "__main__" not in str(opened(source))


HARMLESS = """
import argparse
import sys

import matplotlib.pyplot as plt

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1.0)
args, rest = parser.parse_args(), sys.argv[1:]
assert sys.argv == ["hw2/protonet.py"] and args.lr == 1 and not rest
print("hello")
plt.plot([1, 2])
plt.show()
if __name__ == "__main__":
    raise SystemExit("run")
"""


def test_arguments_prints_and_pictures_on_import_are_harmless(opened):
    assert opened(HARMLESS) is None


def test_a_module_that_never_ends_its_import_is_told_what_runs(opened, monkeypatch):
    monkeypatch.setattr("autograder.grading.subjects.START", 8.0)
    source = "import time\n\n\ndef train():\n    while True:\n        time.sleep(1)\n\n\nprint('go')\ntrain()\n"
    error = opened(source)
    assert error.verdict is Verdict.TIMEOUT and error.plain == str(error)
    assert str(error).endswith(
        f"It happened while the file was imported. What runs then:\n{FILE}, line 10: train()\n"
        'If it need not, put it under `if __name__ == "__main__":`.'
    )


def test_a_module_that_ends_python_is_told_what_runs(opened):
    error = opened("import os\n\nos._exit(0)\n")
    assert "exit status 0" in str(error) and f"What runs then:\n{FILE}, line 3: os._exit(0)\n" in str(error)


COMPILED = """
import torch
from torch import nn


@torch.compile
def double(x):
    return 2 * x


@torch.compile(mode="reduce-overhead", fullgraph=True)
def triple(x):
    return 3 * x


@torch.compiler.disable
def same(x):
    return x


@torch.compiler.disable(recursive=False)
def again(x):
    return x


network = nn.Linear(2, 2)
compiled = torch.compile(network, dynamic=True)
compiled.compile(mode="default")
x = torch.ones(3, 2)
assert compiled is network and torch.compile(model=network) is network
assert double(1) + triple(1) + same(1) + again(1) == 7
assert torch.equal(compiled(x), network(x)) and list(compiled.state_dict()) == ["weight", "bias"]
assert torch.equal(torch.jit.script(network)(x), network(x))
assert torch.equal(torch.jit.trace(network, x)(x), network(x))
import sys
assert not any(name.startswith(("torch._dynamo", "torch._inductor")) for name in sys.modules)
"""


def test_what_is_compiled_stays_as_it_is_and_no_compiler_is_imported(opened):
    began = time.monotonic()
    assert opened(COMPILED) is None
    assert time.monotonic() - began < 60


def test_a_solution_of_ours_is_not_compiled_either():
    source = (
        references.solutions("hw2").files[FILE] + b"\n\n@torch.compile\ndef f(x):\n    return x\n\n\ncompiled = f\n"
    )
    solution = in_process.Inside(EXERCISE, source)._solution
    assert solution.compiled(3) == 3 and torch.compile(solution.f) is solution.f


COUNTED = """
import sys, torch
from autograder.shapes.memory import TensorMemory
with TensorMemory() as memory:
    numbers = torch.ones(1000) * 2
assert memory.peak == 8000, memory.peak
assert "torch._dynamo" not in sys.modules
"""


def test_memory_is_counted_without_the_compiler():
    subprocess.run([sys.executable, "-c", COUNTED], cwd=COURSE, check=True)


# Versions, debuggers, lines: what is said of a reply


def told(source, error, text, line, *, importing=False, function="<module>"):
    files = {FILE: source}
    places = [wire.Place(FILE, line, function)]
    return failure.explain(
        wire.Reply(seq=0, kind="crash", error=error, text=text, places=places), FILE, files, importing=importing
    )


NEWER = [
    *(b"type X = int\n", b"def first[T](x: T) -> T:\n    return x\n", b"x = f'{f'{1}'}'\n", b"x = t'{1}'\n"),
    *(b"try:\n    pass\nexcept* ValueError:\n    pass\n", b"try:\n    pass\nexcept A, B:\n    pass\n", b"1 +\n"),
]


@pytest.mark.parametrize("source", NEWER)
def test_a_syntax_that_is_not_the_graders_names_its_python(opened, source):
    error = opened(source)
    if error is not None:  # this Python knows it
        assert error.verdict is Verdict.NOT_RUN and str(error).endswith(f"\nThe grader runs Python {PYTHON}.")


def test_a_wrong_indentation_has_nothing_to_do_with_versions(opened):
    assert "The grader runs" not in str(opened("if True:\nx = 1\n"))


VERSIONS = {
    "torch's": ("AttributeError", "module 'torch' has no attribute 'vmapx'", f"torch {torch.__version__} and Python "),
    "a part of torch's": (
        "ImportError",
        "cannot import name 'x' from 'torch.func' (/a/b)",
        f"torch {torch.__version__}",
    ),
    "NumPy's": ("AttributeError", "module 'numpy' has no attribute 'float'", f"numpy {np.__version__} and Python "),
    "Python's": ("ImportError", "cannot import name 'Self' from 'typing' (/a/b)", f"The grader runs Python {PYTHON}."),
    "its own": ("AttributeError", "module 'hw2.util' has no attribute 'x'", ""),
    "an object's": ("AttributeError", "'Tensor' object has no attribute 'x'", ""),
}


@pytest.mark.parametrize(("error", "text", "says"), VERSIONS.values(), ids=VERSIONS)
def test_what_another_version_has_is_told_with_the_version_that_is_here(error, text, says):
    found = told(b"x = 1\n", error, text, 1)
    assert says in found.plain if says else "The grader" not in found.plain


def test_a_breakpoint_is_told_where_it_is():
    source = b"def f():\n    # breakpoint()\n    breakpoint()\n    import pdb; pdb.set_trace()\n    return 1\n"
    assert (
        f"There is no terminal here for a debugger: remove breakpoint() in {FILE}, line 3 and set_trace() in {FILE}, "
        "line 4." in told(source, "BdbQuit", "", 5, function="f").plain
    )


def test_who_asks_for_input_is_told_that_nobody_is_there():
    assert "nobody here to answer input()" in told(b"input()\n", "EOFError", "EOF when reading a line", 1).plain
    assert "input()" not in told(b"load(x)\n", "EOFError", "Ran out of input", 1).plain


def test_a_name_that_the_file_does_not_say_is_not_told_to_the_student():
    found = told(b"f()\n", "ModuleNotFoundError", "No module named 'secret_input_42'", 1, function="f")
    assert "secret_input_42" not in found.plain


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_quoted_line_is_the_one_that_python_means(opened, end):
    no_ends = "\f\x0b\x1c\x1d\x1e\x85\u2028\u2029"
    source = end.join(["# -*- coding: utf-8 -*-", f"x = 1  # {no_ends}", f"s = '''{no_ends}'''", "1 / 0", ""])
    error = opened(("\ufeff" + source).encode())
    assert f"{FILE}, line 4, in <module>: 1 / 0" in str(error)
