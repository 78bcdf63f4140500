"""Train and test what you have written: python -m hw1.train, and --help for what there is."""

import sys
from pathlib import Path

if not __package__:  # started by its path: this copy of the course is meant, whichever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from autograder.student import training

main = training.program(Path(__file__).resolve().parent.name)

if __name__ == "__main__":
    main()
