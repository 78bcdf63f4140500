"""What students get wrong is found, named by the check that is there for it, and paid for once."""

import pytest

from autograder.grading import catalog
from autograder.instructor import references
from autograder.instructor.quality import kill_matrix, mutants, rules, tried

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
CASES = [(exercise, mutant) for exercise in EXERCISES for mutant in tried.again(exercise, mutants.load(exercise))]


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "mutant"), CASES, ids=[f"{e.name}: {mutant.name}" for e, mutant in CASES])
def test_a_mistake_is_found_and_paid_for_once(exercise, mutant):
    death = kill_matrix.try_one(exercise, mutant, rules.mutants.SEED)
    assert death.misfits() == []
    assert death.lost == pytest.approx(rules.mutants.cost(exercise, mutant))


@pytest.mark.slow
@pytest.mark.parametrize("homework", catalog.homeworks())
@pytest.mark.parametrize("first", [0, 1])
def test_a_mistake_costs_nothing_in_the_other_exercises(homework, first, solution, grade):
    wrong = {exercise.name: mutants.load(exercise)[0] for exercise in catalog.exercises(homework)[first::2]}
    files = references.solutions(homework).files
    for exercise in catalog.exercises(homework):
        if exercise.name in wrong:
            files[exercise.file] = wrong[exercise.name].apply(solution(exercise.name)).encode()
    for result in grade(homework, files).exercises:
        failed = tuple(check.name for check in result.checks if not check.earned and not check.waits_for)
        assert failed == (wrong[result.name].fails if result.name in wrong else ())
        assert (result.earned == result.points) == (result.name not in wrong)
