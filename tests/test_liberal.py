"""Correct solutions in other words get full marks: those of each exercise's alternatives.md."""

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import alternatives, rules, tried

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
CASES = [
    (exercise, alternative)
    for exercise in EXERCISES
    for alternative in tried.again(exercise, alternatives.load(exercise))
]


@pytest.mark.filterwarnings(r"ignore:index_reduce\(\) is in beta")  # a solution may use it all the same
@pytest.mark.parametrize(
    ("exercise", "alternative"), CASES, ids=[f"{exercise.name}: {alternative.name}" for exercise, alternative in CASES]
)
def test_a_correct_solution_gets_full_marks_and_no_mistake_is_named(exercise, alternative):
    assert rules.alternatives.rejected(exercise, alternative) == []
