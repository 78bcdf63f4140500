"""The instructor's commands, as the command line shows them; what they do is imported when it is needed."""

from pathlib import Path

import click

from autograder.catalog import homeworks


@click.command("stubs")
@click.option("--check", is_flag=True, help="Only say which stubs differ from what the solutions give.")
def stubs_command(check: bool) -> int:
    """Write the students' stubs in hw1/ and hw2/ anew from the reference solutions."""
    from autograder.instructor import stubs

    return stubs.write(check)


@click.command("calibrate")
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--seeds", default=30, show_default=True, help="Runs of the reference for each source of drawings.")
@click.option("--mutant-seeds", default=4, show_default=True, help="Runs of each wrong solution.")
@click.option("--first", default=0, show_default=True, help="The first seed: what was measured before it is kept.")
@click.option("--only", metavar="EXERCISE", help="One exercise.")
@click.option(
    "--data", metavar="SOURCE", multiple=True, help="omniglot, glyphs or a folder; may be given several times."
)
def calibrate_command(
    homework: str, seeds: int, mutant_seeds: int, first: int, only: str | None, data: tuple[str, ...]
) -> int:
    """Measure the reference's accuracies and write the thresholds of the checks that train."""
    from autograder.instructor import measure

    return measure.calibrate(homework, seeds, mutant_seeds, first, only, data or ("omniglot", "glyphs"))


@click.command("mutants")
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--only", metavar="EXERCISE", help="One exercise.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; one for each core if left out.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the inputs from this; a new one if left out.")
def mutants_command(homework: str, only: str | None, jobs: int | None, seed: int | None) -> int:
    """Try the checks on wrong solutions, and print which check finds each."""
    from autograder.instructor import measure

    return measure.kill_mutants(homework, only, jobs, seed)


@click.command("handout")
@click.argument("homework", type=click.Choice(homeworks()))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A folder, new or empty; with --zip a file."
)
@click.option("--zip", "packed", is_flag=True, help="One archive, the same byte for byte each time.")
@click.option("--term", default="", help='For the README, as "Autumn 2026".')
@click.option("--due", default="", help="For the README, as 2026-12-01.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The published seed.")
@click.option("--secret", type=int, multiple=True, help="A seed that must not be in it; may be given several times.")
def handout_command(
    homework: str, out: Path, packed: bool, term: str, due: str, seed: int, secret: tuple[int, ...]
) -> int:
    """Build what students get, with recorded answers in the place of solutions, and look for leaks in it."""
    from autograder.instructor.handout import command

    return command.handout(homework, out, packed, {"seed": seed, "term": term, "due": due}, secret)


COMMANDS: list[click.Command] = [stubs_command, calibrate_command, mutants_command, handout_command]
