"""Correct solutions in other words get full marks: those of each exercise's alternatives.md."""

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import alternatives, rules, tried

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
QUICK = 8  # one of so many is tried by the quick tests


def cases():
    """Alternatives that are to be tried; most of them among the slow tests."""
    for exercise in EXERCISES:
        for alternative in tried.again(exercise, alternatives.load(exercise)):
            marks = [] if tried.is_drawn(exercise, alternative, QUICK) else [pytest.mark.slow]
            yield pytest.param(exercise, alternative, marks=marks, id=f"{exercise.name}: {alternative.name}")


@pytest.mark.filterwarnings(r"ignore:index_reduce\(\) is in beta")  # a solution may use it all the same
@pytest.mark.parametrize(("exercise", "alternative"), list(cases()))
def test_a_correct_solution_gets_full_marks_and_no_mistake_is_named(exercise, alternative):
    assert rules.alternatives.rejected(exercise, alternative) == []
