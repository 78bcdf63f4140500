"""What `handout` does: build, look for leaks, write."""

from pathlib import Path
from typing import Any

import click

from autograder import commands
from autograder.exit_status import GRADER_FAULT
from autograder.grading.catalog import exercises, homeworks
from autograder.instructor import generated, regions
from autograder.instructor.handout import carried, leaks
from autograder.instructor.handout.build import CarryError, build, unaccounted
from autograder.instructor.handout.record import RecordError
from autograder.instructor.texts.source import SourceError
from autograder.intake import archives
from autograder.report import terminal


def handout(homework: str, out: Path, packed: bool, term: dict[str, Any], secrets: tuple[int, ...]) -> int:
    """Write a handout, unless it leaks; returns the exit status.

    Args:
        homework: "hw1" or "hw2".
        out: folder or, if it is to be packed, file.
        packed: one archive.
        term: the term's values, see build.
        secrets: seeds that must not be in it.
    """
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out cannot write {out}: its folder is not there.")
    if out.is_dir() and (packed or any(out.iterdir())):
        raise click.UsageError(f"--out: {out} is a folder{'' if packed else ' with something in it'}; name a new one.")
    if out.is_file() and not packed:
        raise click.UsageError(f"--out: {out} is a file; a handout that is not packed is a folder.")
    with terminal.console(stderr=True).status("") as doing:
        try:
            if stale := generated.stale(homework):
                click.echo(f"{next(iter(stale))} is out of date: run `{generated.COMMAND}` first.", err=True)
                return GRADER_FAULT
            files = build(homework, observe=lambda what: doing.update(f"recording {what}"), **term)
        except (CarryError, SourceError, regions.RegionError, RecordError) as error:
            click.echo(str(error), err=True)
            return GRADER_FAULT
        archive = archives.pack(files, f"{homework}-handout")
        doing.update("looking for leaks")
        found = leaks.find(archive, (e for name in homeworks() for e in exercises(name)), secrets)
        found += [leaks.Leak(name, "the manifest does not account for it") for name in unaccounted(files)]
    if found:
        click.echo("Nothing was written: it would leak.\n" + "\n".join(map(str, found)), err=True)
        return GRADER_FAULT
    if packed:
        commands.write_whole(out, archive)
    else:
        for name, content in files.items():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    if left := carried.left(homework, set(files)):
        click.echo(f"Not carried, since nothing that students run needs it: {', '.join(left)} (--carry adds a file).")
    size = f"{len(archive) / 2**20:.1f} MiB packed" if packed else f"{len(files)} files"
    click.echo(f"{out}: handout of {homework}, seed {term['seed']}, {size}, no leak found. {leaks.UNSEEN}")
    return 0
