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


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
def test_a_mistake_costs_nothing_in_the_other_exercise(exercise, solution, grade):
    mutant = mutants.load(exercise)[0]
    files = references.solutions(exercise.homework).files
    files[exercise.file] = mutant.apply(solution(exercise.name)).encode()
    results = grade(exercise.homework, files).exercises
    assert {result.name: result.earned == result.points for result in results} == {
        result.name: result.name != exercise.name for result in results
    }
    (result,) = (result for result in results if result.name == exercise.name)
    assert tuple(c.name for c in result.checks if not c.earned and not c.waits_for) == mutant.fails
