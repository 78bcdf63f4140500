"""The texts that students read, put together from those of authors: hwN/README.md and hwN/hwN.ipynb.

source.py      a text of an author as lines, cells of code and instructions, each with its place
task.py        an exercise's task.md and cells.md
assignment.py  a homework's introduction.md with the tasks in it, for the README or for the notebook
notebook.py    the notebook's cells, and these as .ipynb
setup.md       how all notebooks begin
run.py         a notebook run with the reference solutions, as a page
"""
