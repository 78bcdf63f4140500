"""A mistake is named by the numbers it gives; where several give the same numbers, the student reads of all of them."""

import numpy as np
import pytest

from autograder.grading import catalog, evidence, named_mistakes
from autograder.grading.check_vocabulary import assert_close, assert_gradient
from autograder.grading.evidence import Call, Moment
from autograder.grading.named_mistakes import Fit, sentence
from autograder.instructor.quality import misconceptions, mutants, patches
from autograder.results import Verdict

EXERCISES = {e.name: e for homework in catalog.homeworks() for e in catalog.exercises(homework)}
EXERCISE = EXERCISES["black_box"]
CHECK = "test_gradients_reach_both_layers"
ONE = "the two LSTMs are detached from each other"
LOSS = "test_loss_is_the_mean_query_cross_entropy"
TOGETHER = ("softmax before the cross entropy", "loss summed over the tasks")
CRASHES = "classes along the wrong axis"
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
        assert "each of these cases" in said and f"(a) {ONE}; or (b) {TWO}" in said, said


def test_a_mistake_with_other_gradients_is_not_named_beside_it(likely):
    detached, cut = bank("detached between the layers", "outputs detached", says=(ONE, TWO))
    assert likely(detached, [detached, cut]) == named_mistakes.sentence([ONE])


def test_two_mutants_of_one_mistake_are_named_once(likely):
    known = bank("detached between the layers", "first layer under no_grad", says=(ONE, ONE))
    assert likely(known[0], known).count(ONE) == 1


def test_where_too_many_mistakes_fit_none_is_named(likely):
    (mutant,) = bank("detached between the layers", says=(ONE,))
    known = [mutant._replace(says=f"{ONE}, version {number}") for number in range(4)]
    assert "each of these cases" in likely(mutant, known[:3]) and likely(mutant, known) == ""


def test_a_mistake_without_words_is_never_named(likely):
    (mutant,) = bank("detached between the layers", says=("",))
    assert likely(mutant, [mutant]) == ""


def test_fields_that_the_check_does_not_look_at_do_not_block_a_name(judge, monkeypatch):
    named_by = {"test_one_inner_step", "test_each_inner_step_starts_from_the_last"}
    source = both("maml", "one step too many", "no accuracy after the last step")
    known = [mutant for mutant in mutants.load(EXERCISES["maml"]) if named_by & {*mutant.fails}]
    monkeypatch.setattr(mutants, "load", lambda exercise: known)
    (says,) = (mutant.says for mutant in known if mutant.name == "one step too many")
    assert named_by <= {check.name for check in judge("maml", source) if says in check.likely}


def test_two_common_mistakes_at_once_are_named_as_two(judge):
    results = {check.name: check for check in judge("protonet", both("protonet", *TOGETHER))}
    first, second = (mutant.says for mutant in mutants.load(EXERCISES["protonet"]) if mutant.name in TOGETHER)
    assert f"if {first}, and {second}." in results[LOSS].likely


def test_a_cut_graph_is_named_beside_a_wrong_loss(judge):
    names = ("softmax before the cross entropy", "support embedded without a graph")
    found = {mutant.name: mutant.says for mutant in mutants.load(EXERCISES["protonet"])}
    results = judge("protonet", both("protonet", *names))
    (told,) = (check.likely for check in results if check.name == "test_gradient_reaches_the_network")
    assert told == sentence([f"{found[names[0]]}, and {found[names[1]]}"])


def test_only_a_mistake_that_answers_alike_goes_through_the_whole_check(judge, solution, monkeypatch):
    tried = []
    traces = misconceptions.traces
    monkeypatch.setattr(misconceptions, "traces", lambda *args: tried.append(args[1].says) or traces(*args))
    (mutant,) = (mutant for mutant in mutants.load(EXERCISES["protonet"]) if mutant.name == TOGETHER[1])
    judge("protonet", mutant.apply(solution("protonet")))
    assert tried and set(tried) == {mutant.says}


def test_each_of_two_mistakes_that_fail_different_checks_has_its_own_name(judge):
    names = ("sum over the tasks", "loss of the last task")
    found = {mutant.name: mutant.says for mutant in mutants.load(EXERCISES["imaml"])}
    results = judge("imaml", both("imaml", *names))
    assert [check.likely for check in results if check.verdict is Verdict.WRONG] == [
        sentence([found[n]]) for n in names
    ]


def test_a_second_mistake_is_told_by_its_own_number_and_not_by_one_that_the_first_gives(judge):
    results = judge("first_order", both("first_order", "one step too few", "accuracy on the support"))
    (check,) = (check for check in results if check.name == "test_loss_and_accuracy_are_the_querys")
    assert check.verdict is Verdict.WRONG and check.message.startswith("query accuracy")


@pytest.mark.parametrize(
    ("exercise", "names"),
    [
        ("cnp", ("softplus in full", "summed over the query")),
        ("data_generator", ("query images shuffled, labels left", "support and query drawn by two calls")),
    ],
    ids=["a loss of wrong predictions", "drawings that come twice under wrong labels"],
)
def test_what_is_judged_by_a_students_own_answers_is_named_beside_another_mistake(judge, exercise, names):
    found = {mutant.name: mutant.says for mutant in mutants.load(EXERCISES[exercise])}
    results = judge(exercise, both(exercise, *names))
    assert [check.likely for check in results if check.verdict is Verdict.WRONG] == [
        sentence([found[name]]) for name in names
    ]


def test_two_mistakes_of_which_one_is_not_common_are_not_named(judge, monkeypatch):
    known = [mutant._replace(common=False) for mutant in mutants.load(EXERCISES["protonet"])]
    monkeypatch.setattr(mutants, "load", lambda exercise: known)
    results = {check.name: check for check in judge("protonet", both("protonet", *TOGETHER))}
    assert results[LOSS].verdict is Verdict.WRONG and not results[LOSS].likely


def test_what_two_patches_make_of_a_solution_does_not_depend_on_their_order():
    for name, exercise in EXERCISES.items():
        common = [mutant for mutant in mutants.load(exercise) if mutant.common and mutant.says]
        pairs = misconceptions._pairs(exercise, tuple(common))
        text = (exercise.folder / "solution.py").read_text(encoding="utf-8")
        for (first, second), changes in pairs:
            assert patches.apply(changes, text) == first.apply(second.apply(text)), name
            assert patches.apply(changes, text) not in (first.apply(text), second.apply(text), text), name


def test_an_exception_is_named_if_it_is_raised_in_the_same_words_by_the_same_question(judge, solution):
    (known,) = (mutant for mutant in mutants.load(EXERCISES["protonet"]) if mutant.name == CRASHES)
    raised = "F.cross_entropy(torch.as_tensor(logits_query.T), labels_query)"
    source = solution("protonet").replace("F.cross_entropy(logits_query, labels_query)", raised)
    other = solution("protonet").replace("F.cross_entropy(logits_query, labels_query)", "loss_batch[7]")
    for text, named in ((source, True), (other, False)):
        crashed = [check for check in judge("protonet", text) if check.verdict is Verdict.CRASH]
        assert crashed and all((known.says in check.likely) is named for check in crashed)


def test_a_mistake_that_fails_a_check_which_passes_is_not_named():
    fits = {"test_a": [Fit(ONE, ("test_a",), 3), Fit(TWO, ("test_a", "test_b"), 3)]}
    assert named_mistakes.named(fits, {"test_b"}) == {"test_a": sentence([ONE])}
    assert named_mistakes.named(fits, set()) == {"test_a": sentence([ONE, TWO])}
    assert named_mistakes.named({"test_a": fits["test_a"][1:]}, {"test_b"}) == {"test_a": ""}


def test_of_the_mistakes_that_fit_those_are_named_that_explain_most_failures():
    both = Fit("both", ("test_a", "test_b"), 3)
    fits = {"test_a": [Fit(ONE, ("test_a",), 3), both], "test_b": [both, Fit(TWO, ("test_b",), 3)]}
    assert set(named_mistakes.named(fits, set()).values()) == {sentence(["both"])}


def test_a_failure_without_a_name_of_its_own_says_what_is_to_be_mended_first():
    titles = {"test_a": "Fact a holds.", "test_b": "Fact b holds.", "test_c": "Fact c holds."}
    names = {"test_a": [Fit(ONE, ("test_a", "test_b"), 3)], "test_b": []}
    said = named_mistakes.first_to_mend("test_b", names, titles)
    assert said == f'{named_mistakes.FIRST} "Fact a holds": that mistake alone fails this check too.'
    assert named_mistakes.first_to_mend("test_c", names, titles) == ""
    several = {"test_a": [*names["test_a"], Fit(TWO, ("test_a", "test_b"), 3)]}
    assert named_mistakes.first_to_mend("test_b", several, titles) == ""


def test_a_name_is_about_the_first_check_that_its_mistake_fails():
    fit = Fit(ONE, ("test_a", "test_b"), 3)
    assert named_mistakes.is_about("test_a", [fit]) and not named_mistakes.is_about("test_b", [fit])
    assert not named_mistakes.is_about("test_a", [Fit(ONE, (), 3)])


@pytest.mark.parametrize(
    ("wrong", "is_named"),
    [
        ([0.5], False),  # one accuracy, which many mistakes have in common
        ([0.5, 0.25], False),
        ([0.5, 0.25, 7 / 75], True),
        ([0.4142135], True),  # a loss
        ([0.75, 0.75, 0.41421], True),
    ],
)
def test_one_coarse_number_is_too_little_for_a_name(wrong, is_named):
    right = {"accuracy": np.array([1.0] * len(wrong))}
    assert misconceptions._is_little([{"accuracy": np.array(wrong)}], [right]) is not is_named
    padded = [{"accuracy": np.array([*wrong, *[1.0] * 9])}], [{"accuracy": np.ones(len(wrong) + 9)}]
    assert misconceptions._is_little(*padded) is not is_named, "what is right is no evidence"
    assert not misconceptions._is_little([{"accuracy": np.ones(2)}], [{"accuracy": np.ones(3)}])


def test_a_mistake_that_two_checks_show_is_told_from_those_that_each_shows_alone(judge):
    (mutant,) = (mutant for mutant in mutants.load(EXERCISES["maml"]) if mutant.name == "the opposite of train")
    told = {check.name: check.likely for check in judge("maml", both("maml", mutant.name)) if check.likely}
    assert told == dict.fromkeys(mutant.fails, sentence([mutant.says]))


def read(*fields, again=False):
    """A call whose fields were read at these moments."""
    moments = {name: Moment(time, held) for name, time, held in fields}
    answer = {name: np.zeros(1) for name in moments}
    return Call("step", {}, {}, 0, answer, moments, again)


def test_evidence_is_what_was_read_since_the_last_assertion_that_held():
    (piece,) = evidence.of([read(("loss", 0, 0)), read(("loss", 1, 1), ("weight", 2, 2)), read(("weight", 2, 2))])
    assert piece.held == 2 and [list(arrays) for arrays in piece.arrays] == [["weight"], ["weight"]]


def test_a_second_attempt_is_evidence_of_its_own():
    first, second = evidence.of([read(("loss", 1, 1)), read(("loss", 2, 1), again=True)])
    assert (first.again, first.held, second.again, second.held) == (False, 1, True, 1)


def test_an_assertion_inside_another_one_is_no_step():
    evidence.begin()
    assert_gradient(np.ones(3), lambda at: float(at.sum()), np.ones(3), np.random.default_rng(0), "slope")
    assert evidence.now() == Moment(1, 1)
    with pytest.raises(AssertionError):
        assert_close(1.0, 2.0)
    assert evidence.now() == Moment(1, 1)
    evidence.begin()
    assert_close(1.0, 1.0)
    assert evidence.now() == Moment(1, 1)
