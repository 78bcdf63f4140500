"""Every exercise keeps the rules of the house: those of `python -m autograder check`."""

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import rules
from autograder.instructor.quality.rules import RULES, checks

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
QUICK = [rule for rule in RULES if not rule.slow]


def keeps(exercise, rule):
    if broken := rule.broken(exercise):
        pytest.fail("\n".join([rule.title, *broken]), pytrace=False)


@each_exercise
@pytest.mark.parametrize("rule", QUICK, ids=[rule.title for rule in QUICK])
def test_an_exercise_keeps_the_rules_of_the_house(exercise, rule):
    keeps(exercise, rule)


@each_exercise
def test_the_reference_passes_every_check_and_the_bare_stub_none(exercise):
    keeps(exercise, next(rule for rule in RULES if rule.look is checks.reference_and_stub))


def test_rules_that_grade_have_tests_of_their_own():
    slow = {rule.look for rule in RULES if rule.slow}
    assert slow == {checks.reference_and_stub, rules.mutants.exact, rules.alternatives.pass_all}
