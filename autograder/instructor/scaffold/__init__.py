"""Templates of a homework's folder and of an exercise's, a file each; new.py fills them in."""
