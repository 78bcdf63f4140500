"""What an author has written in probe.py or checks.py that cannot work, each in a sentence with file and line."""

import ast
import difflib
from collections.abc import Iterable, Iterator

from autograder.grading.catalog import Exercise
from autograder.grading.definitions import DefinitionError, Found, Module
from autograder.grading.subjects import Subject

FIXTURES = ("student", "reference", "draw", "threshold")


def find(exercise: Exercise) -> list[str]:
    """List the mistakes in an exercise's questions and checks, in the order of the files; none if all is well."""
    try:
        found = [mistake for name in exercise.outline() for mistake in in_check(exercise, name)]
    except DefinitionError as error:
        return [str(error)]
    try:
        assert exercise.questions, "questions are found"
    except DefinitionError as error:
        return [str(error), *found]
    except AssertionError:
        return [f"{exercise.place}/probe.py has no question: a function that returns a NamedTuple.", *found]
    return found


def in_check(exercise: Exercise, name: str) -> list[str]:
    """List the mistakes in one check: fixtures and questions that there are not.

    Raises:
        DefinitionError: checks.py or probe.py cannot be read.
    """
    found = Module(exercise.folder / "checks.py").names.get(name)
    if found is None or not isinstance(found.node, ast.FunctionDef):
        return []
    return [*_fixtures(found, found.node), *_questions(found, found.node, exercise)]


def _fixtures(found: Found, check: ast.FunctionDef) -> Iterator[str]:
    arguments = check.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.arg not in FIXTURES:
            yield (
                f"{found.module.place(argument)}: {check.name} asks for {argument.arg}, which is no fixture: "
                f"{_meant(argument.arg, FIXTURES, 'there are student, reference, draw and threshold.')}"
            )
    if arguments.vararg or arguments.kwarg:
        yield f"{found.place}: {check.name} takes * or ** arguments; a check names the fixtures that it needs."


def _questions(found: Found, check: ast.FunctionDef, exercise: Exercise) -> Iterator[str]:
    subjects = {argument.arg for argument in check.args.args} & {"student", "reference"}
    known = {*exercise.questions, *vars(Subject(exercise)), *dir(Subject)}
    for node in ast.walk(check):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name) or node.attr in known:
            continue
        if node.value.id in subjects:
            meant = _meant(node.attr, exercise.questions, f"it answers {', '.join(exercise.questions)}.")
            yield (
                f"{found.module.place(node)}: {check.name} asks {node.value.id}.{node.attr}, and the probe of "
                f"{exercise.name} has no function of this name: {meant}"
            )


def _meant(name: str, known: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}?" if near else otherwise
