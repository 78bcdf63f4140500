"""A mistake is named by the numbers it gives; where several give the same numbers, the student reads of all of them."""

import pytest

from autograder.grading import catalog
from autograder.instructor.quality import mutants

EXERCISES = {e.name: e for homework in catalog.homeworks() for e in catalog.exercises(homework)}
EXERCISE = EXERCISES["black_box"]
CHECK = "test_gradients_reach_both_layers"
ONE = "the two LSTMs are detached from each other"
TWO = "the first LSTM runs under no_grad()"


@pytest.fixture
def likely(judge, solution, monkeypatch):
    """What is said of a mutant in one check, where these mutants are known."""

    def told(mutant, known):
        monkeypatch.setattr(mutants, "load", lambda exercise: known)
        results = judge("black_box", mutant.apply(solution("black_box")))
        (result,) = (check for check in results if check.name == CHECK)
        return result.likely

    return told


def both(exercise, *names):
    """The solution with several mistakes."""
    found = {mutant.name: mutant for mutant in mutants.load(EXERCISES[exercise])}
    text = (EXERCISES[exercise].folder / "solution.py").read_text(encoding="utf-8")
    for name in names:
        text = found[name].apply(text)
    return text


def bank(*names, says):
    """Some of the black box's mutants, in other words."""
    found = {mutant.name: mutant for mutant in mutants.load(EXERCISE)}
    return [found[name]._replace(says=words) for name, words in zip(names, says, strict=True)]


def test_two_mistakes_with_the_same_gradients_are_both_named(likely):
    detached, no_grad = bank("detached between the layers", "first layer under no_grad", says=(ONE, TWO))
    for mutant in (detached, no_grad):
        said = likely(mutant, [detached, no_grad])
        assert "fit more than one mistake" in said and f"(a) {ONE}; or (b) {TWO}" in said, said


def test_a_mistake_with_other_gradients_is_not_named_beside_it(likely):
    detached, cut = bank("detached between the layers", "outputs detached", says=(ONE, TWO))
    assert likely(detached, [detached, cut]).startswith(f"This is what comes out if {ONE} (in largest ")


def test_two_mutants_of_one_mistake_are_named_once(likely):
    known = bank("detached between the layers", "first layer under no_grad", says=(ONE, ONE))
    assert likely(known[0], known).count(ONE) == 1


def test_where_too_many_mistakes_fit_none_is_named(likely):
    (mutant,) = bank("detached between the layers", says=(ONE,))
    known = [mutant._replace(says=f"{ONE}, version {number}") for number in range(4)]
    assert "more than one" in likely(mutant, known[:3]) and likely(mutant, known) == ""


def test_a_mistake_without_words_is_never_named(likely):
    (mutant,) = bank("detached between the layers", says=("",))
    assert likely(mutant, [mutant]) == ""


def test_fields_that_the_check_does_not_look_at_do_not_block_a_name(judge, solution):
    maml = EXERCISES["maml"]
    source = both("maml", "one step too many", "no accuracy after the last step")
    results = {check.name: check for check in judge("maml", source)}
    (says,) = (mutant.says for mutant in mutants.load(maml) if mutant.name == "one step too many")
    assert says in results["test_one_inner_step"].likely
    assert says in results["test_each_inner_step_starts_from_the_last"].likely
