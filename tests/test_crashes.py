"""A crash leads to the mend: what it means here, the student's own lines, and a hint where that helps."""

import ast
import io
import json
import re
import types

import msgspec
import numpy as np
import pytest
import torch
from rich.console import Console
from test_reports import check, report_of

from autograder.grading import given
from autograder.grading.catalog import exercises
from autograder.instructor.gradescope import results as gradescope
from autograder.manifest import BASES
from autograder.paths import COURSE
from autograder.report import files, student, terminal
from autograder.results import UNANSWERED, WRONG, Verdict
from autograder.worker import client, failure, messages, operands, origins, wire

SOURCES = {  # a line, and where the values are made with which it works
    "what is appended": ("def f():\n    a = []\n    a.append(1.0)\n    return g(a)\n", 4, [3]),
    "and what that was": ("def f(x):\n    a = []\n    y = x.item()\n    a.append(y)\n    return g(a)\n", 5, [4, 3]),
    "an assignment": ("def f(x):\n    y = x + 1\n    return y\n", 3, [2]),
    "the last two of several": ("def f(x):\n    y = g(1)\n    y = g(2)\n    y = g(3)\n    h(y)\n", 5, [3, 4]),
    "an entry": ("def f(x):\n    y = {}\n    y['a'] = x.numpy()\n    h(y)\n", 4, [3]),
    "taken apart": ("def f(x):\n    a, b = h(x)\n    h(b)\n", 3, [2]),
    "the return of one's own function": (
        "def g(x):\n    return x.numpy()\n\ndef f(x):\n    y = g(x)\n    h(y)\n",
        6,
        [5, 2],
    ),
    "a function that returns nothing": ("def g(x):\n    x\n\ndef f(x):\n    y = g(x)\n    h(y)\n", 6, [5, 1]),
    "a method that returns": ("class A:\n  def g(self):\n    return 1\n  def f(self):\n    h(self.g())\n", 5, [3]),
    "the round before in a loop": ("def f(y):\n    for i in y:\n        h(x)\n        x = g(i)\n", 3, [4]),
    "a loop": ("def f(a):\n    for x in a:\n        h(x)\n", 3, [2]),
    "an argument": ("def f(x):\n    h(x)\n", 2, []),
    "what comes only later": ("def f(x):\n    h(y)\n    y = x\n", 2, []),
    "a beginning": ("def f(x):\n    y = []\n    h(y)\n", 3, []),
    "a comprehension's own name": ("def f(x):\n    y = 1 + x\n    h([y for y in x])\n", 3, []),
    "what a comprehension goes through": (
        "def f(x):\n    y = 1 + x\n    h([\n        z\n        for z in y\n    ])\n",
        4,
        [2],
    ),
    "what a generator goes through": (
        "class A:\n  def f(self, x):\n    y = 1 + x\n    h(\n        self.g(a)\n        for a, b in zip(y, x)\n    )\n",
        5,
        [3],
    ),
    "what stands around a function": ("def f(x):\n    y = x + 1\n    def g(z):\n        return z @ y\n", 4, [2]),
    "an argument of a function in a function": (
        "def f(x):\n    y = x + 1\n    def g(y):\n        return h(y)\n",
        4,
        [],
    ),
    "another function's name": ("def g(x):\n    y = x + 1\n\ndef f(x):\n    h(y)\n", 5, []),
    "two methods of one name": (
        "class A:\n  def g(self): return 1\nclass B:\n  def g(self): return 2\n  def f(self):\n    h(self.g())\n",
        6,
        [],
    ),
    "a line of several": ("def f(x):\n    y = x + 1\n    h(\n        y,\n    )\n", 4, [2]),
    "its own names alone": (
        "def f(x):\n    y = g(x)\n    z = g(x)\n    return (\n        h(z),\n        y,\n    )\n",
        5,
        [3],
    ),
    "what is no more than a name": ("def f(x):\n    n = self.n\n    a, b = x.shape\n    h(n, a)\n", 4, []),
    "a size": ("def f(x):\n    n = x.shape[-1]\n    m = len(x)\n    k = x.size(0)\n    h(n, m, k)\n", 5, []),
    "an attribute of self, in the same function": (
        "class A:\n  def __init__(self):\n    self.x = self.g()\n    h(self.x)\n  def g(self):\n    return 2 * y\n",
        4,
        [3, 6],
    ),
    "itself": ("def f(x):\n    x = x + 1\n    x = x + 1\n", 3, [2]),
}


@pytest.mark.parametrize(("source", "line", "made"), SOURCES.values(), ids=SOURCES)
def test_the_lines_are_found_where_values_are_made(source, line, made):
    assert [origin for at, origin in origins.pairs(ast.parse(source)) if at == line] == made


def test_all_solutions_can_be_read_so_and_a_file_without_end_is_not():
    for homework in ("hw1", "hw2"):
        for exercise in exercises(homework):
            assert origins.pairs(ast.parse((COURSE / exercise.file).read_text())), exercise.file
    long = "def f(x):\n" + "    x = x + 1\n" * (origins.LINES + 1)
    assert origins.pairs(ast.parse(long)) == []


STUB = "def f(x):\n    batch = []\n    raise NotImplementedError('f is still to do')\n    return stack(batch)\n"


@pytest.fixture
def stub(tmp_path, monkeypatch):
    monkeypatch.setattr(given, "COURSE", tmp_path)
    given.given_lines.cache_clear()
    path = tmp_path / BASES / "hw2/x.py"
    path.parent.mkdir(parents=True)
    path.write_text(STUB)
    yield path
    given.given_lines.cache_clear()


def test_lines_of_the_stub_are_given(stub):
    own = STUB.replace(
        "    raise NotImplementedError('f is still to do')\n", "    for y in x:\n\n        batch.append(y)\n"
    )
    assert given.given_lines("hw2/x.py", own.encode()) == {1, 2, 6}


def test_nothing_is_given_where_there_is_nothing_to_compare_with(stub):
    assert given.given_lines("hw2/x.py", STUB.encode()) == frozenset()
    assert given.given_lines("hw2/y.py", STUB.encode()) == frozenset()
    assert given.given_lines("hw2/x.py", STUB.encode() * given.MOST) == frozenset()
    given.given_lines.cache_clear()
    stub.write_text("def f(x):\n    return x\n")
    assert given.given_lines("hw2/x.py", b"def f(x):\n    y = x\n    return x\n") == frozenset()


def test_every_question_calls_a_function_of_its_solution_or_runs_the_module():
    for homework in ("hw1", "hw2"):
        for exercise in exercises(homework):
            source = (COURSE / exercise.file).read_text()
            found = {question: given.called(exercise, question) for question in exercise.questions}
            assert any(f"def {name}(" in source for names in found.values() for name in names), exercise.name


OWN = "def f(x):\n    batch = []\n    for y in x:\n        batch.append(y.item())\n    return stack(batch)\n"


def crash(text, *lines, error="TypeError", **about):
    places = [wire.Place("hw2/x.py", line, "f") for line in lines]
    reply = wire.Reply(seq=0, kind="crash", error=error, text=text, places=places)
    found = {}
    for line, origin in origins.pairs(ast.parse(OWN)):
        found.setdefault(line, []).append(origin)
    about = failure.About(**({"given": frozenset({1, 2, 5}), "origins": found} | about))
    return failure.explain(reply, "hw2/x.py", {"hw2/x.py": OWN.encode()}, importing=False, about=about)


@pytest.mark.parametrize("text", ["expected Tensor as element 0 in argument 0, but got float", "not known"])
def test_a_given_line_is_called_so_and_the_own_one_is_named(text):
    error = crash(text, 5)
    for told in (str(error), error.plain):
        assert told.splitlines()[-2:] == [
            "Line 5 was given to you, and is right. Look where its values are made:",
            "hw2/x.py, line 4: batch.append(y.item())",
        ]


def test_where_nothing_is_known_nothing_is_said():
    assert "given" not in crash("not known", 5, given=frozenset(), origins={}).plain
    assert crash("not known", 4).plain == "Your code raised TypeError.\nhw2/x.py, line 4: batch.append(y.item())"
    assert "Look" not in crash("name 'batch' is not defined", 4, error="NameError").plain


def test_a_given_function_that_fails_is_told_with_the_line_that_calls_it():
    plain = crash("not known", 4, 5).plain
    assert "line 4: batch" in plain and "line 5: return" in plain


def test_the_own_line_is_shown_however_many_given_ones_follow_it():
    given = {"given": frozenset({1, 2, 3, 5})}
    said = str(crash("not known", 4, 1, 2, 3, 5, **given))
    assert [line.split(":")[0] for line in said.splitlines()[1:4]] == [
        f"hw2/x.py, line {line}, in f" for line in (4, 3, 5)
    ]
    assert "Lines 2 and 5 were given to you, and are right." in str(crash("not known", 4, 2, 5, **given))


def test_what_fails_outside_of_the_file_names_whose_answer_it_was():
    error = crash("'float' object has no attribute 'backward'", error="AttributeError", returned=("detach", "f"))
    assert error.plain.splitlines()[-1] == (
        "It was raised when the answer was used, and by no line of hw2/x.py: look at what f() returned."
    )
    assert "when the answer was used" not in crash("not known", returned=("detach",)).plain


def test_the_hint_is_left_out_where_the_message_says_what_to_do():
    assert crash("name 'x' is not defined", 4, error="NameError").advised
    assert crash("'a'", 4, error="KeyError").advised
    assert not crash("not known", 4).advised
    assert crash("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", 4, error="RuntimeError").advised


def test_the_way_to_a_crash_names_what_was_returned_to_the_call_and_not_what_it_goes_on_to_return():
    content = b"def mean(x):\n    return x.mean(1)\n\ndef put(r):\n    y = r @ 2\n    return y\n"
    content += b"\ndef f(x):\n    put(mean(x))\n"
    pairs = origins.pairs(ast.parse(content))
    about = failure.About(origins={line: [made for at, made in pairs if at == line] for line, _ in pairs})
    text = "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"
    places = [wire.Place("hw2/x.py", 9, "f"), wire.Place("hw2/x.py", 5, "put")]
    reply = wire.Reply(seq=0, kind="crash", error="RuntimeError", text=text, places=places)
    error = failure.explain(reply, "hw2/x.py", {"hw2/x.py": content}, importing=False, about=about)
    assert error.plain.splitlines()[-2:] == [failure.FROM, "hw2/x.py, line 2: return x.mean(1)"]


IN_A_LINE = {
    "inputs = torch.cat([r, x], dim=1)": "There, r has shape (64,), x (3, 1).",
    "images[row, label] = x.sum(x=r)": "There, images is a float32 array of shape (2, 5), x is a float64 tensor of "
    "shape (3, 1), r is a float64 tensor of shape (64,), label is None.",
    "images = make(row, label)": "There, row is an int, label is None.",
    "return r.mean(several)": "There, r is a float64 tensor of shape (64,), several is a list of 2 ints.",
    "torch.stack(results, pairs)": "There, results is a list of 1 dict, pairs is a tuple of 2 float64 tensors.",
    "several + empty + mixed + nones": "There, several is a list of 2 ints, empty is a list of length 0, "
    "mixed is a list of length 2, nones is a tuple of 2 None.",
    "self.x + self.unknown + nothing": "There, self.x is a bool tensor of shape ().",
    "x = make(0)": "",
}


@pytest.mark.parametrize(("line", "said"), IN_A_LINE.items())
def test_the_shapes_of_what_stands_in_the_line_are_told(line, said):
    known = {
        "r": torch.zeros(64, dtype=torch.float64),
        "x": torch.zeros(3, 1, dtype=torch.float64),
        "row": 2,
        "images": np.zeros((2, 5), dtype=np.float32),
        "label": None,
        "several": [1, 2],
        "results": [{}],
        "pairs": (torch.zeros(2, dtype=torch.float64),) * 2,
        "empty": [],
        "mixed": [1, {}],
        "nones": (None, None),
        "torch": torch,
        "self": types.SimpleNamespace(x=torch.tensor(True)),
        "make": print,
    }
    frame = types.SimpleNamespace(f_locals=known)
    assert operands.sentence(operands.of(frame, line)) == said


def test_shapes_are_in_the_instructors_words_and_not_in_the_students():
    text = "Dimension out of range (expected to be in range of [-1, 0], but got 1)"
    held = [wire.Operand("r", "float64 tensor", [64]), wire.Operand("x", "float64 tensor", [3, 1])]
    places = [wire.Place("hw2/x.py", 1, "f")]
    reply = wire.Reply(seq=0, kind="crash", error="IndexError", text=text, places=places, operands=held)
    error = failure.explain(reply, "hw2/x.py", {"hw2/x.py": b"torch.cat([r, x], dim=1)\n"}, importing=False)
    assert "There, r has shape (64,), x (3, 1)." in str(error).splitlines()
    assert "64" not in error.plain and "There" not in error.plain
    assert wire.decode_header(msgspec.json.encode(reply), wire.Reply) == reply
    for forged in (["x" * 999, "y", []], ["x", "y", [-1]], ["x", "y", [1] * 99]):
        head = msgspec.json.encode({"seq": 0, "kind": "crash", "operands": [forged]})
        with pytest.raises(wire.FrameError):
            wire.decode_header(head, wire.Reply)


def test_a_crash_tells_the_shapes_that_met(edited, grade_source):
    result = grade_source(
        "cnp", edited("cnp", "torch.cat([r.expand(len(x), -1), x], dim=-1)", "torch.cat([r, x], dim=1)")
    )
    crashed = [told for told in result.checks if told.verdict is Verdict.CRASH]
    assert crashed and all("There, r has shape (64,), x (" in told.message for told in crashed)
    assert not any("(64,)" in told.plain for told in crashed)
    assert not any("encodings.mean" in told.message and "Look" in told.message for told in crashed)


def test_a_warning_about_an_own_line_is_told_without_torchs_sources():
    warned = (
        "/box/hw1/x.py:72: UserWarning: Converting a tensor with requires_grad=True to a scalar may lead to "
        "unexpected behavior.\nConsider using tensor.detach() first. "
        "(Triggered internally at /__w/pytorch/torch/csrc/a.cpp:"
        "835.)\n  return torch.tensor(losses).mean()\n"
    )
    first, line = check(Verdict.WRONG, printed=warned).last_printed
    assert first.startswith("hw1/x.py:72: UserWarning: Converting a tensor") and first.endswith("behavior.")
    assert line.strip() == "return torch.tensor(losses).mean()"
    cut = check(Verdict.WRONG, printed=warned[: warned.index("torch/csrc")] + "\u2026\n  return 1\n").last_printed
    assert not [said for said in cut if "__w" in said or "detach" in said]


def test_warnings_of_libraries_are_no_part_of_what_was_printed():
    warned = "/a/site-packages/torch/graph.py:979: UserWarning: It leaks. (Triggered internally)\n  return run(x)\n"
    own = "/box/hw2/x.py:3: UserWarning: mine\n"
    assert check(Verdict.WRONG, printed=f"a\n{warned}{own}b").last_printed == [
        "a",
        "hw2/x.py:3: UserWarning: mine",
        "b",
    ]


def test_a_line_is_shown_once_though_its_comprehension_is_told_of_too():
    content = b"def g(table):\n    return [f(x)\n            for x in table]\n"
    places = [wire.Place("hw2/x.py", line, name) for line, name in ((2, "g"), (2, "<listcomp>"), (3, "<listcomp>"))]
    reply = wire.Reply(seq=0, kind="crash", error="IndexError", text="far", places=places)
    told = str(failure.explain(reply, "hw2/x.py", {"hw2/x.py": content}, importing=False))
    assert [told.count(f"line {number}") for number in (2, 3)] == [1, 1] and "line 2, in g: return" in told


SHOWN = {
    Verdict.PASS: False,
    Verdict.WRONG: True,
    Verdict.FORMAT: True,
    Verdict.CRASH: True,
    Verdict.TIMEOUT: False,
    Verdict.MEMORY: False,
    Verdict.NOT_RUN: False,
}


@pytest.mark.parametrize(("verdict", "shown"), SHOWN.items())
def test_every_way_out_shows_the_hint_of_a_failure(verdict, shown):
    report = report_of(check(verdict, message="It is so.", plain="It is so."))
    words = f"{(WRONG if verdict is Verdict.WRONG else UNANSWERED)[0]}: Think."
    console = Console(file=io.StringIO(), width=100)
    terminal.show(report, console)
    texts = [files.RENDERERS[ending](student.view(report)) for ending in (".html", ".md")]
    texts += [json.dumps(gradescope.results(student.view(report))), console.file.getvalue()]
    assert [(words in re.sub("<[^>]*>", "", " ".join(text.split()))) for text in texts] == [shown] * 4
    advised = report_of(check(verdict, message="It is so.", plain="It is so.", advised=True))
    assert "Hint:" not in files.html(advised) and "Hint:" not in files.markdown(advised)


def test_time_and_memory_have_advice_of_their_own():
    assert client._out_of_memory("x").plain == f"x {failure.TOO_LARGE}"
    assert client._out_of_memory("x").verdict is Verdict.MEMORY
    reply = wire.Reply(seq=0, kind="memory", error="MemoryError", text="")
    assert failure.TOO_LARGE in failure.explain(reply, "x", {}, importing=False).plain


REFUSED = {
    "BlockingIOError": "[Errno 11] Resource temporarily unavailable",
    "RuntimeError": "can't start new thread",
    "ValueError": "",
}


@pytest.mark.parametrize("error", REFUSED)
def test_a_process_or_a_thread_that_is_refused_is_tried_again_for_others_may_have_them_all(error):
    reply = wire.Reply(seq=0, kind="crash", error=error, text=REFUSED[error])
    assert failure.explain(reply, "x", {}, importing=False).again == bool(REFUSED[error])


@pytest.mark.parametrize("text", messages.FORMATS)
def test_an_answer_that_cannot_be_read_is_told_without_what_it_holds(text):
    told = text.replace("{*}", "31415926").replace("{n}", "2").replace("{kind}", "list")
    reply = wire.Reply(seq=0, kind="format", error="FormatError", text=told)
    error = failure.explain(reply, "x", {}, importing=False)
    assert str(error).splitlines()[0] == told and "31415926" not in error.plain
    known = (*messages.NO_NUMBERS.values(), "A function that ends without `return` gives None.")
    assert str(error).splitlines()[1:] == [why for why in known if why in error.plain]
    assert error.advised == (len(str(error).splitlines()) > 1)
    assert error.plain.splitlines()[1] == told.replace("31415926", "...")


def test_a_float_in_place_of_a_loss_leads_to_the_line_that_made_it(edited, grade_source):
    old = "outer_loss_batch.append(F.cross_entropy(logits, labels_query))"
    result = grade_source("maml", edited("maml", old, old[:-1] + ".item())"))
    crashed = [told for told in result.checks if told.verdict is Verdict.CRASH]
    assert crashed
    for told in crashed:
        assert messages.NOT_A_TENSOR in told.plain and "was given to you" in told.plain and told.advised
        assert told.plain.splitlines()[-1].endswith("cross_entropy(logits, labels_query).item())")
    (seen,) = student.view(report_of(*crashed[:1])).checks
    assert re.match(r"TypeError: expected Tensor as element (0|\.\.\.) in argument (0|\.\.\.), but got", seen.message)


def test_gradients_that_are_none_are_explained_instead_of_retained(edited, grade_source):
    old = "gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)"
    new = "loss.backward()\n            gradients = [tensor.grad for tensor in parameters.values()]"
    crashed = [told for told in grade_source("maml", edited("maml", old, new)).checks if told.verdict is Verdict.CRASH]
    assert crashed and all(messages.NOTHING in told.plain for told in crashed)
    assert all("line" in told.plain.splitlines()[-1] and ".grad for tensor" in told.plain for told in crashed)
