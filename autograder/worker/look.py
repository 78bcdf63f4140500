"""A look at a source file, for a human to follow up: facts about the text, with line numbers; no verdict.

It runs in the worker, before the file is imported, since even parsing hostile text may take all memory. What comes back
are numbers: an index of NOTICES, and a line. The grader quotes the line from its own copy.
"""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

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
CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class Noticed(NamedTuple):
    """Indices of NOTICES, and the lines that they are about: int64 (n,)."""

    notices: np.ndarray
    lines: np.ndarray


def look(source: bytes) -> Noticed:
    """What there is to notice in a file; nothing where Python cannot parse it."""
    found = list(_text(source))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    found += _nodes(tree)
    found = sorted(dict.fromkeys(found), key=lambda pair: pair[1])[:MOST]
    return Noticed(*np.array(found, dtype=np.int64).reshape(-1, 2).T)


def _text(source: bytes) -> Iterator[tuple[int, int]]:
    for number, line in enumerate(source.splitlines(), start=1):
        named = CODING.match(line) if number <= 2 else None
        if named and named[1].lower().replace(b"_", b"-") not in (b"utf-8", b"utf8", b"ascii", b"latin-1"):
            yield ENCODING, number
        if re.search("[\u202a-\u202e\u2066-\u2069]", line.decode(errors="replace")):
            yield TURN, number


def _nodes(tree: ast.AST) -> Iterator[tuple[int, int]]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            modules |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            if any(name.partition(".")[0] not in USUAL for name in names if name):
                yield IMPORT, line
        elif isinstance(node, ast.Name | ast.Attribute):
            word = node.id if isinstance(node, ast.Name) else node.attr
            bare = isinstance(node, ast.Name) or word not in ("eval", "compile", "open")  # model.eval(), Image.open()
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


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
