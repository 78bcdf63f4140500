"""Handouts and archives that are built in seconds: to record what all mutants answer takes minutes.

What an exercise's checks leave is recorded once in a run of the tests, and kept in a folder that all its processes see.
"""

import contextlib
import fcntl
import pickle

import pytest

from autograder.instructor.handout import build
from autograder.instructor.handout.record import record
from autograder.instructor.quality import mutants

SEED = 7  # of the answers that are kept
EVERY, OF_OPTIONAL = 18, 60  # one mutant in so many is recorded, of required exercises and of optional ones
PAIR = ("first order: retain_graph", "softmax before the inner cross entropy")
# What is only looked at where a leak of the query's labels is suspected has to be recorded, too.
SUSPECTED = ("query logits put together class by class", "prototypes of support and query")
load = mutants.load


def few(exercise):
    """Some mutants of an exercise, and those that tests name."""
    every = EVERY if exercise.required else OF_OPTIONAL
    return [m for n, m in enumerate(load(exercise)) if n % every == 0 or m.name in (*PAIR, *SUSPECTED)]


@contextlib.contextmanager
def few_mutants(kept=None):
    """Let there be few mutants of each exercise.

    Args:
        kept: a folder with what was recorded of them; None to record anew.
    """

    def recorded(exercise, seed, *many):
        with open(kept / f"{exercise.name}-{seed}", "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # who comes second waits
            file.seek(0)
            if not (content := file.read()):
                content = pickle.dumps(record(exercise, seed, *many))
                file.write(content)
        return pickle.loads(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutants, "load", few)
        if kept:
            patch.setattr(build, "record", recorded)
        yield
