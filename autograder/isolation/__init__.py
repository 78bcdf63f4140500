"""How student code is kept apart: the strongest level that this machine has, and the words for what it keeps.

What a level promises is not believed but tried, once a run: selftest.py runs in it and tries what must fail.
"""

from autograder.isolation.levels import ISOLATED, NONE, PER_PROCESS, REDUCED, SEPARATE, WORDS, Isolation, find

__all__ = ["ISOLATED", "NONE", "PER_PROCESS", "REDUCED", "SEPARATE", "WORDS", "Isolation", "find"]
