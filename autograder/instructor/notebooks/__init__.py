"""The notebooks hw1/hw1.ipynb and hw2/hw2.ipynb, each generated from one text.

hw1.md, hw2.md  the texts: Markdown, with the cells of code as named blocks
setup.md        how both begin
readme.py       what is taken from the homework's README instead of being written twice
source.py       a text as cells
build.py        cells as .ipynb, the same bytes each time
run.py          a notebook run with the reference solutions, as a page
"""
