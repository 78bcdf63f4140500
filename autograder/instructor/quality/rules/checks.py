"""Rules about what must hold of a solution."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from autograder.grading import author_mistakes
from autograder.grading import checks as grading
from autograder.grading.catalog import Exercise
from autograder.grading.checks import Check, trains
from autograder.instructor import solution_regions
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import solution_code
from autograder.instructor.quality.judging import judge
from autograder.paths import COURSE
from autograder.results import Verdict

LONGEST = 120  # letters of a sentence
BANNED = {  # they pass on nan, or broadcast
    *("allclose", "isclose", "assert_allclose", "array_equal", "assert_array_equal", "assert_array_almost_equal"),
}
OTHER_STREAMS = ("np.random.", "import random", "torch.rand")
UNSTEADY = {"default_rng", "manual_seed", "time", "monotonic"}
DEPTH = 3  # of helpers that call helpers


def described(exercise: Exercise) -> Iterator[str]:
    """Look at sentence, points and hint of each check."""
    for check, told in zip(grading.checks(exercise), grading.described(exercise), strict=True):
        place = _place(check)
        if not check.__doc__ or not told.title.endswith(".") or "\n" in told.title or len(told.title) >= LONGEST:
            yield f"{place}: Its docstring is one sentence of fewer than {LONGEST} letters that ends with a full stop."
        if told.title.count('"') % 2 or ' " ' in told.title:
            yield f"{place}: A quotation mark in its sentence has no other."
        if getattr(check, "points", 0) <= 0:
            yield f"{place}: Give it @points, more than 0."
        for text, what in ((told.hint, "what is wrong and where to look"), (told.mend, "mend=: how to mend it")):
            if len(text.split()) <= 5 or text[-1] not in ".?":
                yield f"{place}: Give it a @hint with {what}, in the lecture's terms and in more than five words."
        if told.hint == told.mend:
            yield f"{place}: Its @hint says the same twice: first where to look, and only then how to mend it."


def first_hints(exercise: Exercise) -> Iterator[str]:
    """Look for code of the solution in what a first report says."""
    file = exercise.folder / "solution.py"
    code = solution_code.SolutionCode(file.read_text(encoding="utf-8"), f"{exercise.place}/solution.py")
    for check, told in zip(grading.checks(exercise), grading.described(exercise), strict=True):
        for found in code.found_in(told.hint):
            yield f"{_place(check)}: Its first hint gives `{found}` of the solution away: say it in mend= only."


def fixtures(exercise: Exercise) -> Iterator[str]:
    """Look at what each check asks for: fixtures, and questions of the probe."""
    yield from author_mistakes.find(exercise)
    for check in grading.checks(exercise):
        asked = list(inspect.signature(check).parameters)
        if "student" not in asked:
            yield f"{_place(check)}: It does not ask for the student's solution: take `student`."
        if ("threshold" in asked) != trains(check):
            yield f"{_place(check)}: A check takes `threshold` if it trains, with @training, and only then."


def order(exercise: Exercise) -> Iterator[str]:
    """Look at what checks wait for."""
    above: list[Check] = []
    trained = ""
    for check in grading.checks(exercise):
        for awaited in getattr(check, "after", ()):
            shared = awaited.__module__.startswith("autograder.shapes.")  # of whose checks an exercise takes some
            if awaited not in above and not (shared and awaited not in grading.checks(exercise)):
                yield f"{_place(check)}: It waits for {awaited.__name__}, which does not stand above it."
        if trained and not trains(check):
            yield f"{_place(check)}: It does not train: put it above {trained}, which does."
        trained = trained or (check.__name__ if trains(check) else "")
        above.append(check)


def asserts(exercise: Exercise) -> Iterator[str]:
    """Look for checks that cannot fail, and for assertions that say nothing."""
    for module in _modules(exercise):
        for part in ast.walk(_tree(module)):
            if isinstance(part, ast.Assert) and part.msg is None:
                yield f"{_file(module)}:{part.lineno}: Say what is wrong: `assert condition, message`."
    for check in grading.checks(exercise):
        helpers = {node.name: node for node in _tree(_home(check)).body if isinstance(node, ast.FunctionDef)}
        if not _asserts(ast.parse(textwrap.dedent(inspect.getsource(check))), helpers, DEPTH):
            yield f"{_place(check)}: It asserts nothing, and cannot fail."


def vocabulary(exercise: Exercise) -> Iterator[str]:
    """Look for comparisons and random numbers that are not the house's."""
    for module in _modules(exercise):
        tree = _tree(module)
        for name in sorted(_called(tree) & BANNED):
            yield f"{_file(module)}: {name} passes on nan or broadcasts; assert_close of check_vocabulary does not."
        text = ast.unparse(tree).replace("np.random.Generator", "")  # what families are given
        for name in [*(name for name in OTHER_STREAMS if name in text), *sorted(_called(tree) & UNSTEADY)]:
            yield f"{_file(module)}: {name}: a check draws from its own stream alone, the fixture `draw`."


def reference_and_stub(exercise: Exercise) -> Iterator[str]:
    """Hold the checks that do not train against the reference, and against what a student begins with."""
    solution = (exercise.folder / "solution.py").read_text(encoding="utf-8")
    for text, right in ((solution, True), (solution_regions.stub(solution, f"{exercise.place}/solution.py"), False)):
        subject = Inside(exercise, text)
        for check in judge({exercise: subject}, 1, Live(), lambda check: not trains(check)):
            if right and check.verdict is not Verdict.PASS:
                yield f"{exercise.place}/checks.py: {check.name} fails for the reference ({check.message})."
            elif not right and check.verdict is Verdict.PASS:
                yield f"{exercise.place}/checks.py: {check.name} passes for {exercise.file} as students get it."


def _asserts(node: ast.AST, helpers: dict[str, ast.FunctionDef], depth: int) -> bool:
    if any(isinstance(part, ast.Assert) for part in ast.walk(node)):
        return True
    names = _called(node)
    return any(name.startswith("assert_") or name == "reached_by" for name in names) or (
        depth > 0 and any(_asserts(helpers[name], helpers, depth - 1) for name in names & helpers.keys())
    )


def _called(node: ast.AST) -> set[str]:
    """Names of all functions that a piece of code calls."""
    calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return {name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "") for name in calls}


def _modules(exercise: Exercise) -> list[ModuleType]:
    """The modules in which checks of an exercise stand, its own first."""
    return list(dict.fromkeys([exercise.load("checks"), *map(_home, grading.checks(exercise))]))


def _home(check: Check) -> ModuleType:
    """The module in which a check stands."""
    return sys.modules[check.__module__]


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _file(module: ModuleType) -> str:
    return Path(module.__file__ or "").relative_to(COURSE).as_posix()


def _place(check: Check) -> str:
    return f"{_file(_home(check))}:{check.__code__.co_firstlineno}: {check.__name__}"
