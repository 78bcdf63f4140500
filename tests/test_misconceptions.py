"""A mistake is named by the numbers it gives; where several give the same numbers, the student reads of all of them."""

import pytest

from autograder.grading import catalog, named_mistakes
from autograder.grading.draw import Draw
from autograder.grading.drawings import Drawings
from autograder.instructor import in_process, references
from autograder.instructor.quality import misconceptions, mutants
from autograder.shapes.gradient import checks as gradient

EXERCISE = next(exercise for exercise in catalog.exercises("hw1") if exercise.name == "black_box")
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


def bank(*names, says):
    """Some of the black box's mutants, in other words."""
    found = {mutant.name: mutant for mutant in mutants.load(EXERCISE)}
    return [found[name]._replace(says=words) for name, words in zip(names, says, strict=True)]


def test_two_mistakes_with_the_same_gradients_are_both_named(likely):
    detached, no_grad = bank("detached between the layers", "first layer under no_grad", says=(ONE, TWO))
    for mutant in (detached, no_grad):
        said = likely(mutant, [detached, no_grad])
        assert "one of these mistakes" in said and f"(a) {ONE}; or (b) {TWO}" in said, said


def test_a_mistake_with_other_gradients_is_not_named_beside_it(likely):
    detached, cut = bank("detached between the layers", "outputs detached", says=(ONE, TWO))
    assert likely(detached, [detached, cut]) == named_mistakes.sentence([ONE])


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


def test_fields_that_the_check_does_not_look_at_do_not_block_a_name(solution, monkeypatch):
    maml = next(exercise for exercise in catalog.exercises("hw2") if exercise.name == "maml")
    found = {mutant.name: mutant for mutant in mutants.load(maml)}
    known = found["one step too many"]
    monkeypatch.setattr(mutants, "load", lambda exercise: [known])
    other = found["one step too many, and no accuracy after the last"]
    student = in_process.Inside(maml, other.apply(solution("maml")))
    draw = Draw(1, "fields", Drawings(None))
    theta, support = gradient.draw_parameters(draw, 3), gradient.draw_support(draw, 3, 2)

    def named(*fields):
        student.calls.clear()
        answer = student.inner_loop(*support, theta, gradient.equal_rates(theta), 1, train=True)
        for field in fields:
            getattr(answer, field)
        return misconceptions.explain(maml, "test_one_inner_step", student.calls, references.Reference(maml))

    assert known.says in named("parameters")
    assert named("parameters", "accuracies") == "" == named()
