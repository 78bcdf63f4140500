"""Where the values of a line come from, read off the text of a file: the lines that assign, append or return them.

It runs in the worker, as all that parses a student's file, before that is imported. What comes back are pairs of line
numbers, which say nothing of any input; the grader quotes the lines from its own copy.
"""

import ast
import itertools
from collections.abc import Iterator

MOST = 5000  # pairs of a file
LINES = 3000  # of a file that is read so
DEPTH = 3  # lines from one to the next
SIZES = {"size", "dim", "numel"}
FILLS = {"append", "extend", "insert", "update", "setdefault", "add"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Made = dict[str, list[ast.stmt]]  # the statements of a function that give a name its value, or fill it


def pairs(tree: ast.Module) -> list[tuple[int, int]]:
    """Return (line, line where a value is made that the first one works with), the nearest first."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    if functions and max(node.end_lineno or 0 for node in functions) > LINES:
        return []
    names = [function.name for function in functions]
    known = {function.name: function for function in functions if names.count(function.name) == 1}
    return list(itertools.islice(_pairs(functions, known), MOST))


def _pairs(functions: list[Function], known: dict[str, Function]) -> Iterator[tuple[int, int]]:
    for function in functions:
        made = _made(function)
        for outer in functions:  # what a function in a function finds around it
            if outer is not function and outer.lineno < function.lineno <= (outer.end_lineno or 0):
                own = {*made, *_parameters(function)}
                made |= {name: lines for name, lines in _made(outer).items() if name not in own}
        loops = [
            range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for node in _statements(function)
            if isinstance(node, ast.For | ast.While)
        ]
        for statement in _statements(function):
            for line in range(statement.lineno, _end(statement) + 1):
                names = _names(statement, line) or _names(statement)
                found = _origins(statement, names, made, known, loops, DEPTH, {statement.lineno})
                yield from ((line, origin) for origin in found)


def _origins(
    statement: ast.stmt,
    names: list[str],
    made: Made,
    functions: dict[str, Function],
    loops: list[range],
    depth: int,
    seen: set[int],
) -> Iterator[int]:
    """Lines from which a statement's values of these names come; seen ones are left out."""
    before = []
    for name in names:
        sources = [other for other in made.get(name, []) if not _is_empty(other)]
        before += [other for other in sources if other.lineno < statement.lineno][-2:]
        before += [other for other in sources if _comes_round(other, statement, loops)][-1:]
    for other in before:
        if other.lineno in seen:
            continue
        seen.add(other.lineno)
        yield other.lineno
        if depth > 1 and _hands_on(other):
            yield from _origins(other, _names(other), made, functions, loops, depth - 1, seen)
    callers = [statement, *(before if depth > 1 else [])]
    for called in dict.fromkeys(name for caller in callers for name in _called(caller) if name in functions):
        for line in _returns(functions[called]):
            if line not in seen:
                seen.add(line)
                yield line


def _parameters(function: Function) -> list[str]:
    """Names of a function's arguments."""
    return [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]


def _comes_round(other: ast.stmt, statement: ast.stmt, loops: list[range]) -> bool:
    """Whether what a later statement makes is there in the next round of a loop."""
    after = other.lineno > statement.lineno
    return after and any(other.lineno in loop and statement.lineno in loop[1:] for loop in loops)


def _statements(function: Function) -> list[ast.stmt]:
    """The statements of a function, without those of functions in it."""
    found: list[ast.stmt] = []
    todo: list[ast.AST] = list(reversed(function.body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt) and not isinstance(node, Function | ast.ClassDef):
            found.append(node)
            todo += reversed([child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)])
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            todo += reversed(node.body)
    return found


def _end(statement: ast.stmt) -> int:
    """The last line of a statement, or of the head of one with a body."""
    parts = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt)]
    if not getattr(statement, "body", None):
        return statement.end_lineno or statement.lineno
    ends = [getattr(part, "end_lineno", None) or statement.lineno for part in parts]
    return max([statement.lineno, *ends]) if statement.body[0].lineno > statement.lineno else statement.lineno  # type: ignore[attr-defined]


def _heads(statement: ast.stmt) -> Iterator[ast.AST]:
    """All nodes of a statement but those of its body."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


def _names(statement: ast.stmt, line: int = 0) -> list[str]:
    """The names that a statement, or one line of it, reads, in order; attributes of self, such as self.x, too.

    In the place of those that it makes for itself, as comprehensions do, stand those from which it makes them.
    """
    nodes = [node for node in _heads(statement) if isinstance(node, ast.Name | ast.Attribute) and _name(node)]
    comes_from = _comprehended(statement)
    read: list[str] = []
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node.ctx, ast.Load) and line in (0, node.lineno):
            read += comes_from.get(_name(node), [_name(node)])
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        read.append(statement.target.id)
    return list(dict.fromkeys(read))


def _comprehended(statement: ast.stmt) -> dict[str, list[str]]:
    """Names that the comprehensions of a statement make, and those that stand in what they go through."""
    found: dict[str, list[str]] = {}
    parts = [part for part in _heads(statement) if isinstance(part, ast.comprehension)]
    for part in sorted(parts, key=lambda part: (part.target.lineno, part.target.col_offset)):
        loaded = [name for node in ast.walk(part.iter) if (name := _name(node))]
        sources = [name for source in loaded for name in found.get(source, [source])]
        found |= dict.fromkeys(_stored(part.target), sources)
    return found


def _made(function: Function) -> Made:
    found: Made = {}
    for statement in _statements(function):
        for name in _fills(statement):
            found.setdefault(name, []).append(statement)
    return found


def _fills(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement gives a value or something to hold."""
    targets = list(getattr(statement, "targets", []))
    targets += [statement.target] if isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For) else []
    if isinstance(statement, ast.With):
        targets += [item.optional_vars for item in statement.items if item.optional_vars]
    for target in targets if not isinstance(statement, ast.Delete) else ():
        yield from _stored(target)
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in FILLS:
        yield from {_root(call.func.value)} - {"", "self"}


def _name(node: ast.AST) -> str:
    """What a name or an attribute of self is called; empty for self itself, and for all else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return f"self.{node.attr}"
    return node.id if isinstance(node, ast.Name) and node.id != "self" else ""


def _stored(target: ast.AST) -> Iterator[str]:
    """The names that a target is about: x of x, of x[i] and of (x, y)."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _stored(part)
    elif isinstance(target, ast.Starred | ast.Subscript):
        yield from _stored(target.value)
    elif name := _name(target):
        yield name


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_empty(statement: ast.stmt) -> bool:
    """Whether a statement only makes a beginning, as x = [] or x = 0, or gives a name to what is known: x.shape."""
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        return value.attr == "shape" or value.value.id == "self"
    if _is_size(value):
        return True
    if isinstance(value, ast.List | ast.Dict | ast.Tuple):
        return not getattr(value, "elts", getattr(value, "keys", None))
    return isinstance(value, ast.Constant) and not isinstance(statement, ast.AugAssign)


def _is_size(value: ast.AST | None) -> bool:
    """Whether an expression is a number of entries, and no tensor: x.shape[0], x.size(0), len(x)."""
    if isinstance(value, ast.Subscript):
        return isinstance(value.value, ast.Attribute) and value.value.attr == "shape"
    if not isinstance(value, ast.Call):
        return False
    name = value.func
    return (isinstance(name, ast.Attribute) and name.attr in SIZES) or (isinstance(name, ast.Name) and name.id == "len")


def _hands_on(statement: ast.stmt) -> bool:
    """Whether a statement takes a value from a name as it is: x.append(y), x = y, for y in x."""
    value = statement.iter if isinstance(statement, ast.For) else getattr(statement, "value", None)
    if isinstance(statement, ast.Expr) and isinstance(value, ast.Call):
        return all(isinstance(argument, ast.Name) for argument in value.args)
    return isinstance(value, ast.Name) or (isinstance(statement, ast.For) and isinstance(value, ast.Call))


def _called(statement: ast.stmt) -> list[str]:
    """Functions f and methods self.f that a statement calls."""
    found = []
    for node in reversed(list(_heads(statement))):  # arguments before the call that takes them
        func = node.func if isinstance(node, ast.Call) else None
        if isinstance(func, ast.Name):
            found.append(func.id)
        elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "self":
            found.append(func.attr)
    return found


def _returns(function: Function) -> list[int]:
    """Lines with what a function returns; where it returns nothing, its own."""
    found = [node.lineno for node in _statements(function) if isinstance(node, ast.Return) and node.value]
    return found or [function.lineno]
