"""What `handout` does: build, look for leaks, write."""

from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from autograder import writing
from autograder.exit_status import GRADER_FAULT
from autograder.grading import catalog
from autograder.grading.catalog import Homework, exercises, homeworks
from autograder.instructor import generated, solution_regions
from autograder.instructor.handout import carried, leaks
from autograder.instructor.handout.build import CarryError, build, unaccounted
from autograder.instructor.handout.record import RecordError
from autograder.instructor.texts.source import SourceError
from autograder.intake import archives
from autograder.report import terminal


class Wanted(NamedTuple):
    """What the command line says of a handout; see instructor.commands."""

    counted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    term: str = ""
    due: str = ""
    repository: str = ""
    seed: int = 1
    secrets: tuple[int, ...] = ()
    carry: tuple[Path, ...] = ()


def handout(homework: str, out: Path, packed: bool, wanted: Wanted) -> int:
    """Write a handout, unless it leaks; returns the exit status.

    Args:
        homework: "hw1" or "hw2".
        out: folder or, if it is to be packed, file.
        packed: one archive.
        wanted: what is to be in it.
    """
    listed = _listed(homework, wanted)
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out cannot write {out}: its folder is not there.")
    if out.is_dir() and (packed or any(out.iterdir())):
        raise click.UsageError(f"--out: {out} is a folder{'' if packed else ' with something in it'}; name a new one.")
    if out.is_file() and not packed:
        raise click.UsageError(f"--out: {out} is a file; a handout that is not packed is a folder.")
    every = exercises(homework)
    with terminal.console(stderr=True).status("") as doing:
        try:
            if stale := generated.stale(homework):
                click.echo(f"{next(iter(stale))} is out of date: run `{generated.COMMAND}` first.", err=True)
                return GRADER_FAULT
            observe = lambda what: doing.update(f"recording {what}")  # noqa: E731
            files = build(homework, seed=wanted.seed, listed=listed, carry=wanted.carry, observe=observe)
        except (CarryError, SourceError, solution_regions.RegionError, RecordError) as error:
            click.echo(str(error), err=True)
            return GRADER_FAULT
        archive = archives.pack(files, f"{homework}-handout")
        doing.update("looking for leaks")
        found = leaks.find(archive, (e for name in homeworks() for e in exercises(name)), wanted.secrets)
        found += [leaks.Leak(name, "the manifest does not account for it") for name in unaccounted(files)]
    if found:
        click.echo("Nothing was written: it would leak.\n" + "\n".join(map(str, found)), err=True)
        return GRADER_FAULT
    if packed:
        writing.write_whole(out, archive)
    else:
        for name, content in files.items():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    with catalog.replaced(homework, listed):
        left = carried.left(homework, {*files, *(exercise.file for exercise in every)})
    if left:
        click.echo(f"Not carried, since nothing that students run needs it: {', '.join(left)} (--carry adds a file).")
    size = f"{len(archive) / 2**20:.1f} MiB packed" if packed else f"{len(files)} files"
    click.echo(f"{out}: handout of {homework}, seed {wanted.seed}, {size}, no leak found. {leaks.UNSEEN}")
    if wanted.counted or wanted.dropped:
        click.echo(
            f"`class` and `gradescope` grade by {homework}/{catalog.LIST}: let it have the same exercises, as in "
            f"{out.name}/{homework}/{catalog.LIST}."
        )
    return 0


def _listed(homework: str, wanted: Wanted) -> Homework:
    """The list of the handout.

    Raises:
        click.UsageError: it cannot be as it is wanted.
    """
    if wanted.repository and not catalog.GITHUB.fullmatch(wanted.repository):
        raise click.UsageError(f"--repository: {catalog.not_on_github(wanted.repository)}.")
    try:
        listed = catalog.select(homework, wanted.counted, wanted.dropped)
        if wanted.due:
            catalog.deadline(wanted.due)
    except catalog.SelectionError as error:
        raise click.UsageError(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"--due: {error}.") from None
    given = {name: text for name in ("term", "due", "repository") if (text := getattr(wanted, name))}
    return msgspec.structs.replace(listed, **given)
