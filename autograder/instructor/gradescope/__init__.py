"""The autograder as Gradescope runs it: build.py makes the archive, and all other files here go into it."""
