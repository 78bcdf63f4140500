"""The assertions of checks fail closed: whatever is not shown to be right is wrong."""

import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.grading import evidence
from autograder.grading.check_vocabulary import (
    accuracy,
    assert_close,
    assert_differ,
    assert_either,
    assert_gradient,
    assert_if_it_runs,
    assert_shape,
    assert_shares,
)
from autograder.results import StudentError, Verdict

NAN, INF = float("nan"), float("inf")


class Liar(np.ndarray):
    """An array that says it is equal to everything."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.zeros(self.shape)

    def __array_function__(self, func, types, args, kwargs):
        return np.zeros(self.shape)

    def __abs__(self):
        return np.zeros(self.shape)


def lie(*values):
    return np.array(values).view(Liar)


CLOSE = {
    "equal": ([1.0, -2.0], [1.0, -2.0]),
    "rounded as single precision is": (np.float32([0.1, 0.7]), np.float64([0.1, 0.7])),
    "noise next to a large value": ([1e6, 0.003], [1e6, 0.0]),
    "a number for a number in brackets": ([3.0], 3.0),
    "an integer for a float": (3, 3.0),
    "tiny values that agree": ([1e-20, 2e-20], [1e-20, 2e-20]),
    "zeros": ([0.0, 0.0], [0.0, -0.0]),
    "a dict": ({"w": [1.0, 2.0], "b": 0.0}, {"w": [1.0, 2.0], "b": 1e-6}),
}
NOT_CLOSE = {
    "another value": ([1.0, 2.0], [1.0, 2.1]),
    "NaN": ([1.0, NAN], [1.0, 2.0]),
    "NaN on both sides": ([1.0, NAN], [1.0, NAN]),
    "infinity on both sides": ([INF], [INF]),
    "infinity": ([INF, 1.0], [1.0, 1.0]),
    "a shape that broadcasts": ([[1.0, 2.0]], [1.0, 2.0]),
    "a number for an array": (1.0, [1.0, 1.0]),
    "an array for a number": ([1.0, 1.0], 1.0),
    "a transposed array": (np.arange(4.0).reshape(2, 2).T, np.arange(4.0).reshape(2, 2)),
    "nothing for nothing": ([], []),
    "nothing for something": ([], [1.0]),
    "zero for a tiny value": ([0.0, 0.0], [1e-30, 2e-30]),
    "a tiny value for zero": ([1e-30], [0.0]),
    "twice a tiny value": ([2e-300], [1e-300]),
    "a subclass that lies": (lie(1.0, 2.0), [3.0, 4.0]),
    "a subclass that lies, in a dict": ({"w": lie(1.0)}, {"w": [2.0]}),
    "complex numbers": ([1.0 + 1j], [1.0]),
    "strings": (["1.0"], [1.0]),
    "objects": (np.array([1.0, None], dtype=object), [1.0, 2.0]),
    "a dict for an array": ({"w": 1.0}, [1.0]),
    "an array for a dict": ([1.0], {"w": 1.0}),
    "a name too few": ({"w": 1.0}, {"w": 1.0, "b": 1.0}),
    "a name too many": ({"w": 1.0, "b": 1.0}, {"w": 1.0}),
    "zeros for a dict of tiny values": ({"w": [0.0], "b": [0.0]}, {"w": [1e-9], "b": [1e-9]}),
    "an overflow": ([-1e308], [1e308]),
}  # fmt: skip


@pytest.mark.parametrize(("got", "want"), CLOSE.values(), ids=CLOSE)
def test_what_agrees_up_to_rounding_is_close(got, want):
    assert_close(got, want)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(("got", "want"), NOT_CLOSE.values(), ids=NOT_CLOSE)
def test_what_does_not_is_not_close(got, want):
    with pytest.raises(AssertionError, match=r"value.*: "):
        assert_close(got, want)


def test_the_tolerance_is_a_share_of_the_largest_value_of_all():
    assert_close([100.0, 0.009], [100.0, 0.0], rtol=1e-4)
    with pytest.raises(AssertionError):
        assert_close([100.0, 0.011], [100.0, 0.0], rtol=1e-4)
    assert_close({"w": [100.0], "b": [0.009]}, {"w": [100.0], "b": [0.0]}, rtol=1e-4)


def test_a_difference_is_told_in_numbers_with_its_place():
    with pytest.raises(AssertionError, match=r"^logits at \[1, 0\]: got 5, expected 3 \(2 of 4 differ\)$"):
        assert_close([[1.0, 2.0], [5.0, 4.5]], [[1.0, 2.0], [3.0, 4.0]], "logits")
    with pytest.raises(AssertionError, match=r"^loss: got 5, expected 3$"):
        assert_close(5.0, 3.0, "loss")
    with pytest.raises(AssertionError, match=r"^change of w: shape \(2,\), expected \(1, 2\)$"):
        assert_close({"w": [1.0, 2.0]}, {"w": [[1.0, 2.0]]}, "change of")


def test_of_several_arrays_the_message_tells_of_the_one_that_is_most_wrong():
    with pytest.raises(AssertionError, match=r"^change of conv1 at \[0\]: got 4, expected 1"):
        assert_close({"conv0": [0.01], "conv1": [4.0]}, {"conv0": [0.0], "conv1": [1.0]}, "change of")


@pytest.mark.parametrize(
    ("wrong", "pattern"),
    [
        (lambda right: 0.25 * right, "all are 0.25 times what is expected"),
        (lambda right: -right, "all are -1 times what is expected"),
        (lambda right: right + 2.0, "all are 2 more than expected"),
        (lambda right: right - 0.5, "all are 0.5 less than expected"),
        (lambda right: 0 * right, "all are 0"),
        (lambda right: 0 * right + 3.0, "all are the same number"),
        (lambda right: np.where(np.arange(5)[:, None] == 3, 0, right), r"row \[3\] is all 0"),
        (lambda right: np.where(np.arange(5)[:, None] > 2, 0, right), r"rows \[3\] and \[4\] are all 0"),
        (lambda right: np.where(np.arange(5)[:, None] > 1, 0, right), r"rows \[2\], \[3\] and others are all 0"),
        (lambda right: right[::-1], "they are the right numbers in another order"),
    ],
)
def test_how_wrong_numbers_go_with_right_ones_is_told(wrong, pattern):
    right = np.random.default_rng(0).standard_normal((5, 3))
    with pytest.raises(AssertionError, match=rf"^logits at .* differ: {pattern}\)$"):
        assert_close(wrong(right), right, "logits")


def test_where_the_check_made_the_array_no_place_of_it_is_told():
    right = np.random.default_rng(0).standard_normal((5, 3))
    with pytest.raises(AssertionError, match=r"^logits: got .* \(3 of 15 differ\)$"):
        assert_close(np.where(np.arange(5)[:, None] == 3, 0, right), right, "logits", place=False)
    with pytest.raises(AssertionError, match=r"^loss: got 2, expected 1$"):
        assert_close(2.0, 1.0, "loss", least=1)
    assert_close([1e-5, 0], [0, 0], "context", least=1)
    with pytest.raises(AssertionError):
        assert_close([1e-5, 0], [0, 0], "context")


@pytest.mark.parametrize(
    ("got", "want", "told"),
    [
        (147.43916, 29.487832, " (5 times what is expected)"),
        (0.31274, 1.25096, " (1/4 of what is expected)"),
        (1.25097, 0.31274, ""),
        (0.8, 0.4, ""),
        (0.96, 0.32, ""),
        (0.0, 1.2345678, ""),
        (-2.469135, 1.2345678, ""),
    ],
)
def test_a_number_that_is_a_multiple_of_the_right_one_is_told_so_but_no_accuracy(got, want, told):
    with pytest.raises(AssertionError, match=rf"^loss: got .*, expected [-\d.]*{re.escape(told)}$"):
        assert_close(got, want, "loss")


def test_numbers_that_are_wrong_in_no_way_of_all_of_them_are_only_counted():
    right = np.random.default_rng(0).standard_normal((5, 3))
    for wrong in (right**2, np.where(np.arange(5)[:, None] < 2, 2 * right, right)):
        with pytest.raises(AssertionError, match=r" differ\)$"):
            assert_close(wrong, right, "logits")


def test_a_shape_is_compared_whole():
    assert_shape(np.zeros((2, 3)), (2, 3), "logits")
    with pytest.raises(AssertionError, match=r"^logits: shape \(3,\), expected \(1, 3\)$"):
        assert_shape(np.zeros(3), (1, 3), "logits")


def test_arrays_differ_if_they_do_anywhere():
    assert_differ([1.0, 2.0], [1.0, 2.1], "message")
    assert_differ([0.0], [1e-30], "message")


ALIKE = {
    "equal": ([1.0, 2.0], [1.0, 2.0]),
    "noise": ([1.0, 1e6], [1.0 + 1e-9, 1e6]),
    "nothing": ([], []),
    "NaN": ([NAN, 1.0], [NAN, 2.0]),
    "infinity": ([INF, 1.0], [INF, 2.0]),
    "shapes that broadcast": ([[1.0, 2.0]], [3.0, 4.0]),
    "a number against an array": (1.0, [2.0, 3.0]),
    "objects": (np.array([None]), np.array([1], dtype=object)),
}


@pytest.mark.parametrize(("got", "other"), ALIKE.values(), ids=ALIKE)
def test_arrays_that_are_not_shown_to_differ_do_not(got, other):
    with pytest.raises(AssertionError):
        assert_differ(got, other, "message")


def test_what_an_array_subclass_says_of_differences_does_not_count():
    with pytest.raises(AssertionError, match="message"):
        assert_differ(lie(1.0, 2.0), lie(1.0, 2.0), "message")
    assert_differ(lie(1.0), lie(2.0), "message")


def test_counts_near_their_shares_pass():
    assert_shares([95, 105], 1 / 2, "message")
    assert_shares([10, 20, 30], [1 / 6, 1 / 3, 1 / 2], "message")


def test_counts_of_the_right_shares_practically_never_fail():
    rng = np.random.default_rng(0)
    for shares in ([1 / 6] * 6, [1 / 4] * 4, [0.02, 0.98]):
        for _ in range(2000):
            assert_shares(rng.multinomial(1000, shares), shares, "message")


@pytest.mark.parametrize(
    "counts", [[0, 0], [200, 0], [150, 50], [NAN, 100], [INF, 1], [], [-100, 300]],
    ids=["no event", "one cell", "too uneven", "NaN", "infinity", "no cell", "negative"],
)  # fmt: skip
def test_counts_that_do_not_show_their_shares_fail(counts):
    with pytest.raises(AssertionError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_shares(counts, 1 / 2, "message")


def test_a_cell_that_should_not_exist_fails():
    with pytest.raises(AssertionError, match="message"):
        assert_shares([100, 100, 40], [1 / 2, 1 / 2, 0], "message")


def test_accuracy_is_the_share_of_rows_whose_largest_score_is_at_the_label():
    scores = np.array([[0.1, 0.9], [0.8, 0.2], [-5.0, -9.0], [1.0, 2.0]])
    assert accuracy(scores, np.array([1, 0, 1, 0])) == 0.5


WORTHLESS = {
    "a tie": [[1.0, 1.0], [0.0, 0.0]],
    "NaN everywhere": [[NAN, NAN], [NAN, NAN]],
    "NaN at the label": [[NAN, 0.0], [0.0, NAN]],
    "NaN beside the label": [[1.0, NAN], [NAN, 1.0]],
    "infinity everywhere": [[INF, INF], [INF, INF]],
    "minus infinity everywhere": [[-INF, -INF], [-INF, -INF]],
}


@pytest.mark.parametrize("scores", WORTHLESS.values(), ids=WORTHLESS)
def test_scores_that_decide_nothing_are_wrong(scores):
    assert accuracy(np.array(scores), np.array([0, 1])) == 0


@pytest.mark.parametrize(
    "scores", [np.zeros(2), np.zeros((3, 2)), np.zeros((2, 2, 2)), np.zeros((2, 1)), np.zeros((0, 2))],
    ids=["one axis", "a row too many", "three axes", "a class too few", "no rows"],
)  # fmt: skip
def test_scores_of_another_shape_are_no_accuracy(scores):
    with pytest.raises(AssertionError, match="scores: shape"):
        accuracy(scores, np.array([0, 1]))


def test_no_scores_for_no_labels_are_no_accuracy():
    with pytest.raises(AssertionError):
        accuracy(np.zeros((0, 2)), np.zeros(0, dtype=np.int64))


def squares(at):
    return float(np.square(at).sum())


def gradient_of(gradient, function=squares, at=None):
    assert_gradient(
        gradient, function, np.array([1.0, 2.0]) if at is None else at, np.random.default_rng(0), "gradient"
    )


def test_a_gradient_is_held_against_finite_differences():
    gradient_of(np.array([2.0, 4.0]))
    at = {"w": np.array([1.0, 2.0]), "b": np.array(3.0)}
    gradient_of({"w": np.array([2.0, 4.0]), "b": np.array(6.0)}, lambda x: squares(x["w"]) + squares(x["b"]), at)


WRONG_GRADIENTS = {
    "zero": (np.zeros(2), squares),
    "half": (np.array([1.0, 2.0]), squares),
    "a part missing": (np.array([2.0, 0.0]), squares),
    "NaN": (np.array([2.0, NAN]), squares),
    "a function that is NaN": (np.array([2.0, 4.0]), lambda at: NAN),
    "a function that is NaN somewhere": (np.array([2.0, 4.0]), lambda at: squares(at) if at[0] > 1 else NAN),
    "a shape that broadcasts": (np.array(2.0), squares),
    "a dict": ({"w": np.array([2.0, 4.0])}, squares),
    "zero, for a function that is constant": (np.zeros(2), lambda at: 7.0),
}


@pytest.mark.parametrize(("gradient", "function"), WRONG_GRADIENTS.values(), ids=WRONG_GRADIENTS)
def test_another_gradient_is_wrong(gradient, function):
    with pytest.raises(AssertionError, match="gradient"):
        gradient_of(gradient, function)


def test_a_gradient_under_other_names_is_wrong():
    with pytest.raises(AssertionError, match="names"):
        gradient_of({"v": np.array([2.0])}, lambda x: squares(x["w"]), {"w": np.array([1.0])})


def test_what_is_drawn_later_does_not_depend_on_the_answer():
    at, gradient = np.array([1.0, 2.0]), np.array([2.0, 4.0])
    after = []
    for values in (np.zeros(3), np.ones(3)):  # as the reference's, and others
        rng = np.random.default_rng(0)
        assert_gradient(gradient, squares, at, rng, "gradient", known=(values, np.zeros(3), gradient))
        after.append(rng.random())
    assert after[0] == after[1]


def test_one_of_two_attempts_is_enough():
    tried = []
    assert_either(lambda stand_in: tried.append(stand_in))
    assert tried == [True]

    def only_without(stand_in):
        assert not stand_in, "with"

    assert_either(only_without)


@pytest.mark.parametrize(
    "error", [AssertionError("second"), StudentError(Verdict.CRASH, "second"), StudentError(Verdict.FORMAT, "second")]
)
def test_two_failed_attempts_are_a_failure(error):
    def attempt(stand_in):
        raise AssertionError("first") if stand_in else error

    with pytest.raises(type(error), match="second"):
        assert_either(attempt)


@pytest.mark.parametrize(("holds", "told"), [((2, 1), "with"), ((1, 2), "without"), ((1, 1), "without")])
def test_of_two_failed_attempts_that_one_is_told_which_came_further(holds, told):
    def attempt(stand_in):
        for _ in range(holds[not stand_in]):
            assert_close(1.0, 1.0)
        raise AssertionError("with" if stand_in else "without")

    evidence.begin()
    with pytest.raises(AssertionError, match=f"^{told}$"):
        assert_either(attempt)


def test_no_second_attempt_is_made_after_a_timeout():
    def attempt(stand_in):
        raise StudentError(Verdict.TIMEOUT, "first" if stand_in else "second")

    with pytest.raises(StudentError, match="first"):
        assert_either(attempt)


def test_what_gives_no_answer_is_left_to_other_checks_and_what_gives_a_wrong_one_is_not():
    def attempt(error):
        raise error

    student = SimpleNamespace(ended=False)
    for verdict in (Verdict.CRASH, Verdict.TIMEOUT, Verdict.MEMORY):
        assert_if_it_runs(student, lambda verdict=verdict: attempt(StudentError(verdict, "no answer")))
    with pytest.raises(AssertionError, match="wrong"):
        assert_if_it_runs(student, lambda: attempt(AssertionError("wrong")))
    with pytest.raises(KeyError):
        assert_if_it_runs(student, lambda: attempt(KeyError("ours")))


def test_what_has_ended_or_blocked_python_before_is_not_asked_again():
    tried = []
    assert_if_it_runs(SimpleNamespace(ended=True), lambda: tried.append(1))
    assert tried == []
