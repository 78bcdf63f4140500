"""Reading what was handed in, whatever its form."""
