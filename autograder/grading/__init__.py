"""Grading of one submission: what is asked, who answers, who judges."""
