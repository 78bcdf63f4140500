"""The students' stubs in hw1/ and hw2/, written anew from the reference solutions."""

import click

from autograder import commands
from autograder.exit_status import GRADER_FAULT, LESS
from autograder.grading.catalog import exercises, homeworks
from autograder.instructor import regions
from autograder.paths import COURSE


def write(check: bool) -> int:
    """Write the stubs, or only say which are out of date; returns the exit status."""
    stale = []
    for exercise in (exercise for homework in homeworks() for exercise in exercises(homework)):
        target = COURSE / exercise.file
        solution = exercise.folder / "solution.py"
        try:
            wanted = regions.stub(solution.read_text(encoding="utf-8"), str(solution.relative_to(COURSE)))
        except regions.RegionError as error:
            click.echo(str(error), err=True)
            return GRADER_FAULT
        if not target.exists() or target.read_text(encoding="utf-8") != wanted:
            stale.append(exercise.file)
            if not check:
                commands.write_whole(target, wanted.encode())
    click.echo(f"{'out of date' if check else 'written'}: {', '.join(stale)}" if stale else "all stubs are up to date")
    return LESS if stale and check else 0
