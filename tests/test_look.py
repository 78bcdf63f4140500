"""What a look at a source notices, and that ordinary homework is nothing to look at."""

import numpy as np
import pytest

from autograder.worker import failure, unusual_code

SOURCES = {
    "os._exit": (b"import os\nos._exit(0)\n", unusual_code.PROCESS, 2),
    "an unusual module": (b"import numpy\nimport ctypes\n", unusual_code.IMPORT, 2),
    "from an unusual module": (b"from learn2learn import x\n", unusual_code.IMPORT, 1),
    "frames": (b"import sys\nx = sys._getframe(1)\n", unusual_code.INTERPRETER, 2),
    "exec": (b"exec('x = 1')\n", unusual_code.TEXT, 1),
    "exec by another name": (b"def f(exec=exec):\n    pass\nrun = exec\n", unusual_code.TEXT, 1),
    "exec in a list": (b"for f in [eval, exec]:\n    f('1')\n", unusual_code.TEXT, 1),
    "compile that is called": (b"def f(compile):\n    compile('1', '', 'exec')\n", unusual_code.TEXT, 2),
    "open": (b"open('x')\n", unusual_code.OPEN, 1),
    "a patched module": (b"import torch\ntorch.allclose = lambda *a: True\n", unusual_code.CHANGE, 2),
    "a long literal": (b"x = '" + b"a" * 3000 + b"'\n", unusual_code.LITERAL, 1),
    "a long list": (b"x = [" + b"1, " * 1000 + b"]\n", unusual_code.LITERAL, 1),
    "another encoding": (b"# coding: utf-7\nx = 1\n", unusual_code.ENCODING, 1),
    "text that turns around": ("# \u202e\n".encode(), unusual_code.TURN, 1),
}


@pytest.mark.parametrize(("source", "notice", "line"), SOURCES.values(), ids=SOURCES)
def test_it_is_noticed(source, notice, line):
    noticed = unusual_code.look(source)
    assert (notice, line) in zip(noticed.notices.tolist(), noticed.lines.tolist(), strict=True)
    (first, *_) = failure.notices(
        {"notices": noticed.notices, "lines": noticed.lines}, "hw2/x.py", {"hw2/x.py": source}
    )
    assert first.startswith(f"hw2/x.py, line {line} ")


OWN_NAMES = {
    "a flag that is compared": b"compile = True\nif compile == True:\n    pass\n",
    "Python's, compared": b"if compile == True or not eval:\n    pass\n",
    "an argument": b"def f(model, compile=False):\n    return g(model, compile=compile) if compile else model\n",
    "a method": b"model.eval()\nmodel.compile()\n",
    "a lambda's": b"f = lambda open: g(open)\n",
    "a loop's": b"for kill in range(3):\n    print(kill)\n",
}


@pytest.mark.parametrize("source", OWN_NAMES.values(), ids=OWN_NAMES)
def test_a_name_of_the_files_own_is_nothing_to_look_at(source):
    assert unusual_code.look(source).notices.tolist() == []


RUNS = {
    "a call": (b"import torch\n\n\ndef f():\n    g()\n\n\nf()\n", [8]),
    "loops before what is given": (b"x = f()\nfor i in range(3):\n    g()\nwhile x:\n    x = h()\n", [2, 4, 1]),
    "under a condition": (b"if True:\n    f()\ntry:\n    g()\nexcept ValueError:\n    pass\n", [2, 4]),
    "what is guarded": (b"if __name__ == '__main__':\n    f()\nelse:\n    g()\n", [4]),
    "settings and definitions": (
        b"'Text.'\nimport torch\ntorch.manual_seed(0)\nN = 5\n\n\nclass A:\n    x = f()\n",
        [],
    ),
}


@pytest.mark.parametrize(("source", "lines"), RUNS.values(), ids=RUNS)
def test_what_runs_on_import_is_found(source, lines):
    assert unusual_code.look(source).runs.tolist() == lines


@pytest.mark.parametrize("between", ["\f", "\x0b", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_line_is_one_where_python_says_so(between):
    source = f"# one{between}two\r# two\r\n# three\nexec('x')  # {between}\n".encode()
    noticed = unusual_code.look(source)
    assert noticed.lines.tolist() == [4]
    (told,) = failure.notices(noticed._asdict(), "hw2/x.py", {"hw2/x.py": source})
    assert told.startswith("hw2/x.py, line 4 runs text as code: exec('x')")


@pytest.mark.parametrize("name", ["data_generator", "black_box", "protonet", "maml"])
def test_the_reference_is_nothing_to_look_at(name, solution):
    assert unusual_code.look(solution(name).encode()).notices.tolist() == []


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\xff\xfe",
        b"def f(:",
        b"\0",
        b"(" * 100_000,
        b"x = " + b"9" * 10_000,
        b"\xef\xbb\xbfx = 1\r\n",
        b"x=1\ry=2",
    ],
    ids=["empty", "not UTF-8", "no Python", "NUL", "nested", "a large number", "BOM", "CR"],
)
def test_whatever_the_bytes_are_the_answer_is_numbers(source):
    noticed = unusual_code.look(source)
    assert noticed.notices.dtype == np.int64 and noticed.notices.shape == noticed.lines.shape


def test_of_very_many_notices_a_few_are_told():
    assert len(unusual_code.look(b"exec('x')\n" * 1000).notices) == unusual_code.MOST
