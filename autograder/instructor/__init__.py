"""What only instructors have: solutions to grade against, wrong solutions, handouts. None of it is in a handout."""
