"""The fast checks of a homework on its reference, without worker or isolation: python -m benchmarks.in_process hw1

What `python -m autograder hw1 --reference --fast` takes longer than this is what keeping student code apart costs.
"""

import sys

from autograder import grade
from autograder.catalog import exercises
from autograder.drawings import Drawings
from autograder.instructor.inside import Inside
from autograder.instructor.live import Live
from autograder.referee import Referee, describe
from autograder.results import Verdict


def main(homework: str) -> None:
    """Run the fast checks."""
    chosen = exercises(homework)
    referee = Referee(
        chosen,
        lambda exercise: Inside(exercise, (exercise.folder / "solution.py").read_bytes()),
        problems={},
        seed=1,
        drawings=Drawings(None),
        chosen=lambda function: not describe(function).training,
        observe=lambda exercise, check, judged: None,
        key=Live(),
    )
    grade.run_pytest(chosen, referee)
    results = [check for exercise in chosen for check in referee.results[exercise.name].values()]
    assert results and all(check.verdict is Verdict.PASS for check in results)


if __name__ == "__main__":
    main(sys.argv[1])
