"""Reports: each renders the same result objects, and knows nothing else."""
