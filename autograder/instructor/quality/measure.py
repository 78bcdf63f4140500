"""What `mutants` and `calibrate` do: run, show progress, print what was measured."""

import secrets

import click
from rich.progress import track

from autograder import arguments
from autograder.exit_status import FULL_MARKS, GRADER_FAULT, LESS
from autograder.instructor.quality import calibrate as calibrating
from autograder.instructor.quality import distributions, kill_matrix, kill_table, mutants
from autograder.report import terminal


def kill_mutants(homework: str, only: str | None, jobs: int | None, seed: int | None) -> int:
    """Print the kill matrix; exit status 1 if a mutant lives, 3 if one made the grader fail."""
    chosen = arguments.chosen(homework, only)
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
    click.echo(f"seed {seed}")
    if any(death.faults for death in deaths):
        return GRADER_FAULT
    return LESS if any(not death.failed for death in deaths) else FULL_MARKS


def calibrate(
    homework: str, seeds: int, mutant_seeds: int, first: int, only: str | None, sources: tuple[str, ...]
) -> int:
    """Measure and write thresholds."""
    chosen = arguments.chosen(homework, only)
    drawings = [arguments.find_drawings(source) for source in sources]
    for exercise in chosen:
        trained = sum(exercise.outline().values())
        if not trained:
            continue
        of_mutants = sum(map(len, calibrating.learning(exercise).values()))
        with terminal.Progressing((seeds * trained + mutant_seeds * of_mutants) * len(drawings)) as progress:
            table = calibrating.calibrate(exercise, drawings, seeds, mutant_seeds, progress, first)
        distributions.draw(table, exercise.folder / "thresholds.png")
        for check, thresholds in table.items():
            for name, threshold in thresholds.items():
                margin = "" if threshold.margin is None else f", {threshold.margin:+.3f} above the best mutant"
                click.echo(
                    f"{exercise.name} {check} {name}: at least {threshold.accuracy:.3f} (mean {threshold.mean:.3f}, "
                    f"false fail {threshold.false_fail:.1e}{margin})"
                )
    return 0
