"""Solutions in other words: the reference's text with other code in its solution regions."""

import re
import textwrap

from autograder.instructor import solution_regions

KEPT = "        self._log_dir = log_dir\n"


def rewrite(solution, bodies):
    """A solution's text with other code in the regions of some functions, and perhaps another import.

    Args:
        solution: its text.
        bodies: code by the function's name; "imports" for a line above the others, "kept" for one in hw2's __init__.
    """
    lines, function, skipping, used = [], "", False, set()
    for line in solution.splitlines():
        if begun := re.match(r"\s*def (\w+)", line):
            function = begun[1]
        if line.strip() == solution_regions.BEGIN and function in bodies:
            body = textwrap.dedent(bodies[function]).strip()
            lines += textwrap.indent(body, line[: line.index("#")]).splitlines()
            skipping = True
            used.add(function)
        if not skipping:
            lines.append(line)
        if line.strip() == solution_regions.END:
            skipping = False
    assert used == bodies.keys() - {"imports", "kept"}
    text = "\n".join(lines).replace("\nimport ", f"\n{bodies.get('imports', '')}\nimport ", 1) + "\n"
    return text.replace(KEPT, f"{KEPT}        {bodies['kept']}\n") if "kept" in bodies else text
