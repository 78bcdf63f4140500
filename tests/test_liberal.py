"""Correct solutions in other words get full marks: those of each exercise's alternatives.md."""

import ast

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import alternatives, rules, tried

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
QUICK = 8  # one of so many is tried by the quick tests


def cases():
    """All alternatives, most of them among the slow tests: a right solution is never one of those left out."""
    for exercise in EXERCISES:
        for alternative in alternatives.load(exercise):
            marks = [] if tried.is_drawn(exercise, alternative, QUICK) else [pytest.mark.slow]
            yield pytest.param(exercise, alternative, marks=marks, id=f"{exercise.name}: {alternative.name}")


@pytest.mark.filterwarnings(r"ignore:index_reduce\(\) is in beta")  # a solution may use it all the same
@pytest.mark.parametrize(("exercise", "alternative"), list(cases()))
def test_a_correct_solution_gets_full_marks_and_no_mistake_is_named(exercise, alternative):
    assert rules.alternatives.rejected(exercise, alternative) == []


LEARNED_RATES = "_initial_rates"  # which have a graph in checks, and an object that holds a graph has no copy


class Rewritten(ast.NodeTransformer):
    """Calls a file's own functions in another way."""

    def __init__(self, tree):
        self.names, self.changed = {}, 0
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                self.names[node.name] = [part.arg for part in node.args.args if part.arg != "self"]

    def visit_Call(self, node):
        self.generic_visit(node)
        function = node.func
        is_method = isinstance(function, ast.Attribute) and ast.unparse(function.value) == "self"
        name = function.attr if is_method else getattr(function, "id", "")
        if name not in self.names or any(isinstance(part, ast.Starred) for part in node.args):
            return node
        other = self.rewritten(node, name, is_method)
        self.changed += other is not node
        return other


class ByName(Rewritten):
    """Gives the arguments of functions and methods by their names."""

    def rewritten(self, node, name, is_method):
        return ast.Call(node.func, [], [*map(ast.keyword, self.names[name], node.args), *node.keywords])


class WithCopy(Rewritten):
    """Copies the object, as a student may who trains a copy, wherever it calls a method of its own."""

    def rewritten(self, node, name, is_method):
        if not is_method:
            return node
        return ast.parse(f"(__import__('copy').deepcopy(self), {ast.unparse(node)})[1]", mode="eval").body


class ByClass(Rewritten):
    """Calls methods by the object's class, as type(self)._forward(self, images)."""

    def rewritten(self, node, name, is_method):
        if not is_method:
            return node
        method = ast.parse(f"type(self).{name}", mode="eval").body
        return ast.Call(method, [ast.parse("self", mode="eval").body, *node.args], node.keywords)


def references():
    """The references with their own calls in other ways, and how many: all have calls that can be made by name."""
    for exercise in EXERCISES:
        for way in (ByName, ByClass, WithCopy):
            tree = ast.parse((exercise.folder / "solution.py").read_text(encoding="utf-8"))
            calls = way(tree)
            source = ast.unparse(ast.fix_missing_locations(calls.visit(tree)))
            if way is ByName or (calls.changed and not (way is WithCopy and LEARNED_RATES in source)):
                yield pytest.param(exercise.name, source, calls.changed, id=f"{exercise.name}, {way.__name__}")


@pytest.mark.parametrize(("exercise", "source", "changed"), list(references()))
def test_own_functions_may_be_called_in_other_ways(judge, exercise, source, changed):
    assert changed
    results = judge(exercise, source)
    assert not [(check.name, check.verdict, check.message) for check in results if check.earned < check.points]
