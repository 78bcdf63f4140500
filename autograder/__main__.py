"""The command line: `python -m autograder hw2`."""

import signal
import sys
from importlib import metadata
from pathlib import Path

import click

from autograder.catalog import COURSE, homeworks

FULL_MARKS, LESS, INTERRUPTED, GRADER_FAULT, USAGE, NOTHING_TO_GRADE = range(6)  # as pytest's


class CommandLine(click.Group):
    """The commands, with an exit status of 4 for wrong usage."""

    def main(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Run, and turn click's errors into one line and a status."""
        kwargs["standalone_mode"] = False
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as by Ctrl-C: no worker, no file is left
        try:
            return sys.exit(super().main(*args, **kwargs))
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(USAGE)
        except click.UsageError as error:
            click.echo(f"{error.format_message()} (--help shows what there is)", err=True)
            sys.exit(USAGE)
        except click.ClickException as error:
            click.echo(error.format_message(), err=True)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)


@click.group(cls=CommandLine)
def main() -> None:
    """Grade the homework of the meta-learning course, and make its handouts."""
    _warn_of_another_autograder()


def _add_homework(homework: str) -> None:
    @main.command(homework, help=f"Grade {homework}: the work in this folder, or another's.")
    @click.option("--submission", type=click.Path(path_type=Path), help="A folder or zip archive to grade instead.")
    @click.option("--reference", is_flag=True, help="Grade the reference solutions (instructor's copy only).")
    @click.option("--only", metavar="EXERCISE", help="Grade one exercise.")
    @click.option("--fast", is_flag=True, help="Leave out the checks that train.")
    @click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the whole result to a file.")
    @click.option(
        "--feedback",
        type=click.Path(path_type=Path),
        help="Write what the student may read, without hidden inputs: .html, .md, .csv or .json.",
    )
    @click.option("--list", "list_only", is_flag=True, help="Show the checks and their points, and grade nothing.")
    @click.option(
        "--seed", type=click.IntRange(min=0), help="Draw the inputs from this; a new one each time if left out."
    )
    @click.option(
        "--data", metavar="SOURCE", help="omniglot, glyphs, or a folder of drawings; omniglot if it is there."
    )
    @click.option("--allow-unsandboxed", is_flag=True, help="Run others' code even where nothing keeps it apart.")
    def command(
        submission: Path | None,
        reference: bool,
        only: str | None,
        fast: bool,
        json_file: Path | None,
        list_only: bool,
        seed: int | None,
        data: str | None,
        feedback: Path | None,
        allow_unsandboxed: bool,
    ) -> int:
        from autograder import commands  # torch takes a second: not for --help

        if list_only:
            return commands.list_checks(homework, only)
        source = commands.Source(submission, reference, data, allow_unsandboxed)
        return commands.grade(homework, source, only, fast, seed, {json_file: False, feedback: True})


for _homework in homeworks():
    _add_homework(_homework)


@main.command()
@click.option("--check", is_flag=True, help="Only say which stubs differ from what the solutions give.")
def stubs(check: bool) -> int:
    """Write the students' stubs in hw1/ and hw2/ anew from the reference solutions."""
    from autograder import commands

    return commands.stubs(check)


@main.command()
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--seeds", default=30, show_default=True, help="Runs of the reference for each source of drawings.")
@click.option("--mutant-seeds", default=4, show_default=True, help="Runs of each wrong solution.")
@click.option("--only", metavar="EXERCISE", help="One exercise.")
@click.option(
    "--data", metavar="SOURCE", multiple=True, help="omniglot, glyphs or a folder; may be given several times."
)
def calibrate(homework: str, seeds: int, mutant_seeds: int, only: str | None, data: tuple[str, ...]) -> int:
    """Measure the reference's accuracies and write the thresholds of the checks that train."""
    from autograder import commands

    return commands.calibrate(homework, seeds, mutant_seeds, only, data or ("omniglot", "glyphs"))


@main.command("mutants")
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--only", metavar="EXERCISE", help="One exercise.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; one for each core if left out.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the inputs from this; a new one if left out.")
def mutants_command(homework: str, only: str | None, jobs: int | None, seed: int | None) -> int:
    """Try the checks on wrong solutions, and print which check finds each."""
    from autograder import commands

    return commands.kill_mutants(homework, only, jobs, seed)


def _warn_of_another_autograder() -> None:
    """Other packages are called autograder too; outside the course folder one of them would be started."""
    try:
        other = metadata.distribution("autograder")
    except metadata.PackageNotFoundError:
        other = None
    if other is not None:
        click.echo(
            f"Note: another package called autograder ({other.version}) is installed here. In the course folder "
            f"this one is used, "
            "elsewhere that one: `pip uninstall autograder` removes it.",
            err=True,
        )
    here = Path.cwd() / "autograder" / "__main__.py"
    if here.exists() and here.resolve() != Path(__file__).resolve():
        click.echo(f"Note: this is the autograder of {COURSE}, not the one in this folder.", err=True)


if __name__ == "__main__":
    main()
