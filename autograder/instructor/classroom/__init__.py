"""A whole class: who handed in what, graded here or on a cluster, and what the instructor and the students get.

Arrows point one way: run, to local or cluster, to work, which grades one exercise of one submission.
"""
