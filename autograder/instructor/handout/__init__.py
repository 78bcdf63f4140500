"""What students get: built, checked for leaks, packed."""
