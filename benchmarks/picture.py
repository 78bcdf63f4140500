"""A report as a picture, as README shows one: python -m benchmarks.picture REPORT.json OUT.svg

REPORT.json is what `python -m autograder HOMEWORK --json REPORT.json` writes.
"""

import io
import re
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.terminal_theme import MONOKAI

from autograder.report import terminal
from autograder.results import Report

COLUMNS = 80
FONT = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)  # rich fetches them from the web


def picture(report: Report) -> str:
    """Return the report as a terminal of 80 columns shows it, as SVG: it has a dark ground of its own."""
    console = Console(width=COLUMNS, record=True, force_terminal=True, color_system="truecolor", file=io.StringIO())
    terminal.show(report, console)
    drawn = console.export_svg(title=f"python -m autograder {report.homework}", theme=MONOKAI, unique_id="report")
    return FONT.sub("", drawn).replace("Fira Code, monospace", "monospace")


@click.command(help=__doc__)
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(report: Path, out: Path) -> None:
    """Draw a report."""
    out.write_text(picture(msgspec.json.decode(report.read_bytes(), type=Report)), encoding="utf-8")
    click.echo(f"written: {out}")


if __name__ == "__main__":
    main()
