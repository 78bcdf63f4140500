"""Exercise: the black-box meta-learner."""
