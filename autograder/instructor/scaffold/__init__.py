"""Templates of an exercise folder, a file each; new.py fills them in."""
