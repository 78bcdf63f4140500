"""What stands in a stub for a whole function, class or constant: its name, its docstring, and something to do.

A stub must be importable: what cannot be run before it is written has to fail when it is used, not when it is read.
"""

import ast
import textwrap
from collections.abc import Iterator


class WholeError(ValueError):
    """Lines of which nothing can be left in a stub that can be imported; the line is counted from the first."""

    def __init__(self, line: int, reason: str):
        super().__init__(reason)
        self.line = line


def stubs(lines: list[str], todo: list[str], indent: str, path: str) -> Iterator[str]:
    """The lines of a stub.

    Args:
        lines: of the solution: functions, classes and assignments.
        todo: what there is to do, as comments.
        indent: of these lines.
        path: of the class in which they stand, as "Net."; empty for a module.

    Raises:
        WholeError: something else is among them.
    """
    source = textwrap.dedent("\n".join(lines)).splitlines()
    said: list[str] | None = todo  # once, at the first thing to do
    for node in ast.parse("\n".join(source)).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from (f"{indent}{line}" for line in said or [])
            yield f"{indent}{_target(node)} = None"
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (f"{indent}{line}".rstrip() for line in _head(node, source))
            inner = f"{indent}    "
            yield from (f"{inner}{line}".rstrip() for line in said or [])
            if isinstance(node, ast.ClassDef):
                yield f"{inner}def __init__(self, *args, **kwargs):"
                inner += "    "
            yield f'{inner}raise NotImplementedError("{path}{node.name} is still to do")'
            yield from ("", "") if not indent else ("",)
        else:
            raise WholeError(
                node.lineno, "only functions, classes and assignments can stand in a region outside of one"
            )
        said = None


def _head(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, source: list[str]) -> list[str]:
    """Decorators, name, arguments and docstring."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    body = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    last = (body.end_lineno or body.lineno) if has_docstring else body.lineno - 1
    if last < node.lineno:
        raise WholeError(node.lineno, "a body in the line of its name cannot be left out")
    head = source[first - 1 : last]
    while head and (not head[-1].strip() or head[-1].strip().startswith("#")):  # comments belong to the body
        head.pop()
    return head


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    if isinstance(node, ast.AnnAssign):
        return f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"
    return " = ".join(map(ast.unparse, node.targets))
