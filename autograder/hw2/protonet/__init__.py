"""Exercise: the prototypical network."""
