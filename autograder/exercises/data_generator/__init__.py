"""Exercise: the generator of episodes."""
