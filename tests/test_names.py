"""Nothing of the course knows an exercise by its name, but for the folder that holds it and lists of homeworks.

Whoever adds an exercise, or takes one away, touches no other file. Examples in comments and docstrings are free.
"""

import ast
import re
from pathlib import PurePath

from autograder.paths import COURSE, EXERCISES

NAMES = sorted(path.parent.name for path in EXERCISES.glob("*/exercise.toml"))
NAMED = re.compile(rf"\b({'|'.join(NAMES)})\b|_({'|'.join(NAMES)})\b|\b({'|'.join(NAMES)})_", re.IGNORECASE)
LOOKED_AT = ("autograder/**/*", "data/**/*.py", "trainer/**/*.py", "hw*/*", "benchmarks/*.py", "tests/**/*")
READ = {".py", ".toml", ".md", ".j2", ".sh", ".ini", ".yml"}

EXCEPTIONS = {  # what still does, and why; no more are to come
    "hw*/homework.toml": "the list of a homework's exercises",
    "hw*/README.md": "generated from the folders",
    "hw*/answers.md": "generated from the folders",
    "benchmarks/batched.py": "MAML's steps for all tasks at once, measured against the papers",
    "benchmarks/episodes.py": "how fast hw1's episodes are drawn and read",
    "benchmarks/glyphs.py": "trains a ProtoNet to tell how hard drawn handwriting is",
    "benchmarks/gpu*.py": "MAML and ProtoNet on a GPU, measured against the papers",
    "benchmarks/meta_step.py": "how fast MAML's outer step is",
    "benchmarks/results.py": "the runs that were measured, and what the papers reach",
    "tests/test_crashes.py": "crashes of solutions that there are, as students bring them about",
    "tests/test_expressions.py": "expressions that raise in solutions that there are",
    "tests/test_student_day.py": "types names of exercises, as students do",
    "tests/test_pictures.py": "what an exercise's own pictures show of its students' mistakes",
    "tests/test_rewritten_mistakes.py": "wrong solutions of exercises that there are, written anew",
    "tests/hostile/**/*": "submissions that were handed in are of exercises that there are",
}
BEFORE = [
    "batched",
    "bounds",
    "checks",
    "class_layouts",
    "class_pages",
    "class_run",
    "class_work",
    "confirm",
    "fault",
    "forged_gradients",
    "gpu",
    "gradescope",
    "grading",
    "handout",
    "images",
    "imports",
    "isolation",
    "levels",
    "look",
    "misconceptions",
    "output",
    "query_leaks",
    "recipes",
    "reference",
    "shapes",
    "submission",
    "thresholds",
    "train",
    "windows",
    "worker",
]
EXCEPTIONS |= dict.fromkeys((f"tests/test_{name}.py" for name in BEFORE), "written before there was toy_course.py")


def looked_at():
    """Files that are to know no exercise, relative to the course."""
    found = {path for pattern in LOOKED_AT for path in COURSE.glob(pattern) if path.suffix in READ and path.is_file()}
    inside = {path.relative_to(COURSE) for path in found if EXERCISES not in path.parents}
    stubs = {f"{name}.py" for name in NAMES}
    kept = {path for path in inside if not (path.parts[0].startswith("hw") and path.name in stubs)}
    return sorted(path for path in kept if not {"toy", "descent"} & set(path.parts) and path.name != "test_names.py")


def names_one(path):
    """Whether a file names an exercise, in a program outside of comments and docstrings."""
    text = (COURSE / path).read_text(encoding="utf-8", errors="replace")
    return bool(NAMED.search(_code(text) if path.suffix == ".py" else text))


def _code(text):
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = ""
    return ast.unparse(tree)


def excepted(path):
    return [pattern for pattern in EXCEPTIONS if _fits(path, pattern)]


def _fits(path, pattern):
    head, whole, _ = pattern.partition("/**/")
    return path.as_posix().startswith(f"{head}/") if whole else PurePath(path).match(pattern)


def test_no_file_outside_its_folder_names_an_exercise():
    assert [path.as_posix() for path in looked_at() if not excepted(path) and names_one(path)] == []


def test_no_exception_is_left_that_is_not_needed():
    needed = {pattern for path in looked_at() if names_one(path) for pattern in excepted(path)}
    assert EXCEPTIONS.keys() - needed == set()


def test_a_name_is_seen_in_code_and_not_in_a_docstring():
    name = NAMES[0]
    assert NAMED.search(_code(f"import {name}")) and NAMED.search(_code(f"x = 'hw1/{name}.py'"))
    assert not NAMED.search(_code(f'"""As {name}."""\nx = 1  # {name}\n'))
