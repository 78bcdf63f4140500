"""A crash has the name of a known mistake only where the same expression raised it, whoever wrote it and how."""

import ast

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import mutants
from autograder.results import Verdict
from autograder.worker import expressions
from autograder.worker.expressions import Span, writings

EXERCISES = {e.name: e for homework in catalog.homeworks() for e in catalog.exercises(homework)}
IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import autograd, nn\n"


def of(body, expression, *others):
    """The writings of an expression in a function; others are functions beside it."""
    text = IMPORTS + "\n".join(others) + "\ndef f(x, y, z):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    begin = text.rindex(expression)
    line = text.count("\n", 0, begin) + 1
    column = begin - text.rfind("\n", 0, begin) - 1
    end = line + expression.count("\n")
    width = len(expression.rpartition("\n")[2]) + (column if end == line else 0)
    found = writings(text, Span(line, end, column, width))
    assert found
    return [writing.digest for writing in found]


def is_one(first, second):
    return bool({*of(*first)} & {*of(*second)})


SAME = {
    "other names": (("a = g(x)\nreturn a - y\n", "a - y"), ("mine = g(x)\nreturn mine - y\n", "mine - y")),
    "two lines": (
        ("return F.cross_entropy(x.T, y)", "F.cross_entropy(x.T, y)"),
        ("t = x.T\nreturn F.cross_entropy(t, y)", "F.cross_entropy(t, y)"),
    ),
    "three lines": (
        ("return g(h(x + y) * z)", "g(h(x + y) * z)"),
        ("a = x + y\nb = h(a)\nc = b * z\nreturn g(c)", "g(c)"),
    ),
    "a method and a function": (
        ("return x.mean(dim=1)", "x.mean(dim=1)"),
        ("return torch.mean(x, 1)", "torch.mean(x, 1)"),
    ),
    "a loss and its module": (
        ("return F.cross_entropy(x, y)", "F.cross_entropy(x, y)"),
        ("return nn.CrossEntropyLoss()(x, y)", "nn.CrossEntropyLoss()(x, y)"),
    ),
    "a shape in brackets": (
        ("return x.reshape(y, z)", "x.reshape(y, z)"),
        ("return torch.reshape(x, (y, z))", "torch.reshape(x, (y, z))"),
    ),
    "a list of it": (
        ("return autograd.grad(x, y.values())", "autograd.grad(x, y.values())"),
        ("return autograd.grad(x, list(y.values()))", "autograd.grad(x, list(y.values()))"),
    ),
    "a dict and its keys": (("return g(h(x))", "g(h(x))"), ("return g(h(x).keys())", "g(h(x).keys())")),
    "a product of vectors": (("return g(x @ y)", "g(x @ y)"), ("return g(torch.dot(x, y))", "g(torch.dot(x, y))")),
    "factors in the other order": (("return g(h(x) * y)", "g(h(x) * y)"), ("return g(y * h(x))", "g(y * h(x))")),
    "an argument of an inner function": (
        ("def inner(v):\n    return g(v, x)", "g(v, x)"),
        ("return lambda direction: g(direction, x)", "g(direction, x)"),
    ),
    "a gradient inside whose graph is kept": (
        ("return g(autograd.grad(x, y))", "g(autograd.grad(x, y))"),
        ("return g(autograd.grad(x, y, retain_graph=True))", "g(autograd.grad(x, y, retain_graph=True))"),
    ),
}
OTHER = {
    "another operation": (("return x - y", "x - y"), ("return x + y", "x + y")),
    "another function": (("return g(x)", "g(x)"), ("return h(x)", "h(x)")),
    "something else is subtracted": (("return x - y", "x - y"), ("return x.sum(1) - y.sum(1)", "x.sum(1) - y.sum(1)")),
    "new axes": (("return x[:, None] - y", "x[:, None] - y"), ("return x - y", "x - y")),
    "another argument": (
        ("return autograd.grad(x, y)", "autograd.grad(x, y)"),
        ("return autograd.grad(x, y.values())", "autograd.grad(x, y.values())"),
    ),
    "a graph that is kept where the error is": (
        ("return autograd.grad(x, y, retain_graph=True)", "autograd.grad(x, y, retain_graph=True)"),
        ("return autograd.grad(x, y)", "autograd.grad(x, y)"),
    ),
    "with a graph": (
        ("return autograd.grad(x, y, create_graph=True)", "autograd.grad(x, y, create_graph=True)"),
        ("return autograd.grad(x, y)", "autograd.grad(x, y)"),
    ),
}


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME)
def test_one_expression_written_twice_is_the_same(first, second):
    assert is_one(first, second)


@pytest.mark.parametrize(("first", "second"), OTHER.values(), ids=OTHER)
def test_another_expression_is_not(first, second):
    assert not is_one(first, second)


def test_a_value_is_written_in_its_place_further_and_further_back():
    body = "a = g(x)\nb = a + a\nreturn h(b, b)"
    digests = of(body, "h(b, b)")
    assert len(digests) == 3 and not {*of(body.replace("g(", "k("), "h(b, b)")[2:]} & {*digests}
    assert of(body.replace("g(", "k("), "h(b, b)")[:2] == digests[:2]


def test_what_is_made_without_a_graph_is_told_from_what_is_not():
    plain = "a = g(x)\nreturn h(a)"
    assert not is_one((plain, "h(a)"), ("with torch.no_grad():\n    a = g(x)\nreturn h(a)", "h(a)"))


def test_what_an_own_function_returns_is_written_too():
    own, other = ("def g(x):\n    return x + 1", "def g(x):\n    return x * 2")
    first, second = of("return h(g(x))", "h(g(x))", own), of("return h(g(x))", "h(g(x))", other)
    assert first[0] == second[0] and first[1] != second[1]


def test_without_columns_the_statement_is_meant_and_without_a_statement_nothing():
    text = "def f(x):\n    y = x + 1\n    return y\n"
    (first, *_), (again, *_) = (writings(text, Span(2, 2)) for _ in range(2))
    assert first == again and first.lines == {2}
    assert writings(text, Span(9, 9)) == [] and writings("def f(:", Span(1, 1)) == []
    assert writings("x = " + "(" * 500 + ")" * 500, Span(1, 1)) == []


def test_all_expressions_of_all_solutions_can_be_written():
    for exercise in EXERCISES.values():
        text = (exercise.folder / "solution.py").read_text(encoding="utf-8")
        for node in [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call | ast.BinOp)][:60]:
            assert writings(text, Span(node.lineno, node.end_lineno, node.col_offset, node.end_col_offset))
    assert expressions.spans([]) == []


def crashes(judge, exercise, text):
    return [check for check in judge(exercise, text) if check.verdict is Verdict.CRASH]


def says(exercise, name):
    return next(mutant.says for mutant in mutants.load(EXERCISES[exercise]) if mutant.name == name)


SQUARES = "-(features[:, None] - prototypes[None]).square().sum(dim=-1)"
NO_AXES = "no new axes"


@pytest.mark.parametrize(
    ("written", "is_named"),
    [
        ("-(features - prototypes).square().sum(dim=-1)", True),
        ("-((features - prototypes) ** 2).sum(1)", True),
        ("(-1.0) * torch.pow(features - prototypes, 2).sum(-1)", True),
        ("-(features.pow(2) * prototypes.pow(2)).sum(1)", False),
        ("-(features.sum(1) - prototypes.sum(1))", False),
    ],
)
def test_the_same_message_of_another_line_has_no_name(written, is_named, judge, solution):
    (first, *_) = crashes(judge, "protonet", solution("protonet").replace(SQUARES, written))
    assert "must match the size" in first.message
    assert (says("protonet", NO_AXES) in first.likely) is is_named


def test_a_name_is_not_given_for_what_a_given_function_was_handed_another_way(judge, solution):
    right = "dict(zip(phi, autograd.grad(loss, list(phi.values())), strict=True))"
    text = solution("imaml")
    known = says("imaml", "the dict given to autograd in the outer gradient")
    assert text.count(f"gradient = {right}\n") == 1
    mistaken = text.replace(
        f"gradient = {right}\n", "gradient = dict(zip(phi, autograd.grad(loss, phi), strict=True))\n"
    )
    assert any(known in check.likely for check in crashes(judge, "imaml", mistaken))
    handed = "flat(gradient[name] for name in phi)"
    assert text.count(handed) == 1
    found = crashes(judge, "imaml", text.replace(handed, "flat(gradient)"))
    assert found and not any(known in check.likely for check in found)
