"""The autograder of the meta-learning course: `python -m autograder hw2`."""

__version__ = "0.1.0"
