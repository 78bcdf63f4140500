"""What only students run."""
