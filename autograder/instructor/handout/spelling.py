"""One spelling for code that says the same: names of variables, methods or functions, powers, order of keywords.

What is left are words such as `mean`, operators and numbers. `-(x - y).pow(2).sum(dim=1)` and
`-torch.sum((a - b) ** 2, axis=1)` are spelled alike.
"""

import ast
import functools
import keyword
import re
import warnings
from collections.abc import Iterator

MODULES = {"torch", "F", "nn", "np", "numpy", "functional", "math", "special", "linalg", "jnp", "tf", "operator", "fn"}
SAME = {
    "multiply": "mul",
    "subtract": "sub",
    "negative": "neg",
    "mm": "matmul",
    "bmm": "matmul",
    "power": "pow",
    "truediv": "div",
    "divide": "div",
    "true_divide": "div",
    "concat": "cat",
    "concatenate": "cat",
    "amax": "max",
    "absolute": "abs",
    "equal": "eq",
    "permute": "transpose",
    "swapaxes": "transpose",
    "reshape": "view",
}
OPERATORS = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.MatMult: "matmul",
    ast.Pow: "pow",
    ast.Eq: "eq",
    ast.USub: "neg",
    ast.Not: "not",
    ast.Invert: "not",
}
LARGE = 10**300
EITHER_WAY = {"add", "mul", "eq"}  # the operands may change places
MARKS = re.compile(r"^(?:\s|[#>*|$-]|\d+[.)]\s|//|>>>|In \[\d*\]:|\"|')+")  # before code in comments, lists, quotes
QUOTED = re.compile(r"`([^`]+)`")
BEGINNING = re.compile(r"^(?:el)?if |^while |^for .+? in ")
CODE = re.compile(r"[(\[.=*@/+-]")
PAIR = re.compile(r"\b([A-Za-z_]\w*) +(?=([A-Za-z_]\w*))")


@functools.lru_cache(maxsize=1024)  # two searches in a row see nearly the same texts
def spellings(text: str) -> frozenset[str]:
    """Spell every expression in a text that is code, in parts of it or as a whole: in comments and quotes too."""
    found: set[str] = set()
    whole = _parsed(text)
    if whole:
        found.update(spelled(whole))
        strings = (node.value for node in ast.walk(whole) if isinstance(node, ast.Constant))
        comments = (line.partition("#")[2] for line in text.splitlines() if "#" in line)
        text = "\n".join([*comments, *(string for string in strings if isinstance(string, str))])
    for line in [*_logical(text), *QUOTED.findall(text)]:
        found |= _of_line(line)
    return frozenset(found)


@functools.lru_cache(maxsize=2**16)  # the same lines are read in one disguise after the other
def _of_line(line: str) -> frozenset[str]:
    """Spell every expression in a line that is code."""
    bare = BEGINNING.sub("", MARKS.sub("", line).strip().rstrip(",;\"'`:"))
    if len(bare) <= 8 or not CODE.search(bare) or _is_prose(bare):
        return frozenset()
    tree = _parsed(bare) or _parsed(bare + ")")
    return frozenset(spelled(tree) if tree else ())


def spelled(tree: ast.AST) -> Iterator[str]:
    """Spell a piece of code, and every expression in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            yield spell(node)
        if isinstance(node, ast.For | ast.comprehension):
            yield spell(node.iter)


def spell(node: ast.AST | None) -> str:
    """Spell an expression."""
    if node is None:
        return ""
    if (known := getattr(node, "_spelled", None)) is None:
        known = _spell(node)
        node._spelled = known  # type: ignore[attr-defined]
    return str(known)


def expressions(code: str) -> Iterator[tuple[int, str]]:
    """Spell every expression in a piece of code, with the number of its line from 0 on."""
    tree = _parsed(code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.expr):
            yield node.lineno - 1, spell(node)


def weight(spelling: str) -> int:
    """Count the words, numbers and names in a spelling: what is short is found by chance."""
    return len(re.findall(r"[\w.]+", spelling))


def _spell(node: ast.AST) -> str:
    """Spell names, calls and operations."""
    match node:
        case ast.Name():
            return "N"
        case ast.Constant():
            return "S" if isinstance(node.value, str) else _number(node.value)
        case ast.Attribute():
            return node.attr if _is_module(node.value) else f"{spell(node.value)}.{node.attr}"
        case ast.Call():
            return _call(node)
        case ast.BinOp():
            return _operation(OPERATORS.get(type(node.op), type(node.op).__name__), [node.left, node.right])
        case ast.UnaryOp():
            name = OPERATORS.get(type(node.op), "")
            return _operation(name, [node.operand]) if name else spell(node.operand)
        case ast.Compare() if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            return _operation("eq", [node.left, *node.comparators])
        case ast.Compare():
            return f"{spell(node.left)}{''.join(type(op).__name__ for op in node.ops)}({_all(node.comparators)})"
        case ast.Subscript():
            return f"{spell(node.value)}[{spell(node.slice)}]"
    return _collection(node)


def _collection(node: ast.AST) -> str:
    """Spell what holds other expressions: lists and the like, comprehensions, arguments."""
    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            return f"({_all(node.elts)})"
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
            return f"each({spell(node.elt)};{_all(node.generators)})"
        case ast.DictComp():
            return f"dict({spell(node.key)}:{spell(node.value)};{_all(node.generators)})"
        case ast.comprehension():
            return f"in {spell(node.iter)} if {_all(node.ifs)}"
        case ast.Lambda():
            return f"lambda({spell(node.body)})"
        case ast.keyword() | ast.Starred() | ast.NamedExpr():
            return spell(node.value)
        case ast.expr_context() | ast.arguments():
            return ""
    return f"{type(node).__name__}({_all(ast.iter_child_nodes(node))})"


def _call(node: ast.Call) -> str:
    named = [keyword.value for keyword in sorted(node.keywords, key=lambda keyword: keyword.arg or "")]
    if isinstance(node.func, ast.Attribute):
        own = [] if _is_module(node.func.value) else [node.func.value]
        return _operation(SAME.get(node.func.attr, node.func.attr), [*own, *node.args, *named])
    if isinstance(node.func, ast.Name):
        return _operation(SAME.get(node.func.id, node.func.id), [*node.args, *named])
    return f"{spell(node.func)}({_all([*node.args, *named])})"


def _operation(name: str, operands: list[ast.expr]) -> str:
    """An operation that has a sign, a function and a method: 'pow(N,2)'."""
    parts = [spell(operand) for operand in operands]
    if name == "square":
        name, parts = "pow", [*parts, "2"]
    if name == "mul" and len(operands) == 2 and ast.dump(operands[0]) == ast.dump(operands[1]):
        name, parts = "pow", [parts[0], "2"]
    if name == "mul" and "-1" in parts:
        name, parts = "neg", [part for part in parts if part != "-1"]
    if name == "neg" and re.fullmatch(r"[\d.]+", parts[0]):
        return f"-{parts[0]}"
    if name == "neg" and parts[0].startswith("neg("):
        return parts[0][4:-1]
    if name in EITHER_WAY:
        parts.sort()
    elif len(parts) > 2 and name not in OPERATORS.values():
        parts[1:] = sorted(parts[1:])  # keywords in any order, or without their names
    return f"{name}({','.join(parts)})"


def _all(nodes: object) -> str:
    return ",".join(filter(None, map(spell, nodes)))  # type: ignore[call-overload]


def _number(value: object) -> str:
    if isinstance(value, int) and not -LARGE < value < LARGE:
        return "large"  # no float holds it, and its digits may be too many to be written
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)


def _is_module(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in MODULES) or (
        isinstance(node, ast.Attribute) and node.attr in MODULES and _is_module(node.value)
    )


def _logical(text: str) -> Iterator[str]:
    """Lines, and those that open a bracket together with the next ones, up to its end."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        yield line
        for more in range(2, 7):
            if line.count("(") + line.count("[") <= line.count(")") + line.count("]") or number + more > len(lines):
                break
            line += " " + MARKS.sub("", lines[number + more - 1])
            yield line


def _is_prose(line: str) -> bool:
    """Whether two words stand side by side as in no code."""
    return any(not keyword.iskeyword(one) and not keyword.iskeyword(other) for one, other in PAIR.findall(line))


def _parsed(text: str) -> ast.AST | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
