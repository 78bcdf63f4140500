"""What students get wrong is found, named by the check that is there for it, and paid for once."""

import pytest

from autograder.grading import catalog
from autograder.instructor import references, regions
from autograder.instructor.quality import mutants
from autograder.results import Verdict

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
NOTHING_WORKS = (  # where these fail, there is nothing to judge
    "test_sizes",
    "test_images_are_drawings",
    "test_labels_are_one_hot",
    "test_every_drawing_gets_logits",
    "test_inner_loop_returns_all_parameters",
    "test_step_learns_from_the_support",
)
MOST = 1 / 3 + 1e-9  # of an exercise, for one mistake
CASES = [(exercise, mutant) for exercise in EXERCISES for mutant in mutants.load(exercise)]


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "mutant"), CASES, ids=[f"{e.name}: {mutant.name}" for e, mutant in CASES])
def test_a_mistake_is_found_and_paid_for_once(exercise, mutant, solution, judge):
    results = judge(exercise.name, mutant.apply(solution(exercise.name)))
    failed = [check for check in results if not check.earned and not check.waits_for]
    assert tuple(check.name for check in failed) == mutant.fails, [(c.name, c.message) for c in failed]
    for check in failed:
        assert check.verdict in (Verdict.WRONG, Verdict.FORMAT, Verdict.CRASH) and check.message and check.hint
    lost = sum(check.points for check in results if not check.earned) / sum(check.points for check in results)
    if mutant.without_idea:
        assert lost >= 0.5, f"without the method's idea it loses {lost:.0%} of the exercise"
    else:
        assert lost <= MOST or mutant.fails[0] in NOTHING_WORKS, f"it loses {lost:.0%} of the exercise"
    if mutant.says:
        assert any(mutant.says in check.likely for check in failed), [check.likely for check in failed]
    titles = {check.title for check in failed} | {check.title for check in results if check.waits_for}
    assert all(titles.issuperset(check.waits_for) for check in results), "a check waits for one that passes"


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


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
def test_there_are_many_and_no_two_of_one_name(exercise):
    names = [mutant.name for mutant in mutants.load(exercise)]
    assert len(names) == len(set(names)) >= 30


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
def test_no_check_is_dead(exercise):
    # A check that trains stands behind all others: only calibration shows what it tells apart.
    alone = {mutant.fails[0] for mutant in mutants.load(exercise) if len(mutant.fails) == 1}
    assert {name for name, trains in exercise.outline().items() if not trains} - alone == set()


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.name for exercise in EXERCISES])
def test_every_check_fails_on_the_bare_stub(exercise, grade_source, solution):
    result = grade_source(exercise.name, regions.stub(solution(exercise.name), exercise.file))
    assert [check.name for check in result.checks if check.earned] == []
