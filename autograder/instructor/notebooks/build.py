"""The notebooks in hw1/ and hw2/, written anew from their texts."""

import click

from autograder import commands
from autograder.exit_status import GRADER_FAULT, LESS
from autograder.grading.catalog import homeworks
from autograder.instructor.notebooks.source import HERE, Cell, SourceError, cells
from autograder.paths import COURSE

try:
    import nbformat
except ImportError:
    raise click.ClickException("This needs nbformat: `python -m pip install -e '.[notebooks]'`.") from None

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def names() -> list[str]:
    """The homeworks that have a notebook."""
    return [homework for homework in homeworks() if (HERE / f"{homework}.md").exists()]


def notebook(homework: str) -> nbformat.NotebookNode:
    """A homework's notebook, valid and without outputs.

    Raises:
        SourceError: its text cannot be read.
    """
    made = nbformat.v4.new_notebook(cells=[_cell(cell) for cell in cells(homework)], metadata=METADATA)
    nbformat.validate(made)
    return made


def text(homework: str) -> str:
    """The .ipynb of a homework: the same bytes each time."""
    return str(nbformat.writes(notebook(homework))).rstrip("\n") + "\n"


def write(check: bool) -> int:
    """Write the notebooks, or only say which are out of date; returns the exit status."""
    stale = []
    for homework in names():
        target = COURSE / homework / f"{homework}.ipynb"
        try:
            wanted = text(homework).encode()
        except SourceError as error:
            click.echo(str(error), err=True)
            return GRADER_FAULT
        if not target.exists() or target.read_bytes() != wanted:
            stale.append(f"{homework}/{homework}.ipynb")
            if not check:
                commands.write_whole(target, wanted)
    click.echo(
        f"{'out of date' if check else 'written'}: {', '.join(stale)}" if stale else "all notebooks are up to date"
    )
    return LESS if stale and check else 0


def _cell(cell: Cell) -> nbformat.NotebookNode:
    make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    return make(cell.text, id=cell.id, metadata={"tags": list(cell.tags)} if cell.tags else {})
