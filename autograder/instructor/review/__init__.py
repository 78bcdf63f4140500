"""A local page on which teaching assistants look through a graded class and decide: facts and scores as everywhere."""
