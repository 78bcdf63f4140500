"""What students get wrong is found, named by the check that is there for it, and paid for once."""

import pytest

from autograder import catalog, mutants, submission
from autograder.results import Verdict

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
CASES = [(exercise, mutant) for exercise in EXERCISES for mutant in mutants.load(exercise)]


@pytest.mark.parametrize(("exercise", "mutant"), CASES, ids=[f"{e.name}: {mutant.name}" for e, mutant in CASES])
def test_a_mistake_is_found_and_paid_for_once(exercise, mutant, solution, judge):
    results = judge(exercise.name, mutant.apply(solution(exercise.name)))
    failed = [check for check in results if not check.earned and not check.waits_for]
    assert tuple(check.name for check in failed) == mutant.fails, [(c.name, c.message) for c in failed]
    for check in failed:
        assert check.verdict in (Verdict.WRONG, Verdict.FORMAT, Verdict.CRASH) and check.message and check.hint
    titles = {check.title for check in failed} | {check.title for check in results if check.waits_for}
    assert all(titles.issuperset(check.waits_for) for check in results), "a check waits for one that passes"


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
def test_a_mistake_costs_nothing_in_the_other_exercise(exercise, solution, grade):
    mutant = mutants.load(exercise)[0]
    files = submission.reference(exercise.homework).files
    files[exercise.file] = mutant.apply(solution(exercise.name)).encode()
    results = grade(exercise.homework, files).exercises
    assert {result.name: result.earned == result.points for result in results} == {
        result.name: result.name != exercise.name for result in results
    }
    (result,) = (result for result in results if result.name == exercise.name)
    assert tuple(c.name for c in result.checks if not c.earned and not c.waits_for) == mutant.fails
