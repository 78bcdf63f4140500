"""What the checks make of all mutants: python -m benchmarks.kill_matrix [--seeds 1 2 3] [--rows FILE]

Holds the checks against every mutant under some seeds, and writes docs/kill-matrix.md: how many are found, by which
check, what they cost, and what the calibration measured of those that are told by an accuracy. With --rows results
are kept in a file, one a line, and a run that was interrupted goes on where it was.
"""

import argparse
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from autograder.grading import catalog, scores, thresholds
from autograder.grading.catalog import Exercise
from autograder.instructor.quality import kill_matrix, kill_table, mutants
from autograder.instructor.quality.kill_matrix import Death
from autograder.instructor.quality.rules.mutants import MOST
from autograder.paths import COURSE

PAGE = COURSE / "docs" / "kill-matrix.md"
EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
HEAD = """# The kill matrix

What the checks make of wrong solutions, each a small edit of the reference (`autograder/exercises/*/mutants.md`), under
{seeds}. `python -m benchmarks.kill_matrix` writes this page. Which checks find each mutant stands beside it in its
`mutants.md`, and `python -m autograder mutants hw2` shows it in the terminal.
"""
TARGETS = """
Asked for: none alive; the intended check among the failures of at least 95%, and the first for at least 85%. A mistake
is named where its numbers alone tell it: the others are random episodes, crashes and the like.
"""
LOSSES = """
## Points lost

Mutants by the share of their exercise's points that they lose, training checks not counted. None of them costs the
other exercises of its homework a point. A solution without the method's idea loses half at least, and any other mistake
a third at most, unless nothing comes back that could be judged (`python -m autograder check` holds these bounds).
"""
TRAINING = """
## Training

The last calibration (`python -m autograder calibrate`): scores of the reference, the threshold drawn from them, and
scores of wrong solutions that a training should tell, each seen by this check alone. The margin is what the mutant's
mean lacks to the threshold. "made" is the check's own task, which no source of drawings changes.
"""
SEEDS = """
## Other under another seed than {first}
"""

Measured = dict[str, list[list[Death]]]  # by exercise, by seed, in the order of the mutants


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, secrets.randbelow(2**31)])
    parser.add_argument("--rows", type=Path, default=Path(os.devnull), help="keep results in this file, and go on")
    parser.add_argument("--jobs", type=int, help="processes; one for each core if left out")
    options = parser.parse_args()
    measured = {exercise.name: measure(exercise, options.seeds, options.rows, options.jobs) for exercise in EXERCISES}
    PAGE.write_text(page(measured, options.seeds), encoding="utf-8")


def measure(exercise: Exercise, seeds: list[int], rows: Path, jobs: int | None) -> list[list[Death]]:
    """What became of an exercise's mutants under each seed."""
    found: dict[tuple[int, str], Death] = {}
    for seed, row in map(json.loads, rows.read_text(encoding="utf-8").splitlines() if rows.exists() else []):
        death = Death(**{name: tuple(part) if isinstance(part, list) else part for name, part in row.items()})
        if death.exercise == exercise.name:
            found[seed, death.mutant] = death
    wanted = [mutant.name for mutant in mutants.load(exercise)]
    for seed in seeds:
        missing = [mutant for mutant in mutants.load(exercise) if (seed, mutant.name) not in found]
        tried = kill_matrix.kill([exercise], seed, jobs=jobs, chosen=missing)
        shown = track(tried, f"{exercise.name}, seed {seed}", total=len(missing), console=Console(stderr=True))
        with rows.open("a", encoding="utf-8") as file:
            for death in shown:
                found[seed, death.mutant] = death
                print(json.dumps([seed, death._asdict()]), file=file, flush=True)
    return [[found[seed, name] for name in wanted] for seed in seeds]


def page(measured: Measured, seeds: list[int]) -> str:
    """The page."""
    return "\n".join(
        [
            HEAD.format(seeds=f"{len(seeds)} seed" + "s" * (len(seeds) != 1)),
            *_outcomes(measured, seeds),
            TARGETS,
            LOSSES,
            *_losses(measured),
            TRAINING,
            *(line for exercise in EXERCISES for line in _training(exercise)),
            *([SEEDS.format(first=seeds[0]), *(list(_differing(measured, seeds)) or ["None."])] if seeds[1:] else []),
            "",
        ]
    )


def _outcomes(measured: Measured, seeds: list[int]) -> Iterator[str]:
    yield "| exercise | seed | mutants | alive | intended check found | found first | named | grader failed |"
    yield "|---|---|---|---|---|---|---|---|"
    for exercise, by_seed in measured.items():
        for seed, deaths in zip(seeds, by_seed, strict=True):
            found = kill_table.shares(deaths)
            named = f"{found.named} of {found.nameable}"
            yield (
                f"| {exercise} | {seed} | {found.total} | {found.alive} | {found.among:.1%} | {found.first:.1%} "
                f"| {named} | {found.faults} |"
            )


def _losses(measured: Measured) -> Iterator[str]:
    yield "| exercise | " + " | ".join(f"up to {high:.0%}" for high in kill_table.STEPS) + " |"
    yield "|---" * (1 + len(kill_table.STEPS)) + "|"
    for exercise, (deaths, *_) in measured.items():
        yield f"| {exercise} | " + " | ".join(map(str, kill_table.losses(deaths))) + " |"
    yield "\nThose that lose more than a third:\n"
    yield "| exercise | without the method's idea | points lost | nothing to be judged | points lost |"
    yield "|---|---|---|---|---|"
    for exercise, (deaths, *_) in measured.items():
        largest = [death for death in deaths if death.lost > MOST]
        kinds = ([death.lost for death in largest if death.without_idea is kind] for kind in (True, False))
        yield f"| {exercise} | " + " | ".join(map(_counted, kinds)) + " |"


def _counted(lost: list[float]) -> str:
    return f"{len(lost)} | {min(lost):.0%} to {max(lost):.0%}" if lost else "0 | "


def _training(exercise: Exercise) -> Iterator[str]:
    for check, by_source in thresholds.load(exercise).items():
        yield f"\n### {exercise.name}: {check.removeprefix('test_').replace('_', ' ')}\n"
        yield "| drawings | solution | seeds | lowest | mean | highest | |"
        yield "|---|---|---|---|---|---|---|"
        for source, told in by_source.items():
            yield _row(source, "the reference", told.measured, f"{told.words}, false fail {told.false_fail:.1e}")
            for mutant, values in told.mutants.items():
                margin = scores.SCORES[told.score].distance(told.bound, sum(values) / len(values))
                yield _row(source, mutant, values, f"margin {margin:+.3f}")
    if (exercise.folder / "thresholds.png").exists():
        yield f"\n![{exercise.name}](../{(exercise.folder / 'thresholds.png').relative_to(COURSE)})"


def _row(source: str, solution: str, values: list[float], last: str) -> str:
    mean = sum(values) / len(values)
    numbers = f"{len(values)} | {min(values):.3f} | {mean:.3f} | {max(values):.3f}"
    return f"| {source} | {solution} | {numbers} | {last} |"


def _differing(measured: Measured, seeds: list[int]) -> Iterator[str]:
    for exercise, (first, *others) in measured.items():
        for seed, deaths in zip(seeds[1:], others, strict=True):
            for death, before in zip(deaths, first, strict=True):
                if (death.failed, death.named) != (before.failed, before.named):
                    yield f"- {exercise}: {death.mutant} (seed {seed}: {', '.join(death.failed) or 'alive'})"


if __name__ == "__main__":
    main()
