"""Exit statuses of the command line; they are pytest's."""

FULL_MARKS, LESS, INTERRUPTED, GRADER_FAULT, USAGE, NOTHING_TO_GRADE = range(6)
