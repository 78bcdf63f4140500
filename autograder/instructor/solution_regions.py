"""Solution regions: what a student's stub leaves out of a reference solution.

    ### BEGIN SOLUTION
    #: What the student reads, as a TODO.
    code that the student does not see
    ### END SOLUTION

becomes

    # TODO: What the student reads, as a TODO.
    raise NotImplementedError("MAML._inner_loop is still to do")

In a function that is any of its blocks, or a line. Outside of one a region holds whole functions, classes or constants,
of which the names and docstrings stay.
"""

import ast
import re
from collections.abc import Iterator

from autograder.instructor import stub_bodies

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
TODO = "#:"
MARKER = re.compile(r"#.*\b(begin|end)[\W_]+solution", re.IGNORECASE)  # whoever writes one, well or not, means a marker


class RegionError(ValueError):
    """Markers that do not pair up; the message names file and line."""


def stub(source: str, name: str) -> str:
    """The student's version of a solution.

    Args:
        source: text of a solution.
        name: its file name, for messages.

    Raises:
        RegionError: a marker is unbalanced, or the solution or its stub is not Python.
    """
    owners, classes = _owners(source, name)
    lines: list[str] = []
    begun = 0
    text: list[str] = []
    left_out: list[str] = []
    for number, line in enumerate(_lines(source), start=1):
        stripped = line.strip()
        if stripped == BEGIN:
            if begun:
                raise RegionError(f"{name}:{number}: {BEGIN} inside the region that begins in line {begun}")
            begun, text, left_out = number, [], []
        elif stripped == END:
            if not begun:
                raise RegionError(f"{name}:{number}: {END} without a {BEGIN}")
            indent = line[: line.index("#")]
            if begun in owners:
                lines += [f"{indent}{said}" for said in _todo(text)]
                lines.append(f'{indent}raise NotImplementedError("{owners[begun]} is still to do")')
            else:
                try:
                    lines += stub_bodies.stubs(left_out, _todo(text), indent, classes.get(begun, ""))
                except stub_bodies.WholeError as error:
                    raise RegionError(f"{name}:{begun + error.line}: {error}") from None
                while not lines[-1].strip():  # what follows brings its own
                    lines.pop()
            begun = 0
        elif MARKER.search(line):
            raise RegionError(
                f"{name}:{number}: {stripped} is not a marker, which is {BEGIN} or {END} alone in its line"
            )
        elif not begun:
            lines.append(line)
        elif stripped.startswith(TODO):
            text.append(stripped.removeprefix(TODO).removeprefix(" "))
            left_out.append("")
        else:
            left_out.append(line)
    if begun:
        raise RegionError(f"{name}:{begun}: {BEGIN} without an {END}")
    result = "\n".join(lines) + "\n"
    try:
        ast.parse(result)
    except SyntaxError as error:
        raise RegionError(
            f"{name}: without its solution regions line {error.lineno} of the stub is not Python"
        ) from None
    return result


def hidden(source: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that a stub leaves out, region by region, each with the number of its first line.

    Raises:
        RegionError: as stub does.
    """
    stub(source, name)
    lines: list[str] = []
    begun = 0
    for number, line in enumerate(_lines(source), start=1):
        if line.strip() == BEGIN:
            begun, lines = number, []
        elif line.strip() == END:
            yield begun + 1, lines
            begun = 0
        elif begun:
            lines.append("" if line.strip().startswith(TODO) else line)


def _lines(source: str) -> list[str]:
    """The lines of a text as Python counts them: a form feed ends none."""
    return source.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _todo(text: list[str]) -> list[str]:
    first, *rest = text or ["fill this in."]
    return [f"# TODO: {first}", *(f"# {line}".rstrip() for line in rest)]


def _owners(source: str, name: str) -> tuple[dict[int, str], dict[int, str]]:
    """For each line in a function the innermost one, as Class.function, and for each in a class its path, as Class."""
    owners: dict[int, str] = {}
    classes: dict[int, str] = {}

    def visit(node: ast.AST, path: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = path
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                inner = f"{path}.{child.name}" if path else child.name
            if isinstance(child, ast.ClassDef):
                classes.update(dict.fromkeys(range(child.lineno, (child.end_lineno or child.lineno) + 1), f"{inner}."))
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                owners.update(dict.fromkeys(range(child.lineno, (child.end_lineno or child.lineno) + 1), inner))
            visit(child, inner)

    try:
        visit(ast.parse(source), "")
    except SyntaxError as error:
        raise RegionError(f"{name}:{error.lineno}: {error.msg}") from None
    return owners, classes
