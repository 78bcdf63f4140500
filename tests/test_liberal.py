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


class ByName(ast.NodeTransformer):
    """Gives the arguments of a file's own functions and methods by their names."""

    def __init__(self, tree):
        self.names, self.changed = {}, 0
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                self.names[node.name] = [part.arg for part in node.args.args if part.arg != "self"]

    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        own = isinstance(node.func, ast.Name) or ast.unparse(getattr(node.func, "value", node)) == "self"
        if own and name in self.names and not any(isinstance(part, ast.Starred) for part in node.args):
            node.keywords = [*map(ast.keyword, self.names[name], node.args), *node.keywords]
            node.args, self.changed = [], self.changed + 1
        return node


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_functions_may_be_called_by_the_names_of_their_arguments(judge, solution, exercise):
    tree = ast.parse(solution(exercise.name))
    names = ByName(tree)
    source = ast.unparse(ast.fix_missing_locations(names.visit(tree)))
    assert names.changed
    results = judge(exercise.name, source)
    assert not [(check.name, check.verdict, check.message) for check in results if check.earned < check.points]
