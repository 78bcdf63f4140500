"""Run what the written questions need: python -m hw2.runs, and --help for its options."""

import sys
from pathlib import Path

if not __package__:  # started by its path: this copy of the course is meant, whichever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from autograder.student import runs

main = runs.program(Path(__file__).resolve().parent.name)

if __name__ == "__main__":
    main()
