"""The command line: `python -m autograder hw2`."""

import os
import sys

from autograder import safe_path

if __name__ == "__main__":
    safe_path.enter()  # before anything else is imported
    # NumPy multiplies small matrices here: a second thread would mostly wait, and on a busy machine wait busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import signal
import traceback
from importlib import metadata
from pathlib import Path

try:
    import click
except ImportError:
    missing = "The packages of the course are not installed here: `python -m pip install -e .` in its folder does it."
    print(missing, file=sys.stderr)
    sys.exit(3)

from autograder.exit_status import GRADER_FAULT, INTERRUPTED, USAGE
from autograder.grading.catalog import homeworks, natural
from autograder.isolation import levels
from autograder.isolation.container import ENGINES
from autograder.level_words import WORDS
from autograder.options import only_option, refuse_exercise
from autograder.paths import COURSE, GRADER
from data import output

INSTRUCTOR = (GRADER / "instructor").is_dir()  # a handout has none


class CommandLine(click.Group):
    """The commands, with an exit status of 4 for wrong usage."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in their order: hw10 after hw9."""
        return sorted(self.commands, key=natural)

    def main(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Run, and turn click's errors into one line and a status."""
        kwargs["standalone_mode"] = False
        output.for_any_terminal()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as by Ctrl-C: no worker, no file is left
        try:
            status = super().main(*args, **kwargs)
            sys.stdout.flush()  # here a full disk is told in one sentence, and later in a traceback
            return sys.exit(status)
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
        except BrokenPipeError:  # who read this has read enough
            _print_no_more()
            sys.exit(INTERRUPTED)
        except Exception as error:
            _tell(error)
            sys.exit(GRADER_FAULT)


def _tell(error: Exception) -> None:
    """Say what the grader's fault is, in one sentence; with the traceback where the sentence cannot know."""
    from autograder import fault

    if not fault.is_certain(error):
        traceback.print_exception(error)
    try:
        sys.stdout.flush()
    except OSError:
        _print_no_more()
    click.echo(fault.sentence(error), err=True)


def _print_no_more() -> None:
    """Let what is still to be printed go nowhere, or Python fails on it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=CommandLine)
def main() -> None:
    """Grade the homework of the meta-learning course, and make its handouts."""
    for said in (*safe_path.hiding(), *safe_path.strangers()):
        click.echo(f"Note: {said}", err=True)
    _warn_of_another_autograder()


def _add_homework(homework: str) -> None:
    @main.command(
        homework,
        help=f"Grade {homework}: the work in this folder, or another's.",
        context_settings={"allow_extra_args": True},
    )
    @click.pass_context
    @click.option("--submission", type=click.Path(path_type=Path), help="A folder or zip archive to grade instead.")
    @click.option("--reference", is_flag=True, hidden=not INSTRUCTOR, help="Grade the reference solutions.")
    @only_option("Grade one exercise.")
    @click.option("--fast", is_flag=True, help="Leave out the checks that train.")
    @click.option("--watch", is_flag=True, help="Check a file whenever it is saved, within a second or two.")
    @click.option(
        "--debug",
        metavar="[WORDS]",
        is_flag=False,
        flag_value="",
        help="Open Python's debugger in your code on the inputs of a check, by words of its title; alone, of the first "
        "that failed.",
    )
    @click.option("--hint", is_flag=True, help="Say how to mend what is wrong, not only where to look.")
    @click.option("--verbose", is_flag=True, help="Show a line for each check that passes, and every hint.")
    @click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the whole result to a file.")
    @click.option(
        "--html",
        type=click.Path(path_type=Path),
        help="Write the whole result as a page, with pictures of what failed in your own work.",
    )
    @click.option(
        "--feedback",
        type=click.Path(path_type=Path),
        help="Write what the student may read, without hidden inputs: .html, .md, .csv or .json.",
    )
    @click.option("--list", "list_only", is_flag=True, help="Show the checks and their points, and grade nothing.")
    @click.option(
        "--seed",
        type=click.IntRange(min=0),
        hidden=not INSTRUCTOR,  # a handout has the answers of one seed
        help="Draw the inputs from this; a new one each time if left out.",
    )
    @click.option(
        "--data", metavar="SOURCE", help="omniglot, glyphs, or a folder of drawings; omniglot if it is there."
    )
    @click.option("--allow-unsandboxed", is_flag=True, help="Run others' code even where nothing keeps it apart.")
    @click.option(
        "--isolation",
        type=click.Choice(ENGINES),
        hidden=not INSTRUCTOR,
        help="Run code in containers of this engine.",
    )
    @click.option(
        "--require",
        type=click.Choice(list(WORDS)),
        metavar="LEVEL",
        help=f"Grade nothing where isolation is weaker than this: {'; '.join(WORDS)}.",
    )
    def command(
        context: click.Context,
        submission: Path | None,
        reference: bool,
        only: str | None,
        fast: bool,
        watch: bool,
        debug: str | None,
        hint: bool,
        verbose: bool,
        json_file: Path | None,
        html: Path | None,
        list_only: bool,
        seed: int | None,
        data: str | None,
        feedback: Path | None,
        allow_unsandboxed: bool,
        isolation: str | None,
        require: str | None,
    ) -> int:
        refuse_exercise(homework, context.args)
        from autograder import commands  # torch takes a second: not for --help

        if list_only:
            return commands.list_checks(homework, only)
        if isolation:
            levels.demand(isolation)
        if watch or debug is not None:
            word = "--watch" if watch else "--debug"
            others = (
                submission,
                reference,
                json_file,
                html,
                feedback,
                hint,
                verbose,
                allow_unsandboxed,
                isolation,
                require,
            )
            if any(others) or (watch and debug is not None) or (fast and not watch):
                raise click.UsageError(
                    f"{word} is for the work in this folder; only --only, --seed and --data go with it."
                )
            from autograder.student import commands as own

            return (
                own.watch(homework, only, seed, data) if watch else own.debug(homework, only, debug or "", seed, data)
            )
        source = commands.Source(submission, reference, data, allow_unsandboxed, require)
        written = {"--json": json_file, "--html": html, "--feedback": feedback}
        return commands.grade(homework, source, only, fast, seed, written, hint=hint, verbose=verbose)


for _homework in homeworks():
    _add_homework(_homework)


@main.command()
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--out", type=click.Path(path_type=Path), help="The archive; HOMEWORK-submission.zip if left out.")
@click.option("--unchecked", is_flag=True, help="Do not run the checks, which take some seconds.")
def submit(homework: str, out: Path | None, unchecked: bool) -> int:
    """Pack what you hand in: code, notebook, answers. Says what is still to do, and what the checks give now."""
    from autograder.student import commands

    return commands.submit(homework, out or Path(f"{homework}-submission.zip"), not unchecked)


@main.command()
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--html", type=click.Path(path_type=Path), help="Write it as a page, too.")
def history(homework: str, html: Path | None) -> int:
    """Show what became of each check, run after run. Nothing of it leaves this machine."""
    from autograder.student import commands

    return commands.draw_history(homework, html)


@main.command()
@click.argument("new_handout", type=click.Path(path_type=Path, exists=True))
def upgrade(new_handout: Path) -> int:
    """Take your work over into NEW_HANDOUT, a folder or archive; this folder stays as it is."""
    from autograder.student import commands

    return commands.upgrade(new_handout)


if INSTRUCTOR:
    from autograder.instructor.commands import COMMANDS

    for _command in COMMANDS:
        main.add_command(_command)


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
