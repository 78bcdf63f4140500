"""How student code is kept apart from the grader and from the machine: see levels.py."""
