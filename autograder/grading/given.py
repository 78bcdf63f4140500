"""Which lines of a student's file were given, and which functions of it a question calls."""

import ast
import difflib
import functools

from autograder.grading.catalog import Exercise
from autograder.manifest import BASES
from autograder.paths import COURSE

MOST = 2000  # lines of a file that is compared
TODO = "NotImplementedError"  # what a stub has in the place of what students write


@functools.lru_cache(maxsize=8)
def given_lines(file: str, content: bytes) -> frozenset[int]:
    """Return the numbers of the lines that stand in the stub, too; none where no stub is at hand to compare with.

    Args:
        file: as hw2/maml.py.
        content: what the student made of it.
    """
    stub = next((path.read_bytes() for path in (COURSE / BASES / file, COURSE / file) if path.is_file()), b"")
    before, after = _stripped(stub), _stripped(content)
    if not any(TODO in line for line in before) or before == after or len(after) > MOST:
        return frozenset()
    matcher = difflib.SequenceMatcher(lambda line: not line, before, after, autojunk=False)
    return frozenset(
        block.b + i + 1 for block in matcher.get_matching_blocks() for i in range(block.size) if after[block.b + i]
    )


def _stripped(content: bytes) -> list[str]:
    return [line.decode(errors="replace").strip() for line in content.splitlines()]


@functools.lru_cache(maxsize=256)
def called(exercise: Exercise, question: str) -> tuple[str, ...]:
    """Return names of what a question of the probe calls: functions of the solution are among them.

    Args:
        exercise: whose probe.
        question: one of its functions.
    """
    trees = [ast.parse((COURSE / name).read_text(encoding="utf-8")) for name in exercise.driver]
    functions = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: dict[str, None] = {}
    todo, seen = [question], {"build"}
    for name in todo:  # which grows
        if name in seen or name not in functions:
            continue
        seen.add(name)
        calls = [node.func for node in ast.walk(functions[name]) if isinstance(node, ast.Call)]
        found |= dict.fromkeys(func.attr for func in calls if isinstance(func, ast.Attribute))
        todo += [func.id for func in calls if isinstance(func, ast.Name)]
    return tuple(found)
