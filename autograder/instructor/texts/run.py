"""A notebook run from top to bottom in a copy of the course, as a page for instructors."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
import jinja2

from autograder import writing
from autograder.exit_status import GRADER_FAULT
from autograder.grading.catalog import exercises, homeworks
from autograder.instructor import formulas
from autograder.instructor.texts import notebook
from autograder.instructor.texts.source import SourceError
from autograder.isolation import totals
from autograder.isolation.clock import GLANCE, Clock
from autograder.paths import COURSE

try:
    import nbformat
    from bs4 import BeautifulSoup
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
except ImportError:
    raise click.ClickException("This needs nbconvert: `python -m pip install -e '.[notebooks]'`.") from None

DRAWINGS = ("omniglot_resized", "glyphs", "glyphs_few")
LEFT_OUT = ("tests", "benchmarks", "docs", "build", "dist", "logs", "*.egg-info")
SECONDS = 600  # of its own time, for a cell (see isolation.clock): of a busy machine's not more


def pages(folder: Path, stubs: bool = False) -> int:
    """Run all notebooks and write them as pages, <folder>/hw1.html and so on; returns the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    for homework in homeworks():
        click.echo(f"running {homework}/{homework}.ipynb")
        try:
            done = run(homework, stubs)
        except (SourceError, CellExecutionError, CellTimeoutError) as error:
            click.echo(str(error), err=True)
            return GRADER_FAULT
        target = folder / f"{homework}.html"
        writing.write_whole(target, page(done).encode())
        click.echo(f"written: {target}")
    return 0


def run(homework: str, stubs: bool = False) -> nbformat.NotebookNode:
    """A homework's notebook with its outputs.

    It runs in a temporary copy of the course, with the reference solutions in place, or with the stubs as students
    get them.

    Raises:
        CellExecutionError: a cell raised an error.
        CellTimeoutError: a cell did not end.
    """
    with tempfile.TemporaryDirectory(prefix="notebook-") as temporary:
        course = Path(temporary, "course")
        _copy(course)
        for exercise in () if stubs else exercises(homework):
            shutil.copy(exercise.folder / "solution.py", course / exercise.file)
        made = nbformat.reads(notebook.ipynb(homework, exercises(homework)), as_version=nbformat.NO_CONVERT)
        asyncio.run(execute(made, course / homework))
        return made


async def execute(opened: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells of a notebook in a folder, and keep what they put out.

    Raises:
        CellExecutionError: a cell raised an error.
        CellTimeoutError: a cell did not end.
    """
    client = NotebookClient(
        opened,
        timeout=None,
        startup_timeout=SECONDS,
        iopub_timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    clocks: list[Clock] = []

    def begin(**_: Any) -> None:
        kernel: Any = client.km
        clocks[:] = [Clock(totals.Watchdog().adopt(kernel.provisioner.pid, totals.MEMORY))]

    client.on_cell_start = begin
    running = asyncio.ensure_future(client.async_execute())
    running.add_done_callback(lambda task: task.cancelled() or task.exception())  # it is told here, and not later
    while not (await asyncio.wait({running}, timeout=GLANCE))[0]:
        if clocks and clocks[0].look() and clocks[0].counted > SECONDS:
            running.cancel()
            await asyncio.wait({running})
            raise CellTimeoutError(f"A cell has not ended after {SECONDS} seconds of its own time.")
    await running


def page(done: nbformat.NotebookNode) -> str:
    """Return a notebook with its outputs as HTML, pictures and formulas included: it fetches and runs nothing."""
    html, _ = _Page().from_notebook_node(done)
    found = BeautifulSoup(html, "html.parser")
    for script in found("script"):  # MathJax and others, from elsewhere
        script.decompose()
    return str(found)


class _Page(HTMLExporter):
    """A page as nbconvert makes it, with formulas as MathML in the place of those that MathJax would draw."""

    @jinja2.pass_context
    def markdown2html(self, context: jinja2.runtime.Context, source: str) -> str:
        """Return a text cell as HTML."""
        return MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)


class _Renderer(IPythonRenderer):
    def block_math(self, body: str) -> str:
        """Return a formula on a line of its own."""
        return formulas.drawn(body.strip(), inline=False) or super().block_math(body)

    def inline_math(self, body: str) -> str:
        """Return a formula in a line."""
        return formulas.drawn(body.strip(), inline=True) or super().inline_math(body)


def _copy(course: Path) -> None:
    """Copy the course; drawings that are there are the same for all copies."""
    shutil.copytree(COURSE, course, ignore=shutil.ignore_patterns(".*", "__pycache__", *DRAWINGS, *LEFT_OUT))
    for name in DRAWINGS:
        if (drawings := COURSE / "data" / name).is_dir():
            (course / "data" / name).symlink_to(drawings)
