"""A training program with the reference solutions in place of the stubs.

    python -m benchmarks.reference hw2 --recipe course-maml-5w1s
    python -m benchmarks.reference hw2 --batched maml --num-way 5
    python -m benchmarks.reference hw1 --num-way 2

All options are those of hw1.train and hw2.train. `--batched`, straight after hw2, computes all tasks of a batch at once
(benchmarks/batched.py): the same numbers in less time.
"""

import importlib
import sys

from autograder.grading.catalog import exercises, homeworks
from autograder.student import training


def put_in(homework: str) -> None:
    """Let `import hw2.maml` mean the reference solution, and so for every exercise of a homework."""
    package = importlib.import_module(homework)
    for exercise in exercises(homework):
        solution = exercise.load("solution")
        sys.modules[exercise.module] = solution
        setattr(package, exercise.name, solution)


def put_in_batched() -> None:
    """Let hw2.train train with learners that take all tasks of a batch at once."""
    batched = importlib.import_module("benchmarks.batched")
    for exercise in exercises("hw2"):
        module = training.load(exercise)
        for name in batched.AT_ONCE.keys() & vars(module).keys():
            setattr(module, name, batched.AT_ONCE[name])


def main() -> None:
    """Run the homework's program."""
    homework, options = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if homework not in homeworks():
        sys.exit(f"Say which homework, and then its options: {' or '.join(homeworks())}.\n\n{__doc__}")
    put_in(homework)
    words = ["python -m benchmarks.reference", homework]
    if options[:1] == ["--batched"]:
        if homework != "hw2":
            sys.exit(f"--batched is for hw2, whose batches are lists of tasks: {homework}'s are arrays already.")
        put_in_batched()
        words.append(options.pop(0))
    importlib.import_module(f"{homework}.train").main(options, prog_name=" ".join(words))


if __name__ == "__main__":
    main()
