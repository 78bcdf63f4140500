"""GitHub Classroom: the workflow that a handout carries, which grades every push and shows the scores."""

from pathlib import Path

import jinja2

WORKFLOW = ".github/workflows/homework.yml"  # its name in the handout


def workflow(homework: str) -> str:
    """The text of the workflow: the README's command, and its table of scores in the job's summary."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    # GitHub writes its own expressions in double braces: ours are in square brackets.
    templates = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        variable_start_string="[[",
        variable_end_string="]]",
    )
    return templates.get_template("homework.yml.j2").render(homework=homework)
