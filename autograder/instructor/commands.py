"""The instructor's commands, as the command line shows them; what they do is imported when it is needed."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from autograder.grading.catalog import Exercise, homeworks
from autograder.isolation import levels
from autograder.isolation.container import ENGINES
from autograder.level_words import WORDS
from autograder.options import only_option


@click.command("write")
@click.option("--check", is_flag=True, help="Only say what is out of date.")
def write_command(check: bool) -> int:
    """Write all that is generated: each homework's README, notebook and stubs, from its exercises' folders."""
    from autograder.instructor import generated

    return generated.write(check)


@click.command("notebooks")
@click.option("--html", type=click.Path(path_type=Path), required=True, help="A folder for the pages.")
@click.option("--stubs", is_flag=True, help="Run them with the students' stubs instead.")
def notebooks_command(html: Path, stubs: bool) -> int:
    """Run the notebooks with the solutions, and write them as pages. (`write` generates them.)"""
    from autograder.instructor.texts import run

    return run.pages(html, stubs)


def _chosen(target: str, only: str | None = None) -> list[Exercise]:
    """The exercises that HOMEWORK or HOMEWORK/EXERCISE names."""
    name, _, exercise = target.partition("/")
    if name not in homeworks():
        raise click.UsageError(f"There is no homework {name}; there are {', '.join(homeworks())}.")
    if exercise and only:
        raise click.UsageError(f"--only is for a whole homework, not for {target}.")
    from autograder import arguments

    return arguments.chosen(name, exercise or only)


@click.command("check")
@click.argument("targets", metavar="[HOMEWORK[/EXERCISE]]...", nargs=-1)
@click.option("--fast", is_flag=True, help="Leave out what takes minutes.")
def check_command(targets: tuple[str, ...], fast: bool) -> int:
    """Go through the rules that an exercise keeps, in the order of writing, and say what is to be done next."""
    from autograder.instructor.quality import check

    return check.check([exercise for target in targets or homeworks() for exercise in _chosen(target)], fast)


@click.command("calibrate")
@click.argument("homework", metavar="HOMEWORK[/EXERCISE]")
@click.option("--seeds", default=30, show_default=True, help="Runs of the reference for each source of drawings.")
@click.option("--mutant-seeds", default=4, show_default=True, help="Runs of each wrong solution.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; one for each core if left out.")
@only_option("One exercise.")
@click.option(
    "--data",
    metavar="SOURCE",
    multiple=True,
    help="omniglot, glyphs or a folder; may be given several times. Both of the first if left out.",
)
def calibrate_command(
    homework: str, seeds: int, mutant_seeds: int, jobs: int | None, only: str | None, data: tuple[str, ...]
) -> int:
    """Measure the reference's accuracies and write the thresholds of the checks that train.

    One that was interrupted goes on where it was.
    """
    from autograder.instructor.quality import measure

    return measure.calibrate(_chosen(homework, only), seeds, mutant_seeds, jobs, data)


@click.command("mutants")
@click.argument("homework", metavar="HOMEWORK[/EXERCISE]")
@only_option("One exercise.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; one for each core if left out.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the inputs from this; a new one if left out.")
@click.option("--record", is_flag=True, help="Write the checks that find each into mutants.md.")
def mutants_command(homework: str, only: str | None, jobs: int | None, seed: int | None, record: bool) -> int:
    """Try the checks on wrong solutions, and print which check finds each."""
    from autograder.instructor.quality import measure

    return measure.kill_mutants(_chosen(homework, only), jobs, seed, record)


@click.command("handout")
@click.argument("homework", type=click.Choice(homeworks()))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A folder, new or empty; with --zip a file."
)
@click.option("--zip", "packed", is_flag=True, help="One archive, the same byte for byte each time.")
@click.option(
    "--with", "counted", metavar="EXERCISE", multiple=True, help="An optional exercise that is required in it."
)
@click.option("--without", "dropped", metavar="EXERCISE", multiple=True, help="An exercise that is not in it.")
@click.option("--term", default="", help='As "Autumn 2026"; what homework.toml says if left out.')
@click.option("--due", default="", help='As "2026-12-01 23:59 -08:00"; what homework.toml says if left out.')
@click.option(
    "--repository",
    metavar="OWNER/NAME",
    default="",
    help="Where it will be published on GitHub, for a badge that opens the notebook in Colab; OWNER/NAME@BRANCH if the "
    "branch is not main; what homework.toml says if left out.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The published seed.")
@click.option(
    "--secret", "secrets", type=int, multiple=True, help="A seed that must not be in it; may be given several times."
)
@click.option(
    "--carry",
    type=click.Path(path_type=Path),
    multiple=True,
    help="One more file of the course folder; may be given several times.",
)
def handout_command(homework: str, out: Path, packed: bool, **wanted: Any) -> int:
    """Build what students get, with recorded answers in the place of solutions, and look for leaks in it."""
    from autograder.instructor.handout import command

    return command.handout(homework, out, packed, command.Wanted(**wanted))


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TIMES = [
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M %z",
    "%Y-%m-%dT%H:%M%z",
]


@click.command("class")
@click.argument("homework", type=click.Choice(homeworks()))
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where everything goes.")
@click.option("--roster", type=FILE, help="The class: a CSV with id and name; also who handed in nothing gets a row.")
@click.option(
    "--due",
    type=click.DateTime(TIMES),
    help="The deadline, where the export has times: 2026-03-01T23:59; what homework.toml says if left out.",
)
@click.option("--late", metavar="POLICY", help='What being late costs, as "10%/day, 2 free, at most 50%".')
@click.option("--manual", type=FILE, help="Points of written questions: a CSV with id, and a column for each question.")
@click.option("--similar", is_flag=True, help="List similar submissions, for a human to look at.")
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Other work to compare the class with, as of last year: a folder of submissions; may be given several times.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; by cores and memory if left out.")
@click.option("--cluster", metavar="ADDRESS", help="Grade on the Dask cluster whose scheduler is there: tcp://...")
@only_option("Grade one exercise.")
@click.option("--fast", is_flag=True, help="Leave out the checks that train.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the inputs from this; the folder's own if left out.")
@click.option("--data", metavar="SOURCE", help="omniglot, glyphs, or a folder of drawings; omniglot if it is there.")
@click.option("--regrade", is_flag=True, help="Grade also what is graded already.")
@click.option(
    "--forget",
    type=click.Choice(["roster", "manual", "late", "due", "similar", "corpus", "assignment", "only", "fast", "data"]),
    multiple=True,
    help="An option of the last run into this folder that is not to be taken over; may be given several times.",
)
@click.option(
    "--assignment",
    metavar="COLUMN",
    help='The assignment in canvas.csv, as "Homework 2 (4711)"; the column of the roster that names the homework.',
)
@click.option(
    "--student", metavar="WHO", help="Grade this one again on the same inputs and show all; with --regrade keep it."
)
@click.option("--force", is_flag=True, help="Grade even if outputs lose something, or nobody is in the roster.")
@click.option("--allow-unsandboxed", is_flag=True, help="Run others' code even where nothing keeps it apart.")
@click.option("--isolation", type=click.Choice(ENGINES), help="Run code in containers of this engine.")
@click.option("--require", type=click.Choice(list(WORDS)), help="Grade nothing where isolation is weaker than this.")
def class_command(due: datetime | None, isolation: str | None, **options: Any) -> int:
    """Grade a class: all that lies in SUBMISSIONS, as Canvas, Gradescope or GitHub Classroom export it, packed or not.

    Started again, it goes on where it was stopped.
    """
    from autograder.instructor.classroom import run

    if isolation and options["cluster"]:
        raise click.UsageError(
            f"--isolation is for this machine; where a cluster's workers run, set {levels.DEMANDED}."
        )
    if isolation:
        levels.demand(isolation)
    return run.grade_class(run.Options(due=_with_zone(due), **options))


CHECK = 'A check is named by words of its title, or by its function, with "EXERCISE: " before it where that is needed.'


@click.command(
    "score",
    help=f"""Score a graded class anew, without running anything: OUT is that of the class command.

What is decided is kept in OUT/decisions.sqlite, and everything can be undone. {CHECK}""",
)
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--drop", metavar="CHECK", multiple=True, help="It counts for nobody.")
@click.option("--give", metavar="CHECK", multiple=True, help="Everybody who handed in has its points.")
@click.option("--bonus", metavar="CHECK", multiple=True, help="Its points are beside those that are possible.")
@click.option("--points", type=(str, str), metavar="CHECK POINTS", multiple=True, help="What it is worth.")
@click.option(
    "--override", type=(str, str, str), metavar="STUDENT CHECK POINTS", multiple=True, help="One student's points."
)
@click.option(
    "--adjust", type=(str, str), metavar="STUDENT POINTS", multiple=True, help="Points added to a total, or taken."
)
@click.option(
    "--extend",
    type=(str, str),
    metavar="STUDENT TIME",
    multiple=True,
    help='A deadline for one student, as "2026-12-05 23:59 -08:00", or excused.',
)
@click.option("--comment", type=(str, str), metavar="STUDENT TEXT", multiple=True, help="For the student to read.")
@click.option("--late", metavar="POLICY", help='What being late costs, as "10%/day, 2 free, at most 50%".')
@click.option("--due", type=click.DateTime(TIMES), help="The deadline, as 2026-03-01T23:59-0800.")
@click.option("--manual", type=FILE, help="Points of written questions: a CSV with id, and a column for each question.")
@click.option("--forget", type=click.Choice(["late", "due", "manual"]), multiple=True, help="What holds no longer.")
@click.option("--why", default="", metavar="TEXT", help="The reason, which students read beside the points.")
@click.option("--author", default="", metavar="NAME", help="Who decides; the user of this machine if left out.")
@click.option("--undo", type=int, metavar="NUMBER", multiple=True, help="Take back the decision of this number.")
@click.option("--undo-last", is_flag=True, help="Take back the last decision.")
@click.option("--log", "only_log", is_flag=True, help="Only show what was decided, by whom and when.")
def score_command(out: Path, due: datetime | None, only_log: bool, **wanted: Any) -> int:
    """Score a graded class anew."""
    from autograder.instructor.classroom import score

    if only_log:
        return score.show_log(out)
    return score.score_class(out, score.Wanted(due=_with_zone(due), **wanted))


@click.command("compare")
@click.argument("first", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("second", type=click.Path(exists=True, file_okay=False, path_type=Path))
def compare_command(first: Path, second: Path) -> int:
    """Show which verdicts differ between two class runs, and why: two terms, or before and after a change."""
    from autograder.instructor.classroom import compare

    return compare.compare(first, second)


@click.command("review")
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of this machine; one that is free if left out.")
@click.option(
    "--submissions", type=click.Path(path_type=Path), help="Where they lie; where they were graded if left out."
)
@click.option("--author", default="", metavar="NAME", help="Who decides; the user of this machine if left out.")
@click.option("--anonymous", is_flag=True, help="Show numbers in the place of names.")
@click.option("--allow-unsandboxed", is_flag=True, help="Grade again even where nothing keeps others' code apart.")
@click.option("--isolation", type=click.Choice(ENGINES), help="Grade again in containers of this engine.")
@click.option("--require", type=click.Choice(list(WORDS)), help="Grade nothing again where isolation is weaker.")
def review_command(
    out: Path,
    port: int,
    submissions: Path | None,
    author: str,
    anonymous: bool,
    allow_unsandboxed: bool,
    isolation: str | None,
    require: str | None,
) -> int:
    """Look through a graded class and decide, on a web page that this machine alone can open.

    OUT is that of the class command.
    """
    from autograder.instructor.review import command

    named = (("--isolation", isolation), ("--require", require))
    options = [word for name, value in named if value for word in (name, value)]
    options += ["--allow-unsandboxed"] * allow_unsandboxed
    return command.review(out, port, submissions, author, anonymous, options)


def _with_zone(time: datetime | None) -> datetime | None:
    """A time that names no zone is in this machine's, which outputs say."""
    return time.astimezone() if time and not time.tzinfo else time


@click.command("gradescope")
@click.argument("homework", type=click.Choice(homeworks()))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The archive, as autograder.zip.")
@click.option("--seed", type=click.IntRange(min=0), help="The inputs of all submissions; a new one if left out.")
@click.option(
    "--minutes", type=click.IntRange(min=2), default=10, show_default=True, help="That a submission may take."
)
@click.option(
    "--memory", type=click.IntRange(min=600), default=768, show_default=True, help="MB that the container has."
)
def gradescope_command(homework: str, out: Path, seed: int | None, minutes: int, memory: int) -> int:
    """Make the archive that Gradescope grades a homework by."""
    from autograder.instructor.gradescope import build

    return build.write(homework, out, seed, minutes, memory)


@click.command("new")
@click.argument("name", metavar="HOMEWORK[/NAME]")
@click.option(
    "--shape",
    type=click.Choice(["functions", "episodic", "gradient", "regression"]),
    help="What an exercise shares with others, see docs/authors.md; functions if left out.",
)
@click.option(
    "--points", type=click.FloatRange(min=0, min_open=True), help="That an exercise is worth; 10 if left out."
)
def new_command(name: str, shape: str | None, points: float | None) -> int:
    """Begin a homework, or an exercise in one: its files, and a list of what is still to be written."""
    from autograder.instructor import new

    return new.begin(name, shape, points)


COMMANDS: list[click.Command] = [
    check_command,
    write_command,
    notebooks_command,
    calibrate_command,
    mutants_command,
    handout_command,
    gradescope_command,
    new_command,
    class_command,
    score_command,
    compare_command,
    review_command,
]
