"""An exercise is whole: nothing of it is still to be written."""

import pytest

from autograder.grading import catalog
from autograder.instructor import new

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
def test_nothing_is_still_to_be_written(exercise):
    if left := list(new.unwritten(exercise.folder)):
        pytest.fail("still to be written:\n" + "\n".join(left), pytrace=False)
