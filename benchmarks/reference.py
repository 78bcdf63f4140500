"""A training program with the reference solutions in place of the stubs.

    python -m benchmarks.reference hw2 --recipe course-maml-5w1s
    python -m benchmarks.reference hw1 --num-way 2

All options are those of hw1.train and hw2.train.
"""

import importlib
import runpy
import sys

from autograder.catalog import exercises, homeworks


def put_in(homework: str) -> None:
    """Let `import hw2.maml` mean the reference solution, and so for every exercise of a homework."""
    package = importlib.import_module(homework)
    for exercise in exercises(homework):
        solution = exercise.load("solution")
        sys.modules[exercise.module] = solution
        setattr(package, exercise.name, solution)


def main() -> None:
    """Run the homework's program."""
    if len(sys.argv) < 2 or sys.argv[1] not in homeworks():
        sys.exit(f"Say which homework, and then its options: {' or '.join(homeworks())}.\n\n{__doc__}")
    homework = sys.argv.pop(1)
    put_in(homework)
    runpy.run_module(f"{homework}.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
