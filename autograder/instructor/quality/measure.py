"""What `mutants` and `calibrate` do: run, show progress, print what was measured."""

import os
import secrets
import time
from collections.abc import Iterator

import click
from rich import progress
from rich.progress import TaskID, track

from autograder import arguments
from autograder.exit_status import FULL_MARKS, GRADER_FAULT, LESS
from autograder.grading.catalog import Exercise
from autograder.grading.drawings import Drawings
from autograder.grading.thresholds import MADE, Table
from autograder.instructor.quality import calibrate as calibrating
from autograder.instructor.quality import distributions, kill_matrix, kill_table, mutants
from autograder.report import terminal


def kill_mutants(chosen: list[Exercise], jobs: int | None, seed: int | None, record: bool) -> int:
    """Print the kill matrix; exit status 1 if a mutant fails otherwise than it says, 3 if one made the grader fail.

    Args:
        chosen: whose mutants.
        jobs: processes; one for each core if None.
        seed: of the inputs; None for a new one.
        record: write the checks that fail into the headings.
    """
    order = {(exercise.name, m.name): number for exercise in chosen for number, m in enumerate(mutants.load(exercise))}
    seed = secrets.randbelow(2**31) if seed is None else seed
    tried = track(
        kill_matrix.kill(chosen, seed, jobs=jobs),
        "mutants",
        total=len(order),
        console=terminal.console(stderr=True),
        transient=True,
    )
    deaths = sorted(tried, key=lambda death: (death.exercise, order[death.exercise, death.mutant]))
    kill_table.show(deaths, terminal.console())
    misfits = [sentence for death in deaths for sentence in death.misfits()]
    for sentence in misfits:
        click.echo(sentence)
    for exercise in chosen if record else ():
        failed = {
            death.mutant: death.failed for death in deaths if death.exercise == exercise.name and not death.faults
        }
        for place in mutants.record(exercise, failed):
            click.echo(f"{place}: recorded; look at the difference before you keep it.")
    click.echo(f"seed {seed}")
    if any(death.faults for death in deaths):
        return GRADER_FAULT
    return LESS if misfits else FULL_MARKS


def calibrate(chosen: list[Exercise], seeds: int, mutant_seeds: int, jobs: int | None, sources: tuple[str, ...]) -> int:
    """Measure and write thresholds.

    Args:
        chosen: of which exercises.
        seeds: runs of the reference with each source of drawings.
        mutant_seeds: runs of each mutant that an accuracy should tell.
        jobs: processes; one for each core if None.
        sources: of drawings, as on the command line; drawn handwriting and Omniglot if there are none.

    Raises:
        click.UsageError: a source is not there, and an exercise trains on drawings.
    """
    drawings = {exercise: _drawings(exercise, sources) for exercise in chosen if any(exercise.outline().values())}
    for exercise, own in drawings.items():
        first = _First(exercise)
        with progress.Progress(console=terminal.console(stderr=True), transient=True) as shown:
            task = shown.add_task(exercise.name, total=None)

            def observe(table: Table, done: int, total: int, first: "_First" = first, task: TaskID = task) -> None:
                shown.update(task, completed=done, total=total)
                first.look(table, done, total)

            table = calibrating.calibrate(exercise, own, seeds, mutant_seeds, jobs or os.cpu_count() or 1, observe)
        distributions.draw(table, exercise.folder / "thresholds.png")
        for sentence in (*_sentences(exercise, table), *_missing(exercise, table, own, seeds)):
            click.echo(sentence)
    return 0


def _drawings(exercise: Exercise, sources: tuple[str, ...]) -> list[Drawings]:
    """The sources of drawings by which an exercise is measured; one will do where all tasks are made."""
    found = [arguments.find_drawings(source) for source in sources or ("glyphs",)]
    if not calibrating.needs_drawings(exercise, found[0]):
        return found[:1]
    try:
        return found if sources else [*found, arguments.find_drawings("omniglot")]
    except click.UsageError as error:
        raise click.UsageError(
            f"{exercise.name} trains on drawings. {error.message} `--data glyphs` measures by drawn handwriting alone."
        ) from None


class _First:
    """Says once what is to be expected, when the first accuracies are there."""

    def __init__(self, exercise: Exercise):
        self._exercise = exercise
        self._begun, self._before = time.monotonic(), -1
        self._told: set[str] = set()

    def look(self, table: Table, done: int, total: int) -> None:
        """Look at what has been measured so far."""
        if self._before < 0:  # what an earlier calibration has left took no time
            self._before = done - 1
        minutes = (time.monotonic() - self._begun) / (done - self._before) * (total - done) / 60
        for sentence in _sentences(self._exercise, table):
            check = sentence.partition(":")[0]
            if check not in self._told and done < total:
                self._told.add(check)
                click.echo(f"After {calibrating.ENOUGH} seeds, {sentence}; about {minutes:.0f} minutes to go")


def _missing(exercise: Exercise, table: Table, drawings: list[Drawings], seeds: int) -> Iterator[str]:
    """Say where the reference did not get to a score under some seeds."""
    names = {MADE, *(each.source for each in drawings)}
    for check in (name for name, trains in exercise.outline().items() if trains):
        found = {name: len(told.measured) for name, told in table.get(check, {}).items() if name in names}
        for name, scores in (found or {drawings[0].source: 0}).items():
            if scores < seeds:
                yield (
                    f"{exercise.name} {check} {name}: {scores} of {seeds} seeds gave a score. Run it again: only the "
                    f"others are measured. If they give none again, `python -m autograder {exercise.homework} --only "
                    f"{exercise.name} --reference` says why."
                )


def _sentences(exercise: Exercise, table: Table) -> Iterator[str]:
    for check, by_source in table.items():
        for name, told in by_source.items():
            margin = "" if told.margin is None else f", {told.margin:+.3f} above the best mutant"
            yield (
                f"{exercise.name} {check} {name}: {told.words} (mean {told.mean:.3f}, false fail "
                f"{told.false_fail:.1e}{margin})"
            )
