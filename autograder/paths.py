"""Where the course lies."""

from pathlib import Path

GRADER = Path(__file__).resolve().parent
COURSE = GRADER.parent  # holds hw1/, hw2/ and data/
EXERCISES = GRADER / "exercises"
SHAPES = GRADER / "shapes"
