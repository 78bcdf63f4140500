"""What the expression computes that raised an error, however its values are called and over how many lines it goes.

Two lines can end in the same message and have nothing else in common. Here an expression is read off the text of a
file, and written anew with its operations and calls alone; of each writing a digest is kept, which says nothing of the
file. Where a value comes from a line before, that line is written in its place: in each writing from one line further
back. It runs in the worker, as all that parses a student's file.
"""

import ast
import functools
import hashlib
import itertools
import traceback
from collections.abc import Iterable, Iterator
from typing import NamedTuple

DEPTHS = 4  # writings of an expression
SOURCES = 4  # lines where a value is made that are written in its place
LONGEST = 20_000  # characters of a writing
COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
SAME = {  # names of one operation
    "__getitem__": "index",
    "matmult": "matmul",
    "mm": "matmul",
    "mv": "matmul",
    "dot": "matmul",
    "mult": "mul",
    "square": "pow",
    "mt": "t",
    "truediv": "div",
    "usub": "neg",
    "negative": "neg",
    "subtract": "sub",
    "crossentropyloss": "cross entropy",
    "crossentropy": "cross entropy",
}
HANDED_ON = {"list", "tuple", "iter", "keys", "astensor", "contiguous"}  # what changes nothing of a value
STYLE = {"dim", "axis", "dtype", "device", "keepdim", "keepdims", "strict"}  # arguments that many write by position
KEEPS = "retain_graph"  # an argument that changes nothing of what a call returns
SHAPED = {"reshape", "view"}  # a shape may stand in brackets or not
FILLS = {"append", "extend", "insert", "update", "setdefault", "add"}
WITHOUT_GRAPH = {"no_grad", "set_grad_enabled", "inference_mode"}
WITHOUT = "without graph "

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Span(NamedTuple):
    """Where an expression stands, as Python counts; without columns all of a statement is meant."""

    line: int
    end: int
    column: int | None = None
    end_column: int | None = None


class Writing(NamedTuple):
    """A writing of an expression: its digest, and the lines of the file that are in it."""

    digest: str
    lines: frozenset[int]


def writings(source: str | bytes, span: Span) -> list[Writing]:
    """Return the writings of an expression, each from one line further back than the one before; none if there is none.

    Without columns the whole statement is meant.
    """
    try:
        return _text(source).writings(span)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


@functools.lru_cache(maxsize=1)
def _text(source: str | bytes) -> "_Text":
    """A file, parsed once for all expressions by which an exception came."""
    return _Text(ast.parse(source))


def spans(frames: Iterable[traceback.FrameSummary]) -> list[Span]:
    """Return where the expressions stand of some frames of a file, the raising one last.

    Of a comprehension and what stands around it, which are one frame from Python 3.12 on, the outer one is left out.
    """
    listed = list(frames)
    following = [frame.name for frame in listed[1:]]
    kept = [frame for frame, after in itertools.zip_longest(listed, following) if after not in COMPREHENSIONS]
    return [
        Span(
            frame.lineno or 0,
            getattr(frame, "end_lineno", None) or frame.lineno or 0,
            getattr(frame, "colno", None),  # from Python 3.11 on
            getattr(frame, "end_colno", None),
        )
        for frame in kept
    ]


class _Text:
    """A file, and what its names stand for."""

    def __init__(self, tree: ast.Module):
        self._tree = tree
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._modules = {
            (name.asname or name.name).partition(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        named = [node for node in ast.walk(tree) if isinstance(node, Function)]
        names = [node.name for node in named]
        self._functions = {node.name: node for node in named if names.count(node.name) == 1}
        self._made: dict[ast.AST, dict[str, list[ast.stmt]]] = {}
        self._loads: dict[ast.AST, list[str]] = {}
        self._lines: set[int] = set()
        self._length = 0
        self._raised: ast.AST | None = None

    def writings(self, span: Span) -> list[Writing]:
        found: list[Writing] = []
        for node in self._at(span):
            self._raised = node
            around = self._function(node)
            name = around.name if isinstance(around, Function) else ""
            for depth in range(DEPTHS):
                self._lines, self._length = set(), 0
                written = f"{name}: {_once(self._write(node, depth, frozenset()))}"
                digest = hashlib.sha256(written.encode()).hexdigest()[:16]
                if digest not in [other.digest for other in found]:
                    found.append(Writing(digest, frozenset(self._lines)))
        return found

    def _at(self, span: Span) -> list[ast.stmt | ast.expr]:
        """The expression that stands there; the statement where the columns are not known, or are of no expression."""
        there = [node for node in ast.walk(self._tree) if isinstance(node, ast.stmt | ast.expr)]
        if span.column is not None:
            place = (span.line, span.column, span.end, span.end_column)
            exact = [n for n in there if (n.lineno, n.col_offset, n.end_lineno, n.end_col_offset) == place]
            exact = [n for n in exact if not isinstance(getattr(n, "ctx", None), ast.Store)]
            if exact:
                return exact[-1:]
        inside = [n for n in there if n.lineno <= span.line <= (n.end_lineno or 0)]
        around = [n for n in inside if isinstance(n, ast.stmt)]
        return list(around[-1:])

    def _function(self, node: ast.AST) -> ast.AST:
        """The outermost function around a node, or the file."""
        found: ast.AST = self._tree
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, Function):
                found = node
        return found

    def _without_graph(self, node: ast.AST) -> str:
        """A word where a node is computed without a graph."""
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, ast.With):
                called = {n.attr for item in node.items for n in ast.walk(item) if isinstance(n, ast.Attribute)}
                if called & WITHOUT_GRAPH:
                    self._lines.add(node.lineno)
                    return WITHOUT
        return ""

    def _write(self, node: ast.AST | None, depth: int, seen: frozenset[str]) -> str:
        self._length += 1
        if node is None or self._length > LONGEST:
            return ""
        self._lines.update(range(getattr(node, "lineno", 0), (getattr(node, "end_lineno", 0) or 0) + 1))

        def all_of(nodes: Iterable[ast.AST | None]) -> str:
            return ",".join(filter(None, (self._write(one, depth, seen) for one in nodes)))

        if isinstance(node, ast.Name):
            return self._name(node, depth, seen)
        if isinstance(node, ast.Constant):
            return ""
        if isinstance(node, ast.BinOp):
            sides = [*filter(None, (self._write(side, depth, seen) for side in (node.left, node.right)))]
            order = sorted if isinstance(node.op, ast.Add | ast.Mult) else list  # x * y is y * x
            return f"{_operation(type(node.op).__name__)}({','.join(order(sides))})"
        if isinstance(node, ast.UnaryOp):
            return f"{_operation(type(node.op).__name__)}({all_of([node.operand])})"
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                return self._kept(node.attr, depth, seen)
            if self._is_module(node.value):
                return node.attr
            return f"{_operation(node.attr)}({all_of([node.value])})"
        if isinstance(node, ast.Subscript):
            return f"index({all_of([node.value])};{all_of([node.slice])}{_axes(node.slice)})"
        if isinstance(node, ast.Call):
            return self._call(node, depth, seen)
        if isinstance(node, ast.DictComp):
            return f"Dict for({all_of([node.value, *(part.iter for part in node.generators)])})"
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return f"for({all_of([node.elt, *(part.iter for part in node.generators)])})"
        if isinstance(node, ast.stmt):
            return self._statement(node, depth, seen)
        inside = all_of(ast.iter_child_nodes(node))
        kind = "List" if isinstance(node, ast.Tuple) else type(node).__name__  # torch takes both alike
        return inside if isinstance(node, ast.Starred) else f"{kind}({inside})"

    def _statement(self, node: ast.stmt, depth: int, seen: frozenset[str]) -> str:
        """What a statement does, without what stands in its body."""
        if isinstance(node, ast.AugAssign):
            name = _operation(type(node.op).__name__)
            self._lines.update(range(node.lineno, (node.end_lineno or 0) + 1))
            return f"{name}({self._write(node.target, 0, seen)},{self._write(node.value, depth, seen)})"
        parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        read = [part for part in parts if not isinstance(getattr(part, "ctx", None), ast.Store)]
        written = ",".join(self._write(part, depth, seen) for part in read)
        targets = getattr(node, "targets", [])
        if targets and isinstance(targets[0], ast.Tuple):
            return f"{len(targets[0].elts)} of({written})"
        return f"each({written})" if isinstance(node, ast.For) else written

    def _call(self, node: ast.Call, depth: int, seen: frozenset[str]) -> str:
        given: list[ast.AST] = [*node.args]
        of = node.func
        own = None
        if isinstance(of, ast.Attribute):
            name = of.attr
            is_own = isinstance(of.value, ast.Name) and of.value.id == "self"
            own = self._functions.get(name) if is_own else None
            if not (is_own or self._is_module(of.value)):
                given.insert(0, of.value)
        elif isinstance(of, ast.Name):
            name, own = of.id, self._functions.get(of.id)
        elif isinstance(of, ast.Call) and isinstance(of.func, ast.Attribute):  # as nn.CrossEntropyLoss()(x, y)
            name = of.func.attr
            given[:0] = of.args
        else:
            name = ""
            given.insert(0, of)
        name = _operation(name)
        if name in SHAPED:
            given = [part for one in given for part in getattr(one, "elts", [one])]
        words = [*of.keywords, *node.keywords] if isinstance(of, ast.Call) else node.keywords
        kept = [word for word in words if word.arg not in STYLE and (word.arg != KEEPS or node is self._raised)]
        parts = [self._write(one, depth, seen) for one in given]
        parts += [f"{word.arg}={self._write(word.value, depth, seen)}" for word in kept]
        if name in HANDED_ON and len(parts) == 1:
            return parts[0]
        written = f"{name}({','.join(filter(None, parts))})"
        if own is None or not depth or own.name in seen:
            return written
        returned = [n for n in ast.walk(own) if isinstance(n, ast.Return) and n.value and self._function(n) is own]
        seen_now = seen | {own.name}
        return f"{written}->{[self._without_graph(n) + self._write(n.value, depth - 1, seen_now) for n in returned]}"

    def _is_module(self, node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        is_import = isinstance(node, ast.Name) and node.id in self._modules
        return is_import and node.id not in self._made_in(self._function(node))  # type: ignore[attr-defined]

    def _name(self, node: ast.Name, depth: int, seen: frozenset[str]) -> str:
        """A name as it is where it was given; "_", or what it stands for, where it is the file's own."""
        around = self._function(node)
        inner: ast.AST = node
        while inner in self._parents and inner is not around:  # what a comprehension makes for itself
            inner = self._parents[inner]
            if isinstance(inner, Function | ast.Lambda) and inner is not around and node.id in _arguments(inner):
                return "_"
            for part in getattr(inner, "generators", []):
                if node.id in {n.id for n in ast.walk(part.target) if isinstance(n, ast.Name)}:
                    return f"each({self._write(part.iter, depth - 1, seen)})" if depth else "_"
        made = self._made_in(around).get(node.id, [])
        if not made:
            return node.id
        only = made[0] if len(made) == 1 and isinstance(made[0], ast.Assign) else None
        is_one = only is not None and all(isinstance(target, ast.Name) for target in only.targets)
        if node.id in seen:
            return "_"
        if is_one and self._loads[around].count(node.id) == 1:
            deeper = depth
        elif depth and len(made) <= SOURCES:
            deeper = depth - 1
        else:
            return "_"
        seen = seen | {node.id}
        written = [self._without_graph(source) + self._write(source, deeper, seen) for source in made]
        return written[0] if len(written) == 1 else f"one of {written}"

    def _kept(self, name: str, depth: int, seen: frozenset[str]) -> str:
        """What is kept under a name of self, and where it is made."""
        made = self._made_in(self._tree).get(f"self.{name}", [])
        if not depth or f"self.{name}" in seen or not 0 < len(made) <= SOURCES:
            return name
        return f"{name} {[self._write(source, depth - 1, seen | {f'self.{name}'}) for source in made]}"

    def _made_in(self, around: ast.AST) -> dict[str, list[ast.stmt]]:
        """The statements of a function that give a name its value, or fill it."""
        if around not in self._made:
            made: dict[str, list[ast.stmt]] = {}
            for node in ast.walk(around):
                for name in _given_names(node):
                    if isinstance(node, ast.stmt):
                        made.setdefault(name, []).append(node)
            self._made[around] = made
            self._loads[around] = [
                n.id for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
            ]
        return self._made[around]


def _arguments(function: Function | ast.Lambda) -> set[str]:
    """The names of a function's arguments."""
    return {part.arg for part in ast.walk(function.args) if isinstance(part, ast.arg)}


def _once(written: str) -> str:
    """A writing in which it is said once, at the front, that a part of it is computed without a graph."""
    return WITHOUT + written.replace(WITHOUT, "") if WITHOUT in written else written


def _operation(name: str) -> str:
    plain = name.lower() if name.startswith("__") else name.lower().replace("_", "")
    return SAME.get(plain, plain)


def _axes(node: ast.AST) -> str:
    """How an index is made: by new axes, slices and names."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    words = []
    for part in parts:
        is_new = isinstance(part, ast.Constant) and part.value is None
        words.append("new" if is_new else ":" if isinstance(part, ast.Slice) else "at")
    return " ".join(words)


def _given_names(node: ast.AST) -> Iterator[str]:
    """Names that a statement gives a value, or something to hold."""
    targets: list[ast.AST] = []
    if isinstance(node, ast.Assign):
        targets = [*node.targets]
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
        targets = [node.target]
    elif isinstance(node, ast.With):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        targets = [node.value.func.value] if node.value.func.attr in FILLS else []
    for target in targets:
        todo = [target]
        for part in todo:  # which grows
            if isinstance(part, ast.Name) and part.id != "self":
                yield part.id
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                yield f"self.{part.attr}"
            elif isinstance(part, ast.Tuple | ast.List):
                todo += part.elts
            elif isinstance(part, ast.Starred | ast.Subscript):
                todo.append(part.value)
