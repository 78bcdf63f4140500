"""The grader's version, as far as it concerns one exercise: a digest of all that its verdicts depend on.

A result is kept under this digest: a changed check grades its own exercise anew and no other, a changed page none. What
a check is worth, what it is called and what it hints at are no verdict, and change nothing: reports are brought up to
date when they are read (grading.checks.refreshed).
"""

import ast
import functools
import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path

from autograder.grading import box
from autograder.grading.catalog import PAGE, Exercise
from autograder.grading.definitions import imported
from autograder.paths import COURSE, EXERCISES, GRADER

ENGINE = (
    "autograder.instructor.classroom.grading_task",
    *(f"autograder.worker.{program}" for program in ("shim", "selftest", "template")),
)
NUMBERS = ("torch", "numpy")  # whose versions may change numbers
TRIED = "tried.json"  # says which texts were tried, and changes no verdict
JUDGING = (".py", ".json", ".safetensors")  # of an exercise's folder: its texts, mutants and pictures change no verdict
NO_VERDICT = ("points", "hint", "picture")  # decorators of a check
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
OURS = ("autograder", "data", "trainer", "hw")


@functools.cache
def digest(exercise: Exercise) -> str:
    """Of an exercise's folder, the modules that grading it imports, the worker's box, and the libraries."""
    return digest_of(hashlib.sha256(b"verdicts\n"), judged_by(exercise), _judging)


def judged_by(exercise: Exercise) -> set[Path]:
    """Return the files of the course on which the verdicts on an exercise depend."""
    own = {path for path in exercise.folder.iterdir() if path.suffix in JUDGING and path.name != TRIED}
    return own | files(exercise, own, ENGINE)


def _judging(path: Path) -> bytes:
    """What a file does: of Python its statements, without comments, docstrings and what belongs to no verdict."""
    if path.suffix != ".py":
        return path.read_bytes()
    return _statements(path.read_bytes()).encode()


@functools.lru_cache(maxsize=1024)
def _statements(source: bytes) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [one for one in node.decorator_list if not _belongs_to_no_verdict(one)]
    return ast.dump(tree)


def _belongs_to_no_verdict(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(called, ast.Name) and called.id in NO_VERDICT


def digest_of(
    hashed: "hashlib._Hash", paths: Iterable[Path], content: Callable[[Path], bytes] = Path.read_bytes
) -> str:
    """Return the digest of some files of the course and of the libraries that change numbers, hex.

    Args:
        hashed: what was hashed before.
        paths: the files.
        content: what of a file counts.
    """
    for name in NUMBERS:
        hashed.update(f"{name} {metadata.version(name)}\n".encode())
    hashed.update(".".join(platform.python_version_tuple()[:2]).encode())
    for path in sorted(paths):
        hashed.update(f"\n{path.relative_to(COURSE).as_posix()}\n".encode())
        hashed.update(hashlib.sha256(content(path)).digest())
    return hashed.hexdigest()


def files(exercise: Exercise, own: set[Path], engine: tuple[str, ...]) -> set[Path]:
    """Return the files outside its folder on which the verdicts of an exercise depend.

    Args:
        exercise: which.
        own: files of its folder; what those that are modules import is looked up.
        engine: modules that grade, by name.
    """
    # Whatever a homework lists: a digest is remembered, and a list may be another for a while.
    edited = {f"{exercise.homework}/{page.parent.name}.py" for page in EXERCISES.glob(f"*/{PAGE}")}
    given = {path for name in ("data", exercise.homework) for path in (COURSE / name).glob("*.py")}
    given = {path for path in given if path.relative_to(COURSE).as_posix() not in edited}
    boxed = {GRADER / name for name in box.WORKER} | given
    modules = [*engine, *(f"{exercise.package}.{path.stem}" for path in own if path.suffix == ".py")]
    return boxed | {GRADER / "grading" / "checks.ini"} | set(_imported(modules))


def _imported(modules: list[str]) -> Iterator[Path]:
    """The files of some modules of the course and of all that these import, wherever in their text."""
    unseen, seen = list(modules), set()
    while unseen:
        name = unseen.pop()
        path = _path(name)
        if path is None or path in seen:
            continue
        seen.add(path)
        yield path
        unseen += imported(path.read_text(encoding="utf-8"))


def _path(module: str) -> Path | None:
    """Where a module of ours lies; None for others' modules, and for names in a module."""
    if not module.startswith(OURS):
        return None
    path = COURSE.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
