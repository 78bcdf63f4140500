"""What tells how good the checks are: wrong solutions, the kill matrix, names of mistakes, thresholds."""
