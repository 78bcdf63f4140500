"""A look at a source file, for a human to follow up: facts about the text, with line numbers; no verdict.

It runs in the worker, before the file is imported, since even parsing hostile text may take all memory. What comes back
are numbers: an index of NOTICES, and a line. The grader quotes the line from its own copy.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograder.worker import origins

NOTICES = (
    "names an encoding other than UTF-8",
    "imports a module that the homework has no need of",
    "looks into the interpreter",
    "starts, ends or signals processes",
    "opens a file by itself",
    "runs text as code",
    "changes a module that is not its own",
    "holds a very long literal",
    "holds characters that turn text around",
)
ENCODING, IMPORT, INTERPRETER, PROCESS, OPEN, TEXT, CHANGE, LITERAL, TURN = range(len(NOTICES))
MOST = 20  # notices of a file
LONG = 2000  # characters of a literal, or 500 entries
USUAL = {
    *("__future__", "abc", "argparse", "collections", "contextlib", "copy", "dataclasses", "enum", "functools"),
    *("glob", "itertools", "logging", "math", "numbers", "operator", "os", "pathlib", "random", "sys", "time"),
    *("typing", "warnings", "PIL", "imageio", "matplotlib", "numpy", "scipy", "tensorboard", "torch", "tqdm"),
    *("data", "hw1", "hw2", "trainer", "util", "utils", "omniglot", "google_drive_downloader", "gdown"),
}
WORDS = {
    INTERPRETER: {"_getframe", "settrace", "setprofile", "__globals__", "__code__", "__subclasses__", "__closure__"},
    PROCESS: {"_exit", "fork", "kill", "killpg", "system", "popen", "Popen", "execv", "execve", "abort"},
    OPEN: {"open", "fdopen", "memmap", "fromfile", "fork_exec"},
    TEXT: {"exec", "eval", "compile", "__import__"},
}
SETTINGS = {"append", "basicConfig", "filterwarnings", "insert", "manual_seed", "print", "seed", "simplefilter", "use"}
CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class Noticed(NamedTuple):
    """Indices of NOTICES, and the lines that they are about; lines that do some work on import: int64 (n,).

    And where the values of a line are made: int64 (n, 2), see origins.py.
    """

    notices: np.ndarray
    lines: np.ndarray
    runs: np.ndarray
    origins: np.ndarray


def look(source: bytes) -> Noticed:
    """Return what there is to notice in a file; nothing where Python cannot parse it."""
    found = list(_text(source))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    found += _nodes(tree)
    found = sorted(dict.fromkeys(found), key=lambda pair: pair[1])[:MOST]
    runs = np.array(list(itertools.islice(_runs(tree), MOST)), dtype=np.int64)
    kinds, lines = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return Noticed(kinds, lines, runs, np.array(origins.pairs(tree), dtype=np.int64).reshape(-1, 2))


def _text(source: bytes) -> Iterator[tuple[int, int]]:
    for number, line in enumerate(source.splitlines(), start=1):
        named = CODING.match(line) if number <= 2 else None
        if named and named[1].lower().replace(b"_", b"-") not in (b"utf-8", b"utf8", b"ascii", b"latin-1"):
            yield ENCODING, number
        if re.search("[\u202a-\u202e\u2066-\u2069]", line.decode(errors="replace")):
            yield TURN, number


def _nodes(tree: ast.AST) -> Iterator[tuple[int, int]]:
    modules: set[str] = set()
    for node, parent, bound in _walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            modules |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            if any(name.partition(".")[0] not in USUAL for name in names if name):
                yield IMPORT, line
        elif isinstance(node, ast.Name | ast.Attribute):
            word = node.id if isinstance(node, ast.Name) else node.attr
            bare = isinstance(node, ast.Name) or word not in ("eval", "compile", "open")  # model.eval(), Image.open()
            if isinstance(node, ast.Name) and not _is_used(node, parent, bound):
                continue
            for notice, words in WORDS.items():
                if word in words and bare:
                    yield notice, line
        elif isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Attribute) and _root(target) in modules for target in targets):
                yield CHANGE, line
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes) and len(node.value) > LONG:
                yield LITERAL, line
        elif (isinstance(node, ast.List | ast.Tuple | ast.Set) and len(node.elts) > LONG // 4) or (
            isinstance(node, ast.Dict) and len(node.keys) > LONG // 4
        ):
            yield LITERAL, line


Scoped = tuple[ast.AST, ast.AST, frozenset[str]]  # a node, the one that holds it, and names that the file gives there
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _walk(tree: ast.AST) -> Iterator[Scoped]:
    todo: list[Scoped] = [(tree, tree, _given(tree))]
    for node, parent, bound in todo:  # which grows
        yield node, parent, bound
        inner, body = bound, set()
        if isinstance(node, FUNCTIONS):
            inner, body = bound | _given(node), set(map(id, _body(node)))
        todo += [(child, node, inner if id(child) in body else bound) for child in ast.iter_child_nodes(node)]


def _given(scope: ast.AST) -> frozenset[str]:
    """Names that a module or function gives values to, as arguments or by assignment."""
    arguments = ast.walk(scope.args) if isinstance(scope, FUNCTIONS) else ()
    names = {part.arg for part in arguments if isinstance(part, ast.arg)}
    todo = _body(scope)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, FUNCTIONS):
            todo += ast.iter_child_nodes(node)
    return frozenset(names)


def _body(scope: ast.AST) -> list[ast.AST]:
    body = getattr(scope, "body", [])
    return list(body) if isinstance(body, list) else [body]


def _is_used(node: ast.Name, parent: ast.AST, bound: frozenset[str]) -> bool:
    """Whether a name of Python's is called or handed on: not where it is only compared, or the file's own."""
    if isinstance(parent, ast.Call) and parent.func is node:
        return True
    tested = isinstance(parent, ast.Compare | ast.BoolOp | ast.UnaryOp) or getattr(parent, "test", None) is node
    return isinstance(node.ctx, ast.Load) and not tested and node.id not in bound


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _runs(tree: ast.Module) -> Iterator[int]:
    """Lines of a module that work when it is imported: loops and calls, or where there is none, what calls give."""
    given = []
    todo = list(reversed(tree.body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.For | ast.While) or (isinstance(node, ast.Expr) and _works(node)):
            yield node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and _works(node):
            given.append(node.lineno)
        elif isinstance(node, ast.With | ast.Try | ast.If):
            guarded = isinstance(node, ast.If) and "__main__" in ast.dump(node.test)
            parts = [*([] if guarded else node.body), *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            todo += reversed(parts)
    yield from given


def _works(node: ast.AST) -> bool:
    """Whether a statement calls something that may take time."""
    calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    names = {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}
    return bool(names - SETTINGS)
