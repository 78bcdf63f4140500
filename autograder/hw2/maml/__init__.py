"""Exercise: the MAML."""
