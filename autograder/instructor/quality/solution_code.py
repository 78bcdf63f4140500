"""Code of a solution in a text: what the student's file does not show, and a first hint must not say."""

import ast
import re
from collections.abc import Iterator

from autograder.instructor import solution_regions

SHORTEST = 8  # letters of an expression: x + 1 is in many texts
EXPRESSIONS = (ast.Call, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.keyword)


class SolutionCode:
    """What stands in the regions of a solution, and nowhere in its stub.

    Args:
        source: text of a solution.
        name: its file name, for messages.

    Raises:
        solution_regions.RegionError: a marker is unbalanced, or the solution or its stub is not Python.
    """

    def __init__(self, source: str, name: str):
        shown = solution_regions.stub(source, name)
        code = {
            first + i: line for first, lines in solution_regions.hidden(source, name) for i, line in enumerate(lines)
        }
        self._names = set(re.findall(r"\w+", "\n".join(code.values()))).difference(re.findall(r"\w+", shown))
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, EXPRESSIONS) and node.lineno in code]
        texts = {_bare(ast.unparse(node)) for node in nodes}
        self._expressions = {text for text in texts if len(text) >= SHORTEST and text not in _bare(shown)}

    def found_in(self, text: str) -> Iterator[str]:
        """Find names and expressions of the solution in a text.

        A name counts where it is written as code: with an underscore, a dot before it, or a bracket or an equals sign
        behind it.
        """
        for match in re.finditer(r"[A-Za-z_]\w*", text):
            word, before, after = match.group(), text[: match.start()], text[match.end() :]
            is_code = "_" in word or re.search(r"\w\.$", before) or re.match(r"\(|\s?=[^=]", after)
            if is_code and word in self._names:
                yield word
        yield from sorted(expression for expression in self._expressions if expression in _bare(text))


def _bare(text: str) -> str:
    """Without spaces, and with one kind of quotes."""
    return re.sub(r"\s", "", text).replace("'", '"')
